"""OpenSSH's configuration and host keys, compared with OpenSSH itself where it can be asked."""

import base64
import hashlib
import hmac
import shutil
import subprocess

import pytest

from runbook_engine.connections.ssh_config import options_for
from runbook_engine.connections.ssh_hostkeys import HostKeyError, check_host_key, known_keys
from runbook_engine.connections.ssh_settings import SshSettings, route
from runbook_engine.sdk import RunbookError, Target

KEY, OTHER = b"key-one", b"key-two"


def b64(data):
    return base64.b64encode(data).decode()


def hashed(name):
    salt = b"0123456789abcdefghij"
    return f"|1|{b64(salt)}|{b64(hmac.new(salt, name.encode(), hashlib.sha1).digest())}"


def check(tmp_path, text, host="db.example.org", port=22, key=KEY):
    file = tmp_path / "known_hosts"
    file.write_text(text)
    check_host_key(host, port, "ssh-ed25519", key, known_keys(host, port, (file,)), (file,))


@pytest.mark.parametrize(
    ("names", "port"),
    [
        ("db.example.org", 22),
        ("DB.Example.org", 22),
        ("other,db.example.org", 22),
        ("*.example.org", 22),
        ("db?example.org", 22),
        ("*", 22),
        ("*", 2222),
        ("[db.example.org]:2222", 2222),
        ("[*.example.org]:2222", 2222),
        (hashed("db.example.org"), 22),
        (hashed("[db.example.org]:2222"), 2222),
    ],
)
def test_names_that_mean_the_host(tmp_path, names, port):
    unreadable = "db.example.org ssh-rsa clé\n"
    check(tmp_path, f"# comment\n\ngarbage\n{unreadable}{names} ssh-ed25519 {b64(KEY)} somebody\n", port=port)


@pytest.mark.parametrize(
    ("names", "port"),
    [
        ("example.org", 22),
        ("*.example.org,!db.example.org", 22),
        ("db.example.org", 2222),
        ("[db.example.org]:2223", 2222),
        (hashed("db.example.com"), 22),
        ("|1|broken|!!", 22),
        ("|1|brök|en", 22),
    ],
)
def test_names_that_do_not_mean_the_host(tmp_path, names, port):
    with pytest.raises(HostKeyError, match="unknown") as caught:
        check(tmp_path, f"{names} ssh-ed25519 {b64(KEY)}\n", port=port)
    assert "ssh-keyscan" in caught.value.hint


def test_another_key_is_a_changed_key(tmp_path):
    with pytest.raises(HostKeyError, match=r"CHANGED.*known_hosts:1") as caught:
        check(tmp_path, f"db.example.org ssh-ed25519 {b64(OTHER)}\n")
    assert "ssh-keygen -R" in caught.value.hint


def test_a_revoked_key_is_refused_even_when_known(tmp_path):
    with pytest.raises(HostKeyError, match="revoked"):
        check(tmp_path, f"db.example.org ssh-ed25519 {b64(KEY)}\n@revoked * ssh-ed25519 {b64(KEY)}\n")


def test_a_revoked_line_for_another_key_hurts_nobody(tmp_path):
    check(tmp_path, f"@revoked * ssh-ed25519 {b64(OTHER)}\ndb.example.org ssh-ed25519 {b64(KEY)}\n")


def test_an_authority_is_no_host_key(tmp_path):
    with pytest.raises(HostKeyError, match="host certificates are not supported"):
        check(tmp_path, f"@cert-authority *.example.org ssh-ed25519 {b64(KEY)}\n")


CONFIG = """
# everything that inventories of the world have
Include more/*.conf
Host db !db.bad
    HostName %h.example.org
    Port=2200
    User "deploy"
Host web* db*
    User nobody
    IdentityFile ~/.ssh/one
    IdentityFile ~/.ssh/two
Match host db.example.org
    ProxyJump jump
Match originalhost web1
    Port 77
Host *
    User last
    Port 99
"""


@pytest.mark.parametrize("host", ["db", "web1", "web2", "other", "included"])
def test_means_what_openssh_means(tmp_path, host):
    ssh = shutil.which("ssh")
    if ssh is None:
        pytest.skip("no ssh client to compare with")
    home = tmp_path
    folder = home / ".ssh"
    (folder / "more").mkdir(parents=True)
    (folder / "more" / "a.conf").write_text("Host included\n  Port 55\n  User inc\n")
    config = folder / "config"
    config.write_text(CONFIG.replace("Include more", f"Include {folder}/more").replace("%h.example", "%h.example"))
    shown = subprocess.run([ssh, "-G", "-F", config, host], capture_output=True, text=True, check=True).stdout
    theirs = {}
    for line in shown.splitlines():
        keyword, _, value = line.partition(" ")
        theirs.setdefault(keyword, value)
    hops = route(Target(name=host, variables={}), SshSettings(home=home, config=(config,), known_hosts=(), agent=False))
    last = hops[-1]
    assert (last.host, str(last.port), last.user) == (theirs["hostname"], theirs["port"], theirs["user"])
    assert (len(hops) > 1) == ("proxyjump" in theirs)


@pytest.mark.parametrize(
    "line", ["Match exec true", "Match tagged x", "Match localnetwork 10.0.0.0/8", "Match final", "???"]
)
def test_what_would_be_a_guess_is_refused_with_its_line(tmp_path, line):
    config = tmp_path / "config"
    config.write_text(f"Host a\n{line}\n")
    with pytest.raises(RunbookError, match="config:2"):
        options_for("b", (config,), tmp_path)


