"""What a person says of a run in their own words: to its audiences (`say`), or for the record alone."""

from runbook_engine.app.project import OpenProject, actor, roles_of
from runbook_engine.app.steer import open_run
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.event import Actor, MessageSaid, NoteAdded, StoredEvent
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.ports.journal import Journal

MOST_CHARACTERS = 10_000


def say_to_audiences(
    project: OpenProject,
    journal: Journal,
    run: str,
    text: str,
    *,
    audiences: tuple[str, ...] = (),
    person: str | Actor | None = None,
) -> StoredEvent:
    """Have a text sent to the audiences that are being told of a run; the process that advances it sends it.

    Args:
        audiences: some of them; none for all.

    Raises:
        UsageError: there is nothing to say, or the run is over.
        InvalidInputError: nobody is told of the run now, or not the audience that was named.
    """
    words = _words(text)
    state = open_run(journal, run)
    there = [name for name, _ in state.messages.open()]
    if not there:
        raise InvalidInputError(
            f"nobody is told of run {run} now",
            hint="messages begin and end with the steps that the runbook's communications name",
        )
    for name in audiences:
        if name not in there:
            hint = did_you_mean(name, there) or f"these are: {', '.join(there)}"
            raise InvalidInputError(f"{name} is not told of run {run} now", hint=hint)
    speaker = actor(project.team, person)
    event = MessageSaid(
        text=words,
        audiences=audiences or tuple(there),
        roles=roles_of(project.team, speaker),
        fingerprint=state.fingerprint,
    )
    return journal.append(run, [event], speaker)[0]


def add_note(
    project: OpenProject, journal: Journal, run: str, text: str, *, person: str | Actor | None = None
) -> StoredEvent:
    """Write something down for the record of a run that is not over; nobody is told.

    Raises:
        UsageError: there is nothing to write down, or the run is over.
    """
    words = _words(text)
    open_run(journal, run)
    return journal.append(run, [NoteAdded(text=words)], actor(project.team, person))[0]


def _words(text: str) -> str:
    words = text.strip()
    if not words:
        raise UsageError("there is nothing to say", hint='runbook say RUN "what they should know"')
    if len(words) > MOST_CHARACTERS:
        raise UsageError(f"the text has {len(words):,} characters; it may have {MOST_CHARACTERS:,}")
    return words
