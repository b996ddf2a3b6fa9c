"""The plan of a sync: what differs between an audience and what its destination holds.

One statement joins the audience with the ledger and writes the difference to
`activation.sync_plan`, a row for each key that is not simply as it should be. The `lane`
says what is done with it, in this order:

- `resend`: claimed by a run that never had its answer; sent again with the same key,
- `new`: a change that was not sent before; removals first, they may be withdrawn consent,
- `retry`: was rejected and is due; last, so that a poison row delays nobody,
- `waiting`: was rejected and is not due yet,
- `parked`: was rejected too often; left alone until its payload changes,
- `settled`: the audience no longer asks for it, and nothing needs sending: it was rejected,
  somebody else put the member there, another member is known by the same identifier, or the
  mode does not take members away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from orchestration.activation import ledger
from orchestration.activation.audience import (
    HASH,
    Audience,
    field_list,
    fields_hash,
    payload_hash,
)
from orchestration.activation.exposures import KEY, Sync
from orchestration.activation.ledger import UNKNOWN, sync_ledger, sync_plan
from orchestration.errors import SyncFailed

LANES = ("resend", "new", "retry", "waiting", "parked", "settled")
SENT_LANES = LANES[:3]
UNANSWERED = ("claimed", "rejected", "parked")
"""States of rows whose last change the destination did not confirm."""
EXAMPLES_PER_OPERATION = 5
CHANGES_ASKED_FROM = 100
"""Members at the destination below which a young audience may grow as it likes."""


class _Sha256Hex(GenericFunction[str]):
    """SHA-256 of a text's UTF-8 bytes as 64 lower-case hexadecimal digits."""

    type = Text()
    inherit_cache = True
    name = "strata_sha256_hex"


@compiles(_Sha256Hex)
def _sha256_hex(element: _Sha256Hex, compiler: SQLCompiler, **options: object) -> str:
    inner = compiler.process(element.clauses, **options)
    return f"encode(sha256(convert_to({inner}, 'UTF8')), 'hex')"


@compiles(_Sha256Hex, "duckdb")
def _sha256_hex_duckdb(element: _Sha256Hex, compiler: SQLCompiler, **options: object) -> str:
    return f"sha256({compiler.process(element.clauses, **options)})"


@dataclass(frozen=True, slots=True)
class Lane:
    """The positions of one lane in the plan, both ends included."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What a sync would do now, in rows."""

    sync_name: str
    audience: int
    """Members in the audience."""
    acknowledged: int
    """Members that the destination holds or may hold."""
    added: int
    changed: int
    removed: int
    unchanged: int
    resent: int
    """Of those to send: without an answer from an earlier run."""
    retried: int
    """Of those to send: rejected before, and due."""
    waiting: int
    """Rejected before, not due yet: not sent."""
    parked: int
    """Rejected too often: not sent."""
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """A few keys for each operation."""
    stopped_by: str | None = None
    """Why a run would refuse this plan, if it would."""
    fields: str = ""
    """What is sent of each member, one `field=column` a line."""
    fields_before: str | None = None
    """What was sent of each by the last run, if that was something else."""
    lanes: Sequence[Lane] = ()

    @property
    def to_send(self) -> int:
        """Rows that a run would send."""
        return self.added + self.changed + self.removed


def write_plan(
    connection: Connection, sync: Sync, audience: Audience, now: datetime
) -> PlanSummary:
    """Rebuild the plan of `sync` in `activation.sync_plan` and sum it up.

    Touches nothing else. The caller commits.
    """
    connection.execute(delete(sync_plan).where(sync_plan.c.sync_name == sync.name))
    difference = _difference(sync, audience, now)
    connection.execute(
        insert(sync_plan).from_select([c.name for c in difference.selected_columns], difference)
    )
    return _summary(connection, sync, audience)


def guard(summary: PlanSummary) -> None:
    """Stop a plan that would take away or change too much.

    Raises:
        SyncFailed: the plan breaks the sync's bound; its message says by how much.
    """
    if summary.stopped_by:
        raise SyncFailed(f"{summary.sync_name}: {summary.stopped_by}; nothing was sent")


