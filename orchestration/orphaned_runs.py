"""Ends the runs that were going on in a code server that is gone, once the next one answers.

Dagster asks a code server about its runs; one that starts anew knows none, so that a run which was
killed together with its server (the power went) would count as going on, and keep others waiting,
until `max_runtime_seconds`. Ended as failed it is told, and tried again, like any whose process
vanished. Dagster tries again once and at once, so the next server has to be there before.

`python -m orchestration.orphaned_runs HOST PORT`, beside the start of a server at that place.
"""

import sys
import time

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher
from dagster._grpc.client import DagsterGrpcClient

LAUNCHED_IN_SERVER = ".dagster/grpc_info"
"""Tag of a run that is a process of a code server; those of a shell have none."""
WORDS = "The code server ended while it was running the job, and the run with it."
SECONDS_TO_START = 240.0
SECONDS_TO_BE_NOTICED = 20.0
"""In which a daemon that knew the server before has connected to the next."""


def end_orphaned_runs(instance: dg.DagsterInstance, before: float) -> list[str]:
    """Ends those that began, or were handed over, before then (seconds since 1970); their ids,
    oldest first.

    Runs that were being cancelled end as cancelled. Nothing where runs are containers or pods,
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
    orphans = [
        record.dagster_run
        for record in instance.get_run_records(going_on)
        if LAUNCHED_IN_SERVER in record.dagster_run.tags
        and (record.start_time or record.update_timestamp.timestamp()) < before
    ]
    for run in reversed(orphans):
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, WORDS)
        else:
            instance.report_engine_event(WORDS, run)  # what people are told of the failure
            instance.report_run_failed(run, WORDS)
    return [run.run_id for run in reversed(orphans)]


def wait_for_server(host: str, port: int, seconds: float = SECONDS_TO_START) -> bool:
    """Whether a code server answers there within that time."""
    until = time.monotonic() + seconds
    client = DagsterGrpcClient(host=host, port=port)
    while time.monotonic() < until:
        try:
            client.ping("")
        except dg.DagsterError:
            time.sleep(1)
        else:
            return True
    return False


def main(host: str, port: str) -> None:
    """What was going on before ends when the server that starts now is known to the daemon."""
    began = time.time()
    if not wait_for_server(host, int(port)):
        sys.exit(f"no code server answers at {host}:{port}; its runs of before stay as they are")
    time.sleep(SECONDS_TO_BE_NOTICED)
    with dg.DagsterInstance.get() as instance:
        for run_id in end_orphaned_runs(instance, began):
            sys.stdout.write(f"ended the run {run_id}: {WORDS}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