def test_an_include_of_itself_ends(tmp_path):
    config = tmp_path / "config"
    config.write_text(f"Include {config}\n")
    with pytest.raises(RunbookError, match="nested"):
        options_for("b", (config,), tmp_path)


def hops(variables, config="", tmp_path=None, name="box"):
    file = tmp_path / "config"
    file.write_text(config)
    settings = SshSettings(home=tmp_path, config=(file,), known_hosts=(), agent=False)
    return route(Target(name=name, variables=variables), settings)


def test_variables_win_over_the_configuration(tmp_path):
    (hop,) = hops(
        {"ansible_host": "10.0.0.1", "ansible_port": 2022, "ansible_user": "me", "ansible_password": "pw"},
        "Host *\n  Port 1\n  User you\n",
        tmp_path,
    )
    assert (hop.host, hop.port, hop.user, hop.password) == ("10.0.0.1", 2022, "me", "pw")
    assert "pw" not in repr(hop)


def test_jumps_form_a_chain(tmp_path):
    config = "Host a\n  HostName a.example\n  User ua\n  ProxyJump z\n"
    found = hops({"ansible_ssh_common_args": "-J a,ub@b:2222 -o StrictHostKeyChecking=no"}, config, tmp_path)
    assert [(hop.host, hop.port) for hop in found] == [("z", 22), ("a.example", 22), ("b", 2222), ("box", 22)]


def test_jumps_in_a_circle_are_refused(tmp_path):
    with pytest.raises(RunbookError, match="jumps"):
        hops({}, "Host box\n  ProxyJump a\nHost a\n  ProxyJump b\nHost b\n  ProxyJump a\n", tmp_path)


@pytest.mark.parametrize(
    ("variables", "config", "times"),
    [
        ({}, "", (10.0, 3.0, 3)),
        ({}, "Host *\n  ConnectTimeout 4\n  ServerAliveInterval 1m30S\n  ServerAliveCountMax 2\n", (4.0, 90.0, 2)),
        ({}, "Host *\n  ConnectTimeout none\n  ServerAliveInterval 0\n  ServerAliveCountMax 0\n", (10.0, 3.0, 3)),
        ({}, f"Host *\n  ConnectTimeout {'9' * 400}\n", (86400.0, 3.0, 3)),
        ({}, f"Host *\n  ServerAliveCountMax {'9' * 400}\n", (10.0, 3.0, 86400)),
        ({}, "Host other\n  ConnectTimeout 4\n", (10.0, 3.0, 3)),
        ({}, f"Host a b{' ' * 300_000}c\n  ConnectTimeout 4\n", (10.0, 3.0, 3)),
        (
            {"ansible_ssh_common_args": "-o ConnectTimeout=5 -oServerAliveInterval=7"},
            "Host *\n  ConnectTimeout 4\n  ServerAliveCountMax 2\n",
            (5.0, 7.0, 2),
        ),
    ],
)
def test_times_are_those_of_openssh_where_it_has_any(tmp_path, variables, config, times):
    (hop,) = hops(variables, config, tmp_path)
    assert (hop.connect_seconds, hop.alive_seconds, hop.alive_count) == times


def test_a_file_is_read_once_for_all_hosts(tmp_path):
    config = tmp_path / "config"
    config.write_text("Host a\n  User ua\nHost b\n  User ub\n")
    read = {}
    assert options_for("a", (config,), tmp_path, read).get("user") == "ua"
    config.unlink()
    config.write_text("Host b\n  User another\n")
    assert options_for("b", (config,), tmp_path, read).get("user") == "ub"
    assert options_for("b", (config,), tmp_path).get("user") == "another"


@pytest.mark.parametrize(
    ("variables", "config", "words"),
    [
        ({}, "Host *\n  ConnectTimeout soon\n", "ConnectTimeout 'soon' is not a time"),
        ({}, f"Host *\n  ConnectTimeout {'9' * 900}x\n", "ConnectTimeout '999.* is not a time"),
        ({}, f"Host *\n  ConnectTimeout {'9' * 9000}\n", "ConnectTimeout '999.* is not a time"),
        ({}, "Host *\n  ServerAliveInterval -1\n", "ServerAliveInterval '-1' is not a time"),
        ({}, f"Host *\n  ServerAliveCountMax {'9' * 9000}\n", "ServerAliveCountMax '999.* is not a number"),
        ({}, "Host *\n  ServerAliveCountMax 2s\n", "ServerAliveCountMax '2s' is not a number"),
        ({"ansible_host": "-oProxyCommand=id"}, "", "host's name"),
        ({"ansible_user": "-x"}, "", "user's name"),
        ({"ansible_port": 0}, "", "port"),
        ({"ansible_port": "ssh"}, "", "port"),
        ({"ansible_ssh_common_args": "-o ProxyCommand='nc x'"}, "", "ProxyCommand"),
        ({"ansible_ssh_common_args": "-o 'x"}, "", "ansible_ssh_common_args"),
        ({}, "Host *\n  ProxyCommand nc %h %p\n", "ProxyCommand"),
        ({"ansible_user": ["a"]}, "", "must be text"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, variables, config, words):
    with pytest.raises(RunbookError, match=words):
        hops(variables, config, tmp_path)
