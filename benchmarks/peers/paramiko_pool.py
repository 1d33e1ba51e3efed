"""A bare pool of threads over paramiko: each takes a host, connects once, and runs the commands one after another."""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko


def main():
    facts = json.loads(Path(sys.argv[1]).read_text())
    lines = dict(line.split(" ", 1) for line in Path(facts["known_hosts"]).read_text().splitlines())
    key = paramiko.Ed25519Key.from_private_key_file(facts["key"])
    with ThreadPoolExecutor(facts["forks"]) as pool:
        for statuses in pool.map(lambda address: work(facts, lines, key, address), facts["addresses"]):
            if any(statuses):
                raise SystemExit(f"exit statuses {statuses}")


def work(facts, lines, key, address):
    name = f"[{address}]:{facts['port']}"
    client = paramiko.SSHClient()
    kind, data = lines[name].split()
    client.get_host_keys().add(name, kind, paramiko.PKey.from_type_string(kind, base64.b64decode(data)))
    client.connect(address, facts["port"], facts["user"], pkey=key, look_for_keys=False, allow_agent=False, timeout=30)
    statuses = []
    for _ in range(facts["commands"]):
        channel = client.get_transport().open_session()
        channel.exec_command(facts["tick"])
        while channel.recv(65536):
            pass
        statuses.append(channel.recv_exit_status())
        channel.close()
    client.close()
    return statuses


main()
