"""Every built-in action holds to the contract that plugins are held to."""

import hashlib
import importlib
import pkgutil
from datetime import UTC, datetime

import botocore.session
import pytest
from support import aws_compute_worlds, aws_control_worlds, aws_data_worlds

import runbook_engine.actions
from runbook_engine.actions.ansible_module import SCRIPT as MODULE_SCRIPT
from runbook_engine.actions.ansible_playbook import SCRIPT as PLAY_SCRIPT
from runbook_engine.actions.archive import SCRIPT
from runbook_engine.actions.postgres_promote import PROMOTE
from runbook_engine.actions.postgres_restore import SCRIPT as DUMP_SCRIPT
from runbook_engine.discovery.catalog import ENGINE, build_catalog
from runbook_engine.sdk import Action, CommandResult, Gate
from runbook_engine.testing import (
    ContractCase,
    FakeAws,
    FakeConnection,
    FakeHttp,
    FakeSql,
    aws_error,
    check_action_contract,
    http_answer,
    make_context,
)

SHOW = ("systemctl", "show", "--property=LoadState,ActiveState,SubState,UnitFileState", "--", "nginx")
NOW = datetime(2026, 11, 23, 8, 55, tzinfo=UTC)


def find_actions():
    found = {}
    for info in pkgutil.walk_packages(runbook_engine.actions.__path__, "runbook_engine.actions."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Action) and value.__module__ == module.__name__:
                found[value.name] = value()
    return found


ACTIONS = find_actions()


def test_every_built_in_action_has_an_entry_point_of_its_name():
    catalog, findings = build_catalog(())
    assert findings == []
    own = [name for name in catalog.names() if catalog.entry(name).origin == ENGINE]
    assert {name: type(catalog.get(name)) for name in own} == {name: type(action) for name, action in ACTIONS.items()}


HOOK = "https://chat.example/hook"


def posting(url, status=202, body=""):
    return lambda: make_context(http=FakeHttp({f"POST {url}": http_answer(status, body)}))


def archive_host():
    def unpack(command, host):
        host.make_directory("/opt/app")
        host.write("/opt/app/.runbook-archive", command.argv[5].encode())
        return CommandResult(0)

    digest = hashlib.sha256(b"tar").hexdigest()
    beside = (f"/opt/app.part-{digest[:12]}", "/opt/app.before-0123456789ab")
    argv = ("/bin/sh", "-c", SCRIPT, "archive.restore", "/srv/a.tar", digest, "/opt/app", *beside, "0", "0")
    return make_context(connection=FakeConnection({"/srv/a.tar": "tar"}, {argv: unpack}, folders=["/opt"]))


def ansible_host():
    def play(*_):
        return CommandResult(0, b"\nPLAY RECAP ****\nweb1 : ok=2 changed=1 unreachable=0 failed=0 skipped=0\n")

    argv = ("/bin/sh", "-c", PLAY_SCRIPT, "ansible.playbook", "ansible-playbook", "site.yml")
    module = ("/bin/sh", "-c", MODULE_SCRIPT, "ansible.module", "ansible-playbook")
    return make_context(connection=FakeConnection({}, {argv: play, module: play}))


def postgres_host():
    state = {"comment": b""}
    action, digest = ACTIONS["postgres.restore"], hashlib.sha256(b"dump").hexdigest()
    params = action.Params(**RESTORED)
    (question,) = action.probe_commands(params)
    beside = (f"reviews_part_{digest[:12]}", "reviews_before_0123456789ab")
    note = "restored by runbook-engine from the dump with SHA-256 "
    words = (
        "/srv/a.dump",
        digest,
        "reviews",
        *beside,
        note,
        "0",
        "0",
        "1",
        "postgres",
        "--no-owner",
        "--no-privileges",
    )

    def restore(*_):
        state["comment"] = f"note {note}{digest}\n".encode()
        return CommandResult(0)

    answers = {
        question: lambda *_: CommandResult(0, state["comment"]),
        ("/bin/sh", "-c", DUMP_SCRIPT, "postgres.restore", *words): restore,
    }
    return make_context(connection=FakeConnection({"/srv/a.dump": "dump"}, answers))


def standby():
    state = {"standby": True, "replayed_at": "2026-11-23T08:00:00+00:00", "age": 1.5, "caught_up": True, "lsn": "0/1"}

    class Server(FakeSql):
        def read_only(self):
            return self

        def query(self, statement, parameters=None):
            if statement == PROMOTE:
                state["standby"] = False
                return []
            return [dict(state)]

    return make_context(databases={"sqlite://": Server()})


