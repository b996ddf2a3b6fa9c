"""The project's syncs, planned and run against a target."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from orchestration.activation.exposures import Sync, load_syncs
from orchestration.activation.plan import PlanSummary
from orchestration.activation.runner import SyncReport, plan_sync, run_sync
from orchestration.dbt import Dbt
from orchestration.errors import StrataError, UsageError
from orchestration.project import parse_sources
from orchestration.warehouse import engine, target_name


def chosen_syncs(name: str | None, target: str | None) -> list[Sync]:
    """The sync of that name, or all of the project's.

    Raises UsageError, naming the syncs there are, when there is none of that name.
    """
    # As a refresh is parsed, so that it is not parsed again.
    project = Dbt(target_name(target), {"strata_sources": parse_sources(None)})
    syncs = load_syncs(project.manifest_dict())
    chosen = [sync for sync in syncs if name in (None, sync.name)]
    if not chosen:
        known = ", ".join(sync.name for sync in syncs) or "none; a sync is a dbt exposure"
        raise UsageError(f"There is no sync '{name}'. Syncs: {known}.")
    return chosen


def plans(syncs: Sequence[Sync], target: str | None) -> list[PlanSummary]:
    """What each sync would send now; nothing is sent."""
    warehouse = engine(target)
    return [plan_sync(warehouse, sync) for sync in syncs]


def deliver(
    syncs: Sequence[Sync], target: str | None, say: Callable[[str], None]
) -> Iterator[SyncReport | StrataError]:
    """Runs each sync; one that fails does not keep the others from running."""
    warehouse = engine(target)
    run_id, as_of = last_publication(warehouse)
    for sync in syncs:

        def progress(done: int, total: int, name: str = sync.name) -> None:
            say(f"  {name}: {done:,} of {total:,} rows")

        try:
            yield run_sync(warehouse, sync, run_id=run_id, as_of=as_of, progress=progress)
        except StrataError as error:
            yield type(error)(f"{sync.name}: {error}")


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
    raise StrataError("Nothing is published yet: run `strata refresh` (or `make demo`) first.")
