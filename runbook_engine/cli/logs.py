"""Log lines on stderr, for people or for machines."""

import logging
import os
import sys

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_LIBRARIES = ("paramiko", "boto3", "botocore", "urllib3", "httpx", "httpcore", "sqlalchemy")


def configure_logs(form: str, level: str) -> None:
    """Send our log lines and the libraries' to stderr.

    structlog is set up only for what it is needed for: at the usual level with the usual form the standard library
    does the same without the time that importing costs.
    """
    if form == "console" and level in {"warning", "error"}:
        logging.basicConfig(stream=sys.stderr, level=_LEVELS[level], format="%(levelname)s %(name)s: %(message)s")
    else:
        _configure_structlog(form, level)
    for name in _LIBRARIES:
        # Libraries log what belongs to them alone; at debug level they would print headers and keys.
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))


def _configure_structlog(form: str, level: str) -> None:
    import structlog

    from runbook_engine.cli.terminal import wants_colour

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=wants_colour(sys.stderr), pad_level=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.dict_tracebacks if form == "json" else structlog.processors.format_exc_info,
            last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=_LEVELS[level])
    logging.getLogger("runbook").debug("logging to stderr as %s, process %d", form, os.getpid())
