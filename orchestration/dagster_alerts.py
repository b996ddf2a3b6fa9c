"""Dagster's sensors that tell people: one pass every few minutes, and at once when a run fails.

A run that fails before it can say so in the warehouse, or because it cannot open it, is told
from Dagster alone.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import dagster as dg
from sqlalchemy.exc import DBAPIError

from orchestration.alerts.alert import Alert, Notice, cause, one_line
from orchestration.alerts.settings import AlertSettings
from orchestration.alerts.telling import Told, open_alerts, send, tell_due
from orchestration.errors import StrataError, UsageError, WarehouseUnavailable
from orchestration.project import utc_now
from orchestration.warehouse import check_reachable, credentials, engine

SECONDS_BETWEEN_PASSES = 300
GOING_ON = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
# What a failed step of a job leaves in the warehouse, by the key of its alert.
REFRESH_STEPS = frozenset(
    {"freshness", "write", "audit", "publish", "analytics", "activate", "report"}
)
SYNC_STEP = "destinations__"
WILL_RETRY = "dagster/will_retry"
"""Tag of a failed run that Dagster starts again by itself."""


class Known(NamedTuple):
    """What a channel was told of a job that fails."""

    since: datetime
    """When it was first told, UTC."""
    told_at: datetime
    """When it was told last, UTC."""
    why: str
    """Digest of the cause it was told last."""


class NotEverybodyTold(Exception):
    """Fails the tick, so that Dagster shows the channel that is down."""


def alert_sensors(manifest: Mapping[str, Any]) -> list[dg.SensorDefinition]:
    """The sensors of a project with this manifest."""

    @dg.sensor(
        minimum_interval_seconds=SECONDS_BETWEEN_PASSES,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the channels of `alerts` what is wrong and what they do not know yet.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        settings = AlertSettings.read()
        if not settings.channels:
            return dg.SkipReason("`alerts` in dbt_project.yml configures no channel")
        reason = _held_by_run(context.instance, settings)
        if reason:
            return dg.SkipReason(reason)
        try:
            _, told = _one_pass(settings, manifest)
        except UsageError:
            raise
        except StrataError as error:
            # Nothing was refreshed yet, another pass is telling, or another process has the file.
            if isinstance(error, WarehouseUnavailable) and not _is_one_file():
                raise
            return dg.SkipReason(str(error))
        _check(told)
        return dg.SkipReason("; ".join(told.lines) or "nothing new to tell")

    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the channels of `alerts` of a failed run of any job.",
    )
    def alert_on_failure(context: dg.RunFailureSensorContext) -> None:
        settings = AlertSettings.read()
        if not settings.channels:
            return
        found, told = list[Alert](), Told()
        if not _held_by_run(context.instance, settings):
            # Where the warehouse cannot say it, the sensor does.
            with suppress(StrataError, DBAPIError):
                found, told = _one_pass(settings, manifest)
        failed = context.get_step_failure_events()
        if not _is_said(failed, {alert.key for alert in found}):
            _tell_of_job(context, settings, _job_alert(context, failed), told)
        _check(told)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the channels that were told of a failed job that it succeeds again.",
    )
    def alert_on_recovery(context: dg.RunStatusSensorContext) -> None:
        told = Told()
        _tell_of_recovery(context, AlertSettings.read(), told)
        _check(told)

    return [alerts, alert_on_failure, alert_on_recovery]


def _one_pass(settings: AlertSettings, manifest: Mapping[str, Any]) -> tuple[list[Alert], Told]:
    """What is open, and what came of telling it.

    Raises WarehouseUnavailable, also where the warehouse was opened and then taken by another.
    """
    check_reachable(must_exist=True)
    try:
        found = open_alerts(engine(), settings, lambda: manifest)
        return found, tell_due(engine(), settings, found)
    except DBAPIError:
        check_reachable()
        raise


def _is_one_file() -> bool:
    """Whether the warehouse is a file that one process at a time may open."""
    return bool(credentials(None).credentials.type == "duckdb")


def _held_by_run(instance: dg.DagsterInstance, settings: AlertSettings) -> str | None:
    """Why the file is left alone: a run is going on, and opens it again and again.

    One that has been going on for longer than is bearable without a refresh hangs, or died.
    """
    since = datetime.now(UTC) - timedelta(hours=settings.max_hours_without_refresh)
    if _is_one_file() and instance.get_runs_count(
        dg.RunsFilter(statuses=list(GOING_ON), created_after=since)
    ):
        return "a run is going on, and a DuckDB file can be open in one process only"
    return None


def _is_said(failed: Sequence[dg.DagsterEvent], keys: set[str]) -> bool:
    """Whether the warehouse has an alert for every step that failed, and one did."""
    said = {
        event.step_key: "failed_run"
        if event.step_key in REFRESH_STEPS
        else f"failed_sync:{(event.step_key or '').removeprefix(SYNC_STEP)}"
        for event in failed
    }
    return bool(said) and set(said.values()) <= keys


def _job_alert(context: dg.RunFailureSensorContext, failed: Sequence[dg.DagsterEvent]) -> Alert:
    run = context.dagster_run
    words = "; ".join(_step_in_words(event) for event in failed)
    words = (
        words or _last_words(context.instance, run.run_id) or context.failure_event.message or ""
    )
    to_do = f"look at the run {run.run_id} in Dagster"
    if run.tags.get(WILL_RETRY) == "true":
        to_do = f"nothing yet: Dagster tries the run {run.run_id} again"
    return _failed_job(
        run.job_name, one_line(words or "Dagster does not say why"), utc_now(), to_do
    )


def _failed_job(job: str, message: str, since: datetime, command: str) -> Alert:
    return Alert(
        kind="failed_job",
        about=job,
        severity="error",
        subject=f"The job {job} failed",
        message=message,
        since=since,
        affects="",
        command=command,
    )


def _last_words(instance: dg.DagsterInstance, run_id: str) -> str:
    """What Dagster said of a run that did not end by itself: why its process was gone.

    Said before the run counts as failed; after it comes what is done about it.
    """
    last = ""
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        if event and event.event_type == dg.DagsterEventType.RUN_FAILURE:
            break
        if event and event.event_type == dg.DagsterEventType.ENGINE_EVENT:
            last = str(entry.message)
    return last


def _step_in_words(event: dg.DagsterEvent) -> str:
    """The step and its error's own words, without the stack of calls."""
    data = event.step_failure_data
    described = data.user_failure_data.description if data.user_failure_data else None
    error = data.error.cause or data.error if data.error else None
    said = described or (error.message if error else "")
    # SQLAlchemy adds the statement and its values.
    return f"{event.step_key}: {one_line(said.split('[SQL:')[0], 300)}"


