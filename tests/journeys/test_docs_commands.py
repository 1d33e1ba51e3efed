"""The commands of the how-to pages run: every line of a block in `sh`, in a project with runbooks of those names.

A line ends with 0 unless its rehearsal says otherwise. What has to be so before it is in `before`. Lines that are not
run, and why, stand in `support/docs_blocks.py`.
"""

import re
import shutil
from importlib.util import module_from_spec, spec_from_file_location

import boto3
import pytest
from moto.server import ThreadedMotoServer
from support.docs_blocks import not_run
from support.otlp import Collector
from support.page_rehearsals import REHEARSALS, lines_of, of_line
from support.page_stage import PRELUDE, hanging_up, make_stage
from support.pages import ROOT, blocks, shell_in
from support.smtp import MailHouse, MailRoom

spec = spec_from_file_location("journals_conftest", ROOT / "tests/contract/journals/conftest.py")
servers = module_from_spec(spec)
spec.loader.exec_module(servers)


@pytest.fixture(scope="module")
def postgres():
    """Where a server is that an administrator has prepared as the page on PostgreSQL says."""
    server = servers.start_postgres()
    (statements,) = [block.text for block in blocks(ROOT / "docs/how-to/postgresql.md") if block.info == ("sql",)]
    for statement in ("CREATE ROLE worker LOGIN", *re.sub("--.*", "", statements).split(";")):
        if statement.strip():
            server.sql("runbook" if "SCHEMA" in statement else "postgres", statement)
    yield server.folder
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture(scope="module")
def s3():
    """Where a cloud is that has the bucket of the pages, with Object Lock."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client("s3", "eu-west-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b")
    where = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket="evidence-locked", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    yield url
    server.stop()


@pytest.fixture(scope="module")
def mail():
    house = MailHouse(MailRoom(), tls="none", auth=False)
    yield house.port
    house.close()


@pytest.fixture
def otlp():
    collector = Collector()
    yield collector.url
    assert collector.spans
    collector.close()


def command_of(line, here):
    """The line as it is run: a live run asks on a terminal, and `--yes` stands for the answer."""
    for there, ours in here.items():
        line = re.sub(there, ours, line)
    if re.search(r"^runbook (run|resume|revert|runs prune)\b", line) and not re.search("--(yes|dry-run)", line):
        line = re.sub(r"(\s+#.*)?$", r" --yes\1", line, count=1)
    return line


@pytest.mark.slow
@pytest.mark.parametrize("page", REHEARSALS)
def test_the_commands_of_a_page_run(page, tmp_path, mail, request):
    rehearsal = REHEARSALS[page]
    project = make_stage(tmp_path / "project", mail_port=mail)
    lines = [line for line in lines_of(ROOT / page) if not line.startswith(not_run(page))]
    script = [PRELUDE]
    for line in lines:
        script.append(of_line(rehearsal.before, line, ""))
        script.append(f"{command_of(line, rehearsal.here)} </dev/null 2>&1\nprintf '\\003%s\\n' $?")
    text, more = "\n".join(script), {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name in ("postgres", "otlp"):
        if f"@{name.upper()}@" in text:
            text = text.replace(f"@{name.upper()}@", request.getfixturevalue(name))
    if "s3://" in text:
        more["AWS_ENDPOINT_URL"] = request.getfixturevalue("s3")
    with hanging_up() as url, shell_in(tmp_path) as shell:
        said = shell(text, project, HOOK_URL=url, **more).stdout
    ended = re.findall(r"(.*?)\N{END OF TEXT}(\d+)\n", said, flags=re.DOTALL)
    assert len(ended) == len(lines), said
    before = (project / "before.log").read_text() if (project / "before.log").exists() else ""
    for line, (output, status) in zip(lines, ended, strict=True):
        assert int(status) == of_line(rehearsal.ends, line, 0), f"$ {line}\n{output}\nbefore it:\n{before}"
    for key in (*rehearsal.before, *rehearsal.ends):
        assert any(line.startswith(key) for line in lines), f"no line of the page begins so: {key}"
