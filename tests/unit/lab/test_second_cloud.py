"""Services that the first AWS emulator lacks are served by a second one, at the same address and with the same troubles."""

import json
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from runbook_engine.lab import client
from runbook_engine.lab.breaks import Broken
from runbook_engine.lab.parent import is_gone

SECONDS = 90


def second_of(lab):
    """The process of the second emulator; None while there is none."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "runbook_engine.lab.second_cloud" in line and f"--parent-pid\0{lab.pid}\0" in line:
                return int(entry.name)
    return None


def test_it_is_started_when_first_asked_and_ends_with_the_lab(tmp_path, running_lab, wait_until):
    with running_lab(tmp_path) as (lab, process):
        assert second_of(lab) is None, "what nobody asked for costs nothing"
        aws = connect(lab)
        key = aws("kms", "us-east-1").create_key(MultiRegion=True)["KeyMetadata"]
        assert f":{lab.aws_account}:" in key["Arn"]
        sealed = aws("kms", "us-east-1").encrypt(KeyId=key["KeyId"], Plaintext=b"\0secret\xff")["CiphertextBlob"]
        aws("kms", "us-east-1").replicate_key(KeyId=key["KeyId"], ReplicaRegion="eu-west-1")
        client.set_broken(lab, Broken("region", "us-east-1"), broken=True)
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            aws("kms", "us-east-1").list_keys()
        assert (
            aws("kms", "eu-west-1").decrypt(KeyId=key["KeyId"], CiphertextBlob=sealed)["Plaintext"] == b"\0secret\xff"
        )
        calls = [json.loads(line) for line in lab.request_log.read_text().splitlines()]
        assert ("kms", "ReplicateKey", True) in {(call["service"], call["operation"], call["write"]) for call in calls}
        pid = second_of(lab)
        assert pid is not None
        process.kill()
        process.wait(15)
        wait_until(lambda: is_gone(pid))


def connect(lab):
    session = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
    config = Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=SECONDS)
    return lambda service, region: session.client(service, region, endpoint_url=lab.aws_endpoint, config=config)