def _tell_of_job(
    context: dg.RunFailureSensorContext, settings: AlertSettings, alert: Alert, told: Told
) -> None:
    """Tell each channel that was not told of this cause since the job succeeded, or long ago."""
    last_success = _last_success(context.instance, alert.about)
    why = sha256(cause(alert.message).encode()).hexdigest()
    for channel in settings.channels:
        known = _was_told(context.instance, alert.about, channel)
        if known and last_success and known.told_at < last_success:
            known = None  # of an earlier failure, whose recovery could not be told
        now = utc_now()
        if (
            known
            and known.why == why
            and now - known.told_at < timedelta(hours=settings.remind_after_hours)
        ):
            continue
        notice = Notice("opened", alert)
        if known:
            notice = Notice("reminder", replace(alert, since=known.since), known.told_at)
        if send(settings, channel, [notice], told):
            _note_told(context.instance, alert.about, channel, Known(notice.alert.since, now, why))


def _tell_of_recovery(
    context: dg.RunStatusSensorContext, settings: AlertSettings, told: Told
) -> None:
    """Tell each channel that was told that the job failed."""
    job = context.dagster_run.job_name
    for channel in settings.channels:
        if known := _was_told(context.instance, job, channel):
            failed = _failed_job(job, "", known.since, "")
            notice = Notice("resolved", failed, known.told_at, utc_now())
            if send(settings, channel, [notice], told):
                _note_told(context.instance, job, channel)


def _was_told(instance: dg.DagsterInstance, job: str, channel: str) -> Known | None:
    """What a channel knows of a job that fails; None if that is nothing, or that it succeeds."""
    name = _told_name(job, channel)
    said = instance.daemon_cursor_storage.get_cursor_values({name}).get(name, "")
    if not said:
        return None
    since, told_at, *why = said.split()  # version 0.1.0 kept no cause
    return Known(datetime.fromisoformat(since), datetime.fromisoformat(told_at), "".join(why))


def _note_told(
    instance: dg.DagsterInstance, job: str, channel: str, known: Known | None = None
) -> None:
    """Kept where Dagster keeps its own cursors: the warehouse may be closed."""
    said = f"{known.since.isoformat()} {known.told_at.isoformat()} {known.why}" if known else ""
    instance.daemon_cursor_storage.set_cursor_values({_told_name(job, channel): said})


def _told_name(job: str, channel: str) -> str:
    return f"strata/told/failed_job:{job}/{channel}"


def _last_success(instance: dg.DagsterInstance, job: str) -> datetime | None:
    records = instance.get_run_records(
        dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
    )
    ended = records[0].end_time if records else None
    return datetime.fromtimestamp(ended, UTC).replace(tzinfo=None) if ended else None


def _check(told: Told) -> None:
    if told.failures:
        raise NotEverybodyTold("; ".join(told.lines))
