"""One pass: find what is open, and tell each channel what is due.

The warehouse is open only while it is read and written, never while a channel is waited for:
a DuckDB file that alerts hold is one that a refresh cannot open.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa

from orchestration.alerts.alert import Alert, Notice
from orchestration.alerts.channels import NotTold, tell
from orchestration.alerts.conditions import read_alerts
from orchestration.alerts.feeds import Manifest, with_syncs
from orchestration.alerts.message import Message
from orchestration.alerts.settings import AlertSettings
from orchestration.alerts.state import notices_due, record_told
from orchestration.destinations.base import Clock
from orchestration.errors import StrataError, UsageError
from orchestration.lease import Lease
from orchestration.project import utc_now

LEASE = "telling alerts"
"""The lease that lets one pass at a time tell; no sync can be named so."""
LASTS = timedelta(minutes=5)
"""Longer than a pass waits for its channels."""


@dataclass(slots=True)
class Told:
    """What came of telling, by channel."""

    counts: dict[str, int] = field(default_factory=dict)
    """Alerts that it was told of."""
    failures: dict[str, str] = field(default_factory=dict)
    """Why it was not told what was due, without credentials."""
    remarks: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """One line per channel that had something to be told."""
        return [
            *(
                f"{channel}: told of {count} alert{'s' if count != 1 else ''}"
                for channel, count in self.counts.items()
            ),
            *(f"{channel}: {words}" for channel, words in self.remarks.items()),
            *(
                f"{channel}: not told, the next pass tries again: {why}"
                for channel, why in self.failures.items()
            ),
        ]


def open_alerts(
    warehouse: sa.Engine, settings: AlertSettings, manifest: Manifest, now: Clock = utc_now
) -> list[Alert]:
    """Every alert that is open, with the syncs that it affects. Writes nothing."""
    with warehouse.connect() as connection:
        found = list(read_alerts(connection, settings, now()))
    return with_syncs(found, manifest)


def tell_due(
    warehouse: sa.Engine, settings: AlertSettings, found: list[Alert], now: Clock = utc_now
) -> Told:
    """Tell each channel what it was not told yet of the alerts found, of recoveries, and again
    of what is open for long. A channel that fails does not keep another from being told.

    Raises:
        UsageError: no channel is configured.
        StrataError: another pass is telling, or dbt has not made the table of alerts.
    """
    if not settings.channels:
        raise UsageError(
            "No channel is configured: `alerts` in dbt_project.yml has none of webhook, slack, "
            "email (docs/alerts.md)."
        )
    lease = Lease(LEASE, uuid4().hex, LASTS, StrataError)
    remind_after = timedelta(hours=settings.remind_after_hours)
    with warehouse.connect() as connection:
        with connection.begin():
            due = notices_due(connection, settings.channels, found, now(), remind_after)
            if not any(due.values()):
                return Told()
            lease.acquire(connection, now())
        with connection.begin():
            # Until just now another pass may have told them.
            due = notices_due(connection, settings.channels, found, now(), remind_after)

    told = Told()
    try:
        for channel, notices in due.items():
            if notices and send(settings, channel, notices, told, now):
                with warehouse.begin() as connection:
                    record_told(connection, channel, notices, now())
    finally:
        with warehouse.begin() as connection:
            lease.release(connection, now())
    return told


def send(
    settings: AlertSettings, channel: str, notices: list[Notice], told: Told, now: Clock = utc_now
) -> bool:
    """Tell one channel; whether it took the message. What came of it is noted in `told`."""
    try:
        remark = tell(settings, channel, Message(notices, now()), now)
    except (NotTold, StrataError) as error:
        told.failures[channel] = str(error)
        return False
    except Exception as error:  # a channel's surprise must not silence the others
        # Its words are not ours, so they may show anything.
        told.failures[channel] = f"{type(error).__name__}, which is not expected here"
        return False
    told.counts[channel] = len(notices)
    if remark:
        told.remarks[channel] = remark
    return True
