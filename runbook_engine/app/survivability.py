"""What a plan needs of the region that it escapes: the findings of `validate`, for one inventory and its inputs."""

from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import OpenProject
from runbook_engine.app.source_maps import source_maps
from runbook_engine.loading.accepted import accept
from runbook_engine.loading.config import config_source
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.planning.lint_survival import escaped_regions, lint_journal, lint_survival

_CONFIG = "runbook.toml"


def survivability(project: OpenProject, prepared: PreparedPlan) -> list[Diagnostic]:
    """Name what the plan could not do once the region is gone, but what a comment of the file accepts. Asks nobody."""
    loaded, plan = prepared.loaded, prepared.plan
    if loaded is None:
        return []
    source, inputs = loaded.for_lint(), plan.scopes[0].inputs
    found = list(lint_survival(source, project.catalog, [plan.inventory], inputs=inputs))
    rules = {one.rule for one in found}
    # Comments that accept nothing here may accept something with other inputs: `validate` tells of those.
    kept = [one for one in accept(found, source_maps(loaded)) if one.rule in rules]
    path = project.root / _CONFIG
    if path.is_file():
        regions = escaped_regions(source, [plan.inventory], inputs=inputs)
        kept += lint_journal(project.config.journal, regions, config_source(path).at(("journal",)))
    return list(dict.fromkeys(kept))
