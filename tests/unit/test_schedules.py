"""When jobs run: hours that clocks skip or repeat, leap days, hours that were missed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from orchestration.activation.exposures import Sync
from orchestration.destinations.file.settings import FileSettings
from orchestration.errors import UsageError

pytestmark = pytest.mark.slow  # the project is parsed


@pytest.fixture(scope="module")
def hourly() -> dg.ScheduleDefinition:
    from orchestration.schedules import hourly

    return hourly


def ticks(schedule: dg.ScheduleDefinition, first: datetime, count: int) -> list[datetime]:
    """The next ticks as Dagster's daemon finds them, in UTC."""
    from dagster._utils.schedules import schedule_execution_time_iterator

    found: Iterator[datetime] = schedule_execution_time_iterator(
        first.timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    return [next(found).astimezone(UTC) for _ in range(count)]


def asked_for(schedule: dg.ScheduleDefinition, tick: datetime) -> Mapping[str, str]:
    """What a tick asks for: key of the run, and its instant."""
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=tick)
        [request] = schedule.evaluate_tick(context).run_requests or []
    config = request.run_config["resources"]["instant"]["config"]
    return {"key": str(request.run_key), "as_of": config["as_of"]}


@pytest.mark.parametrize(
    "day",
    [
        datetime(2026, 3, 29, tzinfo=UTC),  # Europe loses an hour
        datetime(2026, 10, 25, tzinfo=UTC),  # and has one twice
        datetime(2026, 3, 8, tzinfo=UTC),  # North America
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2026, 12, 31, tzinfo=UTC),
    ],
)
def test_every_hour_has_one_refresh_whatever_clocks_do(
    hourly: dg.ScheduleDefinition, day: datetime
) -> None:
    found = ticks(hourly, day, 48)
    assert found == [day + timedelta(hours=hour) for hour in range(48)]
    asked = [asked_for(hourly, tick) for tick in found[::7]]
    assert [one["as_of"] for one in asked] == [f"{tick:%Y-%m-%dT%H:%M:%SZ}" for tick in found[::7]]
    assert max(Counter(one["key"] for one in asked).values()) == 1


def test_a_tick_in_another_zone_is_its_instant_in_utc(hourly: dg.ScheduleDefinition) -> None:
    tick = datetime(2026, 10, 25, 2, 0, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert asked_for(hourly, tick)["as_of"] == "2026-10-25T01:00:00Z"


def test_refreshes_do_not_queue_up(hourly: dg.ScheduleDefinition) -> None:
    tick = datetime(2026, 7, 1, 12, tzinfo=UTC)
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=tick)
        assert len(hourly.evaluate_tick(context).run_requests or []) == 1
        instance.add_run(dg.DagsterRun(job_name="refresh", status=dg.DagsterRunStatus.NOT_STARTED))
        found = hourly.evaluate_tick(context)
    assert not found.run_requests
    assert found.skip_message == "An earlier refresh is still waiting for its turn."


@pytest.mark.parametrize(
    ("day", "nine_o_clock"),
    [(datetime(2026, 3, 28), (8, 7)), (datetime(2026, 10, 24), (7, 8))],
)
def test_a_sync_keeps_its_hour_where_clocks_are_changed(
    monkeypatch: pytest.MonkeyPatch, day: datetime, nine_o_clock: tuple[int, int]
) -> None:
    from orchestration.assets.destinations import SYNC_ASSETS
    from orchestration.schedules import sync_schedule

    sync = Sync(
        name="sync_x", owner_name="Growth", owner_email="growth@example.com",
        audience_node="model.strata.audience_champions", audience_schema="activation",
        audience_table="audience_champions", destination="file", mode="mirror",
        settings=FileSettings(path="x.csv", format="csv"),
        schedule="0 9 * * *", time_zone="Europe/Berlin",
    )  # fmt: skip
    monkeypatch.setitem(SYNC_ASSETS, "sync_x", next(iter(SYNC_ASSETS.values())))
    schedule = sync_schedule(sync)
    found = ticks(schedule, day.replace(tzinfo=UTC), 2)
    assert tuple(tick.hour for tick in found) == nine_o_clock


def test_what_dagster_keeps_of_old_runs_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration import maintenance, retention

    monkeypatch.setattr(retention, "project_vars", lambda: {"keep_dagster_runs_days": 2})
    now = datetime.now(UTC).replace(tzinfo=None)

    @dg.op
    def work() -> None:
        """Does nothing."""

    @dg.job
    def some_job() -> None:
        work()

    with dg.DagsterInstance.ephemeral() as instance:
        done = some_job.execute_in_process(instance=instance)
        instance.add_run(
            dg.DagsterRun(job_name="some_job", run_id="a", status=dg.DagsterRunStatus.STARTED)
        )
        assert maintenance.delete_old_runs(instance, now + timedelta(days=1)) == 0
        assert maintenance.delete_old_runs(instance, now + timedelta(days=3)) == 1
        assert [run.run_id for run in instance.get_runs()] == ["a"]
        assert instance.all_logs(done.run_id) == []


@pytest.mark.parametrize("given", [0, None, "60", 1.5, True])
def test_a_wrong_number_of_days_for_dagster_is_refused(
    given: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration import retention

    monkeypatch.setattr(retention, "project_vars", lambda: {"keep_dagster_runs_days": given})
    with pytest.raises(UsageError, match=r"keep_dagster_runs_days is .* from 1 on"):
        retention.keep_dagster_days()


def test_an_erasure_only_says_what_it_would_do_until_it_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from orchestration import maintenance
    from orchestration.assets.steps import Instant
    from orchestration.erasure.erase import Erasure, Request
    from orchestration.erasure.forget import Change
    from orchestration.erasure.person import Person

    did: list[tuple[str, Request]] = []

    def noted(what: str) -> Callable[[object, Request], Erasure]:
        def note(_warehouse: object, request: Request) -> Erasure:
            did.append((what, request))
            return Erasure(
                Person("cus_1", ["cus_1"], []),
                [Change("identity.identity_assignments", "deleted", 3, [])],
                ["a source has them"] if request.who == "there" else [],
            )

        return note

    for name in ("check_reachable", "engine", "forget_in_pages", "publish_copy"):
        monkeypatch.setattr(maintenance, name, lambda *_, **__: None)
    monkeypatch.setattr(maintenance, "plan_erasure", noted("planned"))
    monkeypatch.setattr(maintenance, "erase", noted("erased"))

    def run(who: str, **more: object) -> bool:
        config = {"who": who, "reason": "request 4512", "by": "dpo", **more}
        done = maintenance.erase_job.execute_in_process(
            run_config={"ops": {"erase": {"config": config}}},
            resources={"instant": Instant()},
            raise_on_error=False,
        )
        return done.success

    assert run("cus_1")
    assert did == [("planned", Request("cus_1", "request 4512", "dpo", []))]
    did.clear()
    assert run("cus_1", confirmed=True, removed_from=["sync_x"])
    assert did[-1] == ("erased", Request("cus_1", "request 4512", "dpo", ["sync_x"]))
    assert not run("there")
    assert maintenance.erase_job.tags == maintenance.TAGS
