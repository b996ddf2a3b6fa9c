"""The Slack client against its specification, and against a channel that loses answers."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fake_api import FakeApi, Request, Response, failing
from pydantic import ValidationError

from orchestration.demo_receiver import Fault
from orchestration.destinations.base import (
    AskableDestination,
    Batch,
    BatchDestination,
    BatchRefused,
    DestinationStopped,
    NoAnswer,
    Row,
)
from orchestration.destinations.registry import DESTINATIONS
from orchestration.destinations.slack.client import SlackDestination
from orchestration.destinations.slack.message import shown, worded
from orchestration.destinations.slack.settings import SlackSettings
from orchestration.errors import UsageError

NOON = datetime(2026, 7, 1, 12)
TOKEN = "xoxb-hush-hush"
CHANNEL = "C0123ABCD"
POST, HISTORY = "/chat.postMessage", "/conversations.history"
ANN = Row("add", "c_1", "key-1", {"name": "Ann <b>", "mrr": Decimal("12.50")}, "ann@example.com")
BEN = Row("remove", "c_2", "key-2", None, "ben@example.com")
EVE = Row("change", "c_3", "key-3", {"name": "Eve", "mrr": None}, "eve@example.com")
BATCH = Batch.of("sync_champions", [BEN, ANN])


class Slack(FakeApi):
    """One channel with its messages, newest first; `forward` has a stricter judge of them."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.page = 2
        self.forward: str | None = None
        self.prefer = ""
        self.now = NOON

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(200, {"ok": False, "error": "invalid_auth"})
        if request.path.endswith(HISTORY):
            return self._history(request.form)
        assert request.path.endswith(POST)
        if self.forward:
            headers = {"Prefer": self.prefer} if self.prefer else {}
            for name in ("content-type", "authorization"):
                headers[name] = request.headers[name]
            judged = httpx.post(self.forward + POST, content=request.content, headers=headers)
            return Response(
                judged.status_code,
                judged.content,
                {name: value for name, value in judged.headers.items() if name == "retry-after"},
            )
        stamp = f"{(self.now - datetime(1970, 1, 1)).total_seconds():.6f}"
        self.messages.insert(0, {"type": "message", "ts": stamp, **request.body})
        return Response(200, {"ok": True, "channel": CHANNEL, "ts": stamp})

    def _history(self, asked: dict[str, str]) -> Response:
        if asked["channel"] != CHANNEL:
            return Response(200, {"ok": False, "error": "channel_not_found"})
        since = float(asked.get("oldest", 0))
        found = [message for message in self.messages if float(message["ts"]) > since]
        first = int(asked.get("cursor", 0))
        last = first + min(self.page, int(asked["limit"]))
        page = [dict(message) for message in found[first:last]]
        if asked.get("include_all_metadata") != "1":
            for message in page:
                message["metadata"] = {"event_type": message["metadata"]["event_type"]}
        more = str(last) if last < len(found) else ""
        return Response(
            200, {"ok": True, "messages": page, "response_metadata": {"next_cursor": more}}
        )


Connect = Callable[..., SlackDestination]


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect(slack: Slack, waits: list[float]) -> Connect:
    def make(token: str = TOKEN, channel: str = CHANNEL, **options: Any) -> SlackDestination:
        return SlackDestination(
            token,
            channel,
            base_url=f"http://127.0.0.1:{slack.port}/api/",
            now=lambda: slack.now,
            sleep=waits.append,
            **options,
        )

    return make


def refused(error: str, **more: Any) -> Fault:
    return failing(200, {"ok": False, "error": error, **more})


# The specification


@pytest.fixture(scope="module")
def address(prism: Callable[[str], str]) -> str:
    return prism("slack.json")


@pytest.fixture
def judged(address: str, slack: Slack) -> Slack:
    slack.forward = address
    return slack


def test_the_message_is_valid(judged: Slack, connect: Connect) -> None:
    rows = [Row("add", f"c_{n}", f"k{n}", {"rank": n, "name": "Ann"}) for n in range(48)]
    batch = Batch.of("sync_champions", [*rows, BEN, EVE])
    answers = connect(announce_changes=True).send(batch)
    assert [answer.is_accepted for answer in answers] == [True] * 50
    assert len(judged.asked(POST)) == 1


