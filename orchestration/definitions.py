"""Dagster: every asset, job, schedule and sensor of the project."""

import dagster as dg

from orchestration.assets.destinations import SYNC_ASSETS
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
from orchestration.schedules import JOBS, SCHEDULES
from orchestration.sensors import SENSORS

defs = dg.Definitions(
    assets=[
        freshness, write, audit, publish, analytics, activate, report, *SYNC_ASSETS.values(),
    ],
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=SENSORS,
    resources={"instant": Instant()},
)  # fmt: skip
