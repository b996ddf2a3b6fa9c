"""Calls to a destination: at its pace, repeated while there is hope, and refusals sorted.

Every HTTP destination sorts what it is told in the same way: the content is wrong
(`BatchRefused`), a person has to act (`DestinationStopped`), or nobody knows (`NoAnswer`,
once the repeats are used up). Clients differ only in how they raise it, which the
`Reply` of their errors says.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx

from orchestration.destinations.base import BatchRefused, Clock, DestinationStopped, NoAnswer

T = TypeVar("T")

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# What is kept of a destination's words: they go into the ledger and to the terminal.
WORDS_LENGTH = 500

REFUSES_CONTENT = frozenset({400, 413, 422})
WORTH_RETRYING = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no success; `status` is None when there was no answer at all."""

    status: int | None
    words: str
    wait_seconds: float = 0.0
    """How long it asks to wait before the next request."""


class Unreadable(Exception):
    """A success whose content cannot be understood, so nobody can say what was accepted."""


class Calls:
    """Makes the calls of one client. Not safe for use by several threads."""

    def __init__(
        self,
        read: Callable[[Exception], Reply | None],
        *,
        max_retries: int,
        requests_per_second: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` gives the reply behind an error of the client, None for an error of our own."""
        self._read = read
        self._max_retries = max_retries
        self._spacing = 1 / requests_per_second if requests_per_second else 0.0
        self._sleep = sleep
        self._monotonic = monotonic
        self._next_at = 0.0

    def __call__(
        self, request: Callable[[], T], about_rows: Collection[int] = REFUSES_CONTENT
    ) -> T:
        """Make a request until it succeeds or the repeats are used up.

        Args:
            request: makes it once; raises what the client raises.
            about_rows: statuses that say something is wrong with the content.

        Raises:
            BatchRefused: the content was refused.
            DestinationStopped: no access, or nothing there; a person has to act.
            NoAnswer: nobody can say whether it was applied.
        """
        problem = ""
        for attempt in range(self._max_retries + 1):
            wait = min(FIRST_WAIT_SECONDS * 2**attempt, LONGEST_WAIT_SECONDS)
            self._keep_pace()
            try:
                return request()
            except Unreadable as error:
                problem = str(error)
            except Exception as error:
                reply = self._read(error)
                if reply is None:
                    raise
                problem = _sorted(reply, about_rows)
                wait = max(wait, reply.wait_seconds)
                if wait > LONGEST_WAIT_SECONDS:
                    raise NoAnswer(f"{problem}; it asks to wait {wait:.0f} s") from error
            if attempt < self._max_retries:
                self._sleep(wait)
        times = self._max_retries + 1
        raise NoAnswer(f"{problem} (tried {times} time{'s' if times > 1 else ''})")

    def _keep_pace(self) -> None:
        if not self._spacing:
            return
        now = self._monotonic()
        if now < self._next_at:
            self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._spacing


def _sorted(reply: Reply, about_rows: Collection[int]) -> str:
    """What is wrong, where another try may help; raises where none does."""
    if reply.status is None:
        return reply.words
    said = f"{reply.status}: {reply.words}"
    if reply.status in about_rows:
        raise BatchRefused(said, reply.status)
    if reply.status in WORTH_RETRYING or reply.status >= 500:
        return said
    raise DestinationStopped(said)


def reply_of_httpx(error: Exception, now: Clock) -> Reply | None:
    """The reply behind an error of httpx, `raise_for_status` included."""
    if isinstance(error, httpx.HTTPStatusError):
        response = error.response
        return Reply(
            response.status_code, words(response), retry_after_seconds(response.headers, now)
        )
    if isinstance(error, httpx.RequestError):
        return Reply(None, str(error) or type(error).__name__)
    return None


def retry_after_seconds(headers: Mapping[str, str], now: Clock) -> float:
    """Seconds asked for by `Retry-After` (RFC 9110: seconds or a date), else 0."""
    value = str(headers.get("Retry-After", "")).strip()
    if value.isdecimal():
        return int(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return seconds_until(at, now)


def seconds_until(at: datetime, now: Clock) -> float:
    """Seconds from now until an instant (UTC where it has no zone), at least 0."""
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    wait: float = (at - now().replace(tzinfo=UTC)).total_seconds()
    return max(0.0, wait)


def words(response: httpx.Response) -> str:
    """Give the destination's own words, on one line, or the status's name if there are none."""
    return shortened(response.text) or response.reason_phrase


def shortened(text: str) -> str:
    """A destination's words on one line, no longer than the ledger keeps."""
    return " ".join(text.split())[:WORDS_LENGTH]
