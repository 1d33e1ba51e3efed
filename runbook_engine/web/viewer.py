"""Who looks at a page: all that a page may know of its session."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who is logged in.

    Attributes:
        person: their id in team.yml, or the operating system's user where the team doesn't know them.
        name: as people call them.
        roles: theirs in team.yml now.
        csrf: put it into every form as the hidden field `csrf`.
        may_act: whether answers are taken from them at all; without it a page shows no forms. The server checks again.
    """

    person: str
    name: str
    roles: tuple[str, ...]
    csrf: str
    may_act: bool = False
