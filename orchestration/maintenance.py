"""Jobs beside the refresh: history, reconciliation, old rows, erasure, pages."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field
from rich.console import Console

from orchestration.activation.reconcile import Drift
from orchestration.assets.manifest import TARGET
from orchestration.assets.steps import Instant, in_words
from orchestration.bi_copy import publish_copy
from orchestration.docs_site import write_site
from orchestration.erasure.erase import Request, erase, forget_in_pages, plan_erasure
from orchestration.errors import NotReadable, StrataError
from orchestration.progress import Steps
from orchestration.project import DATA_DOCS_DIR, parse_sources, utc_now
from orchestration.retention import keep_dagster_days, prune
from orchestration.segment_tools.backfill import backfill, instants_between
from orchestration.syncs import chosen_syncs, drifts
from orchestration.warehouse import check_reachable, engine

TAGS = {"strata/warehouse": TARGET}
"""dagster.yaml lets one run at a time have a warehouse."""


class BackfillConfig(dg.Config):
    """Which instants to refresh, oldest first; none before the last that is published."""

    first: str
    """First instant, UTC, such as 2026-07-01T00:00:00Z."""
    last: str
    """Last instant, UTC."""
    every: str
    """Step between instants: 1h, 6h, 1d, 2w."""
    into: str | None = None
    """DuckDB file to build the history in, beside the warehouse."""


@dg.op(name="backfill")
def run_backfill(context: dg.OpExecutionContext, config: BackfillConfig, instant: Instant) -> None:
    """Refreshes at many instants in order, to build history."""
    with in_words():
        result = backfill(
            instants_between(config.first, config.last, config.every),
            target=instant.target,
            sources=parse_sources(None),
            into=Path(config.into) if config.into else None,
            segment_id=None,
            steps=Steps(Console(file=sys.stderr)),
        )
    context.log.info(f"{len(result.done)} of {len(result.instants)} instants are in {result.where}")


@dg.op(name="reconcile")
def run_reconcile(context: dg.OpExecutionContext, instant: Instant) -> None:
    """Reads destinations back; fails, naming who differs, where members are missing."""
    with in_words():
        check_reachable(instant.target, must_exist=True)
        wrong: list[str] = []
        for found in drifts(chosen_syncs(None, instant.target), instant.target, repair=False):
            if isinstance(found, Drift):
                context.log.info(
                    f"{found.sync_name}: {found.observed} there, {found.acknowledged} confirmed, "
                    f"{found.missing} missing, {found.unexpected} not added by us"
                )
                if found.missing:
                    wrong.append(f"{found.sync_name}: {found.missing} members are missing")
            elif isinstance(found, NotReadable):
                context.log.info(str(found))
            else:
                wrong.append(str(found))
        if wrong:
            raise StrataError("\n".join(wrong))


@dg.op(name="prune")
def run_prune(context: dg.OpExecutionContext, instant: Instant) -> None:
    """Deletes what the records of runs need not keep any longer."""
    with in_words():
        check_reachable(instant.target, must_exist=True)
        for table, count in prune(engine(instant.target)).items():
            context.log.info(f"{table}: {count} rows deleted")
        count = delete_old_runs(context.instance, utc_now())
        context.log.info(f"Dagster: {count} runs deleted, with their events")


class EraseConfig(dg.Config):
    """Whom to erase. Dagster keeps this with the run: say the id, not the address."""

    who: str
    """Id of a customer, e-mail address or another identifier."""
    reason: str
    """Why; kept, so it must not name the person."""
    by: str
    """Who decides."""
    removed_from: list[str] = Field(default=[])
    """Syncs at whose destinations the person was deleted by hand."""
    confirmed: bool = False
    """Erases for good; without it the run only says what it would do."""


@dg.op(name="erase")
def run_erase(context: dg.OpExecutionContext, config: EraseConfig, instant: Instant) -> None:
    """Erases a person from what is kept over runs, once sources and destinations have."""
    with in_words():
        check_reachable(instant.target, must_exist=True)
        warehouse = engine(instant.target)
        request = Request(config.who, config.reason, config.by, config.removed_from)
        found = plan_erasure(warehouse, request)
        if config.confirmed:
            found = erase(warehouse, request)
            forget_in_pages(DATA_DOCS_DIR, found.person)
            publish_copy(instant.target)
        for change in found.changes:
            context.log.info(f"{change.relation}: {change.row_count} rows {change.action}")
        found.check()
        if not config.confirmed:
            context.log.info("nothing was erased; `confirmed: true` does it")


def delete_old_runs(instance: dg.DagsterInstance, now: datetime) -> int:
    """Deletes runs that ended and are older than `keep_dagster_runs_days`; how many.

    Dagster never does: an hourly refresh leaves some three thousand events.
    """
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    before = now.replace(tzinfo=UTC) - timedelta(days=keep_dagster_days())
    runs = instance.get_runs(dg.RunsFilter(statuses=ended, created_before=before))
    for run in runs:
        instance.delete_run(run.run_id)
    return len(runs)


@dg.op(name="docs")
def run_docs(context: dg.OpExecutionContext, instant: Instant) -> None:
    """Writes the pages of dbt docs, with every segment and its audit."""
    with in_words():
        context.log.info(f"wrote {write_site(instant.target)}")


def _job(op: Any, description: str) -> dg.JobDefinition:
    # Dagster loads no two ops or graphs of one name.
    graph = dg.GraphDefinition(name=f"{op.name}_graph", node_defs=[op], description=description)
    return graph.to_job(
        name=op.name if op.name != "docs" else "nightly_docs",
        tags=TAGS,
        executor_def=dg.in_process_executor,
        description=description,
    )


backfill_job = _job(run_backfill, "A refresh at each of many instants, oldest first.")
reconcile_job = _job(run_reconcile, "Reads destinations back and reports where they differ.")
prune_job = _job(run_prune, "Deletes old rows of the tables that runs write to.")
erase_job = _job(run_erase, "Erases a person from what is kept over runs.")
docs_job = _job(run_docs, "Writes dbt docs.")
