"""A real sshd on a free port of the loopback, an SSM test peer, and connections to them and to this machine."""

import pytest
from support.sshd import SSHD, start_sshd
from support.ssm import INSTANCE, SsmPeer

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


@pytest.fixture(scope="session")
def ssm_peer(tmp_path_factory):
    peer = SsmPeer(tmp_path_factory.mktemp("ssm"))
    yield peer
    peer.close()


@pytest.fixture
def by_ssm(ssm_peer, monkeypatch):
    """Give a connection to the peer's instance, with a session of its own."""
    from runbook_engine.connections.ssm import SsmConnection
    from runbook_engine.connections.ssm_pool import SsmPool
    from runbook_engine.sdk import Target

    for name, value in ssm_peer.environment().items():
        monkeypatch.setenv(name, value)
    target = Target(
        name="box", variables={"ansible_connection": "aws_ssm", "ansible_aws_ssm_region": "eu-central-1",
                               "instance_id": INSTANCE},
    )  # fmt: skip

    def make(**more):
        return SsmConnection(SsmPool().session(target), **more)

    return make


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.sshd), "ssm"])
def connection(request, tmp_path):
    base = tmp_path / "home" / ".runbook" / "attempts"
    if request.param == "ssm":
        made = request.getfixturevalue("by_ssm")(base=str(base))
        made.base = base
        yield made
        made.flush_forgotten()
        return
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
