"""Emulated AWS for the actions, each emulator with `Faults` before it; and ways to put a step through its paces."""

import boto3
import pytest
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from support.aws_faults import Faults, forward
from support.aws_model import ModelAws
from support.aws_wire import WireServer
from support.ministack import Ministack

from runbook_engine.connections.aws import AwsSession
from runbook_engine.sdk import ServiceUnreachableError

HOME, STANDBY, ACCOUNT = "us-east-1", "eu-west-1", DEFAULT_ACCOUNT_ID


@pytest.fixture
def cloud(monkeypatch, real):
    """Give a context that talks to an endpoint; of some services to another: `cloud(moto, backup=model)`."""

    def make(endpoint=None, **by_service):
        environment = {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_ENDPOINT_URL": endpoint or "http://127.0.0.1:9",
        }
        environment |= {f"AWS_ENDPOINT_URL_{name.upper()}": url for name, url in by_service.items()}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        return real(session=AwsSession())

    return make


@pytest.fixture(scope="session")
def moto_server():
    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = WireServer(faults)
    faults.endpoint = server.endpoint
    yield faults
    server.close()


@pytest.fixture
def moto(moto_server):
    """An empty moto, as its `Faults`; `moto.endpoint` is where it listens."""
    BackendDict.reset()
    reset_model_data()
    moto_server.forget()
    return moto_server


@pytest.fixture(scope="session")
def ministack_server(tmp_path_factory):
    process = Ministack(tmp_path_factory.mktemp("ministack"))
    faults = Faults(forward(process.endpoint))
    server = WireServer(faults)
    faults.endpoint, faults.reset = server.endpoint, process.reset
    yield faults
    server.close()
    process.close()


@pytest.fixture
def ministack(ministack_server):
    """An empty ministack, as its `Faults`."""
    ministack_server.reset()
    ministack_server.forget()
    return ministack_server


@pytest.fixture
def modelled():
    """Serve stateful fakes that are held to botocore's model; what does not fit fails the test."""
    served = []

    def serve(*services):
        model = ModelAws(*services)
        faults = Faults(model)
        server = WireServer(faults)
        faults.endpoint, faults.model = server.endpoint, model
        served.append((server, model))
        return faults

    yield serve
    for server, model in served:
        server.close()
        assert not model.problems


@pytest.fixture
def boto():
    """Give a client of boto3 itself, to prepare the scene with.

    Its session is its own: boto3's default one keeps the credentials of the first test that used it.
    """
    session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test")
    return lambda service, region=STANDBY: session.client(service, region_name=region)


@pytest.fixture
def look():
    """Check once, with a check's hands."""

    def check(action, params, context):
        params = action.Params.model_validate(params)
        return action.check(params, context.reading(action, params))

    return check


@pytest.fixture
def looks_without_writing(look):
    """Check, and see that nothing but reads arrived, all of them declared."""

    def check(faults, action, params, context):
        before = len(faults.calls)
        finding = look(action, params, context)
        new = set(faults.calls[before:])
        assert new <= {*action.aws_reads, "sts:GetCallerIdentity"}, new
        return finding

    return check


@pytest.fixture
def survives_a_lost_reply(step):
    """AWS does it, the reply is lost; the attempt that follows sees it and does not do it again."""

    def run(faults, operation, action, params, context):
        faults.lose_reply(operation)
        with pytest.raises(ServiceUnreachableError):
            action.apply(action.Params.model_validate(params), context)
        before = faults.count(operation)
        result = step(action, params, context)
        assert faults.count(operation) == before
        return result

    return run
