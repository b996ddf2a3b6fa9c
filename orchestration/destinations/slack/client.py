"""Posts who entered and who left to a channel, one message for each batch.

A message that is posted twice is read twice, so none is repeated blindly. Every message
carries its rows' idempotency keys as metadata, which nobody sees; when an answer was lost,
the channel is read back and the message posted only if it is not there.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from orchestration.destinations.base import (
    Answer,
    Batch,
    BatchRefused,
    Clock,
    DestinationStopped,
    Row,
)
from orchestration.destinations.calls import (
    Calls,
    Reply,
    Unreadable,
    retry_after_seconds,
    shortened,
)
from orchestration.destinations.slack.message import worded

EVENT_TYPE = "strata_members_announced"
# Slack's own clock dates the messages; ours may be ahead.
CLOCK_DIFFERENCE = timedelta(minutes=10)
PAGE = 200

LIMITED = frozenset({"ratelimited", "rate_limited"})
PASSING = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
ABOUT_CONTENT = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
    }
)
WHAT_TO_DO = {
    "account_inactive": "the app was removed or its workspace deleted; install it again",
    "channel_not_found": "there is no such channel, or it is private and the app is not in it",
    "invalid_auth": "the token is wrong or revoked",
    "is_archived": "the channel is archived",
    "not_in_channel": "invite the app to the channel",
    "token_revoked": "install the app again",
}


class _Later(Exception):
    """An answer after which another try may help."""

    def __init__(self, words: str, wait_seconds: float, *, was_limited: bool) -> None:
        super().__init__(words)
        self.reply = Reply(None, words, wait_seconds)
        self.was_limited = was_limited
        """Slack said that it took nothing."""


class SlackDestination:
    """A client for one channel. Not safe for use by several threads."""

    def __init__(
        self,
        token: str,
        channel: str,
        *,
        title: str | None = None,
        announce_changes: bool = False,
        look_back_days: int = 7,
        base_url: str = "https://slack.com/api/",
        timeout_seconds: float = 30.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # Below this level the client writes whole messages to its log.
        logger = logging.getLogger(__name__)
        logger.setLevel(logging.CRITICAL)
        self._client = WebClient(
            token,
            base_url,
            timeout=timeout_seconds,  # type: ignore[arg-type] # urllib takes fractions as well
            retry_handlers=[],
            logger=logger,
        )
        self._channel = channel
        self._title = title
        self._announce_changes = announce_changes
        self._look_back = timedelta(days=look_back_days)
        self._now = now
        self._call = Calls(
            _reply,
            max_retries=max_retries,
            requests_per_second=requests_per_second,
            sleep=sleep,
        )
        self._is_readable = False
        self._found: Collection[str] | None = None
        self.address = f"channel {channel}"

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Post one message about the batch, once.

        A repeat after no answer looks first whether the message is in the channel.
        """
        rows = [row for row in batch.rows if self._is_announced(row)]
        if rows:
            self._require_history()
            self._post(batch, rows)
        return [Answer(row.entity_key) for row in batch.rows]

    def applied(self, batch: Batch) -> Collection[str]:
        """Entity keys of the rows that a message of the last `look_back_days` days has."""
        if self._found is None:
            since = self._now() - self._look_back
            self._found = self._call(lambda: set(self._announced(since)))
            self._is_readable = True
        return {
            row.entity_key
            for row in batch.rows
            if not self._is_announced(row) or _token(row) in self._found
        }

    def close(self) -> None:
        """Nothing to close: every request has its own connection."""

    def _is_announced(self, row: Row) -> bool:
        return row.operation != "change" or self._announce_changes

    def _require_history(self) -> None:
        """Make sure, before the first message, that messages can be found again."""
        if not self._is_readable:
            self._call(lambda: self._read(limit=1))
            self._is_readable = True

    def _post(self, batch: Batch, rows: Sequence[Row]) -> None:
        tokens = [_token(row) for row in rows]
        text, blocks = worded(self._title or batch.sync_name, rows)
        payload = {
            "sync_name": batch.sync_name,
            "batch_id": batch.batch_id,
            "rows": " ".join(tokens),
        }
        since = self._now() - CLOCK_DIFFERENCE
        may_be_there = False

        def post() -> None:
            nonlocal may_be_there
            if may_be_there and set(tokens) <= set(self._announced(since)):
                return
            may_be_there = True
            try:
                self._ask(
                    lambda: self._client.chat_postMessage(
                        channel=self._channel,
                        text=text,
                        blocks=blocks,
                        # Every app of the workspace can read this: no personal data.
                        metadata={"event_type": EVENT_TYPE, "event_payload": payload},
                        unfurl_links=False,
                        unfurl_media=False,
                    )
                )
            except _Later as refusal:
                may_be_there = not refusal.was_limited
                raise

        self._call(post)

    def _announced(self, since: datetime) -> Iterator[str]:
        """The tokens of all rows that messages of the channel have since an instant."""
        oldest, cursor = str(since.replace(tzinfo=UTC).timestamp()), None
        while True:
            page = self._read(limit=PAGE, oldest=oldest, cursor=cursor, include_all_metadata=True)
            for message in page["messages"]:
                match message:
                    case {
                        "metadata": {
                            "event_type": str(kind),
                            "event_payload": {"rows": str(tokens)},
                        }
                    } if kind == EVENT_TYPE:
                        yield from tokens.split()
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _read(self, **arguments: Any) -> Any:
        page = self._ask(
            lambda: self._client.conversations_history(channel=self._channel, **arguments)
        )
        if not isinstance(page.get("messages"), list):
            raise Unreadable("200 with a history that has no `messages`")
        return page.data

    def _ask(self, request: Callable[[], SlackResponse]) -> SlackResponse:
        """Make a request once; say so where Slack refuses for good or takes nothing."""
        try:
            return request()
        except SlackApiError as error:
            raise _failure(error.response, self._now) from None
        except AttributeError:
            # The client's answer to JSON that is not an object.
            raise Unreadable("an answer that is not a JSON object") from None


