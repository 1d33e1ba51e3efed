"""assert.that: facts known to the run are as they must be."""

from typing import ClassVar

from pydantic import Field, StrictBool

from runbook_engine.sdk import Action, ActionContext, Finding, Params, satisfied, unsatisfied


class AssertParams(Params):
    """The expressions, and what to say when one is false."""

    that: list[StrictBool] = Field(
        min_length=1,
        description="expressions without braces; each must be true",
        examples=[["standby_region != primary_region", "steps['verify'].rows > 100"]],
    )
    msg: str = Field("", description="what to tell when one of them is false", examples=["the regions must differ"])


class AssertThat(Action[AssertParams]):
    """Verify facts that the run knows: inputs, variables, outputs of earlier steps.

    check: satisfied when every expression is true; otherwise it says which ones are not, counted from 1.
    """

    name = "assert.that"
    Params = AssertParams
    expressions = ("that",)
    example: ClassVar[str] = """\
assert.that:
  that:
    - standby_region != primary_region
  msg: the standby region must differ from the primary one
"""

    def check(self, params: AssertParams, context: ActionContext) -> Finding:
        """Look at the booleans that the expressions gave."""
        del context
        false = [str(number) for number, value in enumerate(params.that, 1) if not value]
        if not false:
            count = len(params.that)
            return satisfied("the expression is true" if count == 1 else f"all {count} expressions are true")
        which = f"expression {', '.join(false)} of {len(params.that)} is false"
        return unsatisfied(f"{params.msg} ({which})" if params.msg else which)
