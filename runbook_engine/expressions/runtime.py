"""What Jinja2 meets at run time: the context that looks names up, and the value of a name that is not there."""

from typing import Any, NoReturn

from jinja2 import StrictUndefined, Undefined
from jinja2.runtime import Context
from jinja2.utils import missing


class UndefinedValueError(Exception):
    """A name, key or output that is not there was used; made into a `TemplateError` where the scope is known."""

    def __init__(self, name: object, owner: object, hint: str) -> None:
        super().__init__(hint or f"{name!r} is not defined")
        self.name = name
        self.owner = None if owner is missing else owner
        self.hint = hint


class Absent(StrictUndefined):
    """What a name that is not there gives: an error as soon as it is used for anything but `default` and `defined`."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        raise UndefinedValueError(self._undefined_name, self._undefined_obj, self._undefined_hint or "")


def use_absent(value: Undefined) -> NoReturn:
    """Raise what using an undefined value raises."""
    value._fail_with_undefined_error()  # noqa: SLF001 - Jinja2 has no public name for it


class ScopeContext(Context):
    """A Jinja2 context over one rendering's session: names are looked up when they are used, and not copied."""

    session: Any  # an `evaluate.Session`, which is above this module

    def resolve_or_missing(self, key: str) -> Any:
        """Look a name up in the scope."""
        return self.session.look_up(key)