def _difference(sync: Sync, audience: Audience, now: datetime) -> Select[tuple[Any, ...]]:
    differing = _differing(sync, audience).cte("differing").prefix_with("materialized")
    known = _known(sync, differing).cte("known")
    wanted = _wanted(sync, audience, differing).subquery("wanted")
    joined = known.outerjoin(wanted, known.c[KEY] == wanted.c[KEY])
    is_member = wanted.c[KEY].is_not(None)
    is_to_stay: ColumnElement[bool] = func.coalesce(known.c.was_present, False)
    if sync.identifier != KEY:
        # Somebody else of the audience may be known by what a member who leaves was known by.
        gone = select(known.c.identifier).where(~known.c.is_member)
        known_by = cast(audience.relation.c[sync.identifier], Text)
        named = (
            select(known_by.label("named")).where(known_by.in_(gone)).distinct().subquery("named")
        )
        joined = joined.outerjoin(named, and_(~is_member, known.c.identifier == named.c.named))
        is_to_stay = or_(is_to_stay, named.c.named.is_not(None))
    is_same_payload = known.c.claimed_hash == wanted.c[HASH]
    if sync.mode == "insert":
        # Nobody is inserted twice: an add without an answer stays that add, whatever changed.
        is_same_payload = or_(is_same_payload, known.c.state == "claimed")
    is_same_change = and_(
        known.c.state.in_(UNANSWERED),
        case(
            (is_member, and_(known.c.claimed_operation != "remove", is_same_payload)),
            else_=known.c.claimed_operation == "remove",
        ),
    )
    compared = (
        select(
            known.c[KEY],
            wanted.c[HASH].label(HASH),
            wanted.c.audience_hash,
            wanted.c.fields_hash,
            func.coalesce(wanted.c.identifier, known.c.identifier).label("identifier"),
            known.c.held_identifiers,
            *([wanted.c.rank] if sync.rank_column else []),
            is_to_stay.label("is_to_stay"),
            is_member.label("is_member"),
            func.coalesce(is_same_change, False).label("is_same_change"),
            case((known.c.state == "claimed", UNKNOWN), else_=known.c.acknowledged_hash).label(
                "previous_hash"
            ),
            known.c.claimed_operation,
            known.c.state,
            known.c.claimed_generation,
            known.c.claimed_key,
            known.c.next_attempt_at,
        )
        .select_from(joined)
        .cte("compared")
    )
    row = compared.c
    entering = "archive" if sync.mode == "archive" else "add"
    changing = literal(sync.mode in ("mirror", "upsert"), Boolean)
    leaving = literal(sync.mode == "mirror", Boolean)
    forgets = literal(sync.mode in ("insert", "archive"), Boolean)
    is_leaving = and_(~row.is_member, row.previous_hash.is_not(None))
    operation = case(
        (row.is_same_change, row.claimed_operation),
        (and_(row.is_member, row.previous_hash.is_(None)), entering),
        (and_(changing, row.is_member, row.previous_hash != row[HASH]), "change"),
        (and_(leaving, is_leaving, ~row.is_to_stay), "remove"),
    )
    # Who left may come back as a new entry; a row that an upsert left there is kept as it is.
    is_forgotten = and_(is_leaving, or_(row.is_to_stay, and_(forgets, row.state != "claimed")))
    is_due = or_(row.next_attempt_at.is_(None), row.next_attempt_at <= now)
    decided = (
        select(
            compared,
            operation.label("operation"),
            case(
                (and_(row.is_same_change, row.state == "claimed"), "resend"),
                (and_(row.is_same_change, row.state == "parked"), "parked"),
                (and_(row.is_same_change, is_due), "retry"),
                (row.is_same_change, "waiting"),
                (operation.is_not(None), "new"),
                (or_(row.state.in_(["rejected", "parked"]), is_forgotten), "settled"),
            ).label("lane"),
        )
    ).cte("decided")
    row = decided.c
    generation = case(
        (row.is_same_change, row.claimed_generation),
        else_=func.coalesce(row.claimed_generation, 0) + 1,
    )
    position = func.row_number().over(
        order_by=[
            _rank(row.lane, LANES),
            _rank(row.operation, ("remove", "add", "archive", "change")),
            *([row.rank] if sync.rank_column else []),
            row[KEY],
        ]
    )
    return select(
        bindparam(None, sync.name, Text).label("sync_name"),
        position.label("position"),
        row.lane,
        row[KEY],
        row.operation,
        row[HASH],
        row.audience_hash,
        row.fields_hash,
        row.previous_hash,
        cast(generation, Integer).label("generation"),
        case(
            (row.is_same_change, row.claimed_key),
            else_=_idempotency_key(sync.name, row[KEY], row.operation, row[HASH], generation),
        ).label("idempotency_key"),
        row.identifier,
        row.held_identifiers,
    ).where(row.lane.is_not(None))


