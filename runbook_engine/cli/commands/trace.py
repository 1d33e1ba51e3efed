"""runbook trace: send a run to a tracing system."""

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import open_project
from runbook_engine.app.traces import otlp_export, send_again, traces_wanted
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import run_argument
from runbook_engine.cli.terminal import result
from runbook_engine.model.errors import ExitCode, RunbookError, UsageError


@documented
@run_argument()
def trace(run: str) -> int:
    """Send all spans of a run to a tracing system, by OTLP over HTTP.

    Where traces are configured, each run sends them itself; this sends them again, or for the first time: of a run that
    was driven without, was killed, or whose collector was away. The ids follow from the run, so that they join those
    that arrived. OTEL_EXPORTER_OTLP_ENDPOINT or `[traces] endpoint` in runbook.toml says where to. RUN is an id, the
    beginning of one, or `last`.

    Examples:
      runbook trace last
      OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 runbook trace 20261123-1015
    """
    project = open_project()
    if not traces_wanted(project):
        raise UsageError(
            "nobody is named to send traces to",
            hint="set OTEL_EXPORTER_OTLP_ENDPOINT, or `endpoint` in [traces] of runbook.toml",
        )
    export = otlp_export(project)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        sent = send_again(journal, head.id, export)
    finally:
        journal.close()
    if not sent:
        raise RunbookError(
            f"the spans of run {head.id} were not sent: the collector can't be reached or refuses them",
            hint="is the address right, and does it speak OTLP over HTTP?",
        )
    result(f"{sent} spans of run {head.id} sent")
    return ExitCode.OK
