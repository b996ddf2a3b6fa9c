"""The steps of a refresh as assets: freshness, write, audit, publish, analytics, activate, report.

They are those of `strata refresh`; this module only says what Dagster shows of them. They
run in one process, because DuckDB lets one process write and because importing dbt and
Great Expectations costs more than the work between.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt.asset_utils import get_asset_check_key_for_test
from sqlalchemy.exc import SQLAlchemyError

from expectations.audit import AuditReport
from expectations.docs_index import docs_page
from expectations.suites import RELATION_SUITES
from orchestration.activation.exposures import syncs_by_segment
from orchestration.assets.manifest import (
    MANIFEST,
    SEGMENTS,
    TRANSLATOR,
    code_reference,
    names_of,
    node,
    specs_of,
)
from orchestration.bi_copy import publish_copy
from orchestration.catalogue import Entry
from orchestration.dbt import Dbt, NodeResult, NodesFailed
from orchestration.errors import StrataError
from orchestration.progress import Silent
from orchestration.project import (
    DATA_DOCS_DIR,
    parse_instant,
    parse_sources,
    project_vars,
)
from orchestration.refresh import Refresh, Verdict
from orchestration.segment_files import SEGMENTS as SEGMENT_FILES
from orchestration.traces import of_run
from orchestration.warehouse import check_reachable, target_name

AUDIT = dg.AssetKey(["operations", "expectation_results"])
SUITES = {name: f"What is expected of {name} (docs/audit.md)." for name in RELATION_SUITES} | {
    f"segment__{entry.segment_id}": f"What is expected of the members of '{entry.label}'."
    for entry in SEGMENTS
}
Events = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


class Instant(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What a run evaluates.

    `as_of` is a UTC instant such as 2026-07-01T00:00:00Z. Left empty it is the project's
    own `as_of`, or else the time at which the run was requested.
    """

    as_of: str | None = None
    target: str | None = None
    full_refresh: bool = False
    """Builds what can be rebuilt from its first row on; history and ledgers stay."""


def segment_key(segment_id: str) -> dg.AssetKey:
    """A published segment as an asset."""
    return dg.AssetKey(["published", segment_id])


DELIVERED = syncs_by_segment(MANIFEST)
REPORTED = [segment_key(entry.segment_id) for entry in SEGMENTS]
RAW_TABLES = [
    dg.AssetSpec(
        [source["source_name"], source["name"]],
        group_name=f"raw_{source['source_name']}",
        description=source["description"],
    )
    for source in MANIFEST["sources"].values()
    if source["source_name"] != "published"
]


@cache
def _parsed(target: str | None) -> Dbt:
    """The project as the steps of one process share it: parsed once."""
    return Dbt(target_name(target), {"strata_sources": parse_sources(None)})


@contextmanager
def in_words(record: Callable[[str, str], None] = lambda state, error: None) -> Iterator[None]:
    """An error a person can act on shows its message in the UI, not a stack of calls.

    Any other, and a person who stops the run, ends it as well: each is recorded.
    """
    try:
        yield
    except BaseException as error:
        # If the warehouse is what failed, the message says so already.
        with suppress(SQLAlchemyError):
            record("failed", str(error) or type(error).__name__)
        if isinstance(error, StrataError):
            raise dg.Failure(str(error)) from error
        raise


@contextmanager
def _step(context: dg.AssetExecutionContext, instant: Instant, name: str) -> Iterator[Refresh]:
    """The refresh that this Dagster run is: every step sees the same instant and run id.

    A run that goes on where another failed is the same refresh. One of some assets only, which
    has no report at its end, ends with each of its steps.
    """
    first = context.run.root_run_id or context.run_id
    record = context.instance.get_run_record_by_id(first)
    requested_at = record.create_timestamp if record else datetime.now(UTC)
    given = instant.as_of or project_vars().get("as_of") or requested_at.isoformat()
    run = Refresh(
        dbt=_parsed(instant.target),
        as_of=parse_instant(str(given)),
        run_id=first,
        progress=Silent(),
        is_full=instant.full_refresh,
        step=name,
        started_at=requested_at.astimezone(UTC).replace(tzinfo=None),
    )
    chosen = context.run.asset_selection
    is_whole = chosen is None or not chosen.isdisjoint(REPORTED)
    with in_words():
        check_reachable(instant.target)
        run.begin()
    with in_words(run.end), of_run(first):
        yield run
        if not is_whole:
            run.end("succeeded")


