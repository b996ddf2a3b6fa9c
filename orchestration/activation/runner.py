"""Runs a sync: plan, guard, then claim, send and record, batch by batch.

Every step leaves the ledger in a state from which another run goes on, so a process may
die anywhere: a row is claimed before it is sent, counts as delivered only when the
destination said so, and is sent again with the same idempotency key until then.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Text, cast, delete, select
from sqlalchemy.exc import SQLAlchemyError

from expectations.audit import Keep, audit_audience
from orchestration.activation import ledger
from orchestration.activation.audience import (
    Audience,
    fields_of,
    held_rows,
    payload_hash,
    read_audience,
    require_published,
)
from orchestration.activation.exposures import KEY, Sync
from orchestration.activation.ledger import sync_plan
from orchestration.activation.plan import Lane, PlanSummary, guard, write_plan
from orchestration.destinations.base import (
    Answer,
    AskableDestination,
    Batch,
    BatchDestination,
    BatchRefused,
    Clock,
    Destination,
    DestinationStopped,
    NoAnswer,
    Row,
    SharedDestination,
    SnapshotDestination,
)
from orchestration.errors import SyncFailed, UsageError
from orchestration.lease import Lease
from orchestration.log import work
from orchestration.project import DATA_DOCS_DIR
from orchestration.traces import Note, span

# One read of the audience costs 100 ms at a million members, however few of them are asked for.
READ_ROWS = 10_000

Progress = Callable[[int, int], None]
"""Called with the rows answered so far and the rows to send."""


SYNC_LEASE = timedelta(minutes=5)
"""Longer than one request takes with all its repeats."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How a run ended. Counts are rows of this run."""

    sync_name: str
    sync_run_id: str
    address: str
    """Where it delivered, without credentials."""
    added: int
    changed: int
    removed: int
    rejected: int
    """Refused by the destination; tried again later."""
    parked: int
    """Refused too often; left until the payload changes or a person releases them."""
    unchanged: int
    confirmed: int
    """Of those added, changed and removed: not sent again, since the destination had them."""
    started_at: datetime
    ended_at: datetime


@dataclass(slots=True)
class _Counts:
    added: int = 0
    changed: int = 0
    removed: int = 0
    rejected: int = 0
    parked: int = 0
    unchanged: int = 0
    confirmed: int = 0

    def accept(self, operation: str) -> None:
        if operation in ("add", "archive"):
            self.added += 1
        elif operation == "change":
            self.changed += 1
        else:
            self.removed += 1

    def recorded(self) -> dict[str, int]:
        return {name: count for name, count in asdict(self).items() if name != "confirmed"}


@dataclass(slots=True)
class _Run:
    """What the steps of one run share."""

    connection: Connection
    sync: Sync
    sync_run_id: str
    now: Clock
    progress: Progress
    as_of: datetime
    counts: _Counts = field(default_factory=_Counts)
    fields: str | None = None
    """What is sent of each member, once the plan is allowed."""

    @property
    def lease(self) -> Lease:
        """The right to deliver this sync."""
        return sync_lease(self.sync, self.sync_run_id)


@dataclass(frozen=True, slots=True)
class Release:
    """A person's word that a plan beyond its guards is right; kept with the run."""

    by: str
    reason: str


def sync_lease(sync: Sync, run_id: str) -> Lease:
    """The right of one run to deliver a sync, or to read its destination back."""
    return Lease(sync.name, run_id, SYNC_LEASE, SyncFailed)


def utc_now() -> datetime:
    """Read the clock, as a naive UTC datetime like every timestamp in the warehouse."""
    return datetime.now(UTC).replace(tzinfo=None)


def no_progress(_done: int, _total: int) -> None:
    """Show nothing."""


def plan_sync(engine: Engine, sync: Sync, *, now: Clock = utc_now) -> PlanSummary:
    """Say what a run would do now. Writes nothing but the scratch plan.

    Raises:
        StrataError: the audience or the state tables do not exist, or the keys are unusable.
    """
    with engine.connect() as connection:
        with connection.begin():
            ledger.require_state_tables(connection)
            require_published(connection, sync)
            summary = write_plan(connection, sync, read_audience(connection, sync), now())
        problem = _audit_problem(connection, sync)
    reasons = [reason for reason in (problem, summary.stopped_by) if reason]
    return replace(summary, stopped_by="; ".join(reasons) or None)