def _token(row: Row) -> str:
    """Enough of a digest to tell one change of a member from all others."""
    return sha256(row.idempotency_key.encode()).hexdigest()[:16]


def _reply(error: Exception) -> Reply | None:
    if isinstance(error, _Later):
        return error.reply
    if isinstance(error, OSError | HTTPException | UnicodeDecodeError):
        return Reply(None, shortened(str(error)) or type(error).__name__)
    return None


def _failure(response: SlackResponse, now: Clock) -> Exception:
    """What an answer that is no success means; most of them are HTTP 200."""
    status = response.status_code
    data = response.data if isinstance(response.data, dict) else {}
    code = shortened(str(data.get("error") or "an answer without `ok`"))
    # The client puts its own sentence there when the answer was not Slack's JSON.
    words = code if code.isidentifier() else f"{status}: {code}"
    # The client adds a lower-case copy of this header.
    headers = {name.title(): value for name, value in response.headers.items()}
    wait = retry_after_seconds(headers, now)
    if status == 429 or code in LIMITED:
        return _Later(words, wait, was_limited=True)
    if status >= 500 or code in PASSING or (status == 200 and not code.isidentifier()):
        return _Later(words, wait, was_limited=False)
    if code in ABOUT_CONTENT:
        return BatchRefused(_with_details(words, data))
    if code == "missing_scope":
        return DestinationStopped(
            f"missing_scope: the token lacks {data.get('needed')}; it needs chat:write, and "
            "channels:history (groups:history where the channel is private), without which "
            "nobody can tell whether a message without an answer was posted; add the scope "
            "and install the app again"
        )
    hint = WHAT_TO_DO.get(code)
    return DestinationStopped(f"{words}: {hint}" if hint else _with_details(words, data))


def _with_details(words: str, data: dict[str, Any]) -> str:
    messages = (data.get("response_metadata") or {}).get("messages") or data.get("errors") or []
    return shortened(": ".join([words, *map(str, messages)]))
