"""What a runbook still needs of the region that it escapes, told before the day."""

import pytest
from support.files import CATALOG, inventory, load

from runbook_engine.model.diagnostic import Location
from runbook_engine.planning.lint_survival import escaped_regions, lint_journal, lint_survival
from runbook_engine.planning.region_names import regions_of

GATE = "  - {id: declare, gate.approval: {roles: [director], message: go}}\n"
REGIONS = "[all:vars]\nprimary_region=us-east-1\nstandby_region=eu-west-1\n"
COPY = "aws.rds_copy_snapshot: {source_instance: db, source_region: SOURCE, region: REGION}"


def findings(tmp_path, steps, *, head="", hosts=REGIONS, gate=GATE):
    loaded = load(tmp_path, f"{head}steps:\n{gate}{steps}")
    return list(lint_survival(loaded.for_lint(), CATALOG, [inventory(tmp_path, hosts)]))


def told(tmp_path, steps, **more):
    return [(found.rule, found.location.line) for found in findings(tmp_path, steps, **more)]


def copy(source, region, more=""):
    call = COPY.replace("SOURCE", f'"{{{{ {source} }}}}"').replace("REGION", f'"{{{{ {region} }}}}"')
    return f"  - {{id: copy, {more}{call}}}\n"


def routing(*regions):
    """A step that turns traffic by a cluster's endpoints in these regions."""
    endpoints = ", ".join(f"{region}: 'https://a.{region}.amazonaws.com/v1'" for region in regions)
    control = "arn:aws:route53-recovery-control::123456789012:controlpanel/0a/routingcontrol/a"
    params = f"{{endpoints: {{{endpoints}}}, controls: {{'{control}': 'On'}}, region: eu-west-1}}"
    return f"  - {{id: s, aws.arc_routing_control: {params}}}\n"


def test_a_copy_out_of_the_escaped_region_is_told_where_it_stands(tmp_path):
    [found] = findings(tmp_path, copy("primary_region", "standby_region"))
    assert (found.rule, found.location.line) == ("RB230", 4)
    assert found.message.startswith("copy copies from us-east-1, the region that is escaped")
    assert "beforehand" in found.hint


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (copy("standby_region", "standby_region"), []),
        (copy("primary_region", "standby_region", "on_failure: continue, "), []),
        (copy("standby_region", "primary_region"), ["RB230"]),
        ("  - {id: s, aws.identity: {account: '123456789012', region: us-east-1}}\n", ["RB230"]),
        ("  - {id: s, aws.s3_sync: {source_bucket: a, dest_bucket: b, region: eu-west-1}}\n", []),
        ("  - {id: s, aws.route53_records: {zone: z.example, records: []}}\n", ["RB231"]),
        (routing("us-east-1", "us-west-2"), []),
        (routing("us-east-1"), ["RB230"]),
        ("  - {id: s, http.check: {url: 'https://x.us-east-1.elb.amazonaws.com/health'}}\n", ["RB230"]),
        ("  - {id: s, http.check: {url: 'https://example.com/us-east-1.html'}}\n", []),
        ("  - {id: s, tcp.check: {host: db.us-east-1.example.com, port: 1}}\n", ["RB230"]),
        ("  - {id: s, status_page.check: {provider: aws, url: 'https://h.example', region: us-east-1}}\n", []),
        (
            "  - {id: s, sql.verify: {url: 'postgresql://x@d.us-east-1.rds.amazonaws.com/d', checks: []}}\n",
            ["RB230"],
        ),
        ("  - {id: s, http.check: {url: \"{{ steps['copy'].x }}.us-east-1.amazonaws.com\"}}\n", []),
        ("  - {id: s, http.check: {url: 'https://x', json: {t: 'in db.us-east-1.amazonaws.com today'}}}\n", []),
        (
            (
                "  - id: s\n    notify.email:\n      smtp: {host: email-smtp.us-east-1.amazonaws.com}\n"
                "      sender: a@b.c\n      to: [d@e.f]\n      subject: us-east-1\n      body: x\n"
            ),
            ["RB233"],
        ),
        (
            (
                "  - {id: s, file.copy: {dest: /x, content: "
                "\"{{ secret('aws-sm:arn:aws:secretsmanager:us-east-1:123456789012:secret:x') }}\"}}\n"
            ),
            ["RB232"],
        ),
        (
            (
                "  - {id: s, loop: [1, 2], vars: {r: '{{ primary_region }}'}, "
                "aws.identity: {account: '123456789012', region: '{{ r }}'}}\n"
            ),
            ["RB230"],
        ),
    ],
)
def test_what_leads_to_the_region(tmp_path, steps, expected):
    assert [rule for rule, _ in told(tmp_path, steps)] == expected


