"""nornir with its thread runner; its connection is paramiko's, kept open over the tasks as nornir keeps them."""

import json
import sys
from pathlib import Path

import paramiko
from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import ConnectionOptions, Defaults, Groups, Host, Hosts, Inventory
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.plugins.runners import ThreadedRunner


class Connection:
    def open(self, hostname, username, password, port, platform, extras=None, configuration=None):
        del password, platform, configuration
        self.connection = paramiko.SSHClient()
        self.connection.load_host_keys(extras["known_hosts"])
        self.connection.connect(
            hostname, port, username, key_filename=extras["key"], look_for_keys=False, allow_agent=False, timeout=30
        )

    def close(self):
        self.connection.close()


def command(task, text):
    _, stdout, _ = task.host.get_connection("paramiko", task.nornir.config).exec_command(text)
    stdout.read()
    if stdout.channel.recv_exit_status():
        raise RuntimeError("the command failed")


def main():
    facts = json.loads(Path(sys.argv[1]).read_text())
    ConnectionPluginRegister.register("paramiko", Connection)
    extras = {"known_hosts": facts["known_hosts"], "key": facts["key"]}
    options = {"paramiko": ConnectionOptions(extras=extras)}
    hosts = Hosts(
        {
            address: Host(
                address,
                hostname=address,
                port=facts["port"],
                username=facts["user"],
                connection_options=options,
            )
            for address in facts["addresses"]
        }
    )
    nornir = Nornir(Inventory(hosts, Groups(), Defaults()), runner=ThreadedRunner(facts["forks"]), config=Config())
    with nornir:
        for _ in range(facts["commands"]):
            nornir.run(command, text=facts["tick"]).raise_on_error()


main()
