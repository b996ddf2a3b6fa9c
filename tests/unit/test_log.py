"""STRATA_LOG_FORMAT=json: what runs do, one object a line, and nobody's address or secret in it."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from activation_kit import (
    NOON,
    SECRET,
    SECRET_VARIABLE,
    Scripted,
    Warehouse,
    make_sync,
    open_warehouse,
)
from activation_kit import Given as Settings
from project import Project

from orchestration import log, refresh
from orchestration.dbt import Dbt, NodeResult, NodesFailed
from orchestration.destinations.base import Answer, Batch
from orchestration.destinations.secrets import from_environment
from orchestration.errors import StrataError, SyncFailed, UsageError
from orchestration.progress import Silent
from orchestration.refresh import Refresh, Verdict

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """What was written to stderr since the last call, each line parsed."""
    monkeypatch.setenv(log.FORMAT, "json")
    log.configure(libraries=False)
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    logging.getLogger("strata").handlers = [logging.NullHandler()]


@pytest.fixture
def warehouse(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    """A warehouse with an audience of three."""
    request.param = "duckdb"
    for opened in open_warehouse(request, tmp_path):
        opened.audience({"1": "ann", "2": "bob", "3": "eve"})
        yield opened


def test_a_line_says_when_what_and_of_what_it_is(lines: Lines) -> None:
    with log.bound(run_id="r1", as_of=NOON), log.bound(step="write"):
        log.emit(log.WARNING, "note", text="a line\nand another")
    log.emit(log.INFO, "later")
    first, second = lines()
    assert datetime.fromisoformat(first.pop("time")).utcoffset() is not None
    assert first == {
        "level": "warning",
        "event": "note",
        "run_id": "r1",
        "as_of": "2026-07-01T12:00:00Z",
        "step": "write",
        "text": "a line\nand another",
    }
    assert second.keys() == {"time", "level", "event"}


def test_work_that_fails_says_so_with_its_counts(lines: Lines) -> None:
    with pytest.raises(SyncFailed), log.work("sync", sync="sync_x") as told:
        told["added"] = 3
        raise SyncFailed("ann@example.com was refused")
    began, failed = lines()
    assert (began["event"], failed["event"]) == ("sync started", "sync failed")
    assert failed["level"] == "error"
    assert failed["added"] == 3
    assert failed["seconds"] >= 0
    assert failed["error"] == "<e-mail address> was refused"


def test_values_of_secrets_are_never_written(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    from_environment(SECRET_VARIABLE, "secret of the test")
    log.emit(log.ERROR, f"refused {SECRET}", error=f"key={SECRET}.", one={"inner": SECRET})
    [line] = lines()
    assert SECRET not in json.dumps(line)
    assert line["error"] == "key=<secret>."


def test_text_is_the_default_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(log.FORMAT, raising=False)
    log.configure()
    with log.work("refresh"):
        log.emit(log.ERROR, "node failed")
    said = capsys.readouterr()
    assert said.out + said.err == ""


def test_a_format_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(log.FORMAT, "xml")
    with pytest.raises(UsageError, match=r"xml.*text, json"):
        log.configure()


def test_a_sync_tells_its_beginning_and_end_with_counts_and_no_address(
    lines: Lines, warehouse: Warehouse
) -> None:
    def answer(batch: Batch) -> list[Answer]:
        return [
            Answer(
                row.entity_key, "no such person: eve@example.com" if row.entity_key == "3" else None
            )
            for row in batch.rows
        ]

    warehouse.run(make_sync(Settings(make=lambda: Scripted(answer))))
    began, ended = lines()
    assert (began["event"], ended["event"]) == ("sync started", "sync ended")
    assert (ended["added"], ended["rejected"], ended["removed"]) == (2, 1, 0)
    for line in (began, ended):
        assert (line["sync"], line["run_id"]) == ("sync_champions", "r1")
        assert line["as_of"] == "2026-07-01T12:00:00Z"
        assert "@" not in json.dumps(line)


NODE = NodeResult("model.strata.x", "x", "model", "success", "", 1.5, None, started_at=NOON)
BROKEN = NodeResult("model.strata.y", "y", "model", "error", "ann@example.com twice", 0.5, None)


def a_refresh(run: Callable[..., list[NodeResult]]) -> Refresh:
    """A refresh that has begun and whose dbt does as told."""

    def unreadable(*_: object, **__: object) -> str:
        raise StrataError("no source can be read, so that nothing is found unchanged")

    dbt = SimpleNamespace(
        run=run, rendered=unreadable, target="duckdb", variables={"strata_sources": {}},
        check_segments=lambda as_of: None,
    )  # fmt: skip
    begun = Refresh(cast(Dbt, dbt), NOON, "r1", Silent())
    begun.begin()
    return begun


def test_steps_and_verdicts_of_a_refresh(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "w.duckdb"))
    verdicts = [
        Verdict("champions", "Champions", "customer", "publish", "", 10, 2, 1, is_evaluated=True),
        Verdict("at_risk", "At risk", "customer", "hold", "too small", 3, 0, 0, is_evaluated=True),
    ]
    monkeypatch.setattr(Refresh, "verdicts", lambda _: verdicts)
    monkeypatch.setattr(refresh, "write_verdicts", lambda *_: None)
    a_refresh(lambda *_args, **_more: [NODE]).publish()
    began, ended, published, held = lines()
    assert (began["event"], began["step"], began["run_id"]) == ("step started", "publish", "r1")
    assert (ended["event"], ended["nodes"], ended["failed"]) == ("step ended", 1, 0)
    assert (published["segment"], published["verdict"], published["members"]) == (
        "champions",
        "publish",
        10,
    )
    assert (held["level"], held["segment"], held["reasons"]) == ("warning", "at_risk", "too small")


def test_a_node_that_failed_is_a_line_of_its_own(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "w.duckdb"))

    def fails(*_args: object, **_more: object) -> list[NodeResult]:
        raise NodesFailed([NODE, BROKEN])

    with pytest.raises(NodesFailed):
        a_refresh(fails).write()
    _, node, step = lines()
    assert (node["event"], node["node"], node["status"]) == (
        "node failed",
        "model.strata.y",
        "error",
    )
    assert (node["step"], node["error"]) == ("write", "<e-mail address> twice")
    assert (step["event"], step["nodes"], step["failed"]) == ("step failed", 2, 1)


def test_a_command_that_ends_in_an_error_says_it_in_json_alone(tmp_path: Path) -> None:
    project = Project(tmp_path, settings={log.FORMAT: "json"})
    done = project.strata("refresh", "--as-of", "yesterday")
    [line] = [json.loads(one) for one in done.stderr.splitlines()]
    assert (done.returncode, line["exit_code"]) == (2, 2)
    assert (line["event"], line["kind"]) == ("command failed", "UsageError")
    assert "'yesterday'" in line["error"]
