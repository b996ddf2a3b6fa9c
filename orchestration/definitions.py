"""Dagster: every asset, job, schedule and sensor of the project."""

import dagster as dg

from orchestration.assets.destinations import SYNC_ASSETS
from orchestration.assets.manifest import MANIFEST
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
from orchestration.dagster_alerts import alert_sensors
from orchestration.log import configure
from orchestration.schedules import JOBS, SCHEDULES
from orchestration.sensors import SENSORS

configure(libraries=False)  # Dagster has its own ways with them

defs = dg.Definitions(
    assets=[
        freshness, write, audit, publish, analytics, activate, report, *SYNC_ASSETS.values(),
    ],
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=[*SENSORS, *alert_sensors(MANIFEST)],
    resources={"instant": Instant()},
)  # fmt: skip
