"""Runs that were going on in a code server that is gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG
from project import PROJECT_DIR

from orchestration.orphaned_runs import LAUNCHED_IN_SERVER, WORDS, end_orphaned_runs

IN_SERVER = {GRPC_INFO_TAG: '{"host": "127.0.0.1", "port": 4266}'}
Status = dg.DagsterRunStatus


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Its runs are processes of a code server, as they are without another launcher."""
    with dg.instance_for_test() as made:
        yield made


def add(instance: dg.DagsterInstance, run_id: str, status: Status, **tags: str) -> None:
    instance.add_run(dg.DagsterRun(job_name="refresh", run_id=run_id, status=status, tags=tags))


def statuses(instance: dg.DagsterInstance) -> dict[str, str]:
    return {run.run_id: run.status.value for run in instance.get_runs()}


def test_the_tag_is_dagsters() -> None:
    assert LAUNCHED_IN_SERVER == GRPC_INFO_TAG


def test_runs_of_the_server_end_and_no_others(instance: dg.DagsterInstance) -> None:
    add(instance, "begun", Status.STARTING, **IN_SERVER)
    add(instance, "going on", Status.STARTED, **IN_SERVER)
    add(instance, "cancelled", Status.CANCELING, **IN_SERVER)
    add(instance, "of a shell", Status.STARTED)
    add(instance, "waiting", Status.NOT_STARTED, **IN_SERVER)
    add(instance, "done", Status.SUCCESS, **IN_SERVER)
    assert end_orphaned_runs(instance) == ["begun", "going on", "cancelled"]
    assert statuses(instance) == {
        "begun": "FAILURE",
        "going on": "FAILURE",
        "cancelled": "CANCELED",
        "of a shell": "STARTED",
        "waiting": "NOT_STARTED",
        "done": "SUCCESS",
    }
    assert end_orphaned_runs(instance) == []


def test_the_run_says_why_and_is_tried_again() -> None:
    retries = {"run_retries": {"enabled": True, "max_retries": 1}}
    with dg.instance_for_test(overrides=retries) as instance:
        add(instance, "a", Status.STARTED, **IN_SERVER)
        end_orphaned_runs(instance)
        [said] = instance.all_logs("a", of_type=dg.DagsterEventType.ENGINE_EVENT)
        assert said.message == WORDS
        run = instance.get_run_by_id("a")
        assert run is not None
        assert run.tags["dagster/will_retry"] == "true"


def test_runs_elsewhere_are_left_to_dagsters_monitor() -> None:
    launcher = {
        "run_launcher": {
            "module": SyncInMemoryRunLauncher.__module__,
            "class": SyncInMemoryRunLauncher.__name__,
        }
    }
    with dg.instance_for_test(overrides=launcher) as instance:
        add(instance, "a", Status.STARTED, **IN_SERVER)
        assert end_orphaned_runs(instance) == []
        assert statuses(instance) == {"a": "STARTED"}


@pytest.mark.slow
def test_the_unit_of_the_code_server_does_it_before_it_starts(tmp_path: Path) -> None:
    unit = (PROJECT_DIR / "deploy" / "systemd" / "strata-code.service").read_text()
    [command] = [line for line in unit.splitlines() if line.startswith("ExecStartPre=")]
    arguments = command.split()[1:]
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT_DIR)}
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        add(instance, "a", Status.STARTED, **IN_SERVER)
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == (f"ended the run a: {WORDS}\n", 0), done.stderr
