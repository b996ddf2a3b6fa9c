"""What is changed and deleted of a person, table by table, and how many rows that are.

Statements only: whoever runs them opens the transaction.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.schema import DropTable

from orchestration.activation.ledger import columns_of, sync_ledger, sync_observed, sync_plan
from orchestration.erasure.obstacles import is_event_of, of_person
from orchestration.erasure.person import ASSIGNMENTS, EXPERIMENTS, HISTORY, PREFIX, Person

ERASED = "erased"
"""The reason of an exit, and what is written where the person was named in a text."""
PROPOSED = sa.table(
    "proposed_edges", *map(sa.column, ("contact_id_a", "contact_id_b")), schema="identity"
)
# Texts in which an example or a person's words may name somebody.
TEXTS: Mapping[str, tuple[str, ...]] = {
    "operations.alerts": ("subject", "message"),
    "operations.column_profiles": ("bucket",),
    "operations.expectation_results": ("observed_value", "exception_message"),
    "operations.runs": ("error",),
    "operations.segment_decisions": ("reason",),
    "operations.sync_runs": ("error", "release_reason"),
    "segments.segment_verdicts": ("reasons", "lifted_reasons", "released_by"),
}
# Tables that keep nothing of people: of runs, of definitions, of erasures themselves.
OF_NOBODY = (
    "operations.erasures",
    "operations.leases",
    "operations.run_nodes",
    "operations.run_steps",
    "operations.source_cursors",
    "segments.segment_definition_history",
)
# Tables that keep people over runs, each with a function of its own below.
KEPT = (
    "activation.experiment_assignments",
    "activation.sync_ledger",
    "activation.sync_observed",
    "activation.sync_plan",
    "identity.identity_assignments",
    "identity.proposed_edges",
    "segments.segment_membership_history",
)
# Where a refresh builds tables that may repeat what the kept ones say.
BUILT = (
    "activation",
    "analytics",
    "customer_360",
    "features",
    "identity",
    "operations",
    "segments",
)
FAILURES = "test_failures"


@dataclass(frozen=True)
class Change:
    """What is done to one table."""

    relation: str
    action: str
    """What is done to the rows, in a word or two."""
    row_count: int
    statements: Sequence[sa.Executable]
    is_rebuilt: bool = False
    """Whether the next refresh builds the table anew, without the person."""


def changes(connection: sa.Connection, person: Person) -> Iterator[Change]:
    """Every change that erases the person, of tables where there is something to change."""
    names = {one: PREFIX + uuid4().hex[:20] for one in person.customer_ids}
    there = _tables(connection)
    for relation, found in (
        ("segments.segment_membership_history", _history),
        ("activation.experiment_assignments", _experiments),
        ("identity.identity_assignments", _assignments),
    ):
        if relation in there:
            yield from found(connection, person, names)
    for table, condition in _deleted(person):
        if table.fullname in there:
            yield _delete(connection, table.fullname, table, condition)
    for relation, columns in TEXTS.items():
        if relation in there:
            yield from _texts(connection, relation, columns, person)
    for relation in sorted(there):
        yield from _other(connection, relation, person)


def _tables(connection: sa.Connection) -> list[str]:
    rows = connection.execute(
        sa.text(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = current_database() and table_type = 'BASE TABLE'"
        )
    )
    return [f"{schema}.{name}" for schema, name in rows]


def _history(
    connection: sa.Connection, person: Person, names: Mapping[str, str]
) -> Iterator[Change]:
    """Stays get the random ids: sizes, entries and exits of the past stay what they were.

    A stay's own id is a hash of the customer's, so it gets another that nobody can compute. What
    is open stays open until the segment is published next; an audit compares with these stays.
    """
    stays, ids = HISTORY.c, person.customer_ids
    is_own = sa.and_(stays.entity == "customer", stays.entity_id.in_(ids))
    is_named = sa.or_(is_own, stays.continued_from.in_(ids), stays.continued_as.in_(ids))
    salt = uuid4().hex
    renamed = sa.update(HISTORY).where(is_named, stays.entity == "customer").values(
        stay_id=sa.case((is_own, sa.func.md5(stays.stay_id.op("||")(salt))), else_=stays.stay_id),
        entity_id=_renamed(stays.entity_id, names),
        exit_reason=sa.case(
            (sa.and_(is_own, stays.exit_reason == "entity_gone"), ERASED), else_=stays.exit_reason
        ),
        continued_from=_renamed(stays.continued_from, names),
        continued_as=_renamed(stays.continued_as, names),
    )  # fmt: skip
    count = _count(connection, HISTORY, sa.and_(is_named, stays.entity == "customer"))
    yield Change("segments.segment_membership_history", "given a random id", count, [renamed])


def _experiments(
    connection: sa.Connection, person: Person, names: Mapping[str, str]
) -> Iterator[Change]:
    """Assignments get the random id of the survivor, as experiment_members counts them.

    Of customers who became one the first assignment remains, and none where their arms differ:
    that person was counted in no arm.
    """
    assigned = EXPERIMENTS.c
    is_own = assigned.entity_key.in_(person.customer_ids)
    rows: list[Any] = list(
        connection.execute(
            sa.select(EXPERIMENTS).where(is_own).order_by(assigned.assigned_at, assigned.entity_key)
        )
    )
    statements: list[sa.Executable] = []
    for experiment in sorted({row.experiment_id for row in rows}):
        own = [row for row in rows if row.experiment_id == experiment]
        arms = {row.arm for row in own}
        surplus = [row.entity_key for row in (own[1:] if len(arms) == 1 else own)]
        of_experiment = assigned.experiment_id == experiment
        if surplus and len(own) > 1:
            gone = sa.delete(EXPERIMENTS).where(of_experiment, assigned.entity_key.in_(surplus))
            statements.append(gone)
        renamed = sa.update(EXPERIMENTS).where(of_experiment, is_own)
        statements.append(renamed.values(entity_key=names[person.customer_id]))
    yield Change("activation.experiment_assignments", "given a random id", len(rows), statements)


def _assignments(
    connection: sa.Connection, person: Person, names: Mapping[str, str]
) -> Iterator[Change]:
    """The person's identifiers go; others keep theirs, without words about the person."""
    held, ids = ASSIGNMENTS.c, person.customer_ids
    is_own = sa.or_(held.customer_id.in_(ids), held.node.in_(person.nodes))
    yield _delete(connection, "identity.identity_assignments", ASSIGNMENTS, is_own)
    details = ("start_detail", "end_detail")
    is_named = sa.or_(
        held.previous_customer_id.in_(ids),
        *(_is_named(held[name], person) for name in details),
    )
    count = _count(connection, ASSIGNMENTS, sa.and_(~is_own, is_named))
    told = {
        name: sa.case((is_named, _where_given(held[name], ERASED)), else_=held[name])
        for name in details
    }
    previous = _renamed(held.previous_customer_id, names)
    reworded = sa.update(ASSIGNMENTS).where(is_named).values(previous_customer_id=previous, **told)
    yield Change("identity.identity_assignments", "reworded", count, [reworded])


