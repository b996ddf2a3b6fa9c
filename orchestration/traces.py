"""OpenTelemetry traces of runs: off unless the standard variables ask for them.

They are asked for by OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
OTEL_TRACES_EXPORTER, and need the extra `otel`. While they are off nothing is imported.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from os import environ
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from orchestration.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

EXPORTERS = ("otlp", "console", "none")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Note(Protocol):
    """Tells a span how its work ended."""

    def __call__(self, error: str | None, **attributes: object) -> None:
        """`error` is None where it went well, and has no secrets in it."""


def exporter_name() -> str:
    """How spans are exported; `none` while traces are off.

    Raises UsageError for one that there is not.
    """
    chosen = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if not chosen:
        chosen = "otlp" if any(environ.get(name, "").strip() for name in _ENDPOINTS) else "none"
    if chosen not in EXPORTERS:
        raise UsageError(f"OTEL_TRACES_EXPORTER is '{chosen}'. Accepted: {', '.join(EXPORTERS)}.")
    return "none" if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" else chosen


@cache
def provider() -> "TracerProvider | None":
    """What makes and exports spans; None while traces are off or their library is missing.

    They are sent every few seconds, and what is left when the process ends.
    """
    name = exporter_name()
    if name == "none":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ModuleNotFoundError:
        return None
    service = environ.get("OTEL_SERVICE_NAME", "").strip() or "strata"
    made = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    exporter = OTLPSpanExporter() if name == "otlp" else ConsoleSpanExporter()
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


@contextmanager
def span(name: str, **attributes: object) -> Iterator[Note]:
    """A span of what is done within, a child of the one around it."""
    made = provider()
    if made is None:
        yield lambda error, **attributes: None
        return
    from opentelemetry.trace import Status, StatusCode

    said = False
    # Our own words for errors: the library's would be message and stack as they are.
    with made.get_tracer("strata").start_as_current_span(
        name, attributes=_named(attributes), record_exception=False, set_status_on_exception=False
    ) as current:

        def note(error: str | None, **attributes: object) -> None:
            nonlocal said
            current.set_attributes(_named(attributes))
            if error is not None:
                said = True
                current.set_status(Status(StatusCode.ERROR, error[:500]))

        try:
            yield note
        except BaseException as error:
            if not said:
                current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def past(
    name: str, started_at: datetime, seconds: float, error: str | None, **attributes: object
) -> None:
    """A span of something that is over, a child of the current one."""
    made = provider()
    if made is None:
        return
    from opentelemetry.trace import Status, StatusCode

    began = int(started_at.replace(tzinfo=UTC).timestamp() * 1e9)
    over = made.get_tracer("strata").start_span(
        name, start_time=began, attributes=_named(attributes)
    )
    if error is not None:
        over.set_status(Status(StatusCode.ERROR, error[:500]))
    over.end(began + int(seconds * 1e9))


@contextmanager
def of_run(run_id: str) -> Iterator[None]:
    """Spans within are of the trace of that run, also from another process or step."""
    if provider() is None:
        yield
        return
    from opentelemetry import context
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    number = UUID(run_id).int
    parent = SpanContext(number, number >> 64, True, TraceFlags(TraceFlags.SAMPLED))
    token = context.attach(set_span_in_context(NonRecordingSpan(parent)))
    try:
        yield
    finally:
        context.detach(token)


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as OpenTelemetry takes them, none without a value and none with a secret."""
    from orchestration.log import as_text

    return {
        f"strata.{name}": as_text(value) for name, value in attributes.items() if value is not None
    }
