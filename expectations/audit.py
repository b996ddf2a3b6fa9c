"""Audits what a refresh wrote, before anything of it is published."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from expectations.results import Outcome, require_results_table, store
from expectations.suites import Segment, warehouse_suites
from orchestration.errors import StrataError


@dataclass(frozen=True)
class FailedExpectation:
    """One expectation that failed, in words. `segment_id` is None unless it is of one segment."""

    suite: str
    segment_id: str | None
    expectation: str
    message: str


@dataclass(frozen=True)
class AuditReport:
    """What an audit found. `docs_index` is the first page of its Data Docs."""

    expectation_count: int
    success_count: int
    failed: tuple[FailedExpectation, ...]
    duration_seconds: float
    docs_index: Path


def audit(
    engine: sa.Engine,
    *,
    run_id: str,
    as_of: datetime,
    docs_dir: Path,
    progress: Callable[[str], None] = lambda message: None,
) -> AuditReport:
    """Check the 360s and every evaluated segment's candidates, where the data is.

    Results go to `operations.expectation_results`, replacing those of the same `run_id`; pages go
    to `docs_dir`. `as_of` is the instant the run evaluates, in UTC where it carries no zone.
    Failed expectations are reported, not raised. When it returns, no connection of the engine's
    pool is open.

    Raises:
        StrataError: The results table or the segment registry does not exist.
    """
    started = time.perf_counter()
    try:
        with engine.connect() as connection:
            require_results_table(connection)
            suites = warehouse_suites(as_of, _evaluated_segments(connection))
            progress("Loading Great Expectations")
            _prepare_library()
            # Imported here because it takes seconds, and only an audit needs it.
            from expectations.docs_site import write_docs
            from expectations.validation import validate

            validated = []
            for group in validate(connection, suites):
                validated += group
                progress(_summary([outcome for outcome, _ in group]))
            connection.rollback()
            outcomes = [outcome for outcome, _ in validated]
            store(connection, run_id, as_of, outcomes)
        index = write_docs(docs_dir, validated, run_id=run_id, as_of=as_of)
    finally:
        # A DuckDB file can be opened with other settings only once every connection is closed.
        engine.dispose()
    return AuditReport(
        expectation_count=len(outcomes),
        success_count=sum(outcome.is_success for outcome in outcomes),
        failed=tuple(_failed(outcome) for outcome in outcomes if not outcome.is_success),
        duration_seconds=time.perf_counter() - started,
        docs_index=index,
    )


def docs_page(docs_dir: Path, suite: str) -> Path:
    """The page of a suite, the same in every run, whether or not it was written yet."""
    return docs_dir / "suites" / f"{suite}.html"


def _evaluated_segments(connection: sa.Connection) -> list[Segment]:
    if not sa.inspect(connection).has_table("segment_registry", schema="segments"):
        raise StrataError(
            "segments.segment_registry does not exist, so there is nothing to audit. "
            "`dbt build` creates it."
        )
    rows = connection.execute(
        sa.text(
            "select segment_id, entity, label, description from segments.segment_registry"
            " where is_evaluated order by segment_id"
        )
    ).fetchall()
    return [Segment(row[0], row[1], row[2] or row[0], row[3] or "") for row in rows]


def _prepare_library() -> None:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # It logs a traceback for every expectation that raises; those are results here.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)


def _summary(outcomes: list[Outcome]) -> str:
    failed = sum(not outcome.is_success for outcome in outcomes)
    words = f"{failed} failed" if failed else "all passed"
    return f"{outcomes[0].suite.relation}: {len(outcomes)} expectations, {words}"


def _failed(outcome: Outcome) -> FailedExpectation:
    found = outcome.exception_message or outcome.observed or "not met"
    subject = f"{outcome.check.column_name}: " if outcome.check.column_name else ""
    return FailedExpectation(
        suite=outcome.suite.name,
        segment_id=outcome.suite.segment_id,
        expectation=outcome.check.type,
        message=f"{subject}expected {outcome.check.expected}; found {found}",
    )
