"""Who is told what and when: passes over a warehouse, with channels that fail and come back."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alerts_kit import (
    NOON,
    ON_BOTH,
    SECRET_VARIABLE,
    SLACK_VARIABLE,
    URL_VARIABLE,
    AlertReceiver,
    SlackWebhook,
    Warehouse,
    alert,
    open_warehouse,
)
from rich.console import Console
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner

from orchestration import cli
from orchestration.alerts import telling
from orchestration.alerts.alert import Alert, Notice
from orchestration.alerts.settings import AlertSettings
from orchestration.alerts.state import record_told
from orchestration.alerts.telling import LASTS, LEASE, Told, tell_due
from orchestration.demo_receiver import Fault
from orchestration.errors import AlertsOpen, StrataError, UsageError
from orchestration.lease import Lease

HOUR = timedelta(hours=1)
SETTINGS = AlertSettings.of(
    {
        "webhook": {"url": f"env:{URL_VARIABLE}", "secret_env": SECRET_VARIABLE},
        "slack": {"webhook_url_env": SLACK_VARIABLE},
    }
)
HELD, LATE = alert(), alert("stripe", kind="freshness", severity="warning")


@pytest.fixture(params=ON_BOTH)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return open_warehouse(request, tmp_path)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertReceiver]:
    # These tests have a clock of their own.
    monkeypatch.setattr("orchestration.demo_receiver.LARGEST_CLOCK_DIFFERENCE_SECONDS", 1e9)
    with AlertReceiver() as running:
        monkeypatch.setenv(URL_VARIABLE, running.url)
        monkeypatch.setenv(SECRET_VARIABLE, running.secret)
        yield running


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackWebhook]:
    with SlackWebhook() as running:
        monkeypatch.setenv(SLACK_VARIABLE, running.url)
        yield running


def one_pass(warehouse: Warehouse, now: datetime, *found: Alert) -> Told:
    return tell_due(warehouse.engine, SETTINGS, list(found), lambda: now)


def news(receiver: AlertReceiver) -> list[list[tuple[str, str]]]:
    """Event and key of the alerts of each message."""
    return [[(one["event"], one["key"]) for one in message] for message in receiver.told]


def test_an_alert_is_told_once_again_after_a_day_and_when_it_is_gone(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    assert one_pass(warehouse, NOON, HELD).counts == {"webhook": 1, "slack": 1}
    assert one_pass(warehouse, NOON + HOUR, HELD) == Told()
    assert one_pass(warehouse, NOON + 23 * HOUR, HELD) == Told()
    assert one_pass(warehouse, NOON + 24 * HOUR, HELD).counts == {"webhook": 1, "slack": 1}
    assert one_pass(warehouse, NOON + 25 * HOUR, HELD) == Told()
    assert one_pass(warehouse, NOON + 27 * HOUR).counts == {"webhook": 1, "slack": 1}
    assert one_pass(warehouse, NOON + 28 * HOUR) == Told()
    key = "held_segment:champions"
    assert news(receiver) == [[("opened", key)], [("reminder", key)], [("resolved", key)]]
    assert len(slack.requests) == 3
    assert slack.lines()[-1] == "• *The segment champions is held*: resolved after 27 h"
    rows = warehouse.rows("select * from operations.alerts order by channel")
    assert [row["channel"] for row in rows] == ["slack", "webhook"]
    for row in rows:
        assert row["first_told_at"] == row["since"] == NOON
        assert row["last_told_at"] == NOON + 24 * HOUR
        assert row["resolved_at"] == row["recovery_told_at"] == NOON + 27 * HOUR


def test_an_alert_that_opens_again_is_new(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    for hours, found in enumerate([[HELD], [], [replace(HELD, since=NOON + 2 * HOUR)], []]):
        one_pass(warehouse, NOON + hours * HOUR, *found)
    assert [message[0][0] for message in news(receiver)] == [
        "opened", "resolved", "opened", "resolved",
    ]  # fmt: skip
    assert slack.lines()[-1].endswith("resolved after 1 h")


def test_a_channel_that_fails_is_told_later_and_the_other_only_once(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    receiver.faults.append(Fault(status=503, body="down"))
    told = one_pass(warehouse, NOON, HELD)
    assert (told.counts, told.failures) == ({"slack": 1}, {"webhook": "503: down (tried 1 time)"})
    assert told.lines[-1] == (
        "webhook: not told, the next pass tries again: 503: down (tried 1 time)"
    )
    assert one_pass(warehouse, NOON + HOUR, HELD).counts == {"webhook": 1}
    assert (len(receiver.told), len(slack.requests)) == (1, 1)
    [first, second] = list(receiver.deliveries)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_recovery_that_was_not_told_is_told_later_with_its_own_time(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    one_pass(warehouse, NOON, HELD)
    slack.fail("hushhush", Fault(status=500))
    one_pass(warehouse, NOON + HOUR)
    one_pass(warehouse, NOON + 5 * HOUR)
    assert len(receiver.told) == 2
    assert slack.lines()[-1].endswith("resolved after 1 h")


@pytest.mark.usefixtures("receiver")
def test_an_alert_that_is_back_before_its_recovery_was_told_is_no_news(
    warehouse: Warehouse, slack: SlackWebhook
) -> None:
    one_pass(warehouse, NOON, HELD)
    slack.fail("hushhush", Fault(status=500))
    one_pass(warehouse, NOON + HOUR)
    assert one_pass(warehouse, NOON + 2 * HOUR, HELD).counts == {"webhook": 1}
    one_pass(warehouse, NOON + 4 * HOUR)
    assert slack.lines()[-1].endswith("resolved after 4 h")


def test_what_was_gone_before_anybody_was_told_is_no_news(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    receiver.faults.append(Fault(status=503))
    slack.fail("hushhush", Fault(status=500))
    assert set(one_pass(warehouse, NOON, HELD).failures) == {"webhook", "slack"}
    assert one_pass(warehouse, NOON + HOUR) == Told()
    assert warehouse.rows("select * from operations.alerts") == []


def test_a_warning_that_becomes_an_error_is_told_at_once(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    worse = replace(LATE, severity="error")
    for minutes, found in enumerate([LATE, worse, worse, LATE]):
        one_pass(warehouse, NOON + timedelta(minutes=minutes), found)
    assert [message[0]["severity"] for message in receiver.told] == ["warning", "error"]
    assert len(slack.requests) == 2


def test_a_failure_of_another_cause_is_told_at_once_and_the_same_one_is_not(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    why = "It was not published as of 2026-07-01 12:00 UTC: size 3 is below 30."
    first = replace(HELD, message=why)
    same = replace(HELD, message=why.replace("2026-07-01", "2026-07-02").replace("3", "14"))
    other = replace(HELD, message=why + " Expectation unique_customers failed.")
    late = replace(HELD, kind="freshness", message="charge is behind")
    for hours, found in enumerate([first, same, other, other]):
        one_pass(warehouse, NOON + hours * HOUR, found, late)
        late = replace(late, message="charge and subscription are behind")
    key, system = "held_segment:champions", "freshness:champions"
    assert news(receiver) == [[("opened", key), ("opened", system)], [("reminder", key)]]
    assert "unique_customers" in slack.lines()[-2]


def test_forty_at_once_are_one_message_for_each_channel(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    held = [alert(f"s{number:02}") for number in range(40)]
    assert one_pass(warehouse, NOON, *held).counts == {"webhook": 40, "slack": 40}
    assert (len(receiver.told), len(slack.requests)) == (1, 1)
    assert "*New: held segments* (40)" in slack.lines()
    assert slack.lines()[-1] == "and 20 more; `strata alerts` lists what is open"
    assert one_pass(warehouse, NOON + HOUR, *held) == Told()
    assert one_pass(warehouse, NOON + 2 * HOUR).counts == {"webhook": 40, "slack": 40}


def test_one_pass_at_a_time_tells(
    warehouse: Warehouse, receiver: AlertReceiver, slack: SlackWebhook
) -> None:
    with warehouse.engine.begin() as connection:
        Lease(LEASE, "another", LASTS, StrataError).acquire(connection, NOON)
    with pytest.raises(StrataError, match="telling alerts: another run of it is going on"):
        one_pass(warehouse, NOON + timedelta(minutes=1), HELD)
    assert (len(receiver.deliveries), len(slack.requests)) == (0, 0)
    assert one_pass(warehouse, NOON + timedelta(minutes=6), HELD).counts
    assert one_pass(warehouse, NOON + timedelta(minutes=6), HELD, LATE).counts


@pytest.mark.usefixtures("receiver", "slack")
def test_what_another_pass_told_in_between_is_not_told_again(
    on_duckdb: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = Lease.acquire

    def after_another(lease: Lease, connection: sa.Connection, now: datetime) -> None:
        with on_duckdb.engine.begin() as other:
            for channel in SETTINGS.channels:
                record_told(other, channel, [Notice("opened", HELD)], now)
        acquire(lease, connection, now)

    monkeypatch.setattr(Lease, "acquire", after_another)
    assert one_pass(on_duckdb, NOON, HELD) == Told()


def test_dbt_must_have_made_the_table(warehouse: Warehouse) -> None:
    warehouse.do("drop table operations.alerts")
    with pytest.raises(StrataError, match=r"operations\.alerts does not exist; run `strata refre"):
        one_pass(warehouse, NOON, HELD)


@pytest.fixture
def on_duckdb(tmp_path: Path) -> Warehouse:
    return Warehouse(sa.create_engine(f"duckdb:///{tmp_path}/x.duckdb", poolclass=NullPool))


def test_without_a_channel_nobody_can_be_told(on_duckdb: Warehouse) -> None:
    with pytest.raises(UsageError, match="none of webhook, slack, email"):
        tell_due(on_duckdb.engine, AlertSettings(), [HELD])


def test_a_channel_that_is_not_set_up_does_not_silence_the_other(
    on_duckdb: Warehouse, slack: SlackWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    told = one_pass(on_duckdb, NOON, HELD)
    assert told.counts == {"slack": 1} == {"slack": len(slack.requests)}
    assert URL_VARIABLE in told.failures["webhook"]


def test_a_surprise_of_a_channel_shows_nothing_of_it(
    on_duckdb: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_: Any) -> str:
        raise RuntimeError("hush")

    monkeypatch.setattr(telling, "tell", surprise)
    told = one_pass(on_duckdb, NOON, HELD)
    assert set(told.failures) == {"webhook", "slack"}
    assert told.failures["slack"] == "RuntimeError, which is not expected here"


@pytest.mark.usefixtures("slack")
def test_another_process_may_open_the_file_while_a_channel_is_told(
    on_duckdb: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[int] = []
    opening = f"import duckdb; duckdb.connect({str(tmp_path / 'x.duckdb')!r})"

    class Opening(AlertReceiver):
        def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, object]:
            opened.append(subprocess.run([sys.executable, "-c", opening], check=False).returncode)
            return super().answer(headers, body)

    monkeypatch.setattr("orchestration.demo_receiver.LARGEST_CLOCK_DIFFERENCE_SECONDS", 1e9)
    with Opening() as receiver:
        monkeypatch.setenv(URL_VARIABLE, receiver.url)
        monkeypatch.setenv(SECRET_VARIABLE, receiver.secret)
        assert one_pass(on_duckdb, NOON, HELD).counts == {"webhook": 1, "slack": 1}
    assert opened == [0]


# The command


@pytest.fixture
def command(
    on_duckdb: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack: SlackWebhook
) -> Warehouse:
    """A warehouse that `strata alerts` opens, with Slack as its one channel."""
    assert slack.port
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "x.duckdb"))
    only_slack = AlertSettings.of({"slack": {"webhook_url_env": SLACK_VARIABLE}})
    monkeypatch.setattr(AlertSettings, "read", lambda: only_slack)
    monkeypatch.setattr(cli, "out", Console(width=200))  # whatever the terminal's is
    return on_duckdb


def test_the_command_shows_and_with_send_tells(command: Warehouse, slack: SlackWebhook) -> None:
    now = datetime.now().replace(microsecond=0)
    command.run("succeeded", now - HOUR)
    done = CliRunner().invoke(cli.app, ["alerts"])
    assert (done.exit_code, "No alert is open." in done.stdout) == (0, True)
    command.run("failed", now, step="write", error="raw table [hubspot.contact] is gone")
    done = CliRunner().invoke(cli.app, ["alerts"])
    assert isinstance(done.exception, AlertsOpen)
    assert AlertsOpen.exit_code == 8
    assert str(done.exception) == "1 alert of severity error is open."
    for words in ("The last refresh failed", "[hubspot.contact] is gone", "strata refresh"):
        assert words in done.stdout
    assert slack.requests == []
    for count in (1, 1):
        done = CliRunner().invoke(cli.app, ["alerts", "--send"])
        assert isinstance(done.exception, AlertsOpen)
        assert len(slack.requests) == count


def test_the_command_fails_when_somebody_could_not_be_told(
    command: Warehouse, slack: SlackWebhook
) -> None:
    command.add(
        "operations.source_freshness", source_system="stripe", table_name="charge", status="warn",
        as_of=NOON, last_loaded_at=NOON - 30 * HOUR, hours_behind=30, warn_after_hours=24,
    )  # fmt: skip
    command.run("succeeded", datetime.now())
    assert CliRunner().invoke(cli.app, ["alerts"]).exit_code == 0
    slack.fail("hushhush", Fault(status=500, body="later"))
    done = CliRunner().invoke(cli.app, ["alerts", "--send"])
    assert str(done.exception) == "not everybody was told: slack"
    assert "slack: not told, the next pass tries again: 500: later" in done.output
