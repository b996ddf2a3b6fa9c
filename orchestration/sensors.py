"""What starts a run outside its schedule: edited segments, and new rows in a source."""

import json
from functools import cache
from hashlib import sha256

import dagster as dg
import sqlalchemy as sa

from orchestration.assets.steps import Instant
from orchestration.dbt import Dbt
from orchestration.errors import StrataError
from orchestration.project import PROJECT_DIR, parse_sources, utc_now
from orchestration.schedules import evaluate_job, refresh_job
from orchestration.segment_files import SEGMENTS, check_segment_files
from orchestration.syncs import last_publication
from orchestration.warehouse import check_reachable, engine, target_name

LATEST = "9999-12-31T00:00:00"


@dg.sensor(job=evaluate_job, minimum_interval_seconds=60)
def edited_segments(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Evaluates the segments again when a segment's file was added, changed or removed.

    As of the last refresh, over its 360s: nothing else is built anew, and a segment whose
    definition is as before gets the members that it has.
    """
    found = {
        path.stem: sha256(path.read_bytes()).hexdigest()
        for path in sorted((PROJECT_DIR / SEGMENTS).rglob("*.sql"))
    }
    before = json.loads(context.cursor) if context.cursor else found
    changed = sorted(
        name for name in found.keys() | before.keys() if found.get(name) != before.get(name)
    )
    if not changed:
        context.update_cursor(json.dumps(found))
        return dg.SkipReason("No segment was edited.")
    try:
        check_segment_files()
        check_reachable(must_exist=True)
        _, as_of = last_publication(engine())
    except StrataError as error:
        # Looked at again at the next tick: the cursor stays.
        return dg.SkipReason(f"{', '.join(changed)} edited, but: {error}")
    context.update_cursor(json.dumps(found))
    return dg.RunRequest(
        run_key=sha256(json.dumps(found).encode()).hexdigest(),
        run_config=dg.RunConfig(resources={"instant": Instant(as_of=f"{as_of.isoformat()}Z")}),
        tags={"strata/edited": ", ".join(changed)[:200]},
    )


@dg.sensor(
    job=refresh_job,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def new_rows(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Refreshes between two hours when a source has new rows. Off unless it is switched on."""
    try:
        check_reachable(must_exist=True)
        with engine().connect() as connection:
            loads = connection.execute(sa.text(f"select * from ({_loads_sql()}) as loads")).all()
    except StrataError as error:
        return dg.SkipReason(str(error))
    found = {f"{row.source_system}.{row.table_name}": str(row.last_loaded_at) for row in loads}
    before = json.loads(context.cursor) if context.cursor else found
    newer = sorted(name for name in found if found[name] != before.get(name))
    context.update_cursor(json.dumps(found))
    if not newer:
        return dg.SkipReason("No source has new rows.")
    now = utc_now().replace(microsecond=0)
    return dg.RunRequest(
        run_key=f"{now.isoformat()}Z",
        run_config=dg.RunConfig(resources={"instant": Instant(as_of=f"{now.isoformat()}Z")}),
        tags={"strata/new_rows": ", ".join(newer)[:200]},
    )


@cache
def _loads_sql() -> str:
    """The SQL of when each raw table was last loaded; compiled once in a process."""
    dbt = Dbt(target_name(None), {"strata_sources": parse_sources(None)})
    return dbt.rendered("{{ raw_table_loads() }}", as_of=LATEST)


SENSORS = [edited_segments, new_rows]
