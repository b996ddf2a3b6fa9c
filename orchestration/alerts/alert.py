"""What an alert is."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Severity = Literal["error", "warning"]
Event = Literal["opened", "reminder", "resolved"]

WORDS_LENGTH = 500
"""What is kept of an error's or a destination's words."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know of, as it is now. Times are UTC."""

    kind: str
    """One of `message.KINDS`."""
    about: str
    """The segment, sync, system or job that it is about; empty where there is only one."""
    severity: Severity
    subject: str
    """The headline."""
    message: str
    """What happened, in one or two sentences."""
    since: datetime
    affects: str
    """What depends on it; empty if nothing, or if that is not known."""
    command: str
    """What to run, or to do."""

    @property
    def key(self) -> str:
        """Its identity for as long as it is open, such as `held_segment:champions`."""
        return f"{self.kind}:{self.about}" if self.about else self.kind


def cause(message: str) -> str:
    """What happened, without what differs each time that it does: words that hold a digit."""
    return re.sub(r"\S*\d\S*", "…", message)


@dataclass(frozen=True, slots=True)
class Notice:
    """What one channel is to be told of one alert."""

    event: Event
    alert: Alert
    told_at: datetime | None = None
    """When the channel was last told of it, UTC; None if it never was."""
    resolved_at: datetime | None = None
    """When it was first found gone, UTC; None while it is open."""


def one_line(text: str, length: int = WORDS_LENGTH) -> str:
    """A text on one line, its end cut off beyond `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def duration(span: timedelta) -> str:
    """A span in its largest unit, such as `3 h`; a minute is the smallest."""
    minutes = max(1, round(span.total_seconds() / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"
