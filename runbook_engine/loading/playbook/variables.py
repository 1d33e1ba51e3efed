"""Reads a play's files of variables, as far as their names and contents can be told before a run."""

import os
from pathlib import Path

from runbook_engine.loading.folder import is_file
from runbook_engine.loading.yaml_source import read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import has_errors


def read_variables(files: object, folder: Path, limits: Limits) -> tuple[dict[str, object], list[str]]:
    """Give the variables of files in the playbook's folder, a later one's first, and the names of files left out.

    Args:
        files: what `vars_files` says. A name with a template in it, a list of which one counts, a file that lies
            elsewhere, and one that is encrypted are left out.
    """
    found: dict[str, object] = {}
    left: list[str] = []
    here = os.path.realpath(folder)
    for name in files if isinstance(files, list) else [] if files is None else [files]:
        place = Path(os.path.realpath(folder / name)) if isinstance(name, str) and "{{" not in name else None
        if place is None or not place.is_relative_to(here) or not is_file(place):
            left.append(str(name))
            continue
        read = read_yaml_file(place, shown_as=str(name), limits=limits, yaml_1_1=True)
        if isinstance(read.root, dict) and not has_errors(read.diagnostics):
            found.update(read.root)
        else:
            left.append(str(name))
    return found, left
