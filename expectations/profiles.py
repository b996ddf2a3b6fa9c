"""How the values of columns are distributed, kept for each audit so that a later one can compare.

A profile counts the rows of each bucket of a column. Buckets are the same for all time, so that
any two profiles can be compared: numbers by eighths of a doubling, times by their age in days in
the same way, texts by value, keys by whether there is one. Counting is done in the warehouse, in
one statement; what is kept has the size of the profiles, not of the tables.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from expectations.suites import (
    ARRIVALS,
    ENTITY_KEYS,
    IDENTITY,
    REJECTED,
    Relation,
    naive_utc,
)

COLUMN_PROFILES = sa.Table(
    "column_profiles",
    sa.MetaData(),
    sa.Column("run_id", sa.Text),
    sa.Column("as_of", sa.DateTime),
    sa.Column("relation_name", sa.Text),
    sa.Column("column_name", sa.Text),
    sa.Column("bucket", sa.Text),
    sa.Column("row_count", sa.BigInteger),
    schema="operations",
)

ROWS = "(rows)"  # the column of a profile that counts all rows, and its bucket
EMPTY = "(empty)"
PRESENT = "(present)"
FUTURE = "(after the instant)"
DAYS = "days "  # begins the bucket of an age
BUCKETS_PER_DOUBLING = 8
# A text column with more values is only profiled by whether there is one.
MOST_VALUES = 50
LONGEST_VALUE = 80
KEPT = timedelta(days=10)
LINEAGE = Path(__file__).parent / "column_lineage.csv"

Kind = Literal["number", "time", "text", "boolean"]
_KINDS: dict[str, Kind] = {
    "int": "number",
    "bigint": "number",
    "smallint": "number",
    "hugeint": "number",
    "tinyint": "number",
    "decimal": "number",
    "numeric": "number",
    "double": "number",
    "real": "number",
    "float": "number",
    "date": "time",
    "timestamp": "time",
    "varchar": "text",
    "text": "text",
    "character": "text",
    "string": "text",
    "bool": "boolean",
}

# Interfaces of one domain each, `staging.stg_<domain>__<entity>`. Arrivals of events never change
# once they were stored, so those of a day say whether the source is well.
STAGING = "staging"
# Whole hours between an event and its arrival; nearly all arrive within one.
_HOURS_LATE = "floor((extract(epoch from arrived_at) - extract(epoch from occurred_at)) / 3600)"
_BOOKKEEPING = ("source_system", "loaded_at", "batch", "event_key", "actor_id")
_NOT_SOURCES = ("stg_events__events",)  # a view of the arrivals
_INTERFACE = sa.text(
    "select table_name, column_name, lower(data_type) from information_schema.columns"
    " where table_catalog = current_database() and table_schema = :schema"
    " and (table_name like 'stg^_crm^_^_%' escape '^'"
    " or table_name like 'stg^_billing^_^_%' escape '^'"
    " or table_name like 'stg^_events^_^_%' escape '^'"
    " or table_name like 'stg^_support^_^_%' escape '^'"
    " or table_name like 'stg^_survey^_^_%' escape '^')"
    " order by table_name, ordinal_position"
)
_TYPES = sa.text(
    "select column_name, lower(data_type) from information_schema.columns"
    " where table_catalog = current_database() and table_schema = :schema"
    " and table_name = :table order by ordinal_position"
)


@dataclass(frozen=True)
class Profiled:
    """A column that is profiled; `kind` is None where only the presence of a value counts.

    `expression` is SQL that stands for the column, if it is not one of the relation's own.
    """

    relation: Relation
    column: str
    kind: Kind | None = None
    expression: str | None = None


# Sizes of customers in identifiers, and whether identifiers are trusted: no value where not.
IDENTITY_COLUMNS = (
    Profiled(IDENTITY, "part_size", "number"),
    Profiled(IDENTITY, "trusted", None, "case when not is_quarantined then 1 end"),
)


def rule_columns(connection: sa.Connection, columns: Iterable[tuple[str, str]]) -> list[Profiled]:
    """What segment rules read, as (entity, column) of the 360s, each once."""
    types: dict[Relation, dict[str, str]] = {}
    found = []
    for entity, column in sorted(set(columns)):
        relation, key = ENTITY_KEYS[entity]
        if relation not in types:
            given = {"schema": relation.schema, "table": relation.table}
            types[relation] = dict(connection.execute(_TYPES, given).tuples().all())
        if column != key and column in types[relation]:
            found.append(Profiled(relation, column, kind_of(types[relation][column])))
    return found


def source_columns(connection: sa.Connection) -> list[Profiled]:
    """What says whether the sources are well: the keys of the staging interfaces by whether there
    is one, numbers by their size; how late events came and why they were rejected. Attributes of
    people and accounts are judged where segments read them, in the 360s."""
    found = []
    columns = connection.execute(_INTERFACE, {"schema": STAGING}).tuples().all()
    for table, column, data_type in columns:
        relation = Relation(STAGING, table)
        is_key = column.endswith("_id") or column == "email"
        is_number = kind_of(data_type) == "number" and relation != ARRIVALS
        if table in _NOT_SOURCES or column in _BOOKKEEPING:
            continue
        if is_key or is_number:
            found.append(Profiled(relation, column, "number" if is_number else None))
        elif relation == ARRIVALS and column == "reject_reason":
            found.append(Profiled(relation, column))
            found.append(Profiled(relation, "hours_late", "number", _HOURS_LATE))
    return found


def read_lineage() -> dict[tuple[str, str], tuple[str, ...]]:
    """Interface and column -> the columns of the 360s computed from it, as customer.mrr.

    The column ROWS stands for the rows themselves, whatever is in them. Written by
    `strata source-map`.
    """
    with LINEAGE.open(newline="") as lines:
        return {
            (row["interface"], ROWS if row["column"] == "*" else row["column"]): tuple(
                row["columns_of_360s"].split()
            )
            for row in csv.DictReader(lines)
        }


def write_profiles(
    connection: sa.Connection, profiled: Sequence[Profiled], *, run_id: str, as_of: datetime
) -> None:
    """Profile the columns, count the rows of their relations and the rejected rows, at once.

    Instead of what the run wrote before; profiles older than ten days are removed. The connection
    must not be inside a transaction.
    """
    instant = naive_utc(as_of)
    table = COLUMN_PROFILES
    with connection.begin():
        connection.execute(sa.delete(table).where(table.c.run_id == run_id))
        connection.execute(sa.delete(table).where(table.c.as_of < instant - KEPT))
        if profiled:
            names = ", ".join(column.name for column in table.columns)
            connection.execute(
                sa.text(
                    f"insert into {table.fullname} ({names}) {_profile_query(profiled, instant)}"
                ),
                {"run_id": run_id, "as_of": instant},
            )


def kind_of(data_type: str) -> Kind | None:
    """What a type holds, by its name in lower case as dbt or an engine has it; None for others."""
    return next((kind for name, kind in _KINDS.items() if data_type.startswith(name)), None)


def _profile_query(profiled: Sequence[Profiled], instant: datetime) -> str:
    relations = dict.fromkeys(each.relation for each in profiled)
    scans = [_scan(relation, ROWS, f"'{ROWS}'", False, instant) for relation in relations]
    scans += [
        _scan(each.relation, each.column, _bucket(each, instant), each.kind == "text", instant)
        for each in profiled
    ]
    scans.append(
        f"select '{STAGING}.stg_' || domain || '__' || entity, '{REJECTED}', false, '{REJECTED}',"
        " count(*) from operations.rejected_rows group by domain, entity"
    )
    counted = " union all ".join(scans)
    return f"""
        select cast(:run_id as varchar), cast(:as_of as timestamp), relation_name, column_name,
            bucket, cast(sum(row_count) as bigint)
        from (
            select relation_name, column_name, row_count,
                case
                    when is_text and bucket <> '{EMPTY}' and count(*) over (
                        partition by relation_name, column_name
                    ) > {MOST_VALUES} then '{PRESENT}'
                    else bucket
                end as bucket
            from ({counted}) as counted
        ) as named
        group by relation_name, column_name, bucket
    """


def _scan(relation: Relation, column: str, bucket: str, is_text: bool, instant: datetime) -> str:
    recent = f" where arrived_at > {_literal(instant - timedelta(days=1))}"
    # Rows are counted without groups, so that there is a row even for none.
    groups = "" if column == ROWS else " group by 4"
    return (
        f"select '{relation}' as relation_name, '{column}' as column_name,"
        f" {'true' if is_text else 'false'} as is_text, {bucket} as bucket, count(*) as row_count"
        f" from {relation}{recent if relation == ARRIVALS else ''}{groups}"
    )


def _bucket(profiled: Profiled, instant: datetime) -> str:
    column = profiled.expression or profiled.column
    match profiled.kind:
        case "number":
            value = (
                f"case when {column} = 0 then '0' when {column} > 0 then '+' else '-' end"
                f" || case when {column} = 0 then '' else {_doublings(f'abs({column})')} end"
            )
        case "time":
            days = (
                f"floor((extract(epoch from {_literal(instant)})"
                f" - extract(epoch from cast({column} as timestamp))) / 86400)"
            )
            value = (
                f"case when cast({column} as timestamp) > {_literal(instant)} then '{FUTURE}'"
                f" else 'days ' || {_doublings(f'({days} + 1)')} end"
            )
        case "text":
            value = f"substring({column} from 1 for {LONGEST_VALUE})"
        case "boolean":
            value = f"case when {column} then 'true' else 'false' end"
        case None:
            value = f"'{PRESENT}'"
    return f"case when {column} is null then '{EMPTY}' else {value} end"


def _doublings(value: str) -> str:
    # The small number keeps powers of two, where a logarithm is only nearly whole, in one bucket.
    return (
        f"cast(cast(floor(ln(cast({value} as double precision)) / ln(2.0) * {BUCKETS_PER_DOUBLING}"
        " + 0.000001) as bigint) as varchar)"
    )


def _literal(instant: datetime) -> str:
    return f"timestamp '{instant:%Y-%m-%d %H:%M:%S}'"
