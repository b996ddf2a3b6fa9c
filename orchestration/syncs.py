"""The project's syncs, planned and run against a target."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa

from orchestration.activation import ledger
from orchestration.activation.exposures import Sync, load_syncs
from orchestration.activation.plan import PlanSummary
from orchestration.activation.reconcile import Drift, reconcile
from orchestration.activation.runner import Release, SyncReport, plan_sync, run_sync
from orchestration.dbt import Dbt
from orchestration.errors import StrataError, UsageError
from orchestration.project import parse_sources
from orchestration.warehouse import engine, target_name


@dataclass(frozen=True, slots=True)
class Parked:
    """A row that is not sent any more until it changes or a person releases it."""

    sync_name: str
    entity_key: str
    operation: str
    rejections: int
    last_error: str
    claimed_at: datetime


def chosen_syncs(name: str | None, target: str | None) -> list[Sync]:
    """The sync of that name, with or without its `sync_`, or all of the project's.

    Raises UsageError, naming the syncs there are, when there is none of that name.
    """
    # As a refresh is parsed, so that it is not parsed again.
    project = Dbt(target_name(target), {"strata_sources": parse_sources(None)})
    syncs = load_syncs(project.manifest_dict())
    chosen = [sync for sync in syncs if name in (None, sync.name, sync.name.removeprefix("sync_"))]
    if not chosen:
        known = ", ".join(sync.name for sync in syncs) or "none; a sync is a dbt exposure"
        raise UsageError(f"There is no sync '{name}'. Syncs: {known}.")
    return chosen


def plans(syncs: Sequence[Sync], target: str | None) -> Iterator[PlanSummary | StrataError]:
    """What each sync would send now; nothing is sent. One that has no plan does not hide others."""
    warehouse = engine(target)
    for sync in syncs:
        try:
            yield plan_sync(warehouse, sync)
        except StrataError as error:
            yield _named(error, sync)


def deliver(
    syncs: Sequence[Sync],
    target: str | None,
    say: Callable[[str], None],
    release: Release | None = None,
) -> Iterator[SyncReport | StrataError]:
    """Runs each sync; one that fails does not keep the others from running."""
    warehouse = engine(target)
    run_id, as_of = last_publication(warehouse)
    for sync in syncs:

        def progress(done: int, total: int, name: str = sync.name) -> None:
            say(f"  {name}: {done:,} of {total:,} rows")

        try:
            yield run_sync(
                warehouse, sync, run_id=run_id, as_of=as_of, progress=progress, release=release
            )
        except StrataError as error:
            yield _named(error, sync)


def drifts(
    syncs: Sequence[Sync], target: str | None, *, repair: bool
) -> Iterator[Drift | StrataError]:
    """Reads each sync's destination back; one that fails does not keep the others from it."""
    warehouse = engine(target)
    for sync in syncs:
        try:
            yield reconcile(warehouse, sync, repair=repair, reading_id=uuid4().hex)
        except StrataError as error:
            yield _named(error, sync)


def _named(error: StrataError, sync: Sync) -> StrataError:
    said = str(error)
    return type(error)(said if said.startswith(sync.name) else f"{sync.name}: {said}")


def parked_rows(syncs: Sequence[Sync], target: str | None) -> list[Parked]:
    """What destinations refused too often, by sync and key."""
    with engine(target).connect() as connection:
        ledger.require_state_tables(connection)
        return [
            Parked(**row._mapping) for sync in syncs for row in ledger.parked(connection, sync.name)
        ]


def release_parked(sync: Sync, keys: Sequence[str], target: str | None) -> int:
    """Make parked rows of a sync due again: those of `keys`, or all; how many there were.

    Raises UsageError, naming the keys of which none is parked.
    """
    with engine(target).begin() as connection:
        ledger.require_state_tables(connection)
        parked = {row.entity_key for row in ledger.parked(connection, sync.name)}
        unknown = sorted(set(keys) - parked)
        if unknown:
            raise UsageError(
                f"{sync.name} has no parked row of {', '.join(unknown)}; "
                f"`strata parked {sync.name}` lists those that it has ({len(parked)})"
            )
        return ledger.unpark(connection, sync.name, keys or None)


def last_publication(warehouse: sa.Engine) -> tuple[str, datetime]:
    """Run and instant of the last refresh. Raises StrataError when there was none."""
    with warehouse.connect() as connection:
        if sa.inspect(connection).has_table("segment_verdicts", schema="segments"):
            row = connection.execute(
                sa.text(
                    "select run_id, as_of from segments.segment_verdicts "
                    "order by as_of desc, run_started_at desc, run_id limit 1"
                )
            ).first()
            if row is not None:
                return row[0], row[1]
    raise StrataError(
        "Nothing is published yet: run `strata refresh` (with the demo's data `strata demo`) first."
    )
