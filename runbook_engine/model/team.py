"""The team: people, the roles they have, and the audiences that are told."""

from typing import Annotated

from pydantic import Field

from runbook_engine.model.base import Frozen


class Role(Frozen):
    """A role of the policy, such as `director`."""

    description: str = ""


class Person(Frozen):
    """Somebody who can approve, answer and be told."""

    name: str
    roles: tuple[str, ...] = ()
    email: str | None = None
    phone: str | None = None
    ssh_keys: tuple[str, ...] = ()
    os_user: str | None = None
    on_call: str = ""


class Sandbox(Frozen):
    """Where an audience's messages go in a drill."""

    email: tuple[str, ...] = ()


class Audience(Frozen):
    """Whom a message is for: addresses by channel, and the sandbox used in drills."""

    email: tuple[str, ...] = ()
    sandbox: Sandbox = Sandbox()


class Team(Frozen):
    """The contents of team.yml."""

    roles: dict[str, Role] = {}
    people: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], Person] = {}
    audiences: dict[str, Audience] = {}
