"""A lab takes the ports it had before; two projects take different ones."""

import socket

from runbook_engine.lab.files import StateFolder
from runbook_engine.lab.ports import choose_ports, remember_ports

NAMES = ("aws", "dns", "smtp")


def test_the_same_folder_gets_the_same_ports_and_another_folder_others(tmp_path):
    first, other = StateFolder(tmp_path / "a"), StateFolder(tmp_path / "b")
    assert choose_ports(first, NAMES) == choose_ports(first, NAMES)
    assert not set(choose_ports(first, NAMES).values()) & set(choose_ports(other, NAMES).values())


def test_a_taken_port_moves_all_of_them(tmp_path):
    folder = StateFolder(tmp_path)
    before = choose_ports(folder, NAMES)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", before["dns"]))
            assert not set(choose_ports(folder, NAMES).values()) & set(before.values())
    assert choose_ports(folder, NAMES) == before


def test_remembered_ports_come_first_unless_they_make_no_sense(tmp_path):
    folder = StateFolder(tmp_path)
    own = choose_ports(folder, NAMES)
    others = {name: port + 5 for name, port in own.items()}
    remember_ports(folder, others)
    assert choose_ports(folder, NAMES) == others
    for nonsense in ('{"aws": 1}', "[", "[1]", '{"aws": "x", "dns": 2, "smtp": 3}'):
        folder.ports.write_text(nonsense)
        assert choose_ports(folder, NAMES) == own
