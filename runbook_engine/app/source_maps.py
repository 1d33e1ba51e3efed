"""The lines of a runbook file and of all that it imports, for what is said of them."""

from runbook_engine.loading.runbook import LoadedRunbook
from runbook_engine.model.located import SourceMap


def source_maps(loaded: LoadedRunbook) -> dict[str, SourceMap]:
    """Give the lines of a runbook file and of its imports by file name."""
    found = {loaded.sources.file: loaded.sources}
    for child in loaded.imported.values():
        found |= source_maps(child)
    return found