@pytest.mark.parametrize(
    "body", [{"text": "no channel"}, {"channel": CHANNEL}, {"channel": CHANNEL, "text": 1}]
)
def test_a_wrong_message_is_refused_by_the_specification(
    address: str, body: dict[str, Any]
) -> None:
    answer = httpx.post(address + POST, json=body, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 422


def test_the_specifications_limit_is_waited_for(
    judged: Slack, connect: Connect, waits: list[float]
) -> None:
    judged.prefer = "code=429"
    with pytest.raises(NoAnswer, match=r"^ratelimited \(tried 3 times\)$"):
        connect(max_retries=2).send(BATCH)
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize("example", ["channel_not_found", "invalid_auth"])
def test_the_specifications_refusals_stop(judged: Slack, connect: Connect, example: str) -> None:
    judged.prefer = f"example={example}"
    with pytest.raises(DestinationStopped, match=f"^{example}: "):
        connect().send(BATCH)


# The message


def test_who_entered_and_who_left(slack: Slack, connect: Connect) -> None:
    connect(title="Champions & friends").send(BATCH)
    (message,) = slack.messages
    assert message["text"].splitlines() == [
        "Champions &amp; friends: 1 entered, 1 left",
        "*Entered*",
        "• name: Ann &lt;b&gt; · mrr: 12.50",
        "*Left*",
        "• ben@example.com",
    ]
    assert [block["text"]["text"] for block in message["blocks"]] == [
        "*Champions &amp; friends: 1 entered, 1 left*",
        "*Entered*\n• name: Ann &lt;b&gt; · mrr: 12.50\n*Left*\n• ben@example.com",
    ]
    assert {block["text"]["verbatim"] for block in message["blocks"]} == {True}
    assert (message["channel"], message["unfurl_links"]) == (CHANNEL, False)


def test_a_ranked_list_keeps_its_order_and_begins_with_the_rank() -> None:
    rows = [
        Row("add", key, key, {"name": name, "rank": rank})
        for key, name, rank in (("z", "Zoë", 1), ("a", "Ann", 2), ("m", "Max", 10))
    ]
    assert worded("Calls", rows)[0].splitlines() == [
        "Calls: 3 entered", "1. name: Zoë", "2. name: Ann", "10. name: Max"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (Row("remove", "c_2", "k", None), "• c_2"),
        (Row("add", "c_2", "k", {}, "ben@example.com"), "• ben@example.com"),
        (Row("add", "c_2", "k", {"rank": 3}), "3. c_2"),
        (Row("add", "c_2", "k", {"note": " two\n lines "}), "• note: two lines"),
    ],
)
def test_a_member_is_shown_by_what_is_known(row: Row, line: str) -> None:
    assert worded("s", [row])[0].splitlines()[1] == line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (Decimal("NaN"), "-"),
        (True, "yes"),
        (False, "no"),
        (2026, "2026"),
        (Decimal("1E+3"), "1000"),
        (0.5, "0.5"),
        (date(2026, 7, 1), "2026-07-01"),
        (datetime(2026, 7, 1, 12, 30), "2026-07-01 12:30 UTC"),
    ],
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_long_message_fits_and_only_its_long_lines_are_cut() -> None:
    long = {"note": "<&>" * 3_000}
    rows = [
        Row("add", f"c_{n}", f"k{n}", long if n % 2 else {"name": f"Ann {n}"}) for n in range(50)
    ]
    text, blocks = worded("Champions", rows)
    sections = [block["text"]["text"] for block in blocks]  # type: ignore[index]
    assert len(text) <= 10_100
    assert sum(map(len, sections)) <= 10_100
    assert max(map(len, sections)) <= 3_000
    lines = text.splitlines()[1:]
    assert len(lines) == 50
    assert [line for line in lines if not line.endswith("…")] == [
        f"• name: Ann {n}" for n in range(0, 50, 2)
    ]
    assert min(len(line) for line in lines if line.endswith("…")) > 300
    assert not any("&" in line.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "")
                   for line in lines)  # fmt: skip


def test_a_single_line_is_no_longer_than_a_section() -> None:
    _, blocks = worded("s", [Row("add", "a", "k", {"note": "x" * 9_000})])
    assert len(blocks[1]["text"]["text"]) == 3_000  # type: ignore[index]


def test_changes_are_accepted_without_a_message_unless_wanted(
    slack: Slack, connect: Connect
) -> None:
    batch = Batch.of("sync_champions", [EVE])
    assert connect().send(batch)[0].is_accepted
    assert slack.requests == []
    connect(announce_changes=True).send(batch)
    assert slack.messages[0]["text"] == "sync_champions: 1 changed\n• name: Eve · mrr: -"


def test_the_metadata_tells_the_rows_and_nothing_about_people(
    slack: Slack, connect: Connect
) -> None:
    rows = [Row("add", f"c_{n}", f"key-{n}", {"email": "ann@example.com"}) for n in range(50)]
    connect().send(Batch.of("sync_champions", rows))
    metadata = slack.messages[0]["metadata"]
    assert metadata["event_type"] == "strata_members_announced"
    assert len(set(metadata["event_payload"]["rows"].split())) == 50
    assert all(isinstance(value, str) for value in metadata["event_payload"].values())
    assert len(json.dumps(metadata)) < 1_200
    assert "ann@" not in json.dumps(metadata)


# No message twice


