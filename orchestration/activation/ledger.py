"""The sync ledger: what each destination was sent and what it confirmed, row by row.

dbt creates the tables. This module holds every statement that changes them; the caller
opens and commits the transactions, one per transition:

    claimed ──accepted──▶ delivered | removed
       │ ──rejected──▶ rejected ──too often──▶ parked
       └─ no answer: stays claimed, and is sent again with the same idempotency key

`generation` counts the different changes claimed for a row, from 1. It is part of the
idempotency key, so that a retry keeps its key and the same change made again later, say
of a member who left and came back, gets another.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    FromClause,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    update,
    values,
)
from sqlalchemy import Column as TableColumn
from sqlalchemy import column as sql_column

from orchestration.destinations.base import Answer, Column
from orchestration.errors import StrataError
from orchestration.lease import leases

UNKNOWN = "unknown"
"""`acknowledged_hash` of a row that the destination may or may not hold."""

FIRST_RETRY = timedelta(minutes=15)
LONGEST_RETRY = timedelta(hours=24)

SEPARATOR = "\n"
"""Between the identifiers of `held_identifiers`, which have no line breaks."""

metadata = MetaData()

sync_ledger = Table(
    "sync_ledger",
    metadata,
    TableColumn("sync_name", Text),
    TableColumn("entity_key", Text),
    TableColumn("payload_hash", Text),
    TableColumn("audience_hash", Text),
    TableColumn("fields_hash", Text),
    TableColumn("acknowledged_hash", Text),
    TableColumn("operation", Text),
    TableColumn("state", Text),
    TableColumn("idempotency_key", Text),
    TableColumn("generation", Integer),
    TableColumn("batch_id", Text),
    TableColumn("attempts", Integer),
    TableColumn("rejections", Integer),
    TableColumn("last_error", Text),
    TableColumn("claimed_at", DateTime),
    TableColumn("next_attempt_at", DateTime),
    TableColumn("delivered_at", DateTime),
    TableColumn("sync_run_id", Text),
    TableColumn("identifier", Text),
    TableColumn("held_identifiers", Text),
    TableColumn("was_present", Boolean),
    TableColumn("added_as_of", DateTime),
    schema="activation",
)

sync_plan = Table(
    "sync_plan",
    metadata,
    TableColumn("sync_name", Text),
    TableColumn("position", BigInteger),
    TableColumn("lane", Text),
    TableColumn("entity_key", Text),
    TableColumn("operation", Text),
    TableColumn("payload_hash", Text),
    TableColumn("audience_hash", Text),
    TableColumn("fields_hash", Text),
    TableColumn("previous_hash", Text),
    TableColumn("generation", Integer),
    TableColumn("idempotency_key", Text),
    TableColumn("identifier", Text),
    TableColumn("held_identifiers", Text),
    schema="activation",
)

sync_runs = Table(
    "sync_runs",
    metadata,
    TableColumn("sync_run_id", Text),
    TableColumn("sync_name", Text),
    TableColumn("run_id", Text),
    TableColumn("as_of", DateTime),
    TableColumn("started_at", DateTime),
    TableColumn("ended_at", DateTime),
    TableColumn("state", Text),
    TableColumn("added", BigInteger),
    TableColumn("changed", BigInteger),
    TableColumn("removed", BigInteger),
    TableColumn("rejected", BigInteger),
    TableColumn("parked", BigInteger),
    TableColumn("unchanged", BigInteger),
    TableColumn("error", Text),
    TableColumn("fields", Text),
    TableColumn("released_by", Text),
    TableColumn("release_reason", Text),
    schema="operations",
)

sync_observed = Table(
    "sync_observed",
    metadata,
    TableColumn("sync_name", Text),
    TableColumn("reading_id", Text),
    TableColumn("identifier", Text),
    TableColumn("observed_at", DateTime),
    schema="activation",
)

STATE_TABLES = (sync_ledger, sync_plan, sync_runs, sync_observed, leases)


def columns_of(connection: Connection, schema: str, name: str) -> list[Column]:
    """Describe a table's columns in their order; an empty list when there is no such table."""
    # Not SQLAlchemy's inspector: its query for PostgreSQL fails on DuckDB.
    rows: Sequence[Any] = connection.execute(
        text(
            "select column_name, data_type, numeric_precision, numeric_scale"
            " from information_schema.columns"
            " where table_catalog = current_database()"
            " and table_schema = :schema and table_name = :name order by ordinal_position"
        ),
        {"schema": schema, "name": name},
    ).all()
    return [Column(name, kind, digits, scale) for name, kind, digits, scale in rows]


