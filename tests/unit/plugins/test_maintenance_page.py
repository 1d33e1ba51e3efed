"""How a plugin is tested: with the fakes of runbook_engine.testing, and nothing else."""

import importlib.util
from pathlib import Path

import pytest

from runbook_engine.sdk import ActionFailedError
from runbook_engine.testing import ContractCase, FakeConnection, check_action_contract, make_context

PLUGIN = Path(__file__).parents[3] / "plugins" / "maintenance_page.py"


@pytest.fixture
def action():
    spec = importlib.util.spec_from_file_location("maintenance_page", PLUGIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MaintenancePage()


def web_host(**files):
    return make_context(connection=FakeConnection(files, folders=["/var/www/app"]))


def test_holds_to_the_contract(action):
    up = {"document_root": "/var/www/app", "message": "Back soon."}
    check_action_contract(
        action,
        [
            ContractCase("no page", up, web_host),
            ContractCase("another page", up, lambda: web_host(**{"/var/www/app/maintenance.html": "old"})),
            ContractCase(
                "taken down", {**up, "state": "down"}, lambda: web_host(**{"/var/www/app/maintenance.html": "old"})
            ),
            ContractCase("nothing to take down", {**up, "state": "down"}, web_host),
        ],
    )


def test_message_cannot_bring_markup(action):
    params = action.Params(document_root="/var/www/app", message="<script>alert(1)</script>")
    context = web_host()
    action.apply(params, context)
    assert b"<script>" not in context.connection.files["/var/www/app/maintenance.html"].content


def test_revert_puts_back_the_page_that_was_there(action):
    params = action.Params(document_root="/var/www/app")
    context = web_host(**{"/var/www/app/maintenance.html": "the old page"})
    applied = action.apply(params, context)
    action.revert(params, context.with_recorded(applied.outputs))
    assert context.connection.files["/var/www/app/maintenance.html"].content == b"the old page"


def test_missing_document_root_is_told(action):
    params = action.Params(document_root="/srv/none")
    with pytest.raises(ActionFailedError, match=r"/srv/none is not there on localhost"):
        action.check(params, make_context())