def _models(context: dg.AssetExecutionContext) -> list[str]:
    """The models that the run wants of a step; none where it wants all of them."""
    return names_of(context.selected_asset_keys) if context.is_subset else []


def _shown(
    context: dg.AssetExecutionContext, run: Refresh, build: Callable[[], list[NodeResult]]
) -> Events:
    """What dbt did, as Dagster events; those before a failure too."""
    try:
        results = build()
    except NodesFailed as failure:
        yield from _kept(context, run.kept)
        yield from _events(context, failure.results)
        raise
    yield from _kept(context, run.kept)
    yield from _events(context, results)


def _events(context: dg.AssetExecutionContext, results: list[NodeResult]) -> Events:
    for result in results:
        metadata: dict[str, Any] = {"seconds": dg.MetadataValue.float(result.seconds)}
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
                    metadata=metadata | {"rows that fail": result.failures or 0},
                )
        elif result.resource_type in {"model", "seed"} and result.status == "success":
            asset_key = TRANSLATOR.get_asset_key(node(result.unique_id))
            if asset_key in context.selected_asset_keys:
                if result.row_count is not None:
                    metadata["dagster/row_count"] = result.row_count
                if result.byte_count is not None:
                    metadata["bytes read"] = result.byte_count
                yield dg.MaterializeResult(asset_key=asset_key, metadata=metadata)


@dg.multi_asset(
    name="freshness",
    specs=RAW_TABLES,
    can_subset=True,
)
def freshness(context: dg.AssetExecutionContext, instant: Instant) -> Events:
    """Looks at when each raw table was last loaded."""
    with _step(context, instant, "freshness") as run:
        loads = {dg.AssetKey([system, table]): at for system, table, at in run.loads()}
    for key in context.selected_asset_keys:
        # A table that is not there, or does not say when it was loaded, keeps nobody waiting.
        metadata: dict[str, Any] = {"last loaded at": "unknown" if key in loads else "not read"}
        if at := loads.get(key):
            moment = at.replace(tzinfo=UTC).timestamp()
            metadata = {"last loaded at": dg.MetadataValue.timestamp(moment)}
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)


def _kept(context: dg.AssetExecutionContext, unique_ids: Sequence[str]) -> Events:
    """What was not built again is up to date all the same, and what reads it goes on.

    First, as none of it reads what was built.
    """
    for unique_id in unique_ids:
        if not unique_id.startswith("test."):
            asset_key = TRANSLATOR.get_asset_key(node(unique_id))
            if asset_key in context.selected_asset_keys:
                yield dg.MaterializeResult(
                    asset_key=asset_key, metadata={"built": "no: its sources did not change"}
                )


Build = Callable[[Refresh, Sequence[str]], list[NodeResult]]


def _of_dbt(name: str, description: str, build: Build) -> dg.AssetsDefinition:
    """A step that is dbt's."""

    def step(context: dg.AssetExecutionContext, instant: Instant) -> Events:
        with _step(context, instant, name) as run:
            yield from _shown(context, run, lambda: build(run, _models(context)))

    specs, checks = specs_of(name)
    specs = [spec for spec in specs if spec.key != AUDIT]  # a step of its own writes it
    return dg.multi_asset(
        name=name, description=description, specs=specs, check_specs=checks, can_subset=True
    )(step)


write = _of_dbt(
    "write",
    "Everything up to the segment candidates; nobody reads it yet.",
    lambda run, models: run.write(models),
)