def deploy_host():
    def deploy(_, host):
        host.files["/opt/done"] = host.files["/tmp/seed"]
        return CommandResult(0, b"ok\n")

    script = "/tmp/.runbook-script-0123456789abcdef01234567-28d3b9e880a7"
    answers = {("/opt/deploy",): deploy, ("/bin/sh", script): deploy}
    return make_context(
        connection=FakeConnection({"/tmp/seed": ""}, answers, folders=["/opt"]), project={"x.sh": b"exit 0\n"}
    )


def systemd_host():
    state = {"ActiveState": "inactive", "UnitFileState": "disabled"}
    verbs = {
        "start": ("ActiveState", "active"),
        "stop": ("ActiveState", "inactive"),
        "enable": ("UnitFileState", "enabled"),
        "disable": ("UnitFileState", "disabled"),
    }

    def show(*_):
        text = "".join(f"{key}={value}\n" for key, value in {"LoadState": "loaded", **state}.items())
        return CommandResult(0, text.encode())

    def change(verb):
        def run(*_):
            key, value = verbs[verb]
            state[key] = value
            return CommandResult(0)

        return run

    commands = {("systemctl", "--no-ask-password", verb, "--", "nginx"): change(verb) for verb in verbs}
    return make_context(connection=FakeConnection({}, {SHOW: show, **commands}))


def rds():
    instances = {}
    snapshot = {
        "DBSnapshotIdentifier": "s1",
        "DBInstanceIdentifier": "reviews",
        "Status": "available",
        "SnapshotCreateTime": NOW,
    }

    def describe(**asked):
        name = asked["DBInstanceIdentifier"]
        if name not in instances:
            raise aws_error("DBInstanceNotFound")
        return {"DBInstances": [instances[name]]}

    def restore(**asked):
        name = asked["DBInstanceIdentifier"]
        if name in instances:
            raise aws_error("DBInstanceAlreadyExists")
        instances[name] = {
            "DBInstanceIdentifier": name,
            "DBInstanceStatus": "available",
            "TagList": asked["Tags"],
            "Endpoint": {"Address": "db", "Port": 5432},
        }
        return {}

    def delete(**asked):
        del instances[asked["DBInstanceIdentifier"]]
        return {}

    return make_context(
        cloud=FakeAws(
            {
                "rds:describe_db_instances": describe,
                "rds:describe_db_snapshots": {"DBSnapshots": [snapshot]},
                "rds:restore_db_instance_from_db_snapshot": restore,
                "rds:delete_db_instance": delete,
            }
        )
    )


def route53():
    zone = {}

    def change(**asked):
        for item in asked["ChangeBatch"]["Changes"]:
            record = item["ResourceRecordSet"]
            if item["Action"] == "DELETE":
                assert zone.pop(record["Name"]) == record
            else:
                zone[record["Name"]] = record
        return {"ChangeInfo": {"Id": "/change/C1", "Status": "INSYNC"}}

    return make_context(
        cloud=FakeAws(
            {
                "route53:get_hosted_zone": {"HostedZone": {"Name": "example.com."}},
                "route53:list_resource_record_sets": lambda **_: {"ResourceRecordSets": list(zone.values())},
                "route53:change_resource_record_sets": change,
            }
        )
    )


def s3():
    one = [{"Key": "a", "Size": 1, "ETag": '"aa"', "LastModified": NOW}]
    two = []

    def copy(**_):
        two[:] = one
        return {}

    return make_context(
        cloud=FakeAws(
            {
                "s3:list_objects_v2": lambda **asked: {"Contents": list(one if asked["Bucket"] == "one" else two)},
                "s3:copy_object": copy,
            }
        )
    )


def looks(*answers):
    return lambda: make_context(http=FakeHttp({"GET http://a/": [http_answer(status) for status in answers]}))


