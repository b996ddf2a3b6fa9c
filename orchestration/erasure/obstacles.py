"""What has to happen before a person can be erased: sources and destinations forget first."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from orchestration.activation.ledger import columns_of, sync_ledger
from orchestration.erasure.person import Person
from orchestration.errors import UsageError

RECORDS = sa.table(
    "int_identity__record_identifiers",
    *map(sa.column, ("record_id", "record_type", "source_system", "node", "is_current")),
    schema="identity",
)
# The model that each type of record is read from.
MODELS = {
    "contact": "stg_crm__contacts",
    "billing_customer": "stg_billing__customers",
    "event": "stg_events__events",
    "ticket": "stg_support__tickets",
    "response": "stg_survey__responses",
    "merge": "stg_crm__merges",
    "match": "proposed_edges",
}
EXAMPLES = 3


def obstacles(
    connection: sa.Connection, person: Person, removed_from: Collection[str]
) -> list[str]:
    """What keeps the person from being erased, each with what to do; none if nothing does.

    `removed_from` are syncs at whose destinations a person has deleted them by hand.

    Raises:
        UsageError: one of `removed_from` has nothing of the person.
    """
    return [*_in_sources(connection, person), *_at_destinations(connection, person, removed_from)]


def _in_sources(connection: sa.Connection, person: Person) -> list[str]:
    if not columns_of(connection, "identity", RECORDS.name):
        return []
    found = connection.execute(
        sa.select(RECORDS).where(RECORDS.c.node.in_(person.nodes)).order_by(RECORDS.c.record_id)
    ).all()
    held: dict[tuple[str, str], list[str]] = {}
    for row in found:
        if row.is_current:
            records = held.setdefault((row.record_type, row.source_system), [])
            if row.record_id not in records:
                records.append(row.record_id)
    said = [
        f"{MODELS.get(kind, kind)} has them from {system}: {_listed(records)}. Delete them there, "
        "then run `strata refresh --full-refresh`."
        for (kind, system), records in sorted(held.items())
    ]
    if found and not said:
        said.append(
            "no source has them any more, but what is built row by row still does: run "
            "`strata refresh --full-refresh`."
        )
    return said


def _at_destinations(
    connection: sa.Connection, person: Person, removed_from: Collection[str]
) -> list[str]:
    if not columns_of(connection, "activation", sync_ledger.name):
        return []
    held = sync_ledger.c
    rows: list[Any] = list(
        connection.execute(
            sa.select(held.sync_name, sa.func.count())
            .where(of_person(sync_ledger, person), _is_held(person))
            .group_by(held.sync_name)
            .order_by(held.sync_name)
        )
    )
    names = [name for name, _ in rows]
    believed = {name if name in names else f"sync_{name}" for name in removed_from}
    for name in removed_from:
        if not {name, f"sync_{name}"} & {*names}:
            raise UsageError(
                f"--removed-from names {name}, whose destination does not have the person. Those "
                f"that have: {', '.join(names) or 'none'}."
            )
    return [
        f"the destination of {name} has them, or may have, in {count:,} "
        f"{'row' if count == 1 else 'rows'} of activation.sync_ledger. Run `strata sync {name}`; "
        "where that does not remove them (a sync of mode upsert, or one that is gone), delete them "
        f"there by hand and say --removed-from {name}."
        for name, count in rows
        if name not in believed
    ]


def of_person(table: sa.FromClause, person: Person) -> sa.ColumnElement[bool]:
    """Rows of a ledger or plan that are of the person, their entries and exits included."""
    return sa.or_(
        table.c.entity_key.in_(person.customer_ids),
        is_event_of(table.c.entity_key, person),
        sa.func.lower(sa.func.coalesce(table.c.identifier, "")).in_(person.contacts),
    )


def is_event_of(key: sa.ColumnElement[str], person: Person) -> sa.ColumnElement[bool]:
    """Whether a key is that of an entry or exit of the person; the macro segment_event_key."""
    return sa.or_(
        *(key.contains(f"|customer|{one}|", autoescape=True) for one in person.customer_ids)
    )


def _is_held(person: Person) -> sa.ColumnElement[bool]:
    """Rows that a destination has, or may have; an entry or exit that it was told of is past."""
    held = sync_ledger.c
    is_lasting = ~is_event_of(held.entity_key, person) & held.acknowledged_hash.is_not(None)
    return sa.or_(held.state == "claimed", is_lasting)


def _listed(records: list[str]) -> str:
    more = len(records) - EXAMPLES
    return ", ".join(records[:EXAMPLES]) + (f" and {more:,} more" if more > 0 else "")
