"""Jobs made of the assets, and when they run."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import dagster as dg

from orchestration.activation.exposures import ON_PUBLISH, Sync
from orchestration.assets.destinations import SYNC_ASSETS, SYNCS
from orchestration.assets.manifest import TRANSLATOR, node
from orchestration.assets.steps import (
    Instant,
    activate,
    analytics,
    audit,
    freshness,
    publish,
    report,
    write,
)
from orchestration.errors import UsageError
from orchestration.maintenance import (
    TAGS,
    backfill_job,
    docs_job,
    erase_job,
    prune_job,
    reconcile_job,
)
from orchestration.project import project_vars

# A run that the instance tries again goes on from where it stopped.
RUN_TAGS = {
    **TAGS,
    "dagster/retry_strategy": "FROM_FAILURE",
}
# With the demo company there is nothing new to refresh every hour.
RUNNING = (
    dg.DefaultScheduleStatus.STOPPED
    if project_vars().get("demo_data")
    else dg.DefaultScheduleStatus.RUNNING
)
ON_PUBLISH_ASSETS = [SYNC_ASSETS[sync.name] for sync in SYNCS if sync.schedule == ON_PUBLISH]

refresh_job = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.assets(
        freshness, write, audit, publish, analytics, activate, report, *ON_PUBLISH_ASSETS
    ),
    description="Write candidates, audit them, publish what passed, deliver the audiences.",
    executor_def=dg.in_process_executor,
    tags=RUN_TAGS,
)

full_rebuild_job = dg.define_asset_job(
    "full_rebuild",
    selection=dg.AssetSelection.assets(
        freshness, write, audit, publish, analytics, activate, report
    ),
    description="A refresh that builds what can be rebuilt from its first row on; history and "
    "ledgers stay. Delivers nothing.",
    config=dg.RunConfig(resources={"instant": Instant(full_refresh=True)}),
    executor_def=dg.in_process_executor,
    tags=RUN_TAGS,
)

evaluate_job = dg.define_asset_job(
    "evaluate_segments",
    selection=dg.AssetSelection.keys(
        *(
            TRANSLATOR.get_asset_key(node(f"model.strata.{name}"))
            for name in (
                "segment_registry",
                "segment_examples",
                "segment_overrides",
                "segment_evaluation",
                "segment_candidates",
            )
        )
    )
    | dg.AssetSelection.assets(audit, publish, analytics, activate, report, *ON_PUBLISH_ASSETS),
    description="Evaluates the segments again over the 360s of the last refresh, after a change "
    "of definitions: sources, identity and features are left as they are.",
    executor_def=dg.in_process_executor,
    tags=RUN_TAGS,
)


@dg.schedule(
    job=refresh_job,
    cron_schedule="0 * * * *",
    execution_timezone="UTC",
    default_status=RUNNING,
)
def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Refreshes every hour. The tick is the instant, however late the run starts.

    Hours that were missed are not run one by one: Dagster asks for the latest tick alone, and
    its refresh catches up with all of them. Nor do refreshes queue up behind one that is slow.
    """
    waiting = dg.RunsFilter(
        job_name=refresh_job.name,
        statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED],
    )
    if context.instance.get_runs_count(waiting):
        return dg.SkipReason("An earlier refresh is still waiting for its turn.")
    tick = context.scheduled_execution_time.astimezone(UTC)
    instant = tick.strftime("%Y-%m-%dT%H:%M:%SZ")
    return dg.RunRequest(
        run_key=instant,
        run_config=dg.RunConfig(resources={"instant": Instant(as_of=instant)}),
        tags={"strata/as_of": instant},
    )


def sync_schedule(sync: Sync) -> dg.ScheduleDefinition:
    """The schedule of a sync that has its own: it delivers what was published last."""
    try:
        return dg.ScheduleDefinition(
            name=f"{sync.name}_schedule",
            job=dg.define_asset_job(
                sync.name,
                selection=dg.AssetSelection.assets(SYNC_ASSETS[sync.name]),
                executor_def=dg.in_process_executor,
                tags=TAGS,
            ),
            cron_schedule=sync.schedule,
            execution_timezone=sync.time_zone,
            default_status=RUNNING,
            description=f"Delivers {sync.audience} to {sync.destination}.",
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise UsageError(
            f"exposure {sync.name}: `schedule` is {sync.schedule!r}; accepted: {ON_PUBLISH}, or a "
            "cron expression such as '30 6 * * 1-5'"
        ) from error


def _daily(job: dg.JobDefinition, at: str) -> dg.ScheduleDefinition:
    hour, minute = at.split(":")
    return dg.ScheduleDefinition(
        name=f"{job.name}_daily",
        job=job,
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone="UTC",
        default_status=RUNNING,
        tags=TAGS,
    )


JOBS: Sequence[Any] = [refresh_job, full_rebuild_job, evaluate_job, backfill_job, erase_job]
SCHEDULES = [
    hourly,
    *(sync_schedule(sync) for sync in SYNCS if sync.schedule != ON_PUBLISH),
    # Between two refreshes, and not at the same minute.
    _daily(reconcile_job, "4:30"),
    _daily(docs_job, "4:40"),
    _daily(prune_job, "4:50"),
]
