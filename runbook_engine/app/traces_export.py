"""Sends spans by OTLP over HTTP; the only user of OpenTelemetry's libraries."""

import logging
from collections.abc import Sequence
from datetime import datetime

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from runbook_engine import version
from runbook_engine.reporting.spans import Span

_PATH = "/v1/traces"


class OtlpExport:
    """Sends spans where the environment (`OTEL_EXPORTER_OTLP_…`) or the configuration says.

    Args:
        endpoint: of the configuration, without `/v1/traces`; empty to go by the environment.
    """

    def __init__(self, endpoint: str) -> None:
        # Its own words for what fails would stand in the middle of a run's lines; we say it once, in ours.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
        self._exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}{_PATH}" if endpoint else None)
        self._resource = Resource.create({"service.name": "runbook", "service.version": version()})
        self._scope = InstrumentationScope("runbook_engine", version())

    def __call__(self, spans: Sequence[Span]) -> bool:
        """Send spans; says whether they arrived."""
        return self._exporter.export([self._readable(span) for span in spans]) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """Give the connection back."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # it has no annotations

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace, span.id),
            parent=_context(span.trace, span.parent) if span.parent is not None else None,
            resource=self._resource,
            attributes=span.attributes,
            status=Status(StatusCode.ERROR if span.failed else StatusCode.OK),
            start_time=_nanoseconds(span.begin),
            end_time=_nanoseconds(max(span.begin, span.end)),
            instrumentation_scope=self._scope,
        )


def _context(trace: bytes, span: bytes) -> SpanContext:
    return SpanContext(
        trace_id=int.from_bytes(trace),
        span_id=int.from_bytes(span),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
