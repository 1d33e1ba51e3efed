"""Starts real labs for the tests, and clients for them."""

import contextlib
import subprocess
import sys
import time

import boto3
import httpx
import pytest
from botocore.config import Config

from runbook_engine.lab.addresses import read_lab

READY_SECONDS = 60.0
END_SECONDS = 15.0
WAIT_SECONDS = 60.0


@contextlib.contextmanager
def _running_lab(state, *arguments):
    command = [sys.executable, "-m", "runbook_engine.lab", "--state", str(state), "--ttl", "300", *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("lab ready: "), f"the lab did not start: {process.poll()}"
            yield read_lab(state), process
        finally:
            process.terminate()
            process.wait(END_SECONDS)


@pytest.fixture(scope="session")
def running_lab():
    """Start a lab in a folder: `with running_lab(folder, "--break", region) as (addresses, process)`."""
    return _running_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab for one test module."""
    with _running_lab(tmp_path_factory.mktemp("lab"), "--restore-polls", "2") as (addresses, _):
        yield addresses


@pytest.fixture
def aws(lab):
    """`aws("rds", "eu-west-1")`: a client for the lab's cloud."""

    def client(service, region):
        session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=lab.aws_endpoint, config=config)

    return client


@pytest.fixture(scope="session")
def http():
    """An HTTP client that no proxy of the environment can lead astray."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def wait_until():
    """Wait until a condition holds; fail when it does not within a minute."""

    def wait(condition):
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "the condition never held"
            time.sleep(0.02)

    return wait