def _deleted(person: Person) -> Iterator[tuple[Any, sa.ColumnElement[bool]]]:
    """Tables of which whole rows go, and which."""
    contacts = [one.value for one in person.identifiers if one.type == "contact_id"]
    pairs = PROPOSED.c
    yield PROPOSED, sa.or_(pairs.contact_id_a.in_(contacts), pairs.contact_id_b.in_(contacts))
    # Before the ledger is changed, which says whom else an address is of.
    yield sync_observed, _is_observed(person)
    yield sync_ledger, of_person(sync_ledger, person)
    yield sync_plan, of_person(sync_plan, person)


def _is_observed(person: Person) -> sa.ColumnElement[bool]:
    """Rows of a reading that are of the person, and of nobody else whom the ledger has there."""
    seen, held = sync_observed.c, sync_ledger.c
    known_by = sa.func.lower(sa.func.coalesce(held.identifier, held.entity_key))
    is_of_another = sa.exists().where(
        held.sync_name == seen.sync_name,
        held.acknowledged_hash.is_not(None),
        ~of_person(sync_ledger, person),
        known_by == sa.func.lower(seen.identifier),
    )
    return sa.func.lower(seen.identifier).in_(person.addresses) & ~is_of_another


def _texts(
    connection: sa.Connection, relation: str, columns: Sequence[str], person: Person
) -> Iterator[Change]:
    """The person's ids and addresses go out of texts."""
    schema, _, name = relation.partition(".")
    found = {column.name for column in columns_of(connection, schema, name)}
    table = sa.table(name, *map(sa.column, columns), schema=schema)
    wanted = [table.c[column] for column in columns if column in found]
    is_named = sa.or_(*(_is_named(column, person) for column in wanted))
    cleared = {one.name: _reworded(one, person) for one in wanted}
    count = _count(connection, table, is_named)
    yield Change(relation, "reworded", count, [sa.update(table).where(is_named).values(cleared)])


