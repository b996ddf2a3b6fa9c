"""Who was told what: the table operations.alerts, which dbt makes.

A row is one alert, from opening to recovery, in one channel. It is written when the channel
was told, so that what was not delivered is due again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    MetaData,
    Table,
    Text,
    insert,
    select,
    update,
)

from orchestration.activation.ledger import require_state_tables
from orchestration.alerts.alert import Alert, Notice, Severity, cause

OF_ONE_CAUSE = ("failed_run", "failed_sync", "held_segment")
"""Kinds that hide what went wrong next behind what went wrong first."""

metadata = MetaData()

alerts = Table(
    "alerts",
    metadata,
    Column("alert_key", Text),
    Column("channel", Text),
    Column("kind", Text),
    Column("about", Text),
    Column("severity", Text),
    Column("subject", Text),
    Column("message", Text),
    Column("affects", Text),
    Column("command", Text),
    Column("since", DateTime),
    Column("first_told_at", DateTime),
    Column("last_told_at", DateTime),
    Column("resolved_at", DateTime),
    Column("recovery_told_at", DateTime),
    schema="operations",
)


def notices_due(
    connection: Connection,
    channels: Sequence[str],
    found: Iterable[Alert],
    now: datetime,
    remind_after: timedelta,
) -> dict[str, list[Notice]]:
    """What each channel is to be told, given the alerts that are open at `now`. The caller commits.

    Notes which alerts are gone, and which of those are back before that was told.

    Raises:
        StrataError: dbt has not made the table.
    """
    require_state_tables(connection, [alerts])
    told = connection.execute(select(alerts).where(alerts.c.recovery_told_at.is_(None))).all()
    opened = {alert.key: alert for alert in found}
    gone = {row.alert_key for row in told if row.alert_key not in opened and not row.resolved_at}
    back = {row.alert_key for row in told if row.alert_key in opened and row.resolved_at}
    for keys, resolved_at in ((gone, now), (back, None)):
        if keys:
            connection.execute(
                update(alerts)
                .where(alerts.c.recovery_told_at.is_(None), alerts.c.alert_key.in_(sorted(keys)))
                .values(resolved_at=resolved_at)
            )
    return {
        channel: list(
            _due([row for row in told if row.channel == channel], opened, now, remind_after)
        )
        for channel in channels
    }


def _due(
    told: Sequence[Any], opened: dict[str, Alert], now: datetime, remind_after: timedelta
) -> Iterable[Notice]:
    by_key = {row.alert_key: row for row in told}
    for key, alert in opened.items():
        row = by_key.get(key)
        if row is None:
            yield Notice("opened", alert)
        elif (
            now - row.last_told_at >= remind_after
            or (row.severity, alert.severity) == ("warning", "error")
            or (alert.kind in OF_ONE_CAUSE and cause(row.message) != cause(alert.message))
        ):
            yield Notice("reminder", alert, told_at=row.last_told_at)
    for key, row in by_key.items():
        if key not in opened:
            yield Notice(
                "resolved", _alert(row), row.last_told_at, resolved_at=row.resolved_at or now
            )


def record_told(
    connection: Connection, channel: str, notices: Sequence[Notice], now: datetime
) -> None:
    """Keep that a channel was told. The caller commits."""
    for notice in notices:
        alert = notice.alert
        said = {
            "severity": alert.severity,
            "subject": alert.subject,
            "message": alert.message,
            "affects": alert.affects,
            "command": alert.command,
            "last_told_at": now,
        }
        if notice.event == "opened":
            connection.execute(
                insert(alerts).values(
                    alert_key=alert.key,
                    channel=channel,
                    kind=alert.kind,
                    about=alert.about,
                    since=alert.since,
                    first_told_at=now,
                    **said,
                )
            )
            continue
        connection.execute(
            update(alerts)
            .where(
                alerts.c.alert_key == alert.key,
                alerts.c.channel == channel,
                alerts.c.recovery_told_at.is_(None),
            )
            .values({"recovery_told_at": now} if notice.event == "resolved" else said)
        )


def _alert(row: Any) -> Alert:
    return Alert(
        kind=row.kind,
        about=row.about,
        severity=cast(Severity, row.severity),
        subject=row.subject,
        message=row.message,
        since=row.since,
        affects=row.affects,
        command=row.command,
    )
