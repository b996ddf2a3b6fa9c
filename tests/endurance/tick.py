"""One tick of the schedule `hourly`, the way Dagster's daemon runs it; prints the outcome as JSON.

Argument: the tick, an ISO instant in UTC. The instance is that of DAGSTER_HOME. A run of the same
tick that failed, or whose process is gone, is gone on with from where it stopped, as the daemon's
run monitoring and run retries do.
"""

import json
import sys
from datetime import datetime

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository

from orchestration.schedules import hourly

tick = datetime.fromisoformat(sys.argv[1])
job = ReconstructableRepository.for_module(
    "orchestration.definitions", "defs", None
).get_reconstructable_job("refresh")

with dg.DagsterInstance.get() as instance:
    request = hourly(dg.build_schedule_context(instance, scheduled_execution_time=tick))
    assert isinstance(request, dg.RunRequest)
    before = instance.get_runs(dg.RunsFilter(tags={"strata/as_of": request.tags["strata/as_of"]}))
    again = None
    if before:
        if before[0].status == dg.DagsterRunStatus.STARTED:
            instance.report_run_failed(before[0], "its process is gone")
        again = dg.ReexecutionOptions.from_failure(before[0].run_id, instance)
    with dg.execute_job(
        job, instance, run_config=request.run_config, tags=dict(request.tags),
        raise_on_error=False, reexecution_options=again,
    ) as result:  # fmt: skip
        steps = {event.step_key for event in result.all_events if event.is_step_success}
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        print(
            json.dumps(
                {
                    "succeeded": result.success,
                    "first_run_id": run.root_run_id or run.run_id,
                    "run_id": run.run_id,
                    "steps": sorted(steps),
                    "failed": [
                        event.step_key for event in result.all_events if event.is_step_failure
                    ],
                }
            )
        )
