"""`strata preview`: what a segment would be, before it is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches

import sqlalchemy as sa

from orchestration.errors import StrataError
from orchestration.segment_files import events_named
from orchestration.segment_tools.evaluation import (
    Evaluation,
    definitions,
    evaluating,
    execute,
    ids,
    instant_to_evaluate,
    one_row,
    open_published,
    project,
)
from orchestration.segment_tools.ids import known_segment, segment_files

SHOWN = 5


@dataclass(frozen=True)
class Overlap:
    """Members that are published members of another segment, too."""

    segment_id: str
    shared_count: int
    other_count: int


@dataclass(frozen=True)
class Preview:
    """A segment as its file says it, over the 360s as they stand."""

    segment_id: str
    label: str
    entity: str
    as_of: datetime
    stands_as_of: datetime
    member_count: int
    entity_count: int
    published_count: int
    entering_count: int
    leaving_count: int
    mrr: Decimal
    total_mrr: Decimal
    verdict: str
    reasons: str
    overlaps: Sequence[Overlap]
    members: Sequence[str]
    entering: Sequence[str]
    leaving: Sequence[str]
    unseen_events: Mapping[str, Sequence[str]]  # names that no event has, with the nearest


def preview(segment_id: str, target: str | None, as_of: str | None = None) -> Preview:
    """Evaluates the file of a segment and publishes nothing.

    Raises UsageError for an id or an instant that cannot be, StrataError where nothing was
    refreshed yet or a domain that the segment requires is switched off.
    """
    warehouse, published = open_published(target)
    instant = instant_to_evaluate(as_of, published)
    files = segment_files()
    known_segment(segment_id, files)
    evaluation = Evaluation(project(target, published), instant)
    with evaluating(warehouse) as connection:
        names = evaluation.views(connection, "preview", only=segment_id)
        definition = definitions(connection, "select * from preview_segment_registry")[segment_id]
        if definition.not_evaluated_reason:
            raise StrataError(f"{segment_id} is not evaluated: {definition.not_evaluated_reason}.")
        entity = definition.entity
        for table, source in (
            ("preview_members", "preview_segment_candidates"),
            ("preview_published", "segments.segment_membership"),
        ):
            execute(
                connection,
                f"create temporary table {table} as select entity_id from {source} "
                f"where segment_id = '{segment_id}'",
            )
        movement = one_row(
            connection,
            "select count(members.entity_id) as member_count, "
            "count(published.entity_id) as published_count, "
            "count(case when published.entity_id is null then 1 end) as entering_count, "
            "count(case when members.entity_id is null then 1 end) as leaving_count "
            "from preview_members as members full outer join preview_published as published "
            "on members.entity_id = published.entity_id",
        )
        money = one_row(
            connection,
            "select count(*) as entity_count, coalesce(sum(entities.mrr), 0) as total_mrr, "
            "coalesce(sum(case when members.entity_id is not null then entities.mrr end), 0) "
            f"as mrr from customer_360.{entity}_360 as entities left join preview_members "
            f"as members on entities.{entity}_id = members.entity_id",
        )
        overlaps = execute(
            connection,
            "select others.segment_id, count(members.entity_id) as shared_count, "
            "count(*) as other_count from segments.segment_membership as others "
            "left join preview_members as members on others.entity_id = members.entity_id "
            f"where others.entity = '{entity}' and others.segment_id <> '{segment_id}' "
            "group by others.segment_id having count(members.entity_id) > 0 "
            f"order by 2 desc, 1 limit {SHOWN}",
        ).all()
        without = "select {0}.entity_id from preview_{0} as {0} left join preview_{1} as {1} "
        without += "on {0}.entity_id = {1}.entity_id where {1}.entity_id is null order by 1 limit "
        # Judged as the next refresh would: after what is published, not in place of it.
        judged_at = max(instant, published.as_of + timedelta(seconds=1))
        verdict, reasons = evaluation.verdict(connection, segment_id, names, judged_at)
        return Preview(
            segment_id=segment_id,
            label=definition.label,
            entity=entity,
            as_of=instant,
            stands_as_of=published.as_of,
            **movement,
            **money,
            verdict=verdict,
            reasons=reasons,
            overlaps=[Overlap(*row) for row in overlaps],
            members=ids(
                connection, f"select entity_id from preview_members order by 1 limit {SHOWN}"
            ),
            entering=ids(connection, without.format("members", "published") + str(SHOWN)),
            leaving=ids(connection, without.format("published", "members") + str(SHOWN)),
            unseen_events=_unseen(connection, events_named(files[segment_id])),
        )


def _unseen(connection: sa.Connection, names: Sequence[str]) -> dict[str, list[str]]:
    """Those of the names that no event of a customer has, with the names most like each."""
    if not names:
        return {}
    seen = ids(
        connection, "select distinct event_name from customer_360.fct_daily_activity order by 1"
    )
    return {name: get_close_matches(name, seen, n=3) for name in names if name not in seen}
