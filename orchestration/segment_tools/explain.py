"""`strata explain` and `strata why-left`: why an entity is, or is not, in a segment."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from orchestration.dbt import Dbt
from orchestration.errors import UsageError
from orchestration.project import parse_instant
from orchestration.segment_tools.entities import Entity, resolve
from orchestration.segment_tools.evaluation import (
    Definition,
    definitions,
    evaluating,
    execute,
    open_published,
    project,
    registry_sql,
    written,
)
from orchestration.segment_tools.ids import known_segment, segment_files

REASONS = {
    "condition_met": "the conditions held",
    "condition_no_longer_met": "a condition did not hold any more",
    "definition_changed": "the definition was changed or its file removed",
    "entity_gone": "it was not in the 360 any more",
    "entity_merged": "it was merged into another, or another into it",
    "preempted": "a segment of higher priority took it",
    "manual": "a manual list says so",
    "erased": "it was erased",
}


@dataclass(frozen=True)
class Condition:
    """One named condition for one entity: true, false, or None for unknown."""

    name: str
    sql: str
    result: bool | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Stay:
    """One stay in the published history."""

    valid_from: datetime
    valid_to: datetime | None
    entry_reason: str
    exit_reason: str | None
    definition_version: str
    exit_version: str | None


@dataclass(frozen=True)
class Explanation:
    """What is known about an entity and a segment."""

    segment_id: str
    label: str
    who: Entity
    stands_as_of: datetime
    asked_as_of: datetime | None
    stays: Sequence[Stay]  # the oldest first
    conditions: Sequence[Condition]
    no_conditions_because: str | None
    definition_version: str | None
    last_verdict: str | None
    last_reasons: str
    last_version: str | None

    @property
    def stay_then(self) -> Stay | None:
        """The stay at the instant asked for, or now."""
        at = self.asked_as_of
        for stay in self.stays:
            if at is None and stay.valid_to is None:
                return stay
            if at and stay.valid_from <= at and (stay.valid_to is None or at < stay.valid_to):
                return stay
        return None

    @property
    def last_exit(self) -> Stay | None:
        """The last stay that ended."""
        ended = [stay for stay in self.stays if stay.valid_to is not None]
        return ended[-1] if ended else None


def explain(
    segment_id: str, entity: str, target: str | None, as_of: str | None = None
) -> Explanation:
    """Every condition for one entity over the 360 as it stands, and its published stays.

    `segment_id` may be one that has no file any more. Raises UsageError for an id, an entity
    or an instant that is not known, StrataError where nothing was refreshed yet.
    """
    warehouse, published = open_published(target)
    with evaluating(warehouse) as connection:
        asked = _instant(connection, as_of)
        files = segment_files()
        earlier = {
            row[0]: row[1]
            for row in execute(
                connection,
                "select distinct segment_id, entity from segments.segment_definition_history",
            )
        }
        known_segment(segment_id, {*files, *earlier})
        of = earlier.get(segment_id, "customer")
        if segment_id in earlier:
            resolve(connection, entity, of)  # Who is not known is said before dbt is asked.
    dbt = project(target, published)
    has_file = segment_id in files
    registry = registry_sql(dbt, published.as_of) if has_file else ""
    with evaluating(warehouse) as connection:
        definition = None
        if has_file:
            definition = definitions(connection, registry)[segment_id]
            of = definition.entity
        who = resolve(connection, entity, of)
        stays = _stays(connection, segment_id, who)
        verdict = execute(
            connection,
            "select verdict, reasons, definition_version from segments.segment_verdicts "
            "where segment_id = :segment_id order by as_of desc, run_started_at desc limit 1",
            segment_id=segment_id,
        ).first()
    because = _no_conditions(segment_id, definition, who)
    conditions = []
    if definition and not because:
        conditions = _conditions(warehouse, dbt, definition, who, published.as_of)
    return Explanation(
        segment_id=segment_id,
        label=definition.label if definition else segment_id,
        who=who,
        stands_as_of=published.as_of,
        asked_as_of=asked,
        stays=stays,
        conditions=conditions,
        no_conditions_because=because,
        definition_version=definition.definition_version if definition else None,
        last_verdict=verdict[0] if verdict else None,
        last_reasons=verdict[1] or "" if verdict else "",
        last_version=verdict[2] if verdict else None,
    )


def _instant(connection: sa.Connection, text: str | None) -> datetime | None:
    """The instant asked for. Raises UsageError for one that the history does not reach."""
    if text is None:
        return None
    instant = parse_instant(text)
    first, last = execute(
        connection, "select min(as_of), max(as_of) from segments.segment_verdicts"
    ).one()
    if not first <= instant <= last:
        raise UsageError(
            f"as_of is {written(instant)}, but segments are published from {written(first)} to "
            f"{written(last)}. It takes an instant between them."
        )
    return instant


def _stays(connection: sa.Connection, segment_id: str, who: Entity) -> list[Stay]:
    rows = execute(
        connection,
        "select history.valid_from, history.valid_to, history.entry_reason, history.exit_reason, "
        "history.definition_version, verdicts.definition_version "
        "from segments.segment_membership_history as history "
        "left join segments.segment_verdicts as verdicts "
        "on history.exit_run_id = verdicts.run_id and history.segment_id = verdicts.segment_id "
        "where history.segment_id = :segment_id and history.entity = :entity "
        "and history.entity_id = :entity_id "
        "and (history.valid_to is null or history.valid_to > history.valid_from) "
        "order by history.valid_from",
        segment_id=segment_id,
        entity=who.entity,
        entity_id=who.entity_id,
    )
    return [Stay(*row) for row in rows]


def _no_conditions(segment_id: str, definition: Definition | None, who: Entity) -> str | None:
    if definition is None:
        return f"{segment_id} has no file in macros/segments/ any more"
    if definition.not_evaluated_reason:
        return f"{segment_id} is not evaluated: {definition.not_evaluated_reason}"
    if not who.is_in_360:
        return who.found_by
    return None


def _conditions(
    warehouse: sa.Engine, dbt: Dbt, definition: Definition, who: Entity, as_of: datetime
) -> list[Condition]:
    sql = dbt.rendered(
        "{{ condition_results('" + definition.segment_id + "') }}", as_of=as_of.isoformat()
    )
    columns = {name: _columns(rule) for name, rule in definition.conditions.items()}
    named = sorted({column for found in columns.values() for column in found})
    selected = ", ".join(f'{column} as "{column}"' for column in named) or "1 as nothing"
    with evaluating(warehouse) as connection:
        results = {
            row[0]: row[1]
            for row in execute(
                connection,
                f"select condition_number, result from (\n{sql}\n) as results "
                "where entity_id = :entity_id",
                entity_id=who.entity_id,
            )
        }
        joined = (
            "customer_360.customer_360 as c left join customer_360.account_360 as a "
            "on c.account_id = a.account_id where c.customer_id"
            if definition.entity == "customer"
            else "customer_360.account_360 as a where a.account_id"
        )
        seen = (
            execute(
                connection,
                f"select {selected} from {joined} = :entity_id",
                entity_id=who.entity_id,
            )
            .mappings()
            .one()
        )
    return [
        Condition(
            name, rule, results.get(number), {column: seen[column] for column in columns[name]}
        )
        for number, (name, rule) in enumerate(definition.conditions.items(), 1)
    ]


def _columns(rule: str) -> list[str]:
    """The columns of the 360s that a condition names, in its order."""
    return list(dict.fromkeys(re.findall(r"\b[ca]\.[A-Za-z_]\w*", rule)))