def require_state_tables(connection: Connection, tables: Sequence[Table] = STATE_TABLES) -> None:
    """Check that dbt has created the tables that state is kept in; those of syncs if not given.

    Raises:
        StrataError: one is missing, or lacks a column.
    """
    for state_table in tables:
        found = {
            item.name for item in columns_of(connection, state_table.schema or "", state_table.name)
        }
        missing = [name for name in state_table.c.keys() if name not in found]  # noqa: SIM118
        if not found:
            raise StrataError(f"{state_table.fullname} does not exist; run `strata refresh` first")
        if missing:
            raise StrataError(
                f"{state_table.fullname} has no column {', '.join(missing)}; "
                "run `strata refresh` first"
            )


def retry_at(now: datetime, rejections: int) -> datetime:
    """When to try a rejected change again: 15 min, 30 min, 1 h, 2 h, ... at most 24 h later."""
    doublings = min(rejections - 1, 10)
    return now + min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def acknowledged_count(connection: Connection, sync_name: str) -> int:
    """Count the rows that the destination holds, or may hold."""
    held = sync_ledger.c
    count = connection.execute(
        select(func.count())
        .select_from(sync_ledger)
        .where(
            held.sync_name == sync_name,
            or_(held.state == "claimed", held.acknowledged_hash.is_not(None)),
        )
    ).scalar_one()
    return int(count)


def start_run(
    connection: Connection,
    *,
    sync_run_id: str,
    sync_name: str,
    run_id: str,
    as_of: datetime,
    now: datetime,
    released_by: str | None = None,
    release_reason: str | None = None,
) -> None:
    """Record that a run begins, and that one which never reported its end has failed."""
    connection.execute(
        update(sync_runs)
        .where(sync_runs.c.sync_name == sync_name, sync_runs.c.state == "running")
        .values(state="failed", error="the process ended before the run did")
    )
    connection.execute(
        insert(sync_runs).values(
            sync_run_id=sync_run_id,
            sync_name=sync_name,
            run_id=run_id,
            as_of=as_of,
            started_at=now,
            state="running",
            released_by=released_by,
            release_reason=release_reason,
        )
    )


def finish_run(
    connection: Connection,
    *,
    sync_run_id: str,
    state: str,
    counts: dict[str, int],
    error: str | None,
    fields: str | None,
    now: datetime,
) -> None:
    """Record how a run ended, and the fields that it sent if it got that far."""
    connection.execute(
        update(sync_runs)
        .where(sync_runs.c.sync_run_id == sync_run_id)
        .values(state=state, ended_at=now, error=error, fields=fields, **counts)
    )


def last_fields(connection: Connection, sync_name: str) -> str | None:
    """The fields that the last run sent which sent any; None before the first."""
    found: str | None = connection.execute(
        select(sync_runs.c.fields)
        .where(sync_runs.c.sync_name == sync_name, sync_runs.c.fields.is_not(None))
        .order_by(sync_runs.c.started_at.desc())
        .limit(1)
    ).scalar()
    return found