def _differing(sync: Sync, audience: Audience) -> Select[tuple[Any, ...]]:
    """The keys of members and of ledger rows that may not be as they should be."""
    held, relation = sync_ledger.c, audience.relation
    sent, standing = fields_hash(sync, audience), payload_hash(sync, audience)
    is_there = held.state == "delivered"
    noted = standing if sent is None else relation.c[HASH]
    known = (
        case((is_there, held.acknowledged_hash))
        if sent is None
        else case((and_(is_there, held.fields_hash == sent), held.audience_hash))
    )
    wanted = select(relation.c[KEY], noted.label("noted")).subquery("wanted")
    there = (
        select(held.entity_key, known.label("noted"))
        .where(held.sync_name == sync.name, held.state != "removed")
        .subquery("there")
    )
    is_member = wanted.c[KEY].is_not(None)
    differing = (
        select(
            func.coalesce(wanted.c[KEY], there.c.entity_key).label(KEY),
            is_member.label("is_member"),
            wanted.c.noted,
        )
        .select_from(wanted.outerjoin(there, wanted.c[KEY] == there.c.entity_key, full=True))
        .where(or_(~is_member, there.c.noted.is_distinct_from(wanted.c.noted)))
    )
    if sent is None:
        same = differing.subquery("differing_members")
        return select(
            same.c[KEY],
            same.c.is_member,
            same.c.noted.label("standing"),
            cast(null(), Text).label("audience_hash"),
            cast(null(), Text).label("fields_hash"),
        )
    # Something of them changed; whether it is something that is sent, few are hashed for.
    few = differing.cte("noted_differing").prefix_with("materialized")
    return select(
        few.c[KEY],
        few.c.is_member,
        standing.label("standing"),
        few.c.noted.label("audience_hash"),
        bindparam(None, sent, Text).label("fields_hash"),
    ).select_from(few.outerjoin(relation, relation.c[KEY] == few.c[KEY]))


def _wanted(sync: Sync, audience: Audience, differing: CTE) -> Select[tuple[Any, ...]]:
    """What is to be sent of those that are members."""
    if not sync.rank_column and sync.identifier == KEY:
        return select(
            differing.c[KEY],
            differing.c.standing.label(HASH),
            differing.c.audience_hash,
            differing.c.fields_hash,
            differing.c[KEY].label("identifier"),
        ).where(differing.c.is_member)
    relation = audience.relation
    return select(
        differing.c[KEY],
        differing.c.standing.label(HASH),
        differing.c.audience_hash,
        differing.c.fields_hash,
        cast(relation.c[sync.identifier], Text).label("identifier"),
        *([relation.c[sync.rank_column].label("rank")] if sync.rank_column else []),
    ).select_from(differing.join(relation, relation.c[KEY] == differing.c[KEY]))


def _known(sync: Sync, few: CTE) -> Select[tuple[Any, ...]]:
    """What the ledger has of those keys, but for members who have what is to be sent."""
    held_rows = sync_ledger.alias("held")
    held = held_rows.c
    # Long texts that only few rows have are read of those alone.
    claimed = (
        select(sync_ledger.c.entity_key, sync_ledger.c.payload_hash, sync_ledger.c.idempotency_key)
        .where(sync_ledger.c.sync_name == sync.name, sync_ledger.c.state.in_(UNANSWERED))
        .subquery("claimed")
    )
    is_as_it_should_be = and_(
        few.c.is_member, held.state == "delivered", held.acknowledged_hash == few.c.standing
    )
    return (
        select(
            few.c[KEY],
            few.c.is_member,
            held.identifier,
            held.held_identifiers,
            held.was_present,
            held.acknowledged_hash,
            held.state,
            held.next_attempt_at,
            held.operation.label("claimed_operation"),
            held.generation.label("claimed_generation"),
            claimed.c.payload_hash.label("claimed_hash"),
            claimed.c.idempotency_key.label("claimed_key"),
        )
        .select_from(
            few.outerjoin(
                held_rows, and_(held.sync_name == sync.name, held.entity_key == few.c[KEY])
            ).outerjoin(claimed, claimed.c.entity_key == few.c[KEY])
        )
        .where(~func.coalesce(is_as_it_should_be, False))
    )