def test_an_address_is_told_without_its_password(tmp_path):
    url = "postgresql://dr:hunter2@d.us-east-1.rds.amazonaws.com/d"
    [found] = findings(tmp_path, f"  - {{id: s, sql.verify: {{url: '{url}', checks: []}}}}\n")
    assert "hunter2" not in found.message


STEP = copy("primary_region", "standby_region")


@pytest.mark.parametrize(
    ("head", "hosts", "gate", "count"),
    [
        ("", REGIONS, GATE, 1),
        ("", REGIONS, "", 0),  # nobody declares anything: no runbook for the loss of a region
        ("vars: {escaped_region: '{{ primary_region }}'}\n", REGIONS, "", 1),
        ("vars: {escaped_region: null}\n", REGIONS, GATE, 0),
        ("vars: {escaped_region: '{{ standby_region }}'}\n", REGIONS, GATE, 1),
        ("vars: {primary_region: eu-west-1}\n", REGIONS, GATE, 2),
        ("inputs: {primary_region: {required: true, choices: [us-east-1, us-west-2]}}\n", "", GATE, 1),
        ("inputs: {primary_region: {default: eu-west-1}}\n", REGIONS, GATE, 2),
        ("inputs: {primary_region: {required: true}}\n", "", GATE, 0),
        ("", "", GATE, 0),
    ],
)
def test_which_region_is_escaped(tmp_path, head, hosts, gate, count):
    assert len(told(tmp_path, STEP, head=head, hosts=hosts, gate=gate)) == count


def test_the_control_plane_matters_where_it_lives(tmp_path):
    steps = "  - {id: s, aws.route53_records: {zone: z.example, records: []}}\n"
    assert told(tmp_path, steps, hosts="[all:vars]\nprimary_region=eu-west-1\n") == []


@pytest.mark.parametrize(
    "variables", ["ansible_host=ec2-1-2-3-4.compute-1.amazonaws.com", "placement=\"{'region': 'us-east-1'}\""]
)
def test_a_host_in_the_region(tmp_path, variables):
    hosts = f"[web]\nw1 {variables}\nw2\n{REGIONS}"
    [found] = findings(tmp_path, "  - {id: s, targets: web, command.run: {argv: [x]}}\n", hosts=hosts)
    assert found.message == "s runs on w1, in us-east-1, the region that is escaped"
    assert findings(tmp_path, "  - {id: s, targets: w2, command.run: {argv: [x]}}\n", hosts=hosts) == []


def test_an_import_sees_what_it_is_given(tmp_path):
    child = (
        f"runbook: child\ninputs: {{from: {{required: true}}, to: {{required: true}}}}\nsteps:\n{copy('from', 'to')}"
    )
    (tmp_path / "child.yml").write_text(child)
    given = "inputs: {from: '{{ primary_region }}', to: '{{ standby_region }}'}"
    [found] = findings(tmp_path, f"  - {{id: i, import: child.yml, {given}}}\n")
    assert (found.location.file, found.location.line) == ("child.yml", 4)
    assert found.message.startswith("i/copy ")


@pytest.mark.parametrize(
    ("address", "count"),
    [
        ("postgresql://dr:s@j.abc.us-east-1.rds.amazonaws.com:5432/runbook", 1),
        ("postgresql://dr@/runbook?host=j.us-east-1.rds.amazonaws.com", 1),
        ("postgresql://dr@j.abc.eu-west-1.rds.amazonaws.com/runbook", 0),
        ("sqlite:///us-east-1/journal.db", 0),
    ],
)
def test_the_journal(tmp_path, address, count):
    regions = escaped_regions(load(tmp_path, f"steps:\n{GATE}"), [inventory(tmp_path, REGIONS)])
    found = list(lint_journal(address, regions, Location(file="runbook.toml", line=2, column=1)))
    assert [item.rule for item in found] == ["RB234"] * count


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("https://my.us-east-1.bucket.s3.eu-west-1.amazonaws.com/x", {"eu-west-1"}),
        ("s3-us-west-2.amazonaws.com", {"us-west-2"}),
        ("arn:aws-us-gov:rds:us-gov-west-1:1:db:x", {"us-gov-west-1"}),
        ("releases.us-east-1.tar", set()),
        ("/srv/us-east-1/x", set()),
        ("x.lambda-url.ap-southeast-2.on.aws", {"ap-southeast-2"}),
    ],
)
def test_the_region_of_a_name(text, regions):
    assert regions_of(text) == regions