def claim(
    connection: Connection,
    *,
    sync_name: str,
    first: int,
    last: int,
    batch_id: str,
    sync_run_id: str,
    now: datetime,
) -> None:
    """Claim the planned rows at positions `first` to `last`, both included.

    A row whose last claim was never answered becomes `unknown`: whatever is answered
    now, the destination may hold what the lost request carried.
    """
    held = sync_ledger.c
    # Few rows before they are joined with many. Unless their number is told, and both columns
    # are joined, DuckDB takes the ledger for the smaller side and hashes it for each claim.
    planned = (
        select(sync_plan)
        .where(sync_plan.c.sync_name == sync_name, sync_plan.c.position.between(first, last))
        .limit(last - first + 1)
        .cte("planned")
    )
    mine = and_(held.sync_name == planned.c.sync_name, held.entity_key == planned.c.entity_key)
    is_same_change = held.generation == planned.c.generation
    row = {
        **{
            name: planned.c[name]
            for name in (
                "sync_name", "entity_key", "payload_hash", "audience_hash", "fields_hash",
                "operation", "idempotency_key", "generation", "identifier",
            )
        },
        "acknowledged_hash": case((held.state == "claimed", UNKNOWN), else_=held.acknowledged_hash),
        "state": _typed("claimed"),
        "batch_id": _typed(batch_id),
        "attempts": case((is_same_change, held.attempts + 1), else_=1),
        "rejections": case((is_same_change, held.rejections), else_=0),
        "last_error": held.last_error,
        "claimed_at": bindparam(None, now, DateTime),
        "delivered_at": held.delivered_at,
        "sync_run_id": _typed(sync_run_id),
        "held_identifiers": _with_identifier(planned.c.held_identifiers, planned.c.identifier),
        "was_present": held.was_present,
        "added_as_of": held.added_as_of,
    }  # fmt: skip
    # A new row, and the old one deleted: updating fifteen columns of 500 rows scattered over a
    # million takes DuckDB 0.2 s, and 0.9 s to commit, because it then writes the table anew.
    connection.execute(
        insert(sync_ledger).from_select(
            list(row), select(*row.values()).select_from(planned.outerjoin(sync_ledger, mine))
        )
    )
    connection.execute(
        delete(sync_ledger).where(mine, held.sync_run_id.is_distinct_from(sync_run_id))
    )


def note_present(
    connection: Connection,
    *,
    sync_name: str,
    batch_id: str,
    keys: Collection[str],
) -> None:
    """Record of claimed rows that were never sent whether the destination held the member already.

    It is written with the claim, so that a repeat of the request cannot mistake our own add for
    somebody else's.
    """
    held = sync_ledger.c
    connection.execute(
        update(sync_ledger)
        .where(
            held.sync_name == sync_name,
            held.batch_id == batch_id,
            held.attempts == 1,
            held.operation == "add",
            held.acknowledged_hash.is_(None),
        )
        .values(was_present=held.entity_key.in_(sorted(keys)) if keys else False)
    )


def record_accepted(
    connection: Connection,
    *,
    sync_name: str,
    batch_id: str,
    now: datetime,
    as_of: datetime,
    keys: Sequence[str] | None = None,
) -> None:
    """Record that the destination confirmed claimed rows: those of `keys`, or the whole batch.

    `as_of` is the instant of the audience that they are of.
    """
    held = sync_ledger.c
    is_removal = held.operation == "remove"
    chosen = [
        held.sync_name == sync_name,
        held.batch_id == batch_id,
        held.state == "claimed",
    ]
    if keys is not None:
        chosen.append(held.entity_key.in_(keys))
    connection.execute(
        update(sync_ledger)
        .where(*chosen)
        .values(
            state=case((is_removal, "removed"), else_="delivered"),
            acknowledged_hash=case((is_removal, null()), else_=held.payload_hash),
            held_identifiers=case((is_removal, null()), else_=held.identifier),
            identifier=case((is_removal, null()), else_=held.identifier),
            was_present=case((is_removal, null()), else_=held.was_present),
            added_as_of=case((held.operation == "add", as_of), else_=held.added_as_of),
            delivered_at=now,
            last_error=null(),
            next_attempt_at=null(),
        )
    )


