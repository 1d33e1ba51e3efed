"""A real sshd on a free port of the loopback, and connections to it and to this machine."""

import pytest
from support.sshd import SSHD, start_sshd

from runbook_engine.connections.local import LocalConnection


def connect(sshd, base, **settings):
    """Give a connection with a pool of its own, which `close_all` closes."""
    from runbook_engine.connections.ssh import SshConnection
    from runbook_engine.connections.ssh_pool import SshPool

    pool = SshPool(sshd.settings(**settings))
    connection = SshConnection(sshd.target(), pool, base=str(base))
    connection.pool = pool
    return connection


@pytest.fixture(scope="session")
def sshd(tmp_path_factory):
    if SSHD is None:
        pytest.skip("no sshd: install openssh-server")
    server = start_sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.sshd)])
def connection(request, tmp_path):
    base = tmp_path / "home" / ".runbook" / "attempts"
    if request.param == "local":
        made = LocalConnection(tmp_path / "home")
        made.base = base
        yield made
        made.close()
        return
    made = connect(request.getfixturevalue("sshd"), base)
    made.base = base
    yield made
    made.flush_forgotten()
    made.close()
    made.pool.close()