@pytest.mark.parametrize(
    "lost",
    [
        Fault(is_cut_off=True, is_applied=True),
        failing(500, {"ok": False, "error": "internal_error"}, is_applied=True),
        failing(200, {"ok": False, "error": "fatal_error"}, is_applied=True),
        failing(200, b'{"ok": true, "chan', is_applied=True),
        failing(200, b'["a list"]', is_applied=True),
        failing(200, b"[]", is_applied=True),
        failing(200, b"<html>", is_applied=True),
        failing(200, b"{}", is_truncated=True, is_applied=True),
        failing(502, b"<html>Bad gateway</html>", is_applied=True),
    ],
)
def test_a_message_whose_answer_was_lost_is_not_posted_again(
    slack: Slack, connect: Connect, lost: Fault
) -> None:
    slack.fail(POST, lost)
    assert len(connect(timeout_seconds=5).send(BATCH)) == 2
    assert len(slack.messages) == 1
    assert len(slack.asked(POST)) == 1


def test_a_message_that_was_lost_on_the_way_is_posted_again(slack: Slack, connect: Connect) -> None:
    slack.fail(POST, failing(503), Fault(is_cut_off=True))
    connect().send(BATCH)
    assert len(slack.messages) == 1
    assert len(slack.asked(POST)) == 3


def test_another_batchs_message_is_not_taken_for_this_one(slack: Slack, connect: Connect) -> None:
    destination = connect()
    destination.send(Batch.of("sync_champions", [ANN]))
    slack.fail(POST, failing(503))
    destination.send(BATCH)
    assert len(slack.messages) == 2


def test_after_a_limit_nothing_is_looked_up(
    slack: Slack, connect: Connect, waits: list[float]
) -> None:
    slack.fail(
        POST, failing(429, {"ok": False, "error": "ratelimited"}, headers={"Retry-After": "30"})
    )
    slack.fail(POST, refused("rate_limited"))
    connect().send(BATCH)
    assert (len(slack.messages), len(slack.asked(HISTORY))) == (1, 1)
    assert waits == [30, 2.0]


def test_the_channel_is_read_back_when_a_run_died(slack: Slack, connect: Connect) -> None:
    slack.fail(POST, failing(500, is_applied=True))
    with pytest.raises(NoAnswer):
        connect(max_retries=0).send(BATCH)
    for number in range(5):
        connect().send(Batch.of("sync_other", [Row("add", "c_1", f"other-{number}", {})]))
    slack.messages.insert(
        0, {"ts": slack.messages[0]["ts"], "text": "hello", "metadata": {"event_type": "x"}}
    )
    # The next run makes other batches of the same rows and some that are new.
    late = Row("add", "c_9", "key-9", {"name": "Late"})
    again = connect()
    assert again.applied(Batch.of("sync_champions", [ANN, late])) == {"c_1"}
    assert again.applied(Batch.of("sync_champions", [BEN])) == {"c_2"}
    assert len(slack.asked(POST)) == 6


def test_the_same_change_made_again_later_is_new(connect: Connect) -> None:
    connect().send(BATCH)
    back = Row("add", "c_1", "key-1-of-the-next-generation", ANN.payload)
    assert connect().applied(Batch.of("sync_champions", [back])) == set()


def test_a_change_that_is_not_announced_is_applied(connect: Connect) -> None:
    batch = Batch.of("sync_champions", [EVE])
    assert connect().applied(batch) == {"c_3"}
    assert connect(announce_changes=True).applied(batch) == set()


def test_no_further_back_than_said(slack: Slack, connect: Connect) -> None:
    connect().send(BATCH)
    slack.now += timedelta(days=3)
    assert connect(look_back_days=4).applied(BATCH) == {"c_1", "c_2"}
    assert connect(look_back_days=2).applied(BATCH) == set()


def test_without_the_right_to_read_nothing_is_posted(slack: Slack, connect: Connect) -> None:
    slack.fail(HISTORY, *[refused("missing_scope", needed="channels:history")] * 2)
    with pytest.raises(DestinationStopped, match="the token lacks channels:history; it needs"):
        connect().send(BATCH)
    with pytest.raises(DestinationStopped, match="nobody can tell whether a message"):
        connect().applied(BATCH)
    assert slack.messages == []


def test_a_history_that_cannot_be_read_is_no_answer(slack: Slack, connect: Connect) -> None:
    slack.fail(HISTORY, *[failing(200, {"ok": True})] * 4)
    with pytest.raises(NoAnswer, match="no `messages`"):
        connect().applied(BATCH)


# Refusals


@pytest.mark.parametrize(
    "code",
    [
        "account_inactive",
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "not_in_channel",
        "restricted_action",
        "token_expired",
        "token_revoked",
        "not_allowed_token_type",
        "some_code_of_next_year",
    ],
)
def test_what_needs_a_person(slack: Slack, connect: Connect, code: str) -> None:
    slack.fail(POST, refused(code))
    with pytest.raises(DestinationStopped, match=f"^{code}"):
        connect().send(BATCH)
    assert len(slack.asked(POST)) == 1