def _other(connection: sa.Connection, relation: str, person: Person) -> Iterator[Change]:
    """Rows that tests found, and rows of rebuilt tables that repeat what was kept."""
    schema, _, name = relation.partition(".")
    if schema == FAILURES:
        table = sa.Table(name, sa.MetaData(), schema=schema)
        count = _count(connection, table, sa.true())
        yield Change(relation, "dropped", count, [DropTable(table)])
    if schema not in BUILT or relation in (*KEPT, *TEXTS, *OF_NOBODY):
        return
    columns = columns_of(connection, schema, name)
    # Quoted, as a column may be called by a word of SQL.
    texts = [sa.quoted_name(one.name, quote=True) for one in columns if _is_text(one.data_type)]
    built = sa.table(name, *map(sa.column, texts), schema=schema)
    named: list[sa.ColumnElement[bool]] = [
        built.c[column].in_(person.customer_ids) for column in texts
    ]
    if "entity_key" in texts:
        named.append(is_event_of(built.c.entity_key, person))
    if named:
        yield replace(_delete(connection, relation, built, sa.or_(*named)), is_rebuilt=True)


def _is_text(data_type: str) -> bool:
    return data_type.lower() in ("varchar", "text", "character varying")


def _delete(
    connection: sa.Connection, relation: str, table: Any, condition: sa.ColumnElement[bool]
) -> Change:
    count = _count(connection, table, condition)
    return Change(relation, "deleted", count, [sa.delete(table).where(condition)])


def _count(
    connection: sa.Connection, table: sa.FromClause, condition: sa.ColumnElement[bool]
) -> int:
    counted = sa.select(sa.func.count()).select_from(table).where(condition)
    return int(connection.execute(counted).scalar_one())


def _is_named(column: sa.ColumnElement[str], person: Person) -> sa.ColumnElement[bool]:
    lowered = sa.func.lower(column)
    found = [lowered.contains(word.lower(), autoescape=True) for word in person.words]
    # Few pass the first condition, and of these a part may be of a longer word.
    return sa.func.coalesce(
        sa.and_(sa.or_(*found), _reworded(column, person) != column), sa.false()
    )


def _reworded(column: sa.ColumnElement[str], person: Person) -> sa.ColumnElement[str]:
    """The text without the person's ids and addresses where they are words of their own.

    Twice, because a match takes the character behind it, which the next one needs before it. Word
    boundaries are written differently on each engine, this is not.
    """
    words = "|".join(map(re.escape, person.words))
    pattern = f"(^|[^[:alnum:]_])({words})([^[:alnum:]_]|$)"
    once = sa.func.regexp_replace(column, pattern, rf"\1{ERASED}\3", "gi")
    return sa.func.regexp_replace(once, pattern, rf"\1{ERASED}\3", "gi")


def _where_given(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[str]:
    return sa.case((column.is_not(None), text))


def _renamed(column: sa.ColumnElement[str], names: Mapping[str, str]) -> sa.ColumnElement[str]:
    return sa.case(*((column == old, new) for old, new in names.items()), else_=column)
