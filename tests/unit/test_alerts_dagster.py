"""The sensors that tell people, on an instance of their own."""

import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import sqlalchemy as sa
from alerts_kit import SLACK_VARIABLE, SlackWebhook, Warehouse, free_port
from sqlalchemy.pool import NullPool
from test_activation_exposures import exposure, manifest

from orchestration import dagster_alerts
from orchestration.alerts.settings import AlertSettings
from orchestration.demo_receiver import Fault
from orchestration.errors import WarehouseUnavailable
from orchestration.project import utc_now

ALERTS, ON_FAILURE, ON_RECOVERY = dagster_alerts.alert_sensors(manifest(exposure()))


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackWebhook]:
    settings = AlertSettings.of({"slack": {"webhook_url_env": SLACK_VARIABLE}})
    monkeypatch.setattr(AlertSettings, "read", lambda: settings)
    with SlackWebhook() as running:
        monkeypatch.setenv(SLACK_VARIABLE, running.url)
        yield running


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the project's DuckDB file is, once there is one."""
    path = tmp_path / "strata.duckdb"
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(path))
    monkeypatch.setenv("STRATA_TARGET", "duckdb")
    return path


@pytest.fixture
def warehouse(file: Path) -> Warehouse:
    return Warehouse(sa.create_engine(f"duckdb:///{file}", poolclass=NullPool))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(instance: dg.DagsterInstance) -> str:
    """What one tick of the sensor says."""
    with dg.build_sensor_context(instance=instance) as context:
        said = ALERTS.evaluate_tick(context).skip_message
    assert said is not None
    return said


def run(
    instance: dg.DagsterInstance, step: str, error: Exception | None
) -> dg.ExecuteInProcessResult:
    """A run of the job `refresh`, which is one step."""

    @dg.op(name=step)
    def work() -> None:
        if error is not None:
            raise error

    @dg.job(name="refresh")
    def refresh() -> None:
        work()

    return refresh.execute_in_process(instance=instance, raise_on_error=False)


def fails(
    instance: dg.DagsterInstance, step: str = "write", error: Exception | None = None
) -> None:
    """A run fails, and Dagster calls the sensor."""
    failed = run(instance, step, error or dg.Failure("the file is held"))
    [event] = [one for one in failed.all_events if one.event_type_value == "PIPELINE_FAILURE"]
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_on_failure", dagster_event=event, dagster_instance=instance,
        dagster_run=failed.dagster_run,
    )  # fmt: skip
    ON_FAILURE(context.for_run_failure())


def succeeds(instance: dg.DagsterInstance) -> None:
    """A run succeeds, and Dagster calls the sensor."""
    ended = run(instance, "write", None)
    [event] = [one for one in ended.all_events if one.event_type_value == "PIPELINE_SUCCESS"]
    ON_RECOVERY(
        dg.build_run_status_sensor_context(
            sensor_name="alert_on_recovery", dagster_event=event, dagster_instance=instance,
            dagster_run=ended.dagster_run,
        )
    )  # fmt: skip


def test_the_sensors_run_unless_somebody_switches_them_off() -> None:
    sensors = (ALERTS, ON_FAILURE, ON_RECOVERY)
    assert [one.name for one in sensors] == ["alerts", "alert_on_failure", "alert_on_recovery"]
    for sensor in sensors:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert ALERTS.minimum_interval_seconds == 300


def test_a_pass_tells_once(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook
) -> None:
    warehouse.run("failed", utc_now(), error="no table")
    assert tick(instance) == "slack: told of 1 alert"
    assert tick(instance) == "nothing new to tell"
    assert len(slack.requests) == 1


def test_a_channel_that_is_down_fails_the_tick_without_its_address(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook
) -> None:
    warehouse.run("failed", utc_now(), error="no table")
    slack.fail("hushhush", Fault(status=500, body=slack.url))
    with pytest.raises(dagster_alerts.NotEverybodyTold) as failed:
        tick(instance)
    shown = "".join(traceback.format_exception(failed.value))
    assert "500: ***" in shown
    assert "hushhush" not in shown
    assert tick(instance) == "slack: told of 1 alert"


