"""Runs that were going on in a code server that is gone."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from alerts_kit import free_port
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG
from project import PROJECT_DIR

from orchestration import orphaned_runs
from orchestration.orphaned_runs import (
    LAUNCHED_IN_SERVER,
    WORDS,
    end_orphaned_runs,
    wait_for_server,
)  # fmt: skip

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
    assert end_orphaned_runs(instance, time.time() + 1) == ["begun", "going on", "cancelled"]
    assert statuses(instance) == {
        "begun": "FAILURE",
        "going on": "FAILURE",
        "cancelled": "CANCELED",
        "of a shell": "STARTED",
        "waiting": "NOT_STARTED",
        "done": "SUCCESS",
    }
    assert end_orphaned_runs(instance, time.time() + 1) == []


def test_runs_of_the_next_server_go_on(instance: dg.DagsterInstance) -> None:
    before = time.time()
    add(instance, "handed over", Status.STARTING, **IN_SERVER)
    add(instance, "going on", Status.STARTED, **IN_SERVER)
    assert end_orphaned_runs(instance, before - 1) == []


def test_the_run_says_why_and_is_tried_again() -> None:
    retries = {"run_retries": {"enabled": True, "max_retries": 1}}
    with dg.instance_for_test(overrides=retries) as instance:
        add(instance, "a", Status.STARTED, **IN_SERVER)
        end_orphaned_runs(instance, time.time() + 1)
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
        assert end_orphaned_runs(instance, time.time() + 1) == []
        assert statuses(instance) == {"a": "STARTED"}


def test_nothing_is_done_while_no_server_answers() -> None:
    port = free_port()
    assert not wait_for_server("127.0.0.1", port, seconds=0.1)


@pytest.mark.slow
def test_the_unit_of_the_code_server_waits_for_it_and_ends_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the unit says it, beside a code server that is still starting."""
    unit = (PROJECT_DIR / "deploy" / "systemd" / "strata-code.service").read_text()
    [after] = [line for line in unit.splitlines() if line.startswith("ExecStartPost=-")]
    _, module, name, host, _ = after.split()
    assert (module, name) == ("-m", orphaned_runs.__name__)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(orphaned_runs, "SECONDS_TO_BE_NOTICED", 0.0)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        add(instance, "a", Status.STARTED, **IN_SERVER)
    time.sleep(1.1)
    (tmp_path / "nothing.py").write_text("import dagster\n\ndefs = dagster.Definitions()\n")
    place = ["--host", host, "--port", str(free_port())]
    command = [sys.executable, "-m", "dagster", "api", "grpc", "-f", str(tmp_path / "nothing.py")]
    with subprocess.Popen([*command, *place], stderr=subprocess.DEVNULL) as server:
        try:
            orphaned_runs.main(host, place[-1])
        finally:
            server.terminate()
    assert capsys.readouterr().out == f"ended the run a: {WORDS}\n"