def _rank(value: ColumnElement[str], order: Sequence[str]) -> ColumnElement[int]:
    return case(*((value == name, rank) for rank, name in enumerate(order)), else_=len(order))


def _idempotency_key(
    sync_name: str,
    entity_key: ColumnElement[str],
    operation: ColumnElement[str],
    payload_hash: ColumnElement[str],
    generation: ColumnElement[int],
) -> ColumnElement[str]:
    parts = [
        bindparam(None, sync_name, Text),
        entity_key,
        func.coalesce(operation, ""),
        func.coalesce(payload_hash, ""),
        cast(generation, Text),
    ]
    joined: ColumnElement[str] = parts[0]
    for part in parts[1:]:
        joined = joined.op("||")(literal("|")).op("||")(part)
    return _Sha256Hex(joined)


def _summary(connection: Connection, sync: Sync, audience: Audience) -> PlanSummary:
    planned = sync_plan.c
    groups: Sequence[Any] = connection.execute(
        select(
            planned.lane,
            planned.operation,
            func.count(),
            func.count(planned.payload_hash),
            func.min(planned.position),
            func.max(planned.position),
        )
        .where(planned.sync_name == sync.name)
        .group_by(planned.lane, planned.operation)
    ).all()
    sent = {"add": 0, "archive": 0, "change": 0, "remove": 0}
    in_lane = dict.fromkeys(LANES, 0)
    ends: dict[str, tuple[int, int]] = {}
    planned_members = 0
    for lane, operation, count, members, first, last in groups:
        in_lane[lane] += count
        # A settled member needs nothing, so it counts as unchanged.
        planned_members += members if lane != "settled" else 0
        if lane in SENT_LANES:
            sent[operation] += count
            known = ends.get(lane, (first, last))
            ends[lane] = (min(known[0], first), max(known[1], last))
    acknowledged = ledger.acknowledged_count(connection, sync.name)
    fields = field_list(sync, audience)
    fields_before = ledger.last_fields(connection, sync.name)
    return PlanSummary(
        sync_name=sync.name,
        audience=audience.row_count,
        acknowledged=acknowledged,
        added=sent["add"] + sent["archive"],
        changed=sent["change"],
        removed=sent["remove"],
        unchanged=audience.row_count - planned_members,
        resent=in_lane["resend"],
        retried=in_lane["retry"],
        waiting=in_lane["waiting"],
        parked=in_lane["parked"],
        examples=_examples(connection, sync),
        stopped_by=_why_stopped(sync, audience.row_count, acknowledged, sent),
        fields=fields,
        fields_before=fields_before if fields_before != fields else None,
        lanes=[Lane(name, *ends[name]) for name in SENT_LANES if name in ends],
    )


def _examples(connection: Connection, sync: Sync) -> dict[str, list[str]]:
    planned = sync_plan.c
    ranked = (
        select(
            planned.operation,
            planned.entity_key,
            func.row_number()
            .over(partition_by=planned.operation, order_by=planned.position)
            .label("place"),
        )
        .where(planned.sync_name == sync.name, planned.lane.in_(SENT_LANES))
        .subquery()
    )
    examples: dict[str, list[str]] = {}
    found: Sequence[Any] = connection.execute(
        select(ranked.c.operation, ranked.c.entity_key)
        .where(ranked.c.place <= EXAMPLES_PER_OPERATION)
        .order_by(ranked.c.operation, ranked.c.place)
    ).all()
    for operation, key in found:
        examples.setdefault(operation, []).append(key)
    return examples


def _why_stopped(
    sync: Sync, members: int, acknowledged: int, sent: Mapping[str, int]
) -> str | None:
    removed, moved = sent["remove"], sum(sent.values())
    if acknowledged and not members and sync.mode == "mirror":
        return (
            f"{sync.audience} is empty, and {acknowledged} members would be removed; "
            "an empty audience is not mirrored"
        )
    if removed > acknowledged * sync.max_removal_share:
        share = removed / acknowledged
        return (
            f"{removed} of {acknowledged} members would be removed ({share:.1%}); accepted: "
            f"at most {sync.max_removal_share:.1%} (max_removal_share)"
        )
    if acknowledged >= CHANGES_ASKED_FROM and moved > acknowledged * sync.max_change_share:
        return (
            f"{moved} rows would be sent, {moved / acknowledged:.1%} of the {acknowledged} members "
            f"there; accepted: at most {sync.max_change_share:.1%} (max_change_share)"
        )
    return None
