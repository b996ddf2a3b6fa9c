"""Runs the Dagster job the way its schedule does, and prints what happened as JSON.

A process of its own, because definitions read the environment of the process they are in. The
instance is that of DAGSTER_HOME.
Arguments: the tick, an ISO instant in UTC; then assets, if not all of the job are to be made.
"""

import json
import sys
from datetime import datetime

import dagster as dg

from orchestration.definitions import defs
from orchestration.schedules import hourly

selected = [dg.AssetKey(name.split("/")) for name in sys.argv[2:]]
tick = datetime.fromisoformat(sys.argv[1])

with dg.DagsterInstance.get() as instance:
    request = hourly(dg.build_schedule_context(instance, scheduled_execution_time=tick))
    assert isinstance(request, dg.RunRequest)
    result = defs.resolve_job_def("refresh").execute_in_process(
        run_config=request.run_config,
        tags=request.tags,
        instance=instance,
        raise_on_error=False,
        asset_selection=selected or None,
    )
    failed = [event.step_key for event in result.all_events if event.is_step_failure]
    print(
        json.dumps(
            {
                "run_id": result.run_id,
                "succeeded": result.success,
                "failed_steps": failed,
                "materialised": [
                    event.asset_key.to_user_string()
                    for event in result.get_asset_materialization_events()
                    if event.asset_key
                ],
                "checks": len(result.get_asset_check_evaluations()),
                "pages": {
                    check.check_name: check.metadata["page"].value
                    for check in result.get_asset_check_evaluations()
                    if check.asset_key == dg.AssetKey(["operations", "expectation_results"])
                },
                "failed_checks": {
                    f"{check.asset_key.to_user_string()}:{check.check_name}": check.description
                    for check in result.get_asset_check_evaluations()
                    if not check.passed
                },
                "steps": [event.step_key for event in result.all_events if event.is_step_success],
                "segments": {
                    event.asset_key.path[1]: {
                        name: value.value for name, value in event.materialization.metadata.items()
                    }
                    for event in result.get_asset_materialization_events()
                    if event.asset_key and event.asset_key.path[0] == "published"
                },
            }
        )
    )
