"""What can be wrong with a template, and the sign that its value is not known yet."""

from runbook_engine.model.errors import ExitCode, RunbookError

Position = tuple[int, int]


class TemplateError(RunbookError):
    """A template or an expression that can't be evaluated.

    Attributes:
        position: line and column (from 1) inside the template's text; column 0 when only the line is known, None when
            neither is.
        path: keys and indices that lead to the template inside the value that was rendered.
    """

    exit_code = ExitCode.INVALID

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        position: Position | None = None,
        path: tuple[str | int, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.position = position
        self.path = path


class KnownAfterApplyError(RunbookError):
    """A dry run needs a value that only a real run can give.

    Attributes:
        reference: what is not known, as a runbook writes it: `steps['restore-db'].endpoint`.
    """

    def __init__(self, reference: str) -> None:
        super().__init__(f"{reference} is known after apply")
        self.reference = reference
