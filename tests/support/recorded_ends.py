"""What a run's record says of ends: which there are, whether any was lost, and what was begun again behind one."""

from runbook_engine.model.event import AttemptFinished, AttemptStarted


def ended_well(run, journal):
    """Name the tasks whose end is recorded, with how they ended."""
    return {
        stored.event.task: str(stored.event.outcome)
        for stored in journal.read(run)
        if isinstance(stored.event, AttemptFinished) and stored.event.outcome.ended_well
    }


def begun_again(run, journal):
    """Name the tasks that were begun again although their good end was recorded."""
    ended, again = set(), []
    for stored in journal.read(run):
        match stored.event:
            case AttemptStarted(task=task) if task in ended:
                again.append(task)
            case AttemptFinished(task=task, outcome=outcome) if outcome.ended_well:
                ended.add(task)
    return again


def kept(run, journal, before):
    """Say which of the ends that were recorded before were lost, and which tasks were begun again behind theirs."""
    now = ended_well(run, journal)
    lost = [task for task in before if now.get(task) != before[task]]
    return {"lost": lost, "again": begun_again(run, journal)}