@dg.multi_asset(
    name="audit",
    specs=[
        dg.AssetSpec(
            AUDIT,
            deps=[
                dg.AssetKey(["segments", "segment_candidates"]),
                dg.AssetKey(["segments", "segment_registry"]),
                dg.AssetKey(["customer_360", "customer_360"]),
                dg.AssetKey(["customer_360", "account_360"]),
            ],
            group_name="audit",
            kinds={"greatexpectations"},
            description="What Great Expectations found of the candidates and the 360s.",
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(suite, asset=AUDIT, description=about) for suite, about in SUITES.items()
    ],
)
def audit(context: dg.AssetExecutionContext, instant: Instant) -> Events:
    """Great Expectations judges the candidates and the 360s, in the warehouse.

    A failed expectation holds the segments it concerns; it does not fail the run.
    """
    with _step(context, instant, "audit") as run:
        report = run.audit()
    yield dg.MaterializeResult(
        metadata={
            "expectations": report.expectation_count,
            "failed expectations": len(report.failed),
            "data docs": _file(report.docs_index),
        }
    )
    for suite in SUITES:
        yield _suite_check(report, suite)


def _file(page: Path) -> dg.PathMetadataValue:
    """A page by its path: browsers follow no link from a server to a file."""
    return dg.MetadataValue.path(page.resolve())


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
            "page": _file(page),
        },
    )


def _part(name: str, description: str) -> dg.AssetsDefinition:
    return _of_dbt(name, description, lambda run, models: run.publish(name, models))


publish = _part("publish", "Publishes the segments that passed.")
analytics = _part("analytics", "Trends and findings over what is published.")
activate = _part("activate", "Audiences over what is published, and experiments over them.")


def _spec(entry: Entry) -> dg.AssetSpec:
    return dg.AssetSpec(
        segment_key(entry.segment_id),
        # Steps of one level run by name: after `activate` and `analytics`, which BI's copy holds
        # too, and before destinations, for which it does not wait. With the trend it would.
        deps=[dg.AssetKey(["segments", "segment_membership"])],
        description=f"**{entry.label}**\n\n{entry.description}\n\n{entry.purpose}".strip(),
        group_name="published",
        owners=[entry.owner] if "@" in entry.owner else None,
        tags={"strata/type": entry.type, "strata/entity": entry.entity},
        kinds={"members"},  # "segment" would get the badge of a product of that name
        metadata={
            **code_reference(SEGMENT_FILES / entry.type / f"{entry.segment_id}.sql"),
            # As a link: as a dependency, a held segment would keep its members from destinations.
            **{
                f"delivered by {sync.name}": dg.MetadataValue.asset(
                    dg.AssetKey(["destinations", sync.name])
                )
                for sync in DELIVERED.get(entry.segment_id, [])
            },
        },
        skippable=True,
    )


@dg.multi_asset(
    name="report",
    specs=[_spec(entry) for entry in SEGMENTS],
    check_specs=[
        dg.AssetCheckSpec(
            "published",
            asset=key,
            description="Whether its last evaluation was published. "
            "If it was held, the members are those of the one before.",
        )
        for key in REPORTED
    ],
    can_subset=True,
)
def report(context: dg.AssetExecutionContext, instant: Instant) -> Events:
    """What became of each segment, with the numbers that its history is drawn from."""
    with _step(context, instant, "report") as run:
        shares, seconds = run.mrr_shares(), run.segment_seconds()
        shares = {segment: round(share, 4) for segment, share in shares.items()}
        copied = publish_copy(instant.target)
        verdicts = run.verdicts()
        run.end("succeeded")
    if copied:
        context.log.info(f"BI reads {copied}")
    for verdict in verdicts:
        if segment_key(verdict.segment_id) in context.selected_asset_keys:
            context.log.info(
                f"{verdict.segment_id}: {verdict.verdict}, {verdict.member_count} members, "
                f"{verdict.entered_count} entered, {verdict.left_count} left {verdict.reasons}"
            )
            told = {
                "share of MRR": shares.get(verdict.segment_id),
                "seconds": seconds.get(verdict.segment_id),
            }
            yield from _segment_events(
                verdict, {name: number for name, number in told.items() if number is not None}
            )


def _segment_events(verdict: Verdict, told: Mapping[str, float]) -> Events:
    """A held segment is not made anew: its check says why, and its last numbers stand."""
    key = segment_key(verdict.segment_id)
    is_published = verdict.verdict == "publish"
    if is_published:
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "size": verdict.member_count,
                "entered": verdict.entered_count,
                "left": verdict.left_count,
                "verdict": verdict.verdict,
                **told,
            },
        )
    page = docs_page(DATA_DOCS_DIR, f"segment__{verdict.segment_id}")
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name="published",
        passed=is_published,
        severity=dg.AssetCheckSeverity.WARN,
        description=verdict.reasons or "published",
        metadata={
            "published members": verdict.member_count,
            "page": _file(page),
        },
    )
