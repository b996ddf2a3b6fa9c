"""A person's word about publishing a segment: release it for the next run, or hold it.

Kept in operations.segment_decisions, which the next run's verdicts read.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from orchestration.errors import StrataError, UsageError
from orchestration.project import utc_now
from orchestration.segment_tools.ids import known_segment

Kind = Literal["release", "hold"]

DECISIONS = sa.table(
    "segment_decisions",
    *[
        sa.column(name)
        for name in (
            "decision_id",
            "segment_id",
            "decision",
            "reason",
            "decided_by",
            "decided_at",
            "as_of",
            "definition_version",
        )
    ],
    schema="operations",
)


@dataclass(frozen=True)
class Decided:
    """A recorded decision, and the state of the segment that it is about."""

    segment_id: str
    decision: Kind
    as_of: datetime
    published_count: int
    verdict: str
    reasons: str


def decide(
    warehouse: sa.Engine, segment_id: str, decision: Kind, *, reason: str, by: str
) -> Decided:
    """Records a decision about a segment as the last run judged it.

    Raises StrataError when no run has judged segments yet; UsageError, naming the nearest ids,
    when there is no such segment, when the reason or the name is empty, and when a segment is
    to be released that nothing holds.
    """
    if not reason.strip():
        raise UsageError(f"Why {decision} {segment_id}? Give a --reason; it is kept with it.")
    if not by.strip():
        raise UsageError("Who decides? Give a name or an e-mail address with --by.")
    with warehouse.begin() as connection:
        inspector = sa.inspect(connection)
        if not (
            inspector.has_table("segment_verdicts", schema="segments")
            and inspector.has_table("segment_decisions", schema="operations")
        ):
            raise StrataError(
                f"Nothing to {decision} yet: run `strata refresh` (with the demo's data "
                "`strata demo`) first."
            )
        last = _last_verdict(connection, segment_id)
        if decision == "release":
            _check_releasable(connection, last)
        connection.execute(
            sa.insert(DECISIONS).values(
                decision_id=uuid.uuid4().hex,
                segment_id=segment_id,
                decision=decision,
                reason=reason.strip(),
                decided_by=by.strip(),
                decided_at=utc_now(),
                as_of=last.as_of,
                definition_version=last.definition_version,
            )
        )
    return Decided(
        segment_id=segment_id,
        decision=decision,
        as_of=last.as_of,
        published_count=last.published_count,
        verdict=last.verdict,
        reasons=last.reasons,
    )


def _last_verdict(connection: sa.Connection, segment_id: str) -> sa.Row[tuple[object, ...]]:
    rows = connection.execute(
        sa.text(
            "select segment_id, verdict, reasons, is_evaluated, as_of, definition_version, "
            "published_count from segments.segment_verdicts "
            "where run_id = (select run_id from segments.segment_verdicts "
            "order by as_of desc, run_started_at desc, run_id limit 1)"
        )
    ).all()
    by_id = {str(row.segment_id): row for row in rows}
    return by_id[known_segment(segment_id, by_id)]


def _check_releasable(connection: sa.Connection, last: sa.Row[tuple[object, ...]]) -> None:
    if not last.is_evaluated:
        raise UsageError(
            f"{last.segment_id} was not evaluated: {last.reasons}. A release cannot change that."
        )
    word = connection.execute(
        sa.text(
            "select decision from operations.segment_decisions where segment_id = :segment_id "
            "order by decided_at desc, decision_id desc limit 1"
        ),
        {"segment_id": last.segment_id},
    ).scalar()
    if last.verdict == "publish" and word != "hold":
        raise UsageError(
            f"{last.segment_id} is not held: it was published as of {last.as_of}Z. "
            "Only what a run or a person holds can be released."
        )
