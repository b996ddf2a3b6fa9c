"""Ends runs that were going on in a code server that is gone: `python -m` this before the next.

Dagster asks a code server about its runs; one that starts anew knows none, so that a run which was
killed together with its server (the power went) would count as going on, and keep others waiting,
until `max_runtime_seconds`. Ended as failed it is told, and tried again, like any whose process
vanished.
"""

import sys

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher

LAUNCHED_IN_SERVER = ".dagster/grpc_info"
"""Tag of a run that is a process of a code server; those of a shell have none."""
WORDS = "The code server ended while it was running the job, and the run with it."


def end_orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Ends them, those that were being cancelled as cancelled; their ids, oldest first.

    Only while no code server of the instance runs. Nothing where runs are containers or pods,
    which Dagster's monitor can ask about.
    """
    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return []
    going_on = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    orphans = [run for run in instance.get_runs(going_on) if LAUNCHED_IN_SERVER in run.tags]
    for run in reversed(orphans):
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, WORDS)
        else:
            instance.report_engine_event(WORDS, run)  # what people are told of the failure
            instance.report_run_failed(run, WORDS)
    return [run.run_id for run in reversed(orphans)]


if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        for run_id in end_orphaned_runs(instance):
            sys.stdout.write(f"ended the run {run_id}: {WORDS}\n")