def run_sync(
    engine: Engine,
    sync: Sync,
    *,
    run_id: str,
    as_of: datetime,
    progress: Progress = no_progress,
    now: Clock = utc_now,
    release: Release | None = None,
) -> SyncReport:
    """Make the destination of `sync` hold what its audience holds.

    Args:
        engine: the warehouse; one connection is used from beginning to end.
        sync: what to deliver and where.
        run_id: the refresh that this sync belongs to.
        as_of: the instant that the audience was evaluated at; recorded, not interpreted.
        progress: called after every answer.
        now: the clock, for the ledger's times and for what is due.
        release: lets a plan pass that its bounds on change would stop; the audit stays.

    Raises:
        SyncFailed: another run of it is going on, a guard stopped it, or the destination did not
            answer or let us in. Rows without an answer stay claimed, and the next run goes on
            from there.
        StrataError: the audience, the state tables or a setting is not usable.
    """
    with engine.connect() as connection:
        instant = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
        run = _Run(connection, sync, uuid4().hex, now, progress, instant)
        with work(
            "sync", run_id=run_id, as_of=instant, sync=sync.name, sync_run_id=run.sync_run_id,
            destination=sync.destination,
        ) as told:  # fmt: skip
            try:
                return _recorded(run, Keep(run_id, as_of, DATA_DOCS_DIR), release)
            finally:
                told.update(asdict(run.counts))


def _recorded(run: _Run, keep: Keep, release: Release | None) -> SyncReport:
    connection, sync, started_at = run.connection, run.sync, run.now()
    with connection.begin():
        ledger.require_state_tables(connection)
        run.lease.acquire(connection, started_at)
        ledger.start_run(
            connection,
            sync_run_id=run.sync_run_id,
            sync_name=sync.name,
            run_id=keep.run_id,
            as_of=run.as_of,
            now=started_at,
            released_by=release.by if release else None,
            release_reason=release.reason if release else None,
        )
    try:
        address = _deliver(run, keep, release)
    except BaseException as error:
        # Interrupted by a person included: a run that ends says how it ended.
        stopped = isinstance(error, _StoppedByGuard)
        state = "stopped_by_guard" if stopped else "failed"
        # If the warehouse is what failed, the next run records that this one did.
        with suppress(SQLAlchemyError):
            _finish(run, state, str(error) or type(error).__name__)
        raise
    _finish(run, "succeeded", None)
    return SyncReport(
        sync_name=sync.name,
        sync_run_id=run.sync_run_id,
        address=address,
        started_at=started_at,
        ended_at=run.now(),
        **asdict(run.counts),
    )


class _StoppedByGuard(SyncFailed):
    """Tells a plan that was refused from a delivery that failed."""


def _audit_problem(connection: Connection, sync: Sync, keep: Keep | None = None) -> str | None:
    """Why the audience may not be sent, if its audit says so."""
    if sync.terms is None:
        return None
    failures = audit_audience(connection, sync.terms, keep)
    if not failures:
        return None
    return f"the audience {sync.audience} did not pass its audit: {'; '.join(failures)}"


def _finish(run: _Run, state: str, error: str | None) -> None:
    with run.connection.begin():
        ledger.finish_run(
            run.connection,
            sync_run_id=run.sync_run_id,
            state=state,
            counts=run.counts.recorded(),
            error=error,
            fields=run.fields,
            now=run.now(),
        )
        run.lease.release(run.connection, run.now())


def _deliver(run: _Run, keep: Keep, release: Release | None) -> str:
    with closing(connect(run.sync, run.now)) as destination:
        if run.sync.shared_list and not isinstance(destination, SharedDestination):
            raise UsageError(
                f"`shared_list` is true, and the destination {run.sync.destination} cannot say "
                "who is on its list; accepted: false"
            )
        with run.connection.begin():
            require_published(run.connection, run.sync)
            audience = read_audience(run.connection, run.sync)
        if problem := _audit_problem(run.connection, run.sync, keep):
            raise _StoppedByGuard(f"{run.sync.name}: {problem}; nothing was sent")
        with run.connection.begin():
            summary = write_plan(run.connection, run.sync, audience, run.now())
        run.counts.unchanged = summary.unchanged
        if release is None:
            try:
                guard(summary)
            except SyncFailed as error:
                raise _StoppedByGuard(
                    f'{error}; if it is right: strata sync {run.sync.name} --release --reason "..."'
                ) from None
        run.fields = summary.fields
        with run.connection.begin():
            ledger.settle(run.connection, run.sync.name)
        if isinstance(destination, SnapshotDestination):
            _write_snapshot(run, audience, summary, destination)
        elif isinstance(destination, BatchDestination):
            _send_batches(run, audience, summary, destination)
        else:
            raise TypeError(f"{type(destination).__name__} is neither kind of destination")
        return destination.address


def connect(sync: Sync, now: Clock) -> Destination:
    """Make the client of a sync's destination.

    Raises:
        UsageError: its library is not installed, or a setting or a secret is missing.
    """
    try:
        return sync.settings.connect(now)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{sync.name}: the destination {sync.destination} needs the library {error.name}; "
            "install the project with the extra `destinations`"
        ) from error


