"""Words the notices of one pass as one message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from orchestration.alerts.alert import Event, Notice, duration

LISTED = 20
"""Alerts that a message for people lists; the others are counted."""

KINDS = {
    "failed_run": "failed refresh",
    "failed_job": "failed jobs",
    "no_refresh": "no refresh",
    "held_segment": "held segments",
    "failed_sync": "failed syncs",
    "freshness": "late sources",
    "parked_rows": "parked rows",
    "review_due": "reviews that are due",
}
"""The kinds of alerts in the order in which they are listed, as a heading says them."""
EVENTS: dict[Event, str] = {"opened": "new", "reminder": "still open", "resolved": "resolved"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert as a person reads it."""

    headline: str
    detail: str
    command: str
    """Empty where nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Group:
    """The listed alerts of one event and kind; `count` counts those that are not listed, too."""

    heading: str
    count: int
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is told in one pass."""

    notices: Sequence[Notice]
    sent_at: datetime
    """UTC."""

    @property
    def id(self) -> str:
        """The same for the same news, so that a repeat of it can be recognised."""
        news = sorted(
            f"{one.event}|{one.alert.key}|{one.alert.severity}|{one.alert.since}"
            f"|{one.told_at}|{one.resolved_at}"
            for one in self.notices
        )
        return sha256("\n".join(news).encode()).hexdigest()

    @property
    def title(self) -> str:
        """The headline: of one alert what it is, of several how many there are."""
        if len(self.notices) == 1:
            [one] = self.notices
            before = "" if one.event == "opened" else f"{EVENTS[one.event]}: "
            return f"Strata alert: {before}{one.alert.subject}"
        counts = [
            f"{count} {words}"
            for event, words in EVENTS.items()
            if (count := sum(one.event == event for one in self.notices))
        ]
        return f"Strata alerts: {', '.join(counts)}"

    def groups(self) -> Iterator[Group]:
        """The alerts by event and kind, in the order of both; at most `LISTED` have an entry."""
        room = LISTED
        for event, words in EVENTS.items():
            for kind, heading in KINDS.items():
                notices = [
                    one for one in self.notices if (one.event, one.alert.kind) == (event, kind)
                ]
                if notices:
                    listed = sorted(notices, key=lambda one: (one.alert.severity, one.alert.key))
                    entries = [_entry(one) for one in listed[:room]]
                    room -= len(entries)
                    yield Group(f"{words}: {heading}".capitalize(), len(notices), entries)

    @property
    def rest(self) -> str:
        """What stands for the alerts that are not listed; empty if all are."""
        more = len(self.notices) - LISTED
        return f"and {more} more; `strata alerts` lists what is open" if more > 0 else ""


def _entry(notice: Notice) -> Entry:
    alert = notice.alert
    if notice.resolved_at is not None:
        gone_after = duration(notice.resolved_at - alert.since)
        return Entry(alert.subject, f"resolved after {gone_after}", "")
    affects = f" Affects: {alert.affects}." if alert.affects else ""
    return Entry(
        alert.subject,
        f"since {alert.since:%Y-%m-%d %H:%M} UTC. {alert.message.rstrip('.')}.{affects}",
        alert.command,
    )
