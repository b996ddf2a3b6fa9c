"""Destinations as assets: materialised by delivering the audience that each reads."""

import dagster as dg

from orchestration.activation.exposures import ON_PUBLISH, Sync, load_syncs
from orchestration.activation.runner import run_sync
from orchestration.assets.manifest import MANIFEST, TRANSLATOR, node
from orchestration.assets.steps import Instant, in_words
from orchestration.syncs import last_publication
from orchestration.traces import of_run
from orchestration.warehouse import check_reachable, engine


def sync_asset(sync: Sync) -> dg.AssetsDefinition:
    """A destination as an asset: materialised by delivering the audience it reads."""
    audience = TRANSLATOR.get_asset_key(node(sync.audience_node))

    @dg.asset(
        key=["destinations", sync.name],
        deps=[audience],
        group_name="destinations",
        owners=[sync.owner_email],
        kinds={sync.destination},
        description=f"Delivers {sync.audience} to the destination '{sync.destination}'.",
        tags={"strata/schedule": "on_publish" if sync.schedule == ON_PUBLISH else "own"},
    )
    def deliver(instant: Instant) -> dg.MaterializeResult[None]:
        with in_words():
            check_reachable(instant.target, must_exist=True)
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
