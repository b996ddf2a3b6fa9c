"""Reads an audience table: its columns, its size, and that its keys are usable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import md5

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    collate,
    column,
    distinct,
    func,
    literal,
    select,
    table,
)

from orchestration.activation import ledger
from orchestration.activation.exposures import KEY, MappedField, Sync
from orchestration.destinations.base import Column
from orchestration.errors import StrataError, SyncFailed

HASH = "payload_hash"


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


def require_published(connection: Connection, sync: Sync) -> None:
    """Check that the segment of the audience was published at least once.

    Raises:
        StrataError: it never was, so nobody has seen who would be in it.
    """
    if sync.terms is None or sync.terms.segment_id is None:
        return
    verdicts = table("segment_verdicts", column("segment_id"), column("verdict"), schema="segments")
    of_segment = verdicts.c.segment_id == sync.terms.segment_id
    if not connection.execute(
        select(func.count()).where(of_segment, verdicts.c.verdict == "publish")
    ).scalar():
        raise StrataError(
            f"{sync.name}: the segment {sync.terms.segment_id} of {sync.audience} was never "
            "published; `strata segments` shows why; nothing was sent"
        )


def payload_hash(sync: Sync, audience: Audience) -> ColumnElement[str]:
    """SQL of the hash that changes with what the sync sends of a member."""
    relation = audience.relation
    if sync.mode == "archive":
        return bindparam(None, "archived", Text)
    if not sync.mapping:
        return relation.c[HASH]
    # The audience's own hash is of all its columns; a change of one not sent is none.
    return func.md5(
        _joined(
            bindparam(None, field_list(sync, audience), Text),
            *(cast(relation.c[name], Text) for name in columns_read(sync, audience)),
        )
    )


def fields_hash(sync: Sync, audience: Audience) -> str | None:
    """Tells which fields of a member the sync sends; None where the audience's hash is the sync's.

    With it and the audience's own hash a member is known to be as it was without hashing its
    fields anew.
    """
    if not sync.mapping or sync.mode == "archive":
        return None
    return md5(field_list(sync, audience).encode(), usedforsecurity=False).hexdigest()[:8]


def fields_of(sync: Sync, audience: Audience) -> Sequence[MappedField]:
    """The fields that the sync sends: its mapping, or every column by its own name."""
    return sync.mapping or [MappedField(item.name, item.name) for item in audience.payload]


def columns_read(sync: Sync, audience: Audience) -> list[str]:
    """The audience's columns that the sync reads: the identifier and those of its fields."""
    names = [sync.identifier, *(field.column for field in fields_of(sync, audience))]
    return list(dict.fromkeys(names))


def field_list(sync: Sync, audience: Audience) -> str:
    """What is sent of each member, one `field=column` a line."""
    return "\n".join(
        f"{field.name}={field.column}{' (null clears)' if field.is_null_sent else ''}"
        for field in fields_of(sync, audience)
    )


def _joined(*parts: ColumnElement[str]) -> ColumnElement[str]:
    """Texts as one that no other texts give: nulls and separators within are told apart."""
    joined: ColumnElement[str] = literal("", Text)
    for part in parts:
        told = func.coalesce(func.replace(part, "|", "||"), "|-")
        joined = joined.op("||")(told).op("||")(literal("|,", Text))
    return joined


def held_rows(
    connection: Connection,
    sync: Sync,
    audience: Audience,
    columns: Sequence[str],
    chunk_rows: int,
) -> Iterator[tuple[object, ...]]:
    """Stream the whole audience by rank, or else in the order of its keys: key, then `columns`.

    Keys are in the order of their characters' codes on every engine, so that the same audience
    gives the same file.

    Raises:
        SyncFailed: at the end, when a row differs from what the ledger claims; then the
            table was replaced since the plan was made.
    """
    read = 0
    # Not the connection itself: that would make it stream in every later statement.
    statement = _held(sync, audience, columns).execution_options(
        stream_results=True, yield_per=chunk_rows
    )
    for chunk in connection.execute(statement).partitions():
        read += len(chunk)
        yield from map(tuple, chunk)
    if read != audience.row_count:
        raise SyncFailed(
            f"{sync.name}: {sync.audience} changed while it was written; "
            "the destination keeps what it held; run the sync again"
        )


def _held(sync: Sync, audience: Audience, columns: Sequence[str]) -> Select[tuple[object, ...]]:
    relation, held = audience.relation, ledger.sync_ledger
    matches = and_(
        held.c.sync_name == sync.name,
        held.c.entity_key == relation.c[KEY],
        held.c.payload_hash == payload_hash(sync, audience),
        held.c.state.in_(["claimed", "delivered"]),
    )
    return (
        select(relation.c[KEY], *(relation.c[name] for name in columns))
        .select_from(relation.join(held, matches))
        .order_by(
            *([relation.c[sync.rank_column]] if sync.rank_column else []),
            collate(relation.c[KEY], "C"),
        )
    )
