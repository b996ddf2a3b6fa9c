"""Two days of hourly ticks in which something happens every few hours, beside two in which nothing
does. `make two-days` runs it, as long as 96 refreshes take. STRATA_TEST_TICKS and STRATA_TEST_EVERY
say how many ticks, and after how many something happens.

Every tick is a process of its own with Dagster's own instance, as the daemon would start it. What
stops it is told by the outcome, and the tick is gone on with from where it stopped, as the daemon's
run retries do.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from project import Project, edited_sources
from warm import Started, started

TICKS = int(os.environ.get("STRATA_TEST_TICKS", "48"))
EVERY = int(os.environ.get("STRATA_TEST_EVERY", "4"))
LAST = datetime(2026, 7, 1)  # of the demo's data
STEPS = ("freshness", "write", "audit", "publish", "activate", "report")
PUBLISHED = {
    "history": "select stay_id, segment_id, entity_id, valid_from, valid_to, entry_reason, "
    "exit_reason, definition_version from segments.segment_membership_history order by all",
    "membership": "from segments.segment_membership order by all",
    "changes": "from segments.segment_changes order by all",
    "verdicts": "select as_of, segment_id, verdict, reasons, member_count "
    "from segments.segment_verdicts qualify row_number() over "
    "(partition by segment_id, as_of order by run_started_at desc) = 1 order by all",
    "audience": "from activation.audience_champions order by all",
    "ledger": "select entity_key, payload_hash, state from activation.sync_ledger "
    "where sync_name = 'sync_champions_file' order by all",
}


@dataclass
class Line:
    """A line of ticks on a warehouse of its own."""

    project: Project
    happened: list[str] = field(default_factory=list)

    def start(self, tick: datetime) -> AbstractContextManager[Started]:
        return started(
            "endurance.tick",
            [f"{tick.isoformat()}+00:00"],
            self.project.folder,
            self.project.environment | {"DAGSTER_HOME": str(self.project.folder / "home")},
        )

    def run(self, tick: datetime) -> dict[str, Any]:
        with self.start(tick) as running:
            running.process.join()
            assert running.process.exitcode == 0, running.err.read_text()[-3000:]
            outcome: dict[str, Any] = json.loads(running.out.read_text().splitlines()[-1])
        return outcome

    def run_killed(self, tick: datetime, step: str, after_seconds: float) -> None:
        """Starts the tick, and kills it (kill -9) so long after a step began."""
        with self.start(tick) as running:
            while running.process.is_alive() and f" {step} - STEP_START" not in _events_of(
                running.err
            ):
                time.sleep(0.2)
            time.sleep(after_seconds)
            running.process.kill()
            running.process.join()
            assert running.process.exitcode == -signal.SIGKILL, running.err.read_text()[-3000:]

    def published(self) -> dict[str, list[tuple[Any, ...]]]:
        with duckdb.connect(str(self.project.duckdb), read_only=True) as connection:
            return {name: connection.execute(sql).fetchall() for name, sql in PUBLISHED.items()}


def _events_of(log: Path) -> str:
    """The lines of Dagster's log as `step - EVENT`."""
    parts = [line.split(" - ") for line in log.read_text().splitlines()]
    return "\n".join(f" {part[-3]} - {part[-2]}" for part in parts if len(part) > 4)


def locked(line: Line, tick: datetime) -> None:
    """Somebody has the file open."""
    holding = (
        f"import duckdb, sys; held = duckdb.connect({str(line.project.duckdb)!r}); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE) as holder:
        time.sleep(3)
        outcome = line.run(tick)
        holder.terminate()
    assert not outcome["succeeded"]
    assert outcome["steps"] == []


def outage(line: Line, tick: datetime) -> None:
    """A raw table without which nothing is built is away for a while."""
    line.project.execute("alter table raw_hubspot.contact rename to contact_away")
    outcome = line.run(tick)
    line.project.execute("alter table raw_hubspot.contact_away rename to contact")
    assert not outcome["succeeded"]
    assert "publish" not in outcome["steps"]


def killed(step: str, after_seconds: float) -> Callable[[Line, datetime], None]:
    def kill(line: Line, tick: datetime) -> None:
        line.run_killed(tick, step, after_seconds)

    kill.__doc__ = f"kill -9, {after_seconds} s after {step} began"
    return kill


DISTURBANCES = [
    killed("publish", 1.0), locked, killed("write", 6.0), outage,
    *(killed(step, 0.3) for step in STEPS),
]  # fmt: skip


@pytest.fixture
def lines(tmp_path: Path) -> tuple[Line, Line]:
    """Two lines of the same sources, in which the definition of a segment can be edited."""
    sources = edited_sources(tmp_path / "sources", {})
    made = []
    for name in ("disturbed", "undisturbed"):
        folder = tmp_path / name
        (folder / "home").mkdir(parents=True)
        (folder / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        project = Project(folder, sources=sources)
        assert project.dbt("seed", "--select", "path:seeds/demo").returncode == 0
        made.append(Line(project))
    return made[0], made[1]


def test_whatever_happens_the_end_is_that_of_undisturbed_days(lines: tuple[Line, Line]) -> None:
    disturbed, undisturbed = lines
    ticks = [LAST - timedelta(hours=TICKS - 1 - number) for number in range(TICKS)]
    for number, tick in enumerate(ticks):
        if number == TICKS // 2:
            sources = disturbed.project.sources
            [path] = (sources / "macros" / "segments").rglob("champions.sql")
            rule = "c.rfm_cell = 'champion'"
            path.write_text(path.read_text().replace(rule, f"{rule} and c.purchase_count > 1"))
        if number % EVERY == EVERY - 1:
            disturb = DISTURBANCES[number // EVERY % len(DISTURBANCES)]
            disturb(disturbed, tick)
            disturbed.happened.append(f"{tick}: {disturb.__doc__}")
        with ThreadPoolExecutor() as both:
            outcomes = list(both.map(Line.run, lines, [tick, tick]))
        for line, outcome in zip(lines, outcomes, strict=True):
            stopped = [step for step in outcome["failed"] if not step.startswith("destinations__")]
            assert stopped == [], (line.happened, outcome)
    after = undisturbed.published()
    for name, rows in disturbed.published().items():
        assert rows == after[name], (name, disturbed.happened)
    runs = disturbed.project.rows("select state, count(*) from operations.runs group by state")
    assert dict(runs) == {"succeeded": TICKS}