def test_a_pass_is_skipped_while_the_file_is_held(
    instance: dg.DagsterInstance, file: Path, slack: SlackWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: Any, **__: Any) -> None:
        raise WarehouseUnavailable(f"The DuckDB file {file} is held by process 1")

    monkeypatch.setattr(dagster_alerts, "check_reachable", held)
    assert tick(instance) == f"The DuckDB file {file} is held by process 1"
    assert slack.requests == []


@pytest.mark.usefixtures("slack")
def test_a_pass_before_the_first_refresh_is_skipped(
    instance: dg.DagsterInstance, file: Path
) -> None:
    assert tick(instance).startswith(f"There is no DuckDB file {file}")
    warehouse = Warehouse(sa.create_engine(f"duckdb:///{file}", poolclass=NullPool))
    warehouse.do("drop table operations.alerts")
    assert tick(instance) == "operations.alerts does not exist; run `strata refresh` first"


def test_a_server_that_does_not_answer_is_an_error(
    instance: dg.DagsterInstance, slack: SlackWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_TARGET", "postgres")
    monkeypatch.setenv("STRATA_POSTGRES_HOST", "127.0.0.1")
    monkeypatch.setenv("STRATA_POSTGRES_PORT", str(free_port()))
    with pytest.raises(WarehouseUnavailable, match=r"PostgreSQL at 127\.0\.0\.1"):
        tick(instance)
    fails(instance)
    assert [one.body["text"] for one in slack.requests] == ["Strata alert: The job refresh failed"]


def test_a_pass_leaves_the_file_to_a_run_that_is_going_on(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook
) -> None:
    warehouse.run("succeeded", utc_now() - timedelta(hours=4))
    record = dg.DagsterRun(job_name="refresh", run_id="a", status=dg.DagsterRunStatus.STARTED)
    instance.add_run(record)
    assert tick(instance).startswith("a run is going on")
    assert slack.requests == []
    instance.delete_run("a")
    assert tick(instance) == "slack: told of 1 alert"


def test_without_a_channel_nothing_is_opened(
    instance: dg.DagsterInstance, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AlertSettings, "read", AlertSettings)
    assert "configures no channel" in tick(instance)
    fails(instance)
    assert not file.exists()


def test_a_failed_run_is_told_where_there_is_no_warehouse_once_until_it_succeeds(
    instance: dg.DagsterInstance, file: Path, slack: SlackWebhook
) -> None:
    assert not file.exists()
    fails(instance)
    fails(instance)
    assert len(slack.requests) == 1
    assert slack.lines()[0] == "*Strata alert: The job refresh failed*"
    assert "write: the file is held" in slack.lines()[2]
    fails(instance, error=dg.Failure("the disk is full"))
    assert len(slack.requests) == 2
    assert slack.lines()[0] == "*Strata alert: still open: The job refresh failed*"
    assert "write: the disk is full" in slack.lines()[2]
    fails(instance, error=dg.Failure("the disk is full"))
    assert len(slack.requests) == 2
    run(instance, "write", None)
    fails(instance)
    assert len(slack.requests) == 3


def test_a_job_that_succeeds_again_is_told_to_those_who_know_that_it_failed(
    instance: dg.DagsterInstance, file: Path, slack: SlackWebhook
) -> None:
    assert not file.exists()
    succeeds(instance)
    assert slack.requests == []
    fails(instance)
    slack.fail("hushhush", Fault(status=500, body="later"))
    with pytest.raises(dagster_alerts.NotEverybodyTold, match="500: later"):
        succeeds(instance)
    succeeds(instance)
    assert slack.lines()[0] == "*Strata alert: resolved: The job refresh failed*"
    assert slack.lines()[-1] == "• *The job refresh failed*: resolved after 1 min"
    told = len(slack.requests)
    succeeds(instance)
    assert len(slack.requests) == told
    fails(instance)
    assert len(slack.requests) == told + 1


def test_a_run_whose_process_was_killed_says_so_and_that_dagster_tries_again(
    instance: dg.DagsterInstance, file: Path, slack: SlackWebhook
) -> None:
    assert not file.exists()
    run = dg.DagsterRun(
        job_name="refresh", run_id="a", status=dg.DagsterRunStatus.STARTED,
        tags={dagster_alerts.WILL_RETRY: "true"},
    )  # fmt: skip
    instance.add_run(run)
    instance.report_engine_event("Its process was terminated by signal 9.", run)
    failure = instance.report_run_failed(run, "Marked as failed from outside.")
    assert failure.is_failure
    instance.report_engine_event("Retrying the run", run)  # the daemon, which is faster at times
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_on_failure", dagster_event=failure,
        dagster_instance=instance, dagster_run=run,
    )  # fmt: skip
    ON_FAILURE(context.for_run_failure())
    assert "Its process was terminated by signal 9." in slack.lines()[2]
    assert "nothing yet: Dagster tries the run a again" in slack.lines()[-1]


