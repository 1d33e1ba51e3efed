"""A runbook with what is given to it, as a target of `targets.py` is: whatever `validate` accepts can be planned."""

from contextlib import suppress

from fuzz.parts import Project, parts
from runbook_engine.app.graph import load_graph
from runbook_engine.app.guide import make_guide
from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import InvalidFilesError, open_project
from runbook_engine.app.show_plan import show_plan
from runbook_engine.app.survivability import survivability
from runbook_engine.app.validate import validate
from runbook_engine.cli.plan_view import plan_text
from runbook_engine.model.diagnostic import Severity
from runbook_engine.model.errors import RunbookError

_INVENTORY = "inventories/local/hosts.yml"
_OF_INPUTS = "RB405"


def plan(folder):
    """A runbook, the lines of `-e`, a limit, and an inventory; `validate` and `plan` have one opinion of the files."""
    project = Project(folder)
    usual = (project.root / _INVENTORY).read_bytes()

    def check(data):
        runbook, given, limit, inventory = parts(data, 4)
        project.write("runbooks/x.yml", runbook)
        project.write(_INVENTORY, inventory or usual)
        extra = tuple(given.decode("utf-8", "replace").split("\n")) if given else ()
        opened = open_project(project.root)
        request = PlanRequest("x", (), extra, limit.decode("utf-8", "replace") or None)
        try:
            refused = _errors(validate(opened, ("runbooks/x.yml", "inventories/local")).diagnostics)
        except RunbookError:
            refused = None
        with suppress(RunbookError):
            load_graph(opened, "x")
        with suppress(RunbookError):
            make_guide(opened, "x")
        _hold_against(opened, request, refused)

    return check


def _hold_against(opened, request, refused):
    try:
        prepared = prepare_plan(opened, request)
    except InvalidFilesError as error:
        told = [one for one in error.diagnostics if one.severity is Severity.ERROR]
        assert refused or refused is None or request.extra_vars or _depends_on_inputs(told), told
        return
    except RunbookError:
        return
    assert not refused, refused
    again = prepare_plan(open_project(opened.root), request)
    assert prepared.plan.fingerprint == again.plan.fingerprint
    survivability(opened, prepared)
    plan_text(show_plan(prepared.plan, opened.catalog))


def _errors(found):
    return [one for one in found if one.severity is Severity.ERROR]


def _depends_on_inputs(told):
    return all(one.rule.startswith(_OF_INPUTS) for one in told)


PLANS = {"plan": plan}