RESTORE = {"snapshot": "latest", "source_instance": "reviews", "instance": "reviews-dr", "region": "eu-west-1"}
MAIL = {"smtp": {"host": "smtp"}, "sender": "s@example.com", "to": ["a@example.com"], "subject": "x", "body": "y"}
FEED = {"GET https://health.aws.amazon.com/public/currentevents": http_answer(200, b"[]")}
IDENTITY = {"sts:get_caller_identity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/dr"}}
WHERE = {"zone": "Z1", "records": [{"name": "a.example.com", "values": ["192.0.2.1"]}]}
RESTORED = {"dump": "/srv/a.dump", "sha256": hashlib.sha256(b"dump").hexdigest(), "database": "reviews"}
COUNT = {"SELECT count(*) AS number_of_rows FROM t": [{"n": 2}]}
CASES = {
    "ansible.module": ({"module": "apt", "args": {"name": "x"}, "hosts": "web"}, ansible_host),
    "ansible.playbook": ({"playbook": "site.yml"}, ansible_host),
    "archive.restore": (
        {"archive": "/srv/a.tar", "sha256": hashlib.sha256(b"tar").hexdigest(), "dest": "/opt/app"},
        archive_host,
    ),
    "backup.verify": (
        {"folder": "/srv/b", "max_age": "25h"},
        lambda: make_context(
            connection=FakeConnection(
                {
                    "/srv/b/manifest.json": '{"format": "runbook-backup/1", "made_by": "m",'
                    ' "recovery_point": "2026-11-23T08:00:00Z"}'
                }
            )
        ),
    ),
    "command.run": ({"argv": ["/opt/deploy"], "creates": "/opt/done"}, deploy_host),
    "script.run": ({"script": "x.sh", "creates": "/opt/done"}, deploy_host),
    "fence.check": (
        {"http": {"url": "http://old/probe"}},
        lambda: make_context(http=FakeHttp({"POST http://old/probe": http_answer(503)})),
    ),
    "file.copy": ({"content": "x", "dest": "/new/file", "mode": "0600", "parents": True}, make_context),
    "file.line": (
        {"path": "/a", "line": "role=standby", "match": "^role="},
        lambda: make_context(connection=FakeConnection({"/a": "role=primary\n"})),
    ),
    "file.template": ({"src": "t", "dest": "/file"}, lambda: make_context(project={"t": b"x"})),
    "service.state": ({"name": "nginx", "state": "started", "enabled": True}, systemd_host),
    "http.check": ({"url": "http://a/"}, looks(200)),
    "dns.check": ({"name": "a.example", "values": ["192.0.2.1"], "servers": ["127.0.0.1:1"]}, make_context),
    "tcp.check": ({"host": "127.0.0.1", "port": 1, "state": "closed"}, make_context),
    "assert.that": ({"that": [True]}, make_context),
    "wait.for": ({"duration": "5s"}, make_context),
    "wait.until": ({"http": {"url": "http://a/"}}, looks(503, 503, 503, 200)),
    "status_page.check": ({"provider": "aws"}, lambda: make_context(http=FakeHttp(FEED))),
    "aws.identity": (
        {"account": "123456789012", "region": "eu-west-1"},
        lambda: make_context(cloud=FakeAws(IDENTITY)),
    ),
    "aws.rds_restore_snapshot": (RESTORE, rds),
    "aws.route53_records": (WHERE, route53),
    "aws.s3_sync": ({"source_bucket": "one", "dest_bucket": "two", "region": "eu-west-1"}, s3),
    "postgres.promote": ({"url": "sqlite://"}, standby),
    "postgres.restore": (RESTORED, postgres_host),
    "sql.query": (
        {"url": "sqlite://", "query": "UPDATE t SET a = 1", "changes": True},
        lambda: make_context(databases={"sqlite://": FakeSql({"UPDATE t SET a = 1": []})}),
    ),
    "sql.verify": (
        {"url": "sqlite://", "tables": {"t": {"rows": {"min": 1}}}},
        lambda: make_context(databases={"sqlite://": FakeSql(COUNT)}),
    ),
    "notify.email": (MAIL, make_context),
    "notify.slack": ({"url": HOOK, "text": "x"}, posting(HOOK, 200, "ok")),
    "notify.teams": ({"url": HOOK, "text": "x"}, posting(HOOK)),
    "notify.webhook": ({"url": HOOK, "text": "x"}, posting(HOOK)),
    "notify.pagerduty": ({"routing_key": "k", "summary": "x"}, posting("https://events.pagerduty.com/v2/enqueue")),
    "gate.approval": ({"roles": ["director"]}, make_context),
    "gate.window": ({"between": "22:00-06:00"}, make_context),
    "manual.task": ({"roles": ["director"], "instructions": "call"}, make_context),
}

CASES |= aws_data_worlds.CASES | aws_compute_worlds.CASES | aws_control_worlds.CASES


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_holds_to_the_contract(name):
    params, world = CASES[name]
    check_action_contract(ACTIONS[name], [ContractCase("it", params, world)])


def test_every_action_with_writes_to_aws_can_tell_what_it_needs():
    for action in ACTIONS.values():
        if action.name.startswith("aws."):
            assert action.aws_reads, action.name
            assert bool(action.aws_writes) == hasattr(action, "apply"), action.name
            assert action.duration, action.name
            assert action.tested, action.name
            assert set(action.tested) <= {"moto", "ministack", "moto, amended", "model"}, action.name


def test_every_operation_and_permission_of_aws_is_one():
    """A typing error would make a policy that lacks a permission."""
    session = botocore.session.get_session()
    for action in ACTIONS.values():
        for name in (*action.aws_reads, *action.aws_writes):
            service, operation = name.split(":")
            assert operation in session.get_service_model(service).operation_names, (action.name, name)


def test_only_gates_wait_for_people():
    gates = {name for name, action in ACTIONS.items() if isinstance(action, Gate)}
    assert gates == {"gate.approval", "gate.window", "manual.task"}
