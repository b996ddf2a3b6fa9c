"""Dagster: one hourly job that writes, audits, publishes and activates.

The steps are those of `strata refresh` and `strata sync`; this module only says what
Dagster shows of them. Steps run in one process, because DuckDB lets one process write
and because importing dbt and Great Expectations costs more than the work between.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test
from sqlalchemy.exc import SQLAlchemyError

from expectations.audit import AuditReport
from expectations.docs_index import docs_page
from expectations.suites import RELATION_SUITES
from orchestration.activation.exposures import ON_PUBLISH, Sync, load_syncs
from orchestration.activation.runner import run_sync
from orchestration.dbt import Dbt, NodeResult, NodesFailed
from orchestration.errors import StrataError, UsageError
from orchestration.log import configure
from orchestration.progress import Silent
from orchestration.project import (
    TARGET_DIR,
    last_edited,
    parse_instant,
    parse_sources,
    project_vars,
)
from orchestration.refresh import NOT_WRITTEN, PUBLISHED, Refresh
from orchestration.syncs import last_publication
from orchestration.traces import of_run
from orchestration.warehouse import engine, target_name

configure(libraries=False)  # Dagster has its own ways with them


class Instant(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What a run evaluates.

    `as_of` is a UTC instant such as 2026-07-01T00:00:00Z. Left empty it is the project's
    own `as_of`, or else the time at which the run was requested.
    """

    as_of: str | None = None
    target: str | None = None


def load_manifest() -> dict[str, Any]:
    """The parsed project, read back while no file of the project is newer.

    Parsing takes seconds and every process that loads these definitions needs the result.
    """
    kept = TARGET_DIR / "dagster" / "manifest.json"
    if not kept.exists() or kept.stat().st_mtime < last_edited():
        parsed = Dbt(None, {"strata_sources": parse_sources(None)}).manifest_dict()
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(parsed, default=str))
        unfinished.replace(kept)
        return parsed
    return dict(json.loads(kept.read_text()))


class Translator(DagsterDbtTranslator):
    """Groups assets by the folder their model, or their system's source, is in."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The first folder below models/ or seeds/."""
        return str(dbt_resource_props["fqn"][1])

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The node as an asset.

        The history as earlier runs left it is an input of this run's verdicts, and this run
        writes the same table after them: shown as a dependency it would be a cycle.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        deps = [dep for dep in spec.deps if dep.asset_key.path[0] != "published"]
        return spec.replace_attributes(deps=deps)


MANIFEST = load_manifest()
TRANSLATOR = Translator()
AUDIT = dg.AssetKey(["operations", "expectation_results"])
SUITES = [
    *RELATION_SUITES,
    *sorted(
        macro["name"]
        for macro in MANIFEST["macros"].values()
        if macro["name"].startswith("segment__")
    ),
]


@cache
def _parsed(target: str | None) -> Dbt:
    """The project as the steps of one process share it: parsed once."""
    return Dbt(target_name(target), {"strata_sources": parse_sources(None)})


def _refresh(context: dg.AssetExecutionContext, instant: Instant) -> Refresh:
    """The refresh that this Dagster run is: every step sees the same instant and run id."""
    record = context.instance.get_run_record_by_id(context.run_id)
    requested_at = record.create_timestamp if record else datetime.now(UTC)
    given = instant.as_of or project_vars().get("as_of") or requested_at.isoformat()
    return Refresh(
        dbt=_parsed(instant.target),
        as_of=parse_instant(str(given)),
        run_id=context.run_id,
        progress=Silent(),
        started_at=requested_at.astimezone(UTC).replace(tzinfo=None),
    )


def _node_id(key: str) -> Mapping[str, Any]:
    nodes: dict[str, Any] = MANIFEST["nodes"]
    return dict(nodes[key])


