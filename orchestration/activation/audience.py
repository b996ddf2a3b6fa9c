"""Reads an audience table: its columns, its size, and that its keys are usable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    FromClause,
    Select,
    and_,
    collate,
    column,
    distinct,
    func,
    select,
    table,
)

from orchestration.activation import ledger
from orchestration.activation.exposures import Sync
from orchestration.destinations.base import Column
from orchestration.errors import StrataError, SyncFailed

KEY, HASH = "entity_key", "payload_hash"


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience as it is in the warehouse now."""

    relation: FromClause
    payload: Sequence[Column]
    """What a destination is given beside the key."""
    key: Column
    row_count: int


def read_audience(connection: Connection, sync: Sync) -> Audience:
    """Find the audience of `sync` and count it.

    Raises:
        StrataError: it does not exist, lacks a column, or its keys are null or repeated.
    """
    columns = ledger.columns_of(connection, sync.audience_schema, sync.audience_table)
    if not columns:
        raise StrataError(
            f"audience {sync.audience} of {sync.name} does not exist; run `strata refresh` first"
        )
    by_name = {item.name: item for item in columns}
    for required in (KEY, HASH):
        if required not in by_name:
            raise StrataError(
                f"audience {sync.audience} has no column {required}; found: {', '.join(by_name)}"
            )
    relation = table(
        sync.audience_table,
        *(column(name) for name in by_name),
        schema=sync.audience_schema,
    )
    return Audience(
        relation=relation,
        payload=[item for item in columns if item.name not in (KEY, HASH)],
        key=by_name[KEY],
        row_count=_count(connection, sync, relation),
    )


def _count(connection: Connection, sync: Sync, relation: FromClause) -> int:
    key, payload_hash = relation.c[KEY], relation.c[HASH]
    rows, keys, different, hashes = connection.execute(
        select(
            func.count(),
            func.count(key),
            func.count(distinct(key)),
            func.count(payload_hash),
        ).select_from(relation)
    ).one()
    for found, problem in (
        (rows - keys, f"rows without {KEY}"),
        (keys - different, f"rows whose {KEY} another row has"),
        (rows - hashes, f"rows without {HASH}"),
    ):
        if found:
            raise StrataError(
                f"audience {sync.audience} has {found} {problem}; accepted: one row per "
                f"{KEY}, with a {HASH}; nothing was sent"
            )
    return int(rows)


def held_rows(
    connection: Connection, sync: Sync, audience: Audience, chunk_rows: int
) -> Iterator[tuple[object, ...]]:
    """Stream the whole audience in the order of its keys: key, then payload.

    The order is that of the characters' codes on every engine, so that the same audience
    gives the same file.

    Raises:
        SyncFailed: at the end, when a row differs from what the ledger claims; then the
            table was replaced since the plan was made.
    """
    read = 0
    # Not the connection itself: that would make it stream in every later statement.
    statement = _held(sync, audience).execution_options(stream_results=True, yield_per=chunk_rows)
    for chunk in connection.execute(statement).partitions():
        read += len(chunk)
        yield from map(tuple, chunk)
    if read != audience.row_count:
        raise SyncFailed(
            f"{sync.name}: {sync.audience} changed while it was written; "
            "the destination keeps what it held; run the sync again"
        )


def _held(sync: Sync, audience: Audience) -> Select[tuple[object, ...]]:
    relation, held = audience.relation, ledger.sync_ledger
    matches = and_(
        held.c.sync_name == sync.name,
        held.c.entity_key == relation.c[KEY],
        held.c.payload_hash == relation.c[HASH],
        held.c.state.in_(["claimed", "delivered"]),
    )
    names = [KEY, *(item.name for item in audience.payload)]
    return (
        select(*(relation.c[name] for name in names))
        .select_from(relation.join(held, matches))
        .order_by(collate(relation.c[KEY], "C"))
    )
