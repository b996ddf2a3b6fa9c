"""OpenTelemetry traces: what spans there are, where they go, and that none is made while off."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

import pytest
from activation_kit import Given, Scripted, Warehouse, make_sync, open_warehouse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from project import PROJECT_DIR
from test_log import BROKEN, NODE, a_refresh

from orchestration import refresh, traces
from orchestration.dbt import NodeResult, NodesFailed
from orchestration.destinations.base import Answer, Batch, NoAnswer
from orchestration.errors import SyncFailed, UsageError

RUN_ID = "12345678-1234-4234-8234-123456789abc"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where all spans of a test are."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(traces, "provider", lambda: provider)
    return exporter


@pytest.fixture
def warehouse(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    """A warehouse with an audience of three."""
    request.param = "duckdb"
    for opened in open_warehouse(request, tmp_path):
        opened.audience({"1": "ann", "2": "bob", "3": "eve"})
        yield opened


def tree(exporter: InMemorySpanExporter) -> dict[str, str | None]:
    """Each span's name with that of its parent."""
    finished = exporter.get_finished_spans()
    names = {one.context.span_id: one.name for one in finished}
    return {one.name: names.get(one.parent.span_id) if one.parent else None for one in finished}


def test_a_refresh_has_steps_and_steps_have_nodes(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_args: object, **_more: object) -> list[NodeResult]:
        raise NodesFailed([NODE, BROKEN])

    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "w.duckdb"))
    run = a_refresh(fails)
    with pytest.raises(NodesFailed):
        refresh.refresh(run)
    # dbt did not say when the other node began, so it has no span.
    assert tree(spans) == {"x": "step", "step": "refresh", "refresh": None}
    node, step, whole = spans.get_finished_spans()
    assert node.end_time is not None
    assert node.start_time is not None
    assert (node.end_time - node.start_time) / 1e9 == 1.5
    assert node.attributes == {
        "strata.node": "model.strata.x", "strata.kind": "model", "strata.status": "success",
    }  # fmt: skip
    assert step.attributes is not None
    assert (step.attributes["strata.step"], step.attributes["strata.failed"]) == ("write", 1)
    assert not whole.status.is_ok
    assert "@" not in str([one.to_json() for one in spans.get_finished_spans()])


def test_a_sync_has_the_batches_that_it_sent(
    spans: InMemorySpanExporter, warehouse: Warehouse
) -> None:
    def answer(batch: Batch) -> list[Answer]:
        return [
            Answer(row.entity_key, "eve@example.com?" if row.entity_key == "3" else None)
            for row in batch.rows
        ]

    warehouse.run(make_sync(Given(make=lambda: Scripted(answer))))
    assert tree(spans) == {"send": "sync", "sync": None}
    *sent, sync = spans.get_finished_spans()
    assert [one.attributes and one.attributes["strata.rows"] for one in sent] == [2, 1]
    assert sum(int(str((one.attributes or {})["strata.rejected"])) for one in sent) == 1
    assert sync.attributes is not None
    assert sync.attributes["strata.sync"] == "sync_champions"
    assert sync.attributes["strata.added"] == 2
    assert "@" not in "".join(one.to_json() for one in spans.get_finished_spans())


def test_a_batch_without_an_answer_is_an_error_without_its_words(
    spans: InMemorySpanExporter, warehouse: Warehouse
) -> None:
    def answer(_: Batch) -> list[Answer]:
        raise NoAnswer("ann@example.com timed out")

    with pytest.raises(SyncFailed):
        warehouse.run(make_sync(Given(make=lambda: Scripted(answer))))
    sent, sync = spans.get_finished_spans()
    assert (sent.status.is_ok, sent.status.description) == (False, "NoAnswer")
    assert "timed out" in str(sync.status.description)
    assert "@" not in sent.to_json() + sync.to_json()


def test_steps_of_one_run_are_one_trace(spans: InMemorySpanExporter) -> None:
    for _ in range(2):
        with traces.of_run(RUN_ID), traces.span("step"):
            pass
    assert {one.context.trace_id for one in spans.get_finished_spans()} == {UUID(RUN_ID).int}


class Receiver(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    got: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        """Keeps what it is sent."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_spans_are_sent_over_otlp_when_an_endpoint_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = type("Handler", (Receiver,), {"got": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        traces.provider.cache_clear()
        try:
            with traces.span("refresh", target="duckdb"):
                pass
            made = traces.provider()
            assert made is not None
            made.shutdown()
        finally:
            traces.provider.cache_clear()
            server.shutdown()
    [(path, body)] = handler.got  # type: ignore[attr-defined]
    assert path == "/v1/traces"
    [resource] = ExportTraceServiceRequest.FromString(body).resource_spans
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "strata"
    [span] = resource.scope_spans[0].spans
    assert (span.name, span.attributes[0].key) == ("refresh", "strata.target")


def test_nothing_is_imported_or_sent_while_traces_are_off() -> None:
    looking = """
import json, sys
from orchestration.log import work
with work("refresh"):
    pass
print(json.dumps([name for name in sys.modules if name.startswith("opentelemetry")]))
"""
    off = {"PYTHONPATH": str(PROJECT_DIR), "OTEL_TRACES_EXPORTER": "none"}
    for environment in (off, {"PYTHONPATH": str(PROJECT_DIR)}):
        done = subprocess.run(
            [sys.executable, "-c", looking],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    ("variables", "exporter"),
    [
        ({}, "none"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, "none"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, "none"),
    ],
)
def test_the_standard_variables_switch_it_on(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], exporter: str
) -> None:
    for name in (
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert traces.exporter_name() == exporter


def test_an_exporter_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(UsageError, match=r"zipkin.*otlp, console, none"):
        traces.exporter_name()