def _events(
    context: dg.AssetExecutionContext, results: list[NodeResult]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """What dbt did, as Dagster events of the assets and checks that this step owns."""
    for result in results:
        seconds = {"seconds": dg.MetadataValue.float(result.seconds)}
        if result.resource_type == "test":
            key = get_asset_check_key_for_test(MANIFEST, TRANSLATOR, result.unique_id, None)
            if key is not None and key in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=result.status == "pass",
                    severity=dg.AssetCheckSeverity.WARN
                    if result.status == "warn"
                    else dg.AssetCheckSeverity.ERROR,
                    metadata=seconds | {"rows that fail": result.failures or 0},
                )
        elif result.resource_type in {"model", "seed"} and result.status == "success":
            asset_key = TRANSLATOR.get_asset_key(_node_id(result.unique_id))
            if asset_key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=asset_key, metadata=seconds)


@contextmanager
def _in_words(record: Callable[[str, str], None] = lambda state, error: None) -> Iterator[None]:
    """An error a person can act on shows its message in the UI, not a stack of calls."""
    try:
        yield
    except StrataError as error:
        # If the warehouse is what failed, the message says so already.
        with suppress(SQLAlchemyError):
            record("failed", str(error))
        raise dg.Failure(str(error)) from error


def _run_step(
    context: dg.AssetExecutionContext, run: Refresh, build: Callable[[], list[NodeResult]]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    with _in_words(run.record):
        try:
            with of_run(context.run_id):
                results = build()
        except NodesFailed as failure:
            yield from _events(context, failure.results)
            raise
        yield from _events(context, results)


@dbt_assets(
    manifest=MANIFEST,
    name="write",
    exclude=" ".join([*NOT_WRITTEN, "expectation_results"]),
    dagster_dbt_translator=TRANSLATOR,
)
def write(
    context: dg.AssetExecutionContext, instant: Instant
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Everything up to the segment candidates; nobody reads it yet."""
    run = _refresh(context, instant)
    yield from _run_step(context, run, run.write)


@dg.asset(
    key=AUDIT,
    deps=[
        dg.AssetKey(["segments", "segment_candidates"]),
        dg.AssetKey(["segments", "segment_registry"]),
        dg.AssetKey(["customer_360", "customer_360"]),
        dg.AssetKey(["customer_360", "account_360"]),
    ],
    group_name="audit",
    kinds={"greatexpectations"},
    check_specs=[dg.AssetCheckSpec(suite, asset=AUDIT) for suite in SUITES],
)
def audit(
    context: dg.AssetExecutionContext, instant: Instant
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Great Expectations judges the candidates and the 360s, in the warehouse.

    A failed expectation holds the segments it concerns; it does not fail the run.
    """
    run = _refresh(context, instant)
    with _in_words(run.record), of_run(context.run_id):
        report = run.audit()
    yield dg.MaterializeResult(
        metadata={
            "expectations": report.expectation_count,
            "failed expectations": len(report.failed),
            "data docs": dg.MetadataValue.url(report.docs_index.resolve().as_uri()),
        }
    )
    for suite in SUITES:
        yield _suite_check(report, suite)


def _suite_check(report: AuditReport, suite: str) -> dg.AssetCheckResult:
    """A suite as a check, with what failed and the page that shows it."""
    failures = [failure.message for failure in report.failed if failure.suite == suite]
    page = docs_page(report.docs_index.parent, suite)
    return dg.AssetCheckResult(
        check_name=suite,
        passed=not failures,
        # It holds what it is about and fails nothing.
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(failures)
        if suite in report.suites
        else "not evaluated: a domain that it requires is switched off",
        metadata={
            "failed expectations": len(failures),
            "page": dg.MetadataValue.url(page.resolve().as_uri()),
        },
    )


@dbt_assets(
    manifest=MANIFEST,
    name="publish",
    select=" ".join(PUBLISHED),
    dagster_dbt_translator=TRANSLATOR,
)
def publish(
    context: dg.AssetExecutionContext, instant: Instant
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Publishes the segments that passed, with the trends and audiences that read them."""
    run = _refresh(context, instant)
    yield from _run_step(context, run, run.publish)
    run.record("succeeded")
    for verdict in run.verdicts():
        context.log.info(
            f"{verdict.segment_id}: {verdict.verdict}, {verdict.member_count} members, "
            f"{verdict.entered_count} entered, {verdict.left_count} left {verdict.reasons}"
        )


def sync_asset(sync: Sync) -> dg.AssetsDefinition:
    """A destination as an asset: materialised by delivering the audience it reads."""
    audience = TRANSLATOR.get_asset_key(_node_id(sync.audience_node))

    @dg.asset(
        key=["destinations", sync.name],
        deps=[audience],
        group_name="activate",
        owners=[sync.owner_email],
        kinds={sync.destination},
        description=f"Delivers {sync.audience} to the destination '{sync.destination}'.",
        tags={"strata/schedule": "on_publish" if sync.schedule == ON_PUBLISH else "own"},
    )
    def deliver(instant: Instant) -> dg.MaterializeResult[None]:
        with _in_words():
            warehouse = engine(instant.target)
            run_id, as_of = last_publication(warehouse)
            with of_run(run_id):
                report = run_sync(warehouse, sync, run_id=run_id, as_of=as_of)
        return dg.MaterializeResult(
            metadata={
                "added": report.added,
                "changed": report.changed,
                "removed": report.removed,
                "rejected": report.rejected,
                "parked": report.parked,
                "unchanged": report.unchanged,
                "confirmed without sending": report.confirmed,
                "address": report.address,
            }
        )

    return deliver


SYNCS = load_syncs(MANIFEST)
SYNC_ASSETS = {sync.name: sync_asset(sync) for sync in SYNCS}

# The queue lets one run at a time have a warehouse. A run that is tried again begins anew: what
# is published must have been audited by the same run.
JOB_TAGS = {"strata/warehouse": target_name(None), "dagster/retry_strategy": "ALL_STEPS"}

refresh_job = dg.define_asset_job(
    "refresh",
    tags=JOB_TAGS,
    selection=dg.AssetSelection.assets(
        write,
        audit,
        publish,
        *(SYNC_ASSETS[sync.name] for sync in SYNCS if sync.schedule == ON_PUBLISH),
    ),
    description="Write candidates, audit them, publish what passed, deliver the audiences.",
    executor_def=dg.in_process_executor,
)


@dg.schedule(job=refresh_job, cron_schedule="0 * * * *", execution_timezone="UTC")
def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Refreshes every hour. The tick is the instant, however late the run starts."""
    tick = context.scheduled_execution_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return dg.RunRequest(
        run_key=tick,
        run_config=dg.RunConfig(resources={"instant": Instant(as_of=tick)}),
        tags={"strata/as_of": tick},
    )


def sync_schedule(sync: Sync) -> dg.ScheduleDefinition:
    """The schedule of a sync that has its own: it delivers what was published last."""
    try:
        return dg.ScheduleDefinition(
            name=f"{sync.name}_schedule",
            job=dg.define_asset_job(
                sync.name,
                tags=JOB_TAGS,
                selection=dg.AssetSelection.assets(SYNC_ASSETS[sync.name]),
                executor_def=dg.in_process_executor,
            ),
            cron_schedule=sync.schedule,
            execution_timezone="UTC",
            description=f"Delivers {sync.audience} to {sync.destination}.",
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise UsageError(
            f"exposure {sync.name}: `schedule` is {sync.schedule!r}; accepted: {ON_PUBLISH}, or a "
            "cron expression such as '30 6 * * 1-5' (UTC)"
        ) from error


SYNC_SCHEDULES = [sync_schedule(sync) for sync in SYNCS if sync.schedule != ON_PUBLISH]

defs = dg.Definitions(
    assets=[write, audit, publish, *SYNC_ASSETS.values()],
    jobs=[refresh_job],
    schedules=[hourly, *SYNC_SCHEDULES],
    resources={"instant": Instant()},
)
