"""Who can answer what a run waits for, and how they are reached: people of the roles that it asks, from team.yml."""

from collections.abc import Sequence

from runbook_engine.model.team import Person, Team


def whom_to_ask(team: Team, roles: Sequence[str]) -> list[str]:
    """Give a line for each person of the roles: who they are, when they are on call, how they are reached.

    Without roles anybody may answer, and nobody is named. A role that nobody has is told, since nobody can answer then.
    """
    if not roles:
        return []
    people = {key: person for key, person in team.people.items() if set(person.roles) & set(roles)}
    if not people:
        return [f"nobody in team.yml has the role {' or '.join(roles)}"]
    return [f"{key}: {_reached(person)}" for key, person in people.items()]


def _reached(person: Person) -> str:
    ways = [way for way in (person.phone, person.email) if way]
    on_call = f"on call: {person.on_call}" if person.on_call else ""
    return ", ".join([person.name, *ways, *([on_call] if on_call else [])])
