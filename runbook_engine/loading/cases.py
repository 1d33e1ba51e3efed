"""Loads the cases of a runbook from `runbooks/tests/NAME.yml`."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from runbook_engine.loading.bounded import bounded
from runbook_engine.loading.diagnostics import in_order
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.pydantic_errors import diagnostics_of
from runbook_engine.loading.yaml_source import read_yaml_file
from runbook_engine.model.case import CaseFile
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, Location, has_errors
from runbook_engine.model.located import SourceMap
from runbook_engine.model.rules import diagnostic


class LoadedCases(NamedTuple):
    """The cases as they were read; None with errors."""

    file: CaseFile | None
    diagnostics: list[Diagnostic]
    sources: SourceMap


def load_cases(path: Path, *, shown_as: str, limits: Limits) -> LoadedCases:
    """Load a file of cases. Everything that is wrong with it is in the diagnostics."""
    source = read_yaml_file(path, shown_as=shown_as, limits=limits)
    found = list(source.diagnostics)
    if not isinstance(source.root, dict):
        if not found:
            place = Location(file=shown_as, line=1, column=1)
            found.append(diagnostic("RB101", place, "the file holds no mapping", "begin with runbook: and cases:"))
        return LoadedCases(None, found, source.sources)
    try:
        file = CaseFile.model_validate(plain(source.root))
    except ValidationError as error:
        found += diagnostics_of(error, source.sources, model=CaseFile)
        return LoadedCases(None, in_order(found), source.sources)
    found += bounded(_same_names(file, source.sources))
    return LoadedCases(None if has_errors(found) else file, in_order(found), source.sources)


def _same_names(file: CaseFile, sources: SourceMap) -> Iterator[Diagnostic]:
    seen = set[str]()
    for index, case in enumerate(file.cases):
        if case.name in seen:
            place = sources.at(("cases", index, "name"))
            yield diagnostic("RB104", place, f"two cases are called {case.name!r}", "give each a name of its own")
        seen.add(case.name)
