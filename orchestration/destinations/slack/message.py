"""Words a batch as one Slack message: a headline, then a line for each member."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from orchestration.destinations.base import Row

# Slack documents 3,000 characters for the text of a section. For all blocks together it
# gives no number and was seen to refuse 13,200.
SECTION_LENGTH = 3_000
MESSAGE_LENGTH = 10_000

HEADINGS = {"add": "Entered", "change": "Changed", "remove": "Left"}


def worded(title: str, rows: Sequence[Row]) -> tuple[str, list[dict[str, object]]]:
    """Word a message as plain text, which is what notifications show, and as blocks.

    The lines keep the order of the rows. Where they do not fit, the longest are cut.
    """
    groups = {name: [row for row in rows if row.operation == name] for name in HEADINGS}
    present = {name: group for name, group in groups.items() if group}
    counts = ", ".join(f"{len(group)} {HEADINGS[name].lower()}" for name, group in present.items())
    headline = f"{escaped(title)}: {counts}"
    cut_at = longest_line([_line(row) for row in rows], MESSAGE_LENGTH - len(headline))
    lines: list[str] = []
    for name, group in present.items():
        if len(present) > 1:
            lines.append(f"*{HEADINGS[name]}*")
        lines += [cut(_line(row), cut_at) for row in group]
    return "\n".join([headline, *lines]), as_blocks(headline, lines)


def as_blocks(headline: str, lines: Sequence[str]) -> list[dict[str, object]]:
    """A bold headline and lines in Slack's markup, none longer than a section, as blocks."""
    return [
        # Verbatim: addresses and names in the values are no links and no mentions.
        {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
        for text in (f"*{headline}*", *_sections(lines))
    ]


def escaped(text: str) -> str:
    """Text on one line that Slack shows as it is: no mention, no link."""
    plain = " ".join(text.split())
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shown(value: object) -> str:
    """A value as people read it; times are UTC."""
    if value is None or (isinstance(value, float | Decimal) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        at = value.astimezone(UTC) if value.tzinfo else value
        return f"{at:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _line(row: Row) -> str:
    payload = row.payload or {}
    rank = payload.get("rank")
    start = "•" if rank is None else f"{shown(rank)}."
    return escaped(f"{start} {_described(payload) or row.identifier or row.entity_key}")


def _described(payload: Mapping[str, object]) -> str:
    named = [(name, value) for name, value in payload.items() if name != "rank"]
    return " · ".join(f"{name}: {shown(value)}" for name, value in named)


def longest_line(lines: Sequence[str], space: int) -> int:
    """How long a line may be so that all fit: short lines leave their room to long ones."""
    left = space
    for place, length in enumerate(sorted(map(len, lines))):
        share = left // (len(lines) - place)
        if length > share:
            return share
        left -= length
    return SECTION_LENGTH


def cut(line: str, length: int) -> str:
    """The beginning of an escaped line, where it is longer than `length` characters."""
    if len(line) <= length:
        return line
    # Not in the middle of an escaped character.
    return re.sub(r"&[a-z]*$", "", line[: length - 1]) + "…"


def _sections(lines: Sequence[str]) -> Iterator[str]:
    text = ""
    for line in lines:
        joined = f"{text}\n{line}" if text else line
        if len(joined) > SECTION_LENGTH:
            yield text
            joined = line
        text = joined
    yield text