def test_a_failed_run_that_could_not_be_told_is_told_with_the_next_one(
    instance: dg.DagsterInstance, file: Path, slack: SlackWebhook
) -> None:
    slack.fail("hushhush", Fault(status=500, body="later"))
    with pytest.raises(dagster_alerts.NotEverybodyTold, match="500: later"):
        fails(instance)
    fails(instance)
    assert [one.body["text"] for one in slack.requests[1:]] == [
        "Strata alert: The job refresh failed"
    ]
    assert not file.exists()


def test_a_failure_that_the_warehouse_knows_is_told_from_there(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook
) -> None:
    warehouse.run("failed", utc_now(), error="no table")
    fails(instance, "publish")
    assert [one.body["text"] for one in slack.requests] == ["Strata alert: The last refresh failed"]
    fails(instance, "publish")
    assert len(slack.requests) == 1


def test_a_failure_beside_another_run_leaves_it_the_file(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook
) -> None:
    warehouse.run("failed", utc_now(), error="no table")
    going_on = dg.DagsterRun(job_name="sync_a", run_id="a", status=dg.DagsterRunStatus.STARTED)
    instance.add_run(going_on)
    fails(instance, "publish")
    assert [one.body["text"] for one in slack.requests] == ["Strata alert: The job refresh failed"]
    assert warehouse.rows("select * from operations.alerts") == []


def test_a_failed_sync_is_told_by_its_own_name(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook
) -> None:
    warehouse.run("succeeded", utc_now())
    warehouse.sync_run("sync_champions", "failed", utc_now(), "401: no access")
    fails(instance, "destinations__sync_champions")
    assert [one.body["text"] for one in slack.requests] == [
        "Strata alert: The sync sync_champions failed"
    ]
    fails(instance, "destinations__sync_of_another_name")
    assert slack.requests[1].body["text"] == "Strata alert: The job refresh failed"


def test_a_failure_that_the_warehouse_does_not_know_is_told_beside_it(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook
) -> None:
    warehouse.run("succeeded", utc_now())
    fails(
        instance, "publish", sa.exc.ProgrammingError("select secret", {}, ValueError("no column"))
    )
    assert len(slack.requests) == 1
    assert "publish: " in slack.lines()[2]
    assert "no column" in slack.lines()[2]
    assert "select secret" not in slack.lines()[2]


def test_a_file_that_another_process_takes_in_between_is_no_error(
    instance: dg.DagsterInstance, warehouse: Warehouse, slack: SlackWebhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def taken(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(dagster_alerts, "check_reachable", lambda: (_ for _ in ()).throw(held))
        raise sa.exc.OperationalError("", {}, duckdb.IOException("Could not set lock"))

    held = WarehouseUnavailable("held by process 1")
    monkeypatch.setattr(dagster_alerts, "open_alerts", taken)
    assert tick(instance) == "held by process 1"
    assert (warehouse.rows("select * from operations.alerts"), slack.requests) == ([], [])
