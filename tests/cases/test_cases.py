"""Runs the cases in the folders beside this file: state seen, then calls expected and outcome.

A folder is named as the action; each YAML file in it is a list of cases:

    - name: what it shows
      params: as in a runbook
      seen: {files: {path: text}, folders: [path], commands: [{argv, exit_status, stdout, stderr, writes: {path: text}}],
             http: {"GET url": {status, body, json, headers} or {unreachable: words}}, project: {path: text},
             aws: {"service:operation": answer, or a list of answers; {error: code, message: words} for an error,
                   {unreachable: words} for no answer},
             sql: {url: {statement: rows}}, refuse: {address: words}, audiences: {name: [address]}, sandbox: [address],
             mode: live, target: {ansible_host: address}, timeout: seconds}
      check: satisfied | unsatisfied | unknown | fails    what the check says
      says: text that its summary (or the error) holds
      changes: [what of each change]                      optional
      apply: done | fails | absent                        optional; then apply is called
      apply_says: text that its summary (or the error) holds
      calls: [each call in order, as the fakes write them]
      after: satisfied | unsatisfied | unknown            what the check says then
      outputs: {name: value}                              those that must be among the step's outputs
      revert: satisfied | unsatisfied                     what the check says after a revert
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from runbook_engine.sdk import CommandResult, Mode, RunbookError, ServiceUnreachableError, Target
from runbook_engine.testing import (
    FakeAws,
    FakeConnection,
    FakeHttp,
    FakeSql,
    MemoryMailer,
    aws_error,
    http_answer,
    make_context,
)
from runbook_engine.testing.context import RUN

FOLDER = Path(__file__).parent
KEYS = {
    "name", "params", "seen", "check", "says", "changes", "apply", "apply_says", "calls", "after", "outputs", "revert",
}  # fmt: skip


def load_cases():
    for file in sorted(FOLDER.glob("*/*.yml")):
        for case in yaml.safe_load(file.read_text()):
            unknown = case.keys() - KEYS
            assert not unknown, f"{file}: {case.get('name')}: no such key {unknown}"
            yield pytest.param(file.parent.name, case, id=f"{file.parent.name}: {case['name']}")


@pytest.mark.parametrize(("action_name", "case"), list(load_cases()))
def test_case(action_name, case, built_in_actions):
    action = built_in_actions[action_name]
    params = action.Params.model_validate(case["params"])
    context = world(case.get("seen") or {})
    outputs = {}

    status, finding, words = check(action, params, context)
    assert status == case["check"], words
    assert case.get("says", "") in words
    if "changes" in case:
        assert [change.what for change in finding.changes] == case["changes"]
    if finding is not None:
        outputs = dict(finding.outputs)

    forget_calls(context)
    if "apply" in case:
        applied, words = apply(action, params, context)
        assert (case["apply"] == "done") == (applied is not None), words
        assert case.get("apply_says", "") in words
        outputs |= dict(applied.outputs) if applied is not None else {}
    if "calls" in case:
        assert calls(context) == case["calls"]
    if "after" in case:
        status, finding, words = check(action, params, context)
        assert status == case["after"], words
        outputs |= dict(finding.outputs)
    if "outputs" in case:
        assert {key: outputs.get(key) for key in case["outputs"]} == case["outputs"]
    if "revert" in case:
        action.revert(params, context.with_recorded(outputs))
        status, _, words = check(action, params, context)
        assert status == case["revert"], words


def check(action, params, context):
    try:
        finding = action.check(params, context.reading(action, params))
    except RunbookError as error:
        return "fails", None, error.message
    return finding.status.value, finding, finding.summary


def apply(action, params, context):
    if not hasattr(action, "apply"):
        return None, "absent"
    try:
        applied = action.apply(params, context)
    except RunbookError as error:
        return None, error.message
    return applied, applied.summary


def calls(context):
    return [
        *context.connection.calls,
        *(f"aws {name}" for name, _ in context.cloud.calls),
        *(f"mail {recipient}" for recipient, _ in context.mail.sent),
        *(f"http {call}" for call in context.http.calls),
    ]


def forget_calls(context):
    context.connection.calls.clear()
    context.cloud.calls.clear()
    context.http.calls.clear()


def world(seen):
    mode = Mode(seen.get("mode", "live"))
    return make_context(
        connection=FakeConnection(
            seen.get("files"),
            {tuple(command["argv"]): command_answer(command) for command in seen.get("commands", [])},
            folders=seen.get("folders", ()),
        ),
        cloud=FakeAws({key: aws_answer(value) for key, value in seen.get("aws", {}).items()}),
        http=FakeHttp({key: web_answer(key, value) for key, value in seen.get("http", {}).items()}),
        mail=MemoryMailer(refuse=seen.get("refuse", {})),
        databases={url: FakeSql(script) for url, script in seen.get("sql", {}).items()},
        project={path: text.encode() for path, text in seen.get("project", {}).items()},
        audiences=seen.get("audiences", {}),
        sandbox=seen.get("sandbox", ()),
        renderer=lambda text: text.replace("{{ role }}", "standby"),
        run=RUN.model_copy(update={"mode": mode}),
        target=Target(name="web1", variables=seen.get("target", {})),
        timeout=seen.get("timeout", 1800.0),
    )


def command_answer(command):
    result = CommandResult(
        command.get("exit_status", 0), command.get("stdout", "").encode(), command.get("stderr", "").encode()
    )

    def run(_, host):
        for path, text in command.get("writes", {}).items():
            host.write(path, text.encode())
        return result

    return run if "writes" in command else result


def aws_answer(value):
    if isinstance(value, list):
        return [aws_answer(item) for item in value]
    if "unreachable" in value:
        return ServiceUnreachableError(value["unreachable"])
    if "error" in value:
        return aws_error(value["error"], value.get("message", ""))
    return with_times(value)


def with_times(value):
    """AWS gives times, YAML gives them without a zone."""
    if isinstance(value, dict):
        return {key: with_times(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_times(item) for item in value]
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return value


def web_answer(key, value):
    if isinstance(value, list):
        return [web_answer(key, item) for item in value]
    if "unreachable" in value:
        return ServiceUnreachableError(value["unreachable"])
    body = json.dumps(value["json"]) if "json" in value else value.get("body", "")
    body = body.encode(value.get("encoding", "utf-8"))
    return http_answer(value.get("status", 200), body, url=key.split(" ", 1)[1], headers=value.get("headers"))
