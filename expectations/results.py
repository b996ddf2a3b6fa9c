"""Outcomes of an audit and the table that keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from expectations.suites import Check, Suite, naive_utc
from orchestration.errors import StrataError

EXPECTATION_RESULTS = sa.Table(
    "expectation_results",
    sa.MetaData(),
    sa.Column("run_id", sa.Text),
    sa.Column("as_of", sa.DateTime),
    sa.Column("suite", sa.Text),
    sa.Column("relation_name", sa.Text),
    sa.Column("segment_id", sa.Text),
    sa.Column("expectation_type", sa.Text),
    sa.Column("column_name", sa.Text),
    sa.Column("is_success", sa.Boolean),
    sa.Column("severity", sa.Text),
    sa.Column("observed_value", sa.Text),
    sa.Column("expected", sa.Text),
    sa.Column("unexpected_count", sa.BigInteger),
    sa.Column("exception_message", sa.Text),
    sa.Column("duration_seconds", sa.Numeric(12, 3)),
    sa.Column("executed_at", sa.DateTime),
    sa.Column("affects", sa.Text),
    sa.Column("observed_number", sa.Numeric(18, 6)),
    schema="operations",
)

# Rows of one insert statement: far below PostgreSQL's limits on the length of a statement, few
# enough statements that a hundred segments take five.
_ROWS_PER_INSERT = 100


@dataclass(frozen=True)
class Outcome:
    """What came of one check.

    `observed` is in words and `observed_number` what of it can be followed over time;
    `unexpected_count` is rows, None where nothing was counted;
    `exception_message` is None unless the check itself broke, in which case it has failed.
    `duration_seconds` is the check's share of the validation it was part of, because checks of
    one relation are answered by shared queries.
    """

    suite: Suite
    check: Check
    is_success: bool
    observed: str | None
    unexpected_count: int | None
    exception_message: str | None
    duration_seconds: float
    executed_at: datetime
    observed_number: float | None = None


def require_results_table(connection: sa.Connection) -> None:
    """Raise `StrataError` unless dbt has built `operations.expectation_results`."""
    table = EXPECTATION_RESULTS
    if not sa.inspect(connection).has_table(table.name, schema=table.schema):
        raise StrataError(
            f"{table.schema}.{table.name} does not exist, so the audit has nowhere to write its "
            "results. `dbt build` creates it."
        )


def store(
    connection: sa.Connection, run_id: str, as_of: datetime, outcomes: Sequence[Outcome]
) -> None:
    """Write outcomes of a run in one transaction, instead of those of its suites before.

    The connection must not be inside a transaction.
    """
    rows = [_row(run_id, as_of, outcome) for outcome in outcomes]
    with connection.begin():
        connection.execute(
            sa.delete(EXPECTATION_RESULTS).where(
                EXPECTATION_RESULTS.c.run_id == run_id,
                EXPECTATION_RESULTS.c.suite.in_({outcome.suite.name for outcome in outcomes}),
            )
        )
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            chunk = rows[start : start + _ROWS_PER_INSERT]
            connection.execute(sa.insert(EXPECTATION_RESULTS).values(chunk))


def _row(run_id: str, as_of: datetime, outcome: Outcome) -> dict[str, object]:
    return {
        "run_id": run_id,
        "as_of": naive_utc(as_of),
        "suite": outcome.suite.name,
        "relation_name": str(outcome.check.about or outcome.suite.relation),
        "segment_id": outcome.suite.segment_id,
        "expectation_type": outcome.check.type,
        "column_name": outcome.check.column_name,
        "is_success": outcome.is_success,
        "severity": outcome.check.severity,
        "observed_value": outcome.observed,
        "expected": outcome.check.expected,
        "unexpected_count": outcome.unexpected_count,
        "exception_message": outcome.exception_message,
        "duration_seconds": Decimal(f"{outcome.duration_seconds:.3f}"),
        "executed_at": naive_utc(outcome.executed_at),
        # Long, and of no use where nothing failed.
        "affects": None
        if outcome.is_success or outcome.check.affects is None
        else f",{','.join(outcome.check.affects)},",
        "observed_number": None
        if outcome.observed_number is None
        else Decimal(f"{outcome.observed_number:.6f}"),
    }