def record_rejected(
    connection: Connection,
    *,
    sync_name: str,
    batch_id: str,
    rejected: Sequence[Answer],
    max_attempts: int,
    now: datetime,
) -> int:
    """Record rejections with the destination's words; return how many are now parked."""
    held = sync_ledger.c
    said = _relation(
        "said", {"entity_key": Text, "error": Text}, [(a.entity_key, a.error) for a in rejected]
    )
    mine = and_(
        held.sync_name == sync_name,
        held.batch_id == batch_id,
        held.entity_key == said.c.entity_key,
    )
    connection.execute(
        update(sync_ledger)
        .where(mine, held.state == "claimed")
        .values(
            rejections=held.rejections + 1,
            state=case((held.rejections + 1 >= max_attempts, "parked"), else_="rejected"),
            last_error=said.c.error,
        )
    )
    # The backoff is computed here, not in SQL: engines disagree on interval arithmetic.
    waiting: Sequence[Any] = connection.execute(
        select(held.state, held.rejections, func.count())
        .select_from(sync_ledger.join(said, mine))
        .where(held.state.in_(["rejected", "parked"]))
        .group_by(held.state, held.rejections)
    ).all()
    for state, rejections, _count in waiting:
        if state == "rejected":
            connection.execute(
                update(sync_ledger)
                .where(mine, held.state == "rejected", held.rejections == rejections)
                .values(next_attempt_at=retry_at(now, rejections))
            )
    return sum(count for state, _rejections, count in waiting if state == "parked")


def settle(connection: Connection, sync_name: str) -> None:
    """Close what the audience no longer asks for where nothing needs sending."""
    held, planned = sync_ledger.c, sync_plan.c
    connection.execute(
        update(sync_ledger)
        .where(
            planned.sync_name == sync_name,
            planned.lane == "settled",
            held.sync_name == planned.sync_name,
            held.entity_key == planned.entity_key,
        )
        .values(
            state=case((planned.payload_hash.is_(None), "removed"), else_="delivered"),
            payload_hash=planned.payload_hash,
            audience_hash=planned.audience_hash,
            fields_hash=planned.fields_hash,
            acknowledged_hash=case(
                (planned.payload_hash.is_(None), null()), else_=held.acknowledged_hash
            ),
            identifier=case((planned.payload_hash.is_(None), null()), else_=held.identifier),
            held_identifiers=case(
                (planned.payload_hash.is_(None), null()), else_=held.held_identifiers
            ),
            was_present=case((planned.payload_hash.is_(None), null()), else_=held.was_present),
            last_error=null(),
            next_attempt_at=null(),
        )
    )


def parked(connection: Connection, sync_name: str | None) -> list[Row[Any]]:
    """The parked rows of a sync, or of all: name, key, operation, rejections, words, since when."""
    held = sync_ledger.c
    chosen = [held.state == "parked"]
    if sync_name is not None:
        chosen.append(held.sync_name == sync_name)
    return list(
        connection.execute(
            select(
                held.sync_name,
                held.entity_key,
                held.operation,
                held.rejections,
                held.last_error,
                held.claimed_at,
            )
            .where(*chosen)
            .order_by(held.sync_name, held.entity_key)
        ).all()
    )


def unpark(connection: Connection, sync_name: str, keys: Collection[str] | None) -> int:
    """Make parked rows due again with all their attempts before them; how many there were."""
    held = sync_ledger.c
    chosen = [held.sync_name == sync_name, held.state == "parked"]
    if keys is not None:
        chosen.append(held.entity_key.in_(sorted(keys)))
    count: int = connection.execute(
        select(func.count()).select_from(sync_ledger).where(*chosen)
    ).scalar_one()
    connection.execute(
        update(sync_ledger)
        .where(*chosen)
        .values(state="rejected", rejections=0, next_attempt_at=null())
    )
    return count


def identifiers(held: str | None) -> list[str]:
    """The identifiers in a `held_identifiers`."""
    return held.split(SEPARATOR) if held else []


def _with_identifier(
    held: ColumnElement[str], identifier: ColumnElement[str]
) -> ColumnElement[str]:
    """`held` with `identifier` among them."""
    around = literal(SEPARATOR).op("||")(held).op("||")(literal(SEPARATOR))
    within = literal(SEPARATOR).op("||")(identifier).op("||")(literal(SEPARATOR))
    return case(
        (held.is_(None), identifier),
        (or_(identifier.is_(None), around.contains(within)), held),
        else_=held.op("||")(literal(SEPARATOR)).op("||")(identifier),
    )


def _typed(value: str) -> ColumnElement[str]:
    return bindparam(None, value, Text)


def _relation(
    name: str, columns: dict[str, type[Text]], rows: Sequence[tuple[str | None, ...]]
) -> FromClause:
    return values(*(sql_column(key, kind) for key, kind in columns.items()), name=name).data(
        list(rows)
    )
