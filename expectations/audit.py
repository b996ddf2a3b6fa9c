"""Audits what a refresh wrote, before anything of it is published."""

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from expectations.profiles import (
    IDENTITY_COLUMNS,
    ROWS,
    STAGING,
    read_lineage,
    rule_columns,
    source_columns,
    write_profiles,
)
from expectations.results import Outcome, require_results_table, store
from expectations.suites import (
    ARRIVALS,
    ENTITY_KEYS,
    IDENTITY,
    REJECTED,
    AudienceTerms,
    DriftBounds,
    IdentityBounds,
    Relation,
    Segment,
    audience_suite,
    drift_suite,
    warehouse_suites,
)
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
    """What an audit of these suites found. `docs_index` is the first page of its Data Docs."""

    suites: tuple[str, ...]
    expectation_count: int
    success_count: int
    failed: tuple[FailedExpectation, ...]
    duration_seconds: float
    docs_index: Path


@dataclass(frozen=True)
class Keep:
    """Where what was found of an audience is kept: under the run and instant that it is of."""

    run_id: str
    as_of: datetime
    docs_dir: Path


def audit(
    engine: sa.Engine,
    *,
    run_id: str,
    as_of: datetime,
    docs_dir: Path,
    drift: DriftBounds,
    identity: IdentityBounds,
    progress: Callable[[str], None] = lambda message: None,
) -> AuditReport:
    """Check the 360s, drift, and every evaluated segment's candidates, where the data is.

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
            segments, columns = _evaluated_segments(connection)
            profiled = [
                *rule_columns(connection, columns),
                *source_columns(connection),
                *IDENTITY_COLUMNS,
            ]
            connection.rollback()
            problem = None
            try:
                write_profiles(connection, profiled, run_id=run_id, as_of=as_of)
            except sa.exc.DBAPIError as error:
                problem = f"columns could not be profiled: {' '.join(str(error.orig).split())}"
            progress(problem or f"Profiled {len(profiled)} columns")
            suites = [
                *warehouse_suites(as_of, segments, identity),
                drift_suite(
                    [(one.relation, one.column) for one in profiled],
                    run_id,
                    as_of,
                    drift,
                    affected=_affected(),
                    problem=problem,
                ),
            ]
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
        index = write_docs(docs_dir, validated, run_id=run_id, as_of=as_of, part="audit")
    finally:
        # A DuckDB file can be opened with other settings only once every connection is closed.
        engine.dispose()
    return AuditReport(
        suites=tuple(suite.name for suite in suites),
        expectation_count=len(outcomes),
        success_count=sum(outcome.is_success for outcome in outcomes),
        failed=tuple(_failed(outcome) for outcome in outcomes if not outcome.is_success),
        duration_seconds=time.perf_counter() - started,
        docs_index=index,
    )


def audit_audience(
    connection: sa.Connection, terms: AudienceTerms, keep: Keep | None = None
) -> list[str]:
    """Check an audience before a sync sends it; what critical checks found, in words.

    With `keep`, results and page are kept as those of an audit. The connection must not be inside
    a transaction.
    """
    _prepare_library()
    from expectations.docs_site import write_docs
    from expectations.validation import validate

    [validated] = validate(connection, [audience_suite(terms)])
    connection.rollback()
    outcomes = [outcome for outcome, _ in validated]
    if keep is not None:
        store(connection, keep.run_id, keep.as_of, outcomes)
        write_docs(keep.docs_dir, validated, run_id=keep.run_id, as_of=keep.as_of, part="sync")
    return [
        _failed(outcome).message
        for outcome in outcomes
        if not outcome.is_success and outcome.check.severity == "critical"
    ]


def _evaluated_segments(
    connection: sa.Connection,
) -> tuple[list[Segment], list[tuple[str, str]]]:
    """The segments, and the (entity, column) of the 360s that their rules and expectations read."""
    if not sa.inspect(connection).has_table("segment_registry", schema="segments"):
        raise StrataError(
            "segments.segment_registry does not exist, so there is nothing to audit. "
            "`dbt build` creates it."
        )
    rows = connection.execute(
        sa.text(
            "select segment_id, entity, label, description, priority_group, expectations,"
            " columns_used from segments.segment_registry where is_evaluated order by segment_id"
        )
    ).fetchall()
    segments = [
        Segment(row[0], row[1], row[2] or row[0], row[3] or "", row[4], json.loads(row[5] or "{}"))
        for row in rows
    ]
    columns = [
        (entity, column)
        for row in rows
        for entity, _, column in (name.partition(".") for name in (row[6] or "").split(",") if name)
    ]
    return segments, columns


def _affected() -> Callable[[Relation, str | None], tuple[str, ...] | None]:
    lineage = read_lineage()
    keys = {f"{entity}.{key}" for entity, (_, key) in ENTITY_KEYS.items()}

    def affected(relation: Relation, column: str | None) -> tuple[str, ...] | None:
        # What is done with events is also read without the 360s, by helpers of rules.
        if relation == ARRIVALS:
            return None
        # Every segment of customers rests on who was taken for one person.
        if relation == IDENTITY:
            return ("customer.customer_id",)
        is_key = column is not None and (column.endswith("_id") or column == "email")
        if relation.schema == STAGING and (is_key or column in (None, REJECTED)):
            # What a key joins is all that is known by it: no column of the relation is spared.
            names = {
                name
                for (interface, _), columns in lineage.items()
                if interface == str(relation)
                for name in columns
            }
        else:
            names = set(lineage.get((str(relation), column or ROWS), ()))
        return tuple(sorted(names - keys))

    return affected


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