def test_a_stop_says_what_to_do(slack: Slack, connect: Connect) -> None:
    slack.fail(POST, refused("not_in_channel"), refused("missing_scope", needed="chat:write"))
    with pytest.raises(DestinationStopped, match="invite the app to the channel"):
        connect().send(BATCH)
    with pytest.raises(DestinationStopped, match="the token lacks chat:write; it needs chat:write"):
        connect().send(BATCH)


@pytest.mark.parametrize(
    "code",
    [
        "invalid_blocks",
        "invalid_blocks_format",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
    ],
)
def test_what_is_wrong_with_the_content(slack: Slack, connect: Connect, code: str) -> None:
    details = {"messages": ["[ERROR] must be less than 3001 characters"]}
    slack.fail(POST, refused(code, response_metadata=details))
    with pytest.raises(BatchRefused, match=f"^{code}: .* 3001 characters$"):
        connect().send(BATCH)


def test_a_refusal_that_is_not_slacks(slack: Slack, connect: Connect) -> None:
    slack.fail(POST, failing(403, b"<html>Forbidden by the proxy</html>"))
    with pytest.raises(DestinationStopped, match=r"^403: .*Forbidden by the proxy"):
        connect().send(BATCH)


def test_a_storm_ends(slack: Slack, connect: Connect, waits: list[float]) -> None:
    slack.fail(POST, *[failing(503, b"")] * 9)
    with pytest.raises(NoAnswer, match=r"^503: .*\(tried 4 times\)$"):
        connect().send(BATCH)
    assert waits == [1.0, 2.0, 4.0]


def test_a_long_wait_is_left_to_the_next_run(
    slack: Slack, connect: Connect, waits: list[float]
) -> None:
    slack.fail(
        POST, failing(429, {"ok": False, "error": "ratelimited"}, headers={"Retry-After": "900"})
    )
    with pytest.raises(NoAnswer, match="asks to wait 900 s"):
        connect().send(BATCH)
    assert waits == []


def test_a_slow_answer_is_no_answer(slack: Slack, connect: Connect) -> None:
    slack.fail(POST, Fault(delay_seconds=0.5, is_applied=True))
    with pytest.raises(NoAnswer, match="timed out"):
        connect(timeout_seconds=0.1, max_retries=0).send(BATCH)


def test_nobody_listening(waits: list[float]) -> None:
    lonely = SlackDestination(
        TOKEN, CHANNEL, base_url="http://127.0.0.1:1/", now=lambda: NOON, sleep=waits.append
    )
    with pytest.raises(NoAnswer, match="refused"):
        lonely.send(BATCH)


def test_one_message_a_second(slack: Slack, connect: Connect, waits: list[float]) -> None:
    connect(requests_per_second=1.0).send(BATCH)
    assert len(slack.requests) == 2
    assert len(waits) == 1
    assert 0.5 < waits[0] <= 1.0


def test_nothing_secret_and_nobody_is_logged_or_said(
    slack: Slack, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        connect().send(BATCH)
        with pytest.raises(DestinationStopped, match="invalid_auth") as stopped:
            connect("xoxb-wrong-hush").send(BATCH)
        slack.fail(POST, Fault(is_cut_off=True))
        connect().send(BATCH)
    assert "hush" not in caplog.text + str(stopped.value)
    assert "ben@example.com" not in caplog.text


# Settings


def settings(**changes: Any) -> SlackSettings:
    return SlackSettings(**{"channel": CHANNEL, "token_env": "SLACK_TOKEN", **changes})


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_TOKEN", TOKEN)
    assert DESTINATIONS["slack"] is SlackSettings
    destination = settings(title="Champions").connect(lambda: NOON)
    assert isinstance(destination, SlackDestination)
    assert isinstance(destination, BatchDestination)
    assert isinstance(destination, AskableDestination)
    assert destination.address == f"channel {CHANNEL}"
    monkeypatch.delenv("SLACK_TOKEN")
    with pytest.raises(UsageError, match="SLACK_TOKEN is not set; it holds the bot token"):
        settings().connect(lambda: NOON)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channel": "#sales"}, "the channel's ID, such as C0123ABCD, not its name"),
        ({"channel": "U0123ABCD"}, "channel"),
        ({"base_url": "http://slack.com/api/"}, "an https:// address"),
        ({"look_back_days": 0}, "look_back_days"),
        ({"token": "xoxb"}, "token"),
    ],
)
def test_what_settings_may_say(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


def test_a_message_is_neither_updated_nor_archived() -> None:
    assert SlackSettings.modes == ("mirror", "insert")
