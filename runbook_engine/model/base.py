"""The base of all models: frozen, strict about unknown keys."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value that never changes after it was made; unknown keys are refused.

    A model's validator is built when it is first used: one command uses few of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="float", defer_build=True)
