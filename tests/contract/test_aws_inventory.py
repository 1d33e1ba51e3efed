"""Inventories with an aws_ec2 source, against a moto server."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from moto.server import ThreadedMotoServer

from runbook_engine.app.ec2 import ec2_reader
from runbook_engine.connections.aws import AwsSession
from runbook_engine.loading.inventory.instances import ForbiddenRegionError
from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.model.config import Limits

REGIONS = ("eu-west-1", "us-east-1")


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def environment(moto, monkeypatch, tmp_path):
    set_environment(moto, monkeypatch, tmp_path)


def set_environment(moto, monkeypatch, folder):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))


@pytest.fixture(scope="module")
def fleet(moto, tmp_path_factory):
    """Two web servers and a database in each of three regions; gives their ids by name, and who made them."""
    with pytest.MonkeyPatch.context() as patch:
        set_environment(moto, patch, tmp_path_factory.mktemp("aws"))
        session, made = AwsSession(), {}
        image = session.client("ec2", region="eu-west-1", read_only=True).call("describe_images")["Images"][0]
        for region in (*REGIONS, "ap-south-1"):
            ec2 = session.client("ec2", region=region, read_only=False)
            for short, role in (("web1", "web"), ("web2", "web"), ("db", "database")):
                name = f"{region[:2]}-{short}"
                tags = [{"Key": "Name", "Value": name}, {"Key": "role", "Value": role}]
                answer = ec2.call(
                    "run_instances", ImageId=image["ImageId"], MinCount=1, MaxCount=1, InstanceType="t3.micro",
                    TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
                )  # fmt: skip
                made[name] = answer["Instances"][0]["InstanceId"]
        yield made


@pytest.fixture
def load(tmp_path):
    def loaded(**settings):
        source = {"plugin": "amazon.aws.aws_ec2", "regions": list(REGIONS), **settings}
        (tmp_path / "aws_ec2.yml").write_text(json.dumps(source))
        return load_inventory(
            [tmp_path / "aws_ec2.yml"], name="aws", project=tmp_path, limits=Limits(), describe=ec2_reader()
        )

    return loaded


def test_instances_become_hosts_with_ansibles_variables(fleet, load):
    inventory = load(hostnames=["tag:Name"], regions=["eu-west-1"]).inventory
    assert sorted(inventory.targets) == ["eu-db", "eu-web1", "eu-web2"]
    web = inventory.targets["eu-web1"]
    assert web.groups == ("aws_ec2",)
    assert web.variables["instance_id"] == fleet["eu-web1"]
    assert web.variables["instance_type"] == "t3.micro"
    assert web.variables["tags"] == {"Name": "eu-web1", "role": "web"}
    assert web.variables["placement"]["region"] == "eu-west-1"
    assert web.variables["state"]["name"] == "running"


def test_filters_include_and_exclude(fleet, load):
    names = ["tag:Name"]
    webs = load(hostnames=names, filters={"tag:role": "web"}).inventory
    assert sorted(webs.targets) == ["eu-web1", "eu-web2", "us-web1", "us-web2"]
    more = load(hostnames=names, filters={"tag:Name": ["eu-web1"]}, include_filters=[{"tag:Name": "us-db"}]).inventory
    assert sorted(more.targets) == ["eu-web1", "us-db"]
    fewer = load(hostnames=names, exclude_filters=[{"tag:role": ["database"]}, {"tag:Name": "us-web*"}]).inventory
    assert sorted(fewer.targets) == ["eu-web1", "eu-web2"]


def test_stopped_instances_are_hosts_and_terminated_ones_are_not(fleet, load):
    ec2 = AwsSession().client("ec2", region="ap-south-1", read_only=False)
    ec2.call("stop_instances", InstanceIds=[fleet["ap-web1"]])
    ec2.call("terminate_instances", InstanceIds=[fleet["ap-web2"]])
    south = {"hostnames": ["tag:Name"], "regions": ["ap-south-1"]}
    assert sorted(load(**south).inventory.targets) == ["ap-db", "ap-web1"]
    running = load(**south, filters={"instance-state-name": "running"}).inventory
    assert sorted(running.targets) == ["ap-db"]


def test_names_are_taken_by_preference(fleet, load):
    eu = {"regions": ["eu-west-1"], "filters": {"tag:Name": "eu-web1"}}
    (name,) = load(**eu, hostnames=["tag:missing", "tag:role=web", "instance-id"]).inventory.targets
    assert name == "role_web"
    (name,) = load(**eu, hostnames=["tag:missing", "instance-id"]).inventory.targets
    assert name == fleet["eu-web1"]
    (name,) = load(**eu, hostnames=["private-ip-address"]).inventory.targets
    assert name.startswith("10.")
    assert "." in next(iter(load(**eu).inventory.targets))


def test_groups_are_constructed(fleet, load):
    inventory = load(
        hostnames=["tag:Name"],
        keyed_groups=[{"key": "tags.role", "prefix": "role"}, {"key": "placement.region", "separator": ""}],
        groups={"eu": "placement.region is match('eu-')"},
        compose={"ansible_host": "private_ip_address"},
    ).inventory
    assert inventory.targets["us-db"].groups == ("aws_ec2", "role_database", "us_east_1")
    assert inventory.targets["eu-web1"].groups == ("aws_ec2", "eu", "eu_west_1", "role_web")
    assert str(inventory.targets["us-db"].variables["ansible_host"]).startswith("10.")


def test_variables_may_have_a_prefix(fleet, load):
    inventory = load(
        hostnames=["tag:Name"], hostvars_prefix="aws_", keyed_groups=[{"key": "aws_tags.role", "prefix": "is"}]
    ).inventory
    variables = inventory.targets["eu-db"].variables
    assert all(name.startswith("aws_") for name in variables)
    assert "is_database" in inventory.groups


def test_two_instances_of_one_name_are_an_error(fleet, load):
    loaded = load(hostnames=["tag:role"])
    assert loaded.inventory is None
    assert {one.rule for one in loaded.diagnostics} == {"RB327"}


def test_every_name_may_be_a_host(fleet, load):
    one = {"regions": ["eu-west-1"], "filters": {"tag:Name": "eu-web1"}}
    inventory = load(**one, hostnames=["tag:Name,role", "instance-id"], allow_duplicated_hosts="yes").inventory
    assert list(inventory.targets) == ["eu-web1", "web", fleet["eu-web1"]]
    assert inventory.targets["web"].variables == inventory.targets["eu-web1"].variables


@pytest.mark.parametrize(
    ("hostnames", "name"),
    [
        ([{"name": "tag:Name", "prefix": "tag:role", "separator": "-"}], "web-eu-web1"),
        ([{"name": "tag:Name", "prefix": "aws"}], "aws_eu-web1"),
        ([{"name": "tag:Name", "prefix": "tag:missing"}], "eu-web1"),
        ([{"name": "tag:missing", "prefix": "aws"}, "tag:role"], "web"),
        (["tag:missing,role"], "web"),
        (["tag:role=db,role=web"], "role_web"),
        (["tag:Name | upper"], "EU-WEB1"),
        (["tag:missing | upper", "tag:missing | default('none', true)"], "none"),
        ([{"name": "tag:Name", "prefix": "x", "separator": ":"}], "x_eu_web1"),
        (["placement-group-name", "network-interface.ipv6-addresses.ipv6-address", "instance-state-name"], "running"),
    ],
)
def test_names_are_put_together(fleet, load, hostnames, name):
    loaded = load(regions=["eu-west-1"], filters={"tag:Name": "eu-web1"}, hostnames=hostnames)
    assert list(loaded.inventory.targets) == [name]


def test_names_of_lists_are_their_only_item(fleet, load):
    eu = {"regions": ["eu-west-1"], "filters": {"tag:Name": "eu-web1"}}
    (name,) = load(**eu, hostnames=["network-interface.network-interface-id"]).inventory.targets
    assert name.startswith("eni-")
    (name,) = load(**eu, hostnames=["network-interface.network-interface-id | upper"]).inventory.targets
    assert name.startswith("ENI-")


def test_a_filter_that_can_not_be_used_is_told(fleet, load):
    loaded = load(regions=["eu-west-1"], hostnames=["tag:Name | from_json"])
    assert {one.rule for one in loaded.diagnostics} == {"RB326"}
    assert "filter can't be used" in loaded.diagnostics[0].message


def test_variables_of_the_reservation_and_of_old_scripts(fleet, load):
    variables = (
        load(regions=["eu-west-1"], hostnames=["tag:Name"], use_contrib_script_compatible_ec2_tag_keys=True)
        .inventory.targets["eu-db"]
        .variables
    )
    assert variables["ec2_tag_role"] == "database"
    assert (variables["owner_id"], variables["requester_id"]) == ("123456789012", "")
    assert variables["reservation_id"].startswith("r-")


def test_dashes_of_groups_may_be_kept(fleet, load):
    settings = {
        "hostnames": ["tag:Name"],
        "keyed_groups": [{"key": "placement.region", "prefix": "in", "separator": "-"}],
    }
    assert "in_eu_west_1" in load(**settings).inventory.groups
    assert "in-eu-west-1" in load(**settings, use_contrib_script_compatible_sanitization=True).inventory.groups


def test_times_are_written_as_ansible_writes_them(fleet, load):
    variables = load(regions=["eu-west-1"], hostnames=["tag:Name"]).inventory.targets["eu-db"].variables
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", variables["launch_time"])


def test_what_a_filter_asks_for_is_sent_as_ec2_writes_it(tmp_path):
    asked = []

    def describe(region, filters):
        asked.append(filters)
        return ()

    source = {"plugin": "aws_ec2", "regions": ["eu-west-1"], "filters": {"ebs-optimized": True, "tag:sla": [99, "x"]}}
    (tmp_path / "aws_ec2.yml").write_text(json.dumps(source))
    load_inventory([tmp_path / "aws_ec2.yml"], name="x", project=tmp_path, limits=Limits(), describe=describe)
    states = ("running", "pending", "stopping", "stopped")
    assert asked == [{"ebs-optimized": ["true"], "tag:sla": ["99", "x"], "instance-state-name": states}]


def test_hosts_come_by_instance_id_whatever_the_region(fleet, load):
    loaded = load(hostnames=["instance-id"], regions=["us-east-1", "eu-west-1"])
    assert list(loaded.inventory.targets) == sorted(loaded.inventory.targets)


def test_a_forbidden_region_is_an_error_unless_it_is_allowed(tmp_path):
    def describe(region, filters):
        if region == "us-east-1":
            raise ForbiddenRegionError("not allowed to look at us-east-1")
        yield {"InstanceId": "i-1", "Placement": {"AvailabilityZone": "eu-west-1a"}}

    def loaded(**settings):
        source = {"plugin": "aws_ec2", "regions": list(REGIONS), "hostnames": ["instance-id"], **settings}
        (tmp_path / "aws_ec2.yml").write_text(json.dumps(source))
        return load_inventory(
            [tmp_path / "aws_ec2.yml"], name="x", project=tmp_path, limits=Limits(), describe=describe
        )

    assert [one.rule for one in loaded().diagnostics] == ["RB327"]
    assert list(loaded(strict_permissions=False).inventory.targets) == ["i-1"]


def test_ec2_says_that_a_region_is_forbidden(monkeypatch):
    class Forbidden(BaseHTTPRequestHandler):
        def do_POST(self):
            body = b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Forbidden) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(ForbiddenRegionError):
            list(ec2_reader()("eu-west-1", {}))
        server.shutdown()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"regions": []}, "regions is missing"),
        ({"regions": "eu-west-1"}, "regions is not a list"),
        ({"hostnames": ["dns_name"]}, "can't be taken from"),
        ({"hostnames": [5]}, "neither text nor a mapping"),
        ({"hostnames": [{"prefix": "tag:Name"}]}, "neither text nor a mapping"),
        ({"hostnames": [{"name": "tag:Name", "separator": 5}]}, "separator is"),
        ({"hostnames": [{"name": "tag:Name", "seperator": "-"}]}, "means nothing here"),
        ({"hostnames": ["tag:Name | nofilter"]}, "can't be evaluated"),
        ({"allow_duplicated_hosts": "maybe"}, "must be true or false"),
        ({"filters": ["x"]}, "filters is not a mapping"),
        ({"include_filters": ["x"]}, "needs mappings"),
        ({"hostvars_prefix": 5}, "is no text"),
        ({"iam_role_arn": "arn:aws:iam::1:role/x"}, "is not supported"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_anything_is_asked(load, settings, words):
    loaded = load(**settings)
    assert loaded.inventory is None
    assert {one.rule for one in loaded.diagnostics} == {"RB326"}
    assert words in loaded.diagnostics[0].message


def test_a_service_that_does_not_answer_is_told(load, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    loaded = load(regions=["eu-west-1"])
    assert loaded.inventory is None
    assert [one.rule for one in loaded.diagnostics] == ["RB327"]
    assert "no answer" in loaded.diagnostics[0].message


def test_missing_credentials_are_told(load, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    loaded = load(regions=["eu-west-1"])
    assert [one.rule for one in loaded.diagnostics] == ["RB327"]
    assert "credentials" in loaded.diagnostics[0].message
