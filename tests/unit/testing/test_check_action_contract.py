"""check_action_contract finds each way to break the contract, and says what to do."""

from typing import ClassVar

import pytest
from pydantic import Field

from runbook_engine.sdk import Action, Applied, Outputs, Params, satisfied, unsatisfied
from runbook_engine.testing import (
    ContractCase,
    ContractError,
    FakeAws,
    FakeConnection,
    check_action_contract,
    make_context,
)


class GoodParams(Params):
    """Where."""

    path: str = Field(description="path of the flag on the target")


class GoodOutputs(Outputs):
    """What."""

    path: str = Field("", description="path of the flag")


class Good(Action[GoodParams]):
    """Put a flag."""

    name = "flag.up"
    Params = GoodParams
    Outputs = GoodOutputs
    example: ClassVar[str] = "flag.up: {path: /flag}"

    def check(self, params, context):
        if context.connection.stat(params.path):
            return satisfied(outputs={"path": params.path})
        return unsatisfied("no flag")

    def apply(self, params, context):
        context.connection.write(params.path, b"up")
        return Applied()

    def revert(self, params, context):
        context.connection.remove(params.path)
        return Applied()


def breaches(action, **hands):
    cases = [ContractCase("it", {"path": "/flag"}, lambda: make_context(**hands))]
    try:
        check_action_contract(action, cases)
    except ContractError as error:
        return str(error)
    return ""


def test_good_action_passes():
    assert breaches(Good()) == ""


class NoFieldDescription(Good):
    """Undescribed."""

    class Params(Params):
        path: str


class WrongExample(Good):
    """The example is of another action."""

    example = "flag.down: {}"


class ExampleThatDoesNotFit(Good):
    """The example lacks the path."""

    example = "flag.up: {}"


class WritesInCheck(Good):
    """A check that changes something."""

    def check(self, params, context):
        context.connection.write(params.path, b"")
        return satisfied()


class RunsInCheck(Good):
    """A check that runs what it did not declare."""

    def check(self, params, context):
        from runbook_engine.sdk import Command

        context.connection.run(Command(("ls",)), timeout=1)
        return satisfied()


class Fickle(Good):
    """A check that says something else each time."""

    seen = 0

    def check(self, params, context):
        self.seen += 1
        return unsatisfied(changes=[{"what": str(self.seen)}])


class DoesNothing(Good):
    """An apply that does nothing."""

    def apply(self, params, context):
        return Applied()


class UndeclaredOutput(Good):
    """An output that nobody declared."""

    def apply(self, params, context):
        super().apply(params, context)
        return Applied(outputs={"colour": "red"})


class Appends(Good):
    """A second apply changes again."""

    def apply(self, params, context):
        file = context.connection.files.get(params.path)
        context.connection.write(params.path, (file.content if file else b"") + b"x")
        return Applied()


class Undoes(Good):
    """A second apply takes the flag down."""

    def apply(self, params, context):
        if context.connection.stat(params.path):
            context.connection.remove(params.path)
        else:
            context.connection.write(params.path, b"up")
        return Applied()


class RevertsNothing(Good):
    """A revert that does nothing."""

    def revert(self, params, context):
        return Applied()


class UndeclaredCall(Good):
    """A check that calls AWS without saying so."""

    def check(self, params, context):
        context.aws("sts", region="eu-west-1").call("get_caller_identity")
        return satisfied()


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (NoFieldDescription, "Params.path has no description"),
        (WrongExample, "its example is not YAML that begins with `flag.up:`"),
        (ExampleThatDoesNotFit, "its example does not fit its Params"),
        (WritesInCheck, "check tried to change something"),
        (RunsInCheck, "check tried to change something (check may not run ls)"),
        (Fickle, "check said two things of one state"),
        (DoesNothing, "after apply its check says unsatisfied (no flag)"),
        (UndeclaredOutput, "output 'colour' is not declared"),
        (Appends, "a second apply changed files again"),
        (Undoes, "a second apply undid"),
        (RevertsNothing, "after revert its check is still satisfied"),
        (UndeclaredCall, "check calls sts:get_caller_identity, which aws_reads does not declare"),
    ],
)
def test_breach_is_found(action, words):
    assert words in breaches(action(), cloud=FakeAws({"sts:get_caller_identity": {}}), connection=FakeConnection())


def test_action_without_a_case_is_not_called_good():
    with pytest.raises(ContractError, match="no case to try it in"):
        check_action_contract(Good(), [])


def test_params_of_a_case_must_be_valid():
    with pytest.raises(ContractError, match="case 'it': its params are not valid"):
        check_action_contract(Good(), [ContractCase("it", {}, make_context)])
