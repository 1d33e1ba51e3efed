"""Loads team.yml: people, their roles, and the audiences that are told."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from runbook_engine.loading.bounded import bounded
from runbook_engine.loading.diagnostics import in_order
from runbook_engine.loading.folder import is_there
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.pydantic_errors import diagnostics_of
from runbook_engine.loading.yaml_source import read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, Location, has_errors
from runbook_engine.model.located import Path as DataPath
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import did_you_mean, quoted
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.ssh_signature import SignatureError, key_blob
from runbook_engine.model.team import CHANNELS, Audience, Sandbox, Team

# What practically every address is like; whether it exists, only a message can tell.
_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]]{1,64}@(?=.{1,253}\Z)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W_][\w-]{0,61}")
_WEB = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
_REFERENCE = re.compile(r"[a-z][a-z0-9-]*:(?!//).+")

# As people write numbers: a country's code, groups, an extension.
_PHONE = re.compile(r"\+?[0-9(][0-9 ()/.-]{2,30}(?: ?(?:x|ext\.?) ?[0-9]{1,8})?")


class LoadedTeam(NamedTuple):
    """The team as it was read; None with errors."""

    team: Team | None
    diagnostics: list[Diagnostic]
    sources: SourceMap


def load_team(path: Path, limits: Limits) -> LoadedTeam:
    """Load team.yml; a project without one has an empty team. Everything that is wrong is in the diagnostics."""
    shown = path.name
    if not is_there(path) and not path.is_symlink():
        return LoadedTeam(Team(), [], SourceMap(shown))
    source = read_yaml_file(path, shown_as=shown, limits=limits)
    found = list(source.diagnostics)
    if not isinstance(source.root, dict):
        if not found:
            place = Location(file=shown, line=1, column=1)
            found.append(diagnostic("RB101", place, "the file holds no mapping", "begin with roles: or people:"))
        return LoadedTeam(None, found, source.sources)
    team: Team | None = None
    try:
        team = Team.model_validate(plain(source.root))
    except ValidationError as error:
        found += diagnostics_of(error, source.sources, model=Team)
    else:
        found += bounded(_check(team, source.sources))
    return LoadedTeam(None if has_errors(found) else team, in_order(found), source.sources)


def _check(team: Team, sources: SourceMap) -> Iterator[Diagnostic]:
    for key, person in team.people.items():
        for index, role in enumerate(person.roles):
            if role not in team.roles:
                place = sources.at(("people", key, "roles", index))
                hint = did_you_mean(role, team.roles) or "add it under roles:"
                yield diagnostic("RB401", place, f"there is no role {quoted(role)}", hint)
        for index, line in enumerate(person.ssh_keys):
            try:
                key_blob(line)
            except SignatureError as error:
                place = sources.at(("people", key, "ssh_keys", index))
                yield diagnostic("RB404", place, f"this key of {key} can't sign answers: {error}")
        if person.email is not None:
            yield from _check_address(person.email, ("people", key, "email"), sources)
        if person.phone is not None:
            yield from _check_phone(person.phone, ("people", key, "phone"), sources)
    yield from _check_contacts(team, sources)
    yield from _check_audiences(team, sources)


def _check_audiences(team: Team, sources: SourceMap) -> Iterator[Diagnostic]:
    for key, audience in team.audiences.items():
        for index, address in enumerate(audience.email):
            yield from _check_address(address, ("audiences", key, "email", index), sources)
        for index, address in enumerate(audience.sandbox.email):
            yield from _check_address(address, ("audiences", key, "sandbox", "email", index), sources)
        for path, known in ((("audiences", key), audience), (("audiences", key, "sandbox"), audience.sandbox)):
            yield from _check_references(known, path, sources)
        yield from _check_sandbox(key, audience, team, sources)


def _check_sandbox(key: str, audience: Audience, team: Team, sources: SourceMap) -> Iterator[Diagnostic]:
    """A sandbox that is a real address is none: a drill would tell people what is not true."""
    for channel in CHANNELS:
        for index, address in enumerate(audience.sandbox.addresses(channel)):
            if owner := team.real_owner(channel, address):
                place = sources.at(("audiences", key, "sandbox", channel, index))
                hint = "give the sandbox an address of its own, which no customer reads"
                yield diagnostic("RB408", place, f"a drill would reach the audience {owner} for real", hint)


def _check_references(known: Sandbox, path: DataPath, sources: SourceMap) -> Iterator[Diagnostic]:
    """What opens a channel to anybody who knows it is named, and stands nowhere."""
    for channel in CHANNELS:
        for index, reference in enumerate(known.addresses(channel) if channel != "email" else ()):
            if not _REFERENCE.fullmatch(reference):
                place = sources.at((*path, channel, index))
                hint = "keep the address in the environment or a file, and name it: env:SLACK_CUSTOMERS"
                yield diagnostic("RB406", place, "this is not the name of a secret", hint)


def _check_contacts(team: Team, sources: SourceMap) -> Iterator[Diagnostic]:
    for key, contact in team.contacts.items():
        path: DataPath = ("contacts", key)
        if contact.email is not None:
            yield from _check_address(contact.email, (*path, "email"), sources)
        if contact.phone is not None:
            yield from _check_phone(contact.phone, (*path, "phone"), sources)
        if contact.url is not None and not _WEB.fullmatch(contact.url):
            message = f"{quoted(contact.url)} is no web address"
            yield diagnostic("RB407", sources.at((*path, "url")), message, "write it like https://support.example.com")
        if not (contact.phone or contact.email or contact.url):
            hint = "give phone, email or url"
            yield diagnostic("RB407", sources.at(path), f"nobody can reach {quoted(contact.name)}", hint)


def _check_phone(number: str, path: DataPath, sources: SourceMap) -> Iterator[Diagnostic]:
    if not _PHONE.fullmatch(number):
        message = f"{quoted(number)} can't be dialled"
        yield diagnostic("RB407", sources.at(path), message, "write it like +49 30 123456, in quotes")


def _check_address(address: str, path: DataPath, sources: SourceMap) -> Iterator[Diagnostic]:
    if not _ADDRESS.fullmatch(address):
        message = f"{quoted(address)} does not look like a mail address"
        yield diagnostic("RB402", sources.at(path), message, "write it like dana@example.com, without a name")