def _write_snapshot(
    run: _Run, audience: Audience, summary: PlanSummary, destination: SnapshotDestination
) -> None:
    if not summary.to_send and destination.exists():
        return
    run.progress(0, summary.to_send)
    with run.connection.begin():
        for lane in summary.lanes:
            _claim(run, lane.first, lane.last, batch_id=run.sync_run_id)
    with run.connection.begin():
        fields = fields_of(run.sync, audience)
        rows = held_rows(
            run.connection,
            run.sync,
            audience,
            [field.column for field in fields],
            run.sync.batch_size,
        )
        by_name = {item.name: item for item in [audience.key, *audience.payload]}
        columns = [replace(by_name[field.column], name=field.name) for field in fields]
        with _request(run, summary.to_send, run.sync_run_id):
            destination.write([audience.key, *columns], rows)
    with run.connection.begin():
        ledger.record_accepted(
            run.connection,
            sync_name=run.sync.name,
            batch_id=run.sync_run_id,
            now=run.now(),
            as_of=run.as_of,
        )
    run.counts.added = summary.added
    run.counts.changed = summary.changed
    run.counts.removed = summary.removed
    run.progress(summary.to_send, summary.to_send)


def _send_batches(
    run: _Run, audience: Audience, summary: PlanSummary, destination: BatchDestination
) -> None:
    done, unanswered = 0, 0
    run.progress(done, summary.to_send)
    for lane in summary.lanes:
        for first, last, batch in _batches(run, audience, lane):
            present = _present(run, batch, destination)
            with run.connection.begin():
                if batch.rows:
                    _claim(run, first, last, batch.batch_id)
                    if run.sync.shared_list:
                        ledger.note_present(
                            run.connection,
                            sync_name=run.sync.name,
                            batch_id=batch.batch_id,
                            keys=present,
                        )
            answered = 0
            for answers in _answers(run, batch, destination, is_repeat=lane.name == "resend"):
                answered += _record(run, batch, answers)
                run.progress(done + answered, summary.to_send)
            done += last - first + 1
            unanswered += len(batch.rows) - answered
    if unanswered:
        raise SyncFailed(
            f"{_described(run.sync, destination)} gave no answer for {unanswered} rows; "
            "they are sent again by the next run"
        )


def _present(run: _Run, batch: Batch, destination: BatchDestination) -> Collection[str]:
    """Whom a shared list holds of those that this batch adds for the first time."""
    added = [row for row in batch.rows if row.operation == "add"]
    if not (added and run.sync.shared_list and isinstance(destination, SharedDestination)):
        return ()
    with in_words(run.sync, destination):
        return destination.present(added)


def _answers(
    run: _Run, batch: Batch, destination: BatchDestination, *, is_repeat: bool
) -> Iterator[Sequence[Answer]]:
    """Send a batch. What was sent before without an answer is asked about where it can be."""
    if is_repeat and batch.rows and isinstance(destination, AskableDestination):
        with in_words(run.sync, destination):
            applied = set(destination.applied(batch))
        if applied:
            run.counts.confirmed += len(applied)
            yield [Answer(row.entity_key) for row in batch.rows if row.entity_key in applied]
            rest = [row for row in batch.rows if row.entity_key not in applied]
            batch = Batch.of(batch.sync_name, rest)
    if batch.rows:
        yield from _send(run, batch, destination)


