"""What hosts answer, and what the operator's files say of them, as targets of `targets.py` are."""

from contextlib import suppress

from fuzz.parts import parts
from runbook_engine.connections.detached_answer import heard_words, read_answer
from runbook_engine.connections.detached_result import is_over, result_of
from runbook_engine.connections.ssh_hostkeys import check_host_key, known_keys
from runbook_engine.connections.ssh_settings import SshSettings, route
from runbook_engine.connections.ssm_settings import ssm_route
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.findings import Findings
from runbook_engine.loading.inventory.ini import read_ini
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import Target


def answer(_folder):
    """What a host says of a command that was left to it; `@` stands for the word that marks our own lines."""

    def check(data):
        content = data.replace(b"@", b"nonce")
        heard_words(content)
        with suppress(RunbookError):
            read = read_answer(content, "nonce")
            if read is not None and is_over(read.state):
                given = result_of("h", "t", read, reattached=False)
                assert len(given.stdout) <= given.stdout_bytes

    return check


def ssh(folder):
    """The configuration of SSH, known hosts, and the variables of a host as an INI inventory writes them."""
    config, known = folder / "config", folder / "known_hosts"
    settings_of = {"home": folder, "config": (config,), "known_hosts": (known,), "agent": False}

    def check(data):
        first, second, variables = parts(data, 3)
        config.write_bytes(first)
        known.write_bytes(second)
        draft = Draft(Findings(), most_hosts=9)
        read_ini("web1 " + variables.decode("utf-8", "replace").replace("\n", " "), "hosts", draft)
        for host in draft.hosts:
            target = Target(name=host, variables=draft.hosts[host].variables)
            with suppress(RunbookError):
                ssm_route(target)
            with suppress(RunbookError):
                for hop in route(target, SshSettings(**settings_of)):
                    found = known_keys(hop.host, hop.port, hop.known_hosts)
                    check_host_key(hop.host, hop.port, "ssh-ed25519", b"k", found, hop.known_hosts)

    return check


HOSTS = {each.__name__: each for each in (answer, ssh)}
