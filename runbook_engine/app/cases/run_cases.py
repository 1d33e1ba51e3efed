"""The use case `test`: all cases of a project, or of some runbooks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.app.cases.expect import differences
from runbook_engine.app.cases.play import play
from runbook_engine.app.prepare import PlanRequest, PreparedPlan, prepare_plan
from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.loading.cases import load_cases
from runbook_engine.loading.folder import is_file, real_path, shown, yaml_files
from runbook_engine.loading.inputs import complete_inputs
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.case import Case, CaseFile
from runbook_engine.model.diagnostic import Severity
from runbook_engine.model.errors import InvalidInputError, RunbookError, UsageError
from runbook_engine.model.names import step_of
from runbook_engine.model.plan import Plan
from runbook_engine.model.quoting import did_you_mean

FOLDER = "runbooks/tests"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case went.

    Attributes:
        file: where it stands.
        problems: what is not as expected; empty when all is.
        refused: why it can't be played; None when it was.
    """

    file: str
    runbook: str
    name: str
    problems: tuple[str, ...] = ()
    refused: InvalidInputError | None = None

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.problems


def run_cases(project: OpenProject, names: Sequence[str] = ()) -> Iterator[CaseResult]:
    """Play cases, one after the other; no target is touched, no secret read, and nothing recorded.

    A file of cases that is not valid is one case that can't be played, as is a case that names what does not exist, or
    whose runbook is not valid.

    Args:
        names: runbooks by name, or files of cases by path; without names all of the project.

    Raises:
        UsageError: there are no cases.
    """
    paths = _files(project, names)
    if not paths:
        raise UsageError(f"there are no cases in {FOLDER}", hint=f"write some: {FOLDER}/NAME.yml")
    for path in paths:
        try:
            file = _load(project, path)
        except InvalidInputError as error:
            yield _refused(_relative(project, path), path.stem, "the file is valid", error)
            continue
        for case in file.cases:
            try:
                played = _result(project, path, file, case)
            except InvalidInputError as error:
                played = _refused(_relative(project, path), file.runbook, case.name, error)
            yield played


def _refused(file: str, runbook: str, name: str, error: InvalidInputError) -> CaseResult:
    found = error.diagnostics if isinstance(error, InvalidFilesError) else []
    told = [f"{item.location}: {item.rule} {item.message}" for item in found if item.severity is Severity.ERROR]
    return CaseResult(file, runbook, name, tuple(told) or (error.message,), error)


def _result(project: OpenProject, path: Path, file: CaseFile, case: Case) -> CaseResult:
    shown_as = _relative(project, path)
    try:
        prepared = _prepared(project, file, case)
    except InvalidFilesError as error:
        raise InvalidFilesError(f"case {case.name!r}: {error.message}", error.diagnostics, error.sources) from error
    _check_names(case, prepared.plan, shown_as)
    try:
        played = play(project, prepared, case)
    except InvalidInputError:
        raise
    except RunbookError as error:
        return CaseResult(shown_as, file.runbook, case.name, (error.message,))
    return CaseResult(shown_as, file.runbook, case.name, tuple(differences(case, played, prepared.plan)))


def _prepared(project: OpenProject, file: CaseFile, case: Case) -> PreparedPlan:
    """Make the plan of a case; its inputs are typed and completed as an operator's are."""
    path = project.runbook_path(file.runbook)
    names = project.catalog.names()
    runbook = load_runbook(path, project=project.root, limits=project.config.limits, action_names=names).runbook
    inputs = case.inputs
    if runbook is not None:
        inputs, wrong = complete_inputs(runbook.inputs, case.inputs)
        if wrong:
            raise InvalidInputError(f"case {case.name!r}: {'; '.join(wrong)}")
    inventories = (file.inventory,) if file.inventory else ()
    return prepare_plan(project, PlanRequest(file.runbook, inventories, limit=case.limit, inputs=inputs))


def _check_names(case: Case, plan: Plan, file: str) -> None:
    """Refuse names that no step has: a case that speaks of nothing proves nothing."""
    tasks = {task.id for task in plan.tasks}
    steps = {step.id for step in plan.steps}
    expect = case.expect
    for name in (
        *case.given,
        *case.answers,
        *case.skip,
        *expect.outcomes,
        *expect.attempts,
        *expect.order,
        *expect.not_begun,
    ):
        if name not in tasks and name not in steps:
            hint = did_you_mean(name, steps if step_of(name) == name else tasks)
            raise InvalidInputError(f"{file}: case {case.name!r} names {name!r}, and there is no such step", hint=hint)
    for audience in expect.messages:
        known = [talk.audience for talk in plan.communications]
        if audience not in known:
            message = f"{file}: case {case.name!r}: the runbook owes the audience {audience!r} nothing"
            raise InvalidInputError(message, hint=did_you_mean(audience, known))


def _files(project: OpenProject, names: Sequence[str]) -> list[Path]:
    folder = project.root / FOLDER
    if not names:
        return yaml_files(folder)
    found = []
    for name in dict.fromkeys(names):
        direct = Path(name)
        candidates = (
            [direct] if direct.suffix in {".yml", ".yaml"} else [folder / f"{name}.yml", folder / f"{name}.yaml"]
        )
        path = next((one for one in candidates if is_file(one)), None)
        if path is None:
            raise UsageError(f"there are no cases of {shown(name)}", hint=f"write some: {FOLDER}/{shown(name)}.yml")
        found.append(path)
    return found


def _load(project: OpenProject, path: Path) -> CaseFile:
    shown_as = _relative(project, path)
    loaded = load_cases(path, shown_as=shown_as, limits=project.config.limits)
    if loaded.file is None:
        raise InvalidFilesError(f"{shown_as} is not valid", loaded.diagnostics, {shown_as: loaded.sources})
    return loaded.file


def _relative(project: OpenProject, path: Path) -> str:
    real, root = real_path(path), real_path(project.root)
    return shown(real.relative_to(root)) if real.is_relative_to(root) else shown(path)
