"""A backup on the target whose SHA-256 is known: whether it is the one, and what its restoring said."""

from runbook_engine.sdk import ActionContext, ActionFailedError, CommandResult

_WORDS = 600


def expect_copy(context: ActionContext, path: str, sha256: str, *, kind: str) -> None:
    """Make sure that the file is there, and is the one.

    Args:
        kind: what it is, such as `archive`.

    Raises:
        ActionFailedError: it is not there, or another.
    """
    found = context.connection.sha256(path)
    if found is None:
        raise ActionFailedError(f"{path} is not there on {context.target.name}", hint=f"copy the {kind} there first")
    if found != sha256:
        raise other_copy(context, path, kind=kind)


def other_copy(context: ActionContext, path: str, *, kind: str) -> ActionFailedError:
    """Give the error of a file that is not the one."""
    return ActionFailedError(
        f"{path} on {context.target.name} is damaged or another {kind}: its SHA-256 differs",
        hint="take another copy of the backup",
    )


def last_words(result: CommandResult) -> str:
    """Give the end of what a command said of its failure; empty when it said nothing."""
    return result.stderr.decode("utf-8", "replace").strip()[-_WORDS:]
