"""The team: people, the roles they have, and the audiences that are told."""

from typing import Annotated

from pydantic import Field

from runbook_engine.model.base import Frozen


class Role(Frozen):
    """A role of the policy, such as `director`.

    Attributes:
        description: what those who have it do.
    """

    description: str = ""


class Person(Frozen):
    """Somebody who can approve, answer and be told.

    Attributes:
        name: as people know them.
        roles: their roles, of those under `roles`: gates and manual tasks ask by role.
        email: their mail address.
        phone: as one dials it, shown where the run waits for them.
        ssh_keys: public keys: answers are signed with them, and age files may be made for them.
        os_user: the operating system's user that they are.
        on_call: when they are, in words; a hint for people, no rota.
    """

    name: str
    roles: tuple[str, ...] = ()
    email: str | None = None
    phone: str | None = None
    ssh_keys: tuple[str, ...] = ()
    os_user: str | None = None
    on_call: str = ""


class Contact(Frozen):
    """Somebody outside of the team who may have to be called: a provider's support, an insurer, an authority.

    Attributes:
        name: who they are.
        phone: as one dials it.
        email: their mail address.
        url: where they are asked in a browser.
        reference: what they ask for: a contract's or customer's number; no secret.
        note: when to call them, and what they can do.
    """

    name: str
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    reference: str = ""
    note: str = ""


class Sandbox(Frozen):
    """Where an audience's messages go in a drill.

    Attributes:
        email: addresses.
        slack, teams, webhook: names of the secrets that hold webhooks' addresses, such as `env:SLACK_CUSTOMERS`.
        pagerduty: names of the secrets that hold integration keys.
    """

    email: tuple[str, ...] = ()
    slack: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    pagerduty: tuple[str, ...] = ()
    webhook: tuple[str, ...] = ()

    def addresses(self, channel: str) -> tuple[str, ...]:
        """Give the addresses (or the names of their secrets) of a channel."""
        found: tuple[str, ...] = getattr(self, channel) if channel in CHANNELS else ()
        return found


CHANNELS = tuple(Sandbox.model_fields)
"""Ways to reach an audience; all but `email` by a secret."""


class Audience(Sandbox):
    """Whom a message is for: addresses by channel, and the sandbox used in drills.

    Attributes:
        sandbox: where its messages go in a drill.
    """

    sandbox: Sandbox = Sandbox()


class Team(Frozen):
    """The contents of team.yml.

    Attributes:
        roles: the policy's roles, by id.
        people: who decides and is told, by the id that they say with `--as`.
        audiences: who is told together, by the name that runbooks use.
        contacts: who may have to be called outside of the team; nothing is sent to them by itself.
    """

    roles: dict[str, Role] = {}
    people: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], Person] = {}
    audiences: dict[str, Audience] = {}
    contacts: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], Contact] = {}

    def real_owner(self, channel: str, address: str) -> str:
        """Name the audience that an address (or the name of its secret) is a real one of; empty when there is none.

        The mail addresses of the team's own people are nobody else's: a drill may reach them.
        """
        wanted = address.strip().casefold()
        if channel == "email" and wanted in {(person.email or "").casefold() for person in self.people.values()}:
            return ""
        for name, audience in self.audiences.items():
            if wanted in {known.strip().casefold() for known in audience.addresses(channel)}:
                return name
        return ""