def _batches(run: _Run, audience: Audience, lane: Lane) -> Iterator[tuple[int, int, Batch]]:
    """The batches of a lane with their first and last positions; read several at a time."""
    size = run.sync.batch_size
    for start in range(lane.first, lane.last + 1, size * max(1, READ_ROWS // size)):
        end = min(start + size * max(1, READ_ROWS // size) - 1, lane.last)
        with run.connection.begin():
            rows = _read_rows(run, audience, start, end)
        for first in range(start, end + 1, size):
            last = min(first + size - 1, end)
            found = [rows[place] for place in range(first, last + 1) if place in rows]
            yield first, last, Batch.of(run.sync.name, found)


def _read_rows(run: _Run, audience: Audience, first: int, last: int) -> dict[int, Row]:
    """Read what to send for positions `first` to `last`, and drop what is out of date.

    A table that was replaced since the plan was made no longer has the payload that the
    plan's keys stand for; such rows are left to the next run.
    """
    planned, wanted = sync_plan.c, audience.relation
    fields = fields_of(run.sync, audience)
    found: Sequence[Any] = run.connection.execute(
        select(
            planned.position,
            planned.operation,
            planned.entity_key,
            planned.idempotency_key,
            planned.identifier,
            planned.held_identifiers,
            planned.payload_hash,
            payload_hash(run.sync, audience),
            *(wanted.c[field.column] for field in fields),
        )
        .select_from(sync_plan.outerjoin(wanted, wanted.c[KEY] == planned.entity_key))
        .where(planned.sync_name == run.sync.name, planned.position.between(first, last))
        .order_by(planned.position)
    ).all()
    rows: dict[int, Row] = {}
    outdated = []
    for position, operation, key, idempotency_key, identifier, held, hashed, now, *values in found:
        content = None
        if operation in ("add", "change"):
            if now != hashed:
                outdated.append(position)
                continue
            content = {
                field.name: value
                for field, value in zip(fields, values, strict=True)
                if value is not None or field.is_null_sent
            }
        others = tuple(one for one in ledger.identifiers(held) if one != identifier)
        rows[position] = Row(operation, key, idempotency_key, content, identifier, others)
    if outdated:
        run.connection.execute(
            delete(sync_plan).where(
                planned.sync_name == run.sync.name, planned.position.in_(outdated)
            )
        )
    return dict(zip(rows, _sparing_others(run, audience, list(rows.values())), strict=True))


def _sparing_others(run: _Run, audience: Audience, rows: list[Row]) -> list[Row]:
    """The rows without former identifiers by which somebody else of the audience is known now."""
    former = {one for row in rows for one in row.former_identifiers}
    if not former:
        return rows
    known_by = cast(audience.relation.c[run.sync.identifier], Text)
    found = select(known_by).where(known_by.in_(sorted(former)))
    taken = set(run.connection.execute(found).scalars().all())
    return [
        replace(row, former_identifiers=tuple(set(row.former_identifiers) - taken)) for row in rows
    ]


def _claim(run: _Run, first: int, last: int, batch_id: str) -> None:
    run.lease.renew(run.connection, run.now())
    ledger.claim(
        run.connection,
        sync_name=run.sync.name,
        first=first,
        last=last,
        batch_id=batch_id,
        sync_run_id=run.sync_run_id,
        now=run.now(),
    )


def _send(run: _Run, batch: Batch, destination: BatchDestination) -> Iterator[Sequence[Answer]]:
    """Send a batch; if it is refused as a whole, its halves, down to the row at fault."""
    try:
        with (
            in_words(run.sync, destination),
            _request(run, len(batch.rows), batch.batch_id) as note,
        ):
            answers = destination.send(batch)
            refused = sum(not answer.is_accepted for answer in answers)
            note(None, accepted=len(answers) - refused, rejected=refused)
    except BatchRefused as refused:
        if len(batch.rows) == 1:
            yield [Answer(batch.rows[0].entity_key, str(refused))]
            return
        for half in batch.halves():
            yield from _send(run, half, destination)
    else:
        yield answers


def _request(run: _Run, rows: int, batch_id: str) -> AbstractContextManager[Note]:
    return span("send", sync=run.sync.name, rows=rows, batch=batch_id)


@contextmanager
def in_words(sync: Sync, destination: Destination) -> Iterator[None]:
    """What keeps a destination from answering, as a sync that failed."""
    try:
        yield
    except DestinationStopped as stopped:
        raise SyncFailed(
            f"{_described(sync, destination)} does not take deliveries: {stopped}; "
            "no row is lost, the next run goes on from here"
        ) from stopped
    except NoAnswer as silence:
        raise SyncFailed(
            f"{_described(sync, destination)} did not answer: {silence}; "
            "the rows of this batch are sent again by the next run"
        ) from silence


def _described(sync: Sync, destination: Destination) -> str:
    return f"{sync.name}: {sync.destination} {destination.address}"


def _record(run: _Run, batch: Batch, answers: Sequence[Answer]) -> int:
    """Record answers in one transaction, count them, and return how many rows they were for."""
    operations = {row.entity_key: row.operation for row in batch.rows}
    said = {item.entity_key: item for item in answers if item.entity_key in operations}
    accepted = [key for key, answer in said.items() if answer.is_accepted]
    rejected = [answer for answer in said.values() if not answer.is_accepted]
    is_whole_batch = len(accepted) == len(batch.rows)
    parked = 0
    with run.connection.begin():
        if accepted:
            ledger.record_accepted(
                run.connection,
                sync_name=run.sync.name,
                batch_id=batch.batch_id,
                keys=None if is_whole_batch else accepted,
                now=run.now(),
                as_of=run.as_of,
            )
        if rejected:
            parked = ledger.record_rejected(
                run.connection,
                sync_name=run.sync.name,
                batch_id=batch.batch_id,
                rejected=rejected,
                max_attempts=run.sync.max_attempts,
                now=run.now(),
            )
    for key in accepted:
        run.counts.accept(operations[key])
    run.counts.rejected += len(rejected) - parked
    run.counts.parked += parked
    return len(said)
