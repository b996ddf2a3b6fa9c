"""The Mailchimp client: against the API's specification, and against an audience with faults."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from mailchimp_fake import KEY, LIST, FakeMailchimp, hash_of
from pydantic import ValidationError

from orchestration.demo_receiver import Fault
from orchestration.destinations.base import (
    AskableDestination,
    Batch,
    BatchDestination,
    BatchRefused,
    DestinationStopped,
    NoAnswer,
    ReadableDestination,
    Row,
    SharedDestination,
)
from orchestration.destinations.mailchimp import client
from orchestration.destinations.mailchimp.client import MailchimpDestination, merge_fields
from orchestration.destinations.mailchimp.settings import MailchimpSettings
from orchestration.destinations.registry import DESTINATIONS
from orchestration.errors import UsageError

Connect = Callable[..., MailchimpDestination]


def now() -> datetime:
    return datetime(2026, 7, 1)


@pytest.fixture
def audience() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect(audience: FakeMailchimp, waits: list[float]) -> Connect:
    return connected(audience, waits)


def connected(audience: FakeMailchimp, waits: list[float]) -> Connect:
    def make(tag: str | None = None, key: str = KEY, **options: Any) -> MailchimpDestination:
        return MailchimpDestination(
            audience.url, key, LIST, tag=tag, now=now, sleep=waits.append, **options
        )

    return make


def row(operation: str, email: str, *former: str, **payload: object) -> Row:
    is_upsert = operation in ("add", "change")
    return Row(operation, email, f"key-{email}", payload if is_upsert else None, email, former)


def send(destination: MailchimpDestination, *rows: Row) -> dict[str, str | None]:
    answers = destination.send(Batch.of("sync_champions", rows))
    return {answer.entity_key: answer.error for answer in answers}


MIXED = (
    row("add", "New@Example.com", FNAME="Nia", AGE=Decimal("31")),
    row("change", "known@example.com", FNAME="Kim", LNAME=None),
    row("remove", "leaver@example.com"),
)
ACCEPTED = {"New@Example.com": None, "known@example.com": None, "leaver@example.com": None}


def test_it_is_each_kind_of_destination(connect: Connect) -> None:
    made = connect()
    kinds = (BatchDestination, AskableDestination, SharedDestination, ReadableDestination)
    assert all(isinstance(made, kind) for kind in kinds)


# The audience as a whole


def test_the_audience_is_as_it_should_be_after_a_batch_and_after_its_repeat(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("known@example.com", "subscribed", "VIP", FNAME="K", LNAME="Old", CITY="Bern")
    audience.add("leaver@example.com", "transactional")
    audience.add("other@example.com", "subscribed", FNAME="Olu")
    expected = {
        "new@example.com": ("transactional", {"FNAME": "Nia", "AGE": 31}, set()),
        "known@example.com": (
            "subscribed",
            {"FNAME": "Kim", "LNAME": "", "CITY": "Bern"},
            {"VIP"},
        ),
        "leaver@example.com": ("archived", {}, set()),
        "other@example.com": ("subscribed", {"FNAME": "Olu"}, set()),
    }
    for _ in range(2):
        assert send(connect(), *MIXED) == ACCEPTED
        assert audience.state() == expected


@pytest.mark.parametrize("status", ["transactional", "subscribed", "pending"])
def test_somebody_new_gets_the_status_for_that(
    audience: FakeMailchimp, connect: Connect, status: str
) -> None:
    send(connect(status_if_new=status), row("add", "new@example.com"))
    assert audience.state()["new@example.com"][0] == status


@pytest.mark.parametrize("tag", [None, "Champions"])
@pytest.mark.parametrize("status", ["unsubscribed", "cleaned"])
def test_who_left_is_not_subscribed_again_and_the_memory_of_it_is_not_archived(
    audience: FakeMailchimp, connect: Connect, status: str, tag: str | None
) -> None:
    audience.add("gone@example.com", status)
    destination = connect(tag, status_if_new="subscribed")
    for operation in ("add", "change", "remove"):
        sent = row(
            operation, "gone@example.com", **({"FNAME": "G"} if operation != "remove" else {})
        )
        assert send(destination, sent) == {"gone@example.com": None}
        assert audience.state()["gone@example.com"][:2] == (status, {"FNAME": "G"})
    statuses = [
        m.get("status") for r in audience.asked("POST") for m in (r.body.get("members") or [])
    ]
    assert set(statuses) == {"subscribed", None}


def test_an_archived_member_comes_back_as_if_new(audience: FakeMailchimp, connect: Connect) -> None:
    audience.add("back@example.com", "archived", FNAME="B")
    assert send(
        connect(status_if_new="subscribed"), row("add", "back@example.com", LNAME="Ack")
    ) == {"back@example.com": None}
    assert audience.state()["back@example.com"][:2] == (
        "subscribed",
        {"FNAME": "B", "LNAME": "Ack"},
    )


def test_an_archived_member_who_may_not_come_back_is_rejected(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("told@example.com", "archived")
    audience.members[hash_of("told@example.com")]["unsubscribe_reason"] = "too many mails"
    audience.add("kept@example.com", "archived")
    audience.in_compliance_state.add("kept@example.com")
    said = send(connect(), row("add", "told@example.com"), row("add", "kept@example.com"))
    assert said == {
        "told@example.com": "archived, after unsubscribing (too many mails)",
        "kept@example.com": ("400: Member In Compliance State: They have to come back themselves."),
    }
    assert {status for status, *_ in audience.state().values()} == {"archived"}


def test_removing_who_is_not_there_is_fine(audience: FakeMailchimp, connect: Connect) -> None:
    audience.add("before@example.com", "archived")
    gone = (row("remove", "never@example.com"), row("remove", "before@example.com"))
    assert set(send(connect(), *gone).values()) == {None}
    assert not audience.asked("DELETE")


def test_a_new_address_takes_the_place_of_the_old_one(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("old@example.com", "subscribed")
    send(connect(), row("change", "now@example.com", "Old@example.com", "now@example.com"))
    assert {email: status for email, (status, *_) in audience.state().items()} == {
        "now@example.com": "transactional",
        "old@example.com": "archived",
    }


def test_the_old_address_stays_while_the_new_one_is_refused(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("old@example.com", "subscribed")
    said = send(connect(), row("change", "nonsense", "old@example.com"))
    assert said == {"nonsense": "Please provide a valid email address."}
    assert audience.state()["old@example.com"][0] == "subscribed"


@pytest.mark.parametrize("tag", [None, "Champions"])
def test_an_address_that_somebody_else_has_now_stays(
    audience: FakeMailchimp, connect: Connect, tag: str | None
) -> None:
    audience.add("passed.on@example.com", "subscribed", *([tag] if tag else []))
    said = send(
        connect(tag),
        row("change", "one@example.com", "passed.on@example.com"),
        row("remove", "two@example.com", "passed.on@example.com"),
        row("add", "Passed.On@example.com"),
    )
    assert set(said.values()) == {None}
    assert sorted(connect(tag).held()) == ["one@example.com", "passed.on@example.com"]


def test_archiving_takes_everybody_whatever_their_status(
    audience: FakeMailchimp, connect: Connect
) -> None:
    for status in ("subscribed", "unsubscribed", "cleaned", "archived"):
        audience.add(f"{status}@example.com", status)
    emails = [*audience.state(), "never@example.com"]
    for tag in (None, "Champions"):
        said = send(connect(tag), *(row("archive", email) for email in emails))
        assert said == dict.fromkeys(emails)
    assert {status for status, *_ in audience.state().values()} == {"archived"}


# Single refusals


@pytest.mark.parametrize("tag", [None, "Champions"])
def test_each_refused_row_has_mailchimps_words(
    audience: FakeMailchimp, connect: Connect, tag: str | None
) -> None:
    audience.add("known@example.com")
    said = send(
        connect(tag),
        row("add", "fine@example.com"),
        row("add", "nonsense"),
        row("change", "known@example.com", AGE="old"),
        row("add", "new@example.com", AGE="old"),
        Row("add", "nameless", "k", {}, None),
    )
    assert said == {
        "fine@example.com": None,
        "nonsense": "Please provide a valid email address.",
        "known@example.com": "Your merge fields were invalid. (AGE: Please enter a number)",
        "new@example.com": "Your merge fields were invalid. (AGE: Please enter a number)",
        "nameless": "the row has no e-mail address",
    }
    assert list(connect(tag).held()) == (
        ["fine@example.com"] if tag else ["known@example.com", "fine@example.com"]
    )


def test_rows_with_the_same_address_make_one_member(
    audience: FakeMailchimp, connect: Connect
) -> None:
    rows = (
        Row("add", "a", "k-a", {"FNAME": "A", "CITY": "Bern"}, "same@example.com"),
        Row("add", "b", "k-b", {"FNAME": "B"}, "Same@Example.com"),
    )
    assert send(connect(), *rows) == {"a": None, "b": None}
    assert audience.state() == {
        "same@example.com": ("transactional", {"FNAME": "B", "CITY": "Bern"}, set())
    }


def test_an_error_about_an_unknown_address_is_about_who_is_named_nowhere(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.fail(
        "^POST",
        Fault(
            status=200,
            body=json.dumps(
                {
                    "new_members": [{"email_address": "a@example.com"}],
                    "updated_members": [],
                    "errors": [{"email_address": "xn--b@example.com", "error": "odd"}],
                }
            ),
        ),
    )
    said = send(connect(), row("add", "a@example.com"), row("add", "b@example.com"))
    assert said == {"a@example.com": None, "b@example.com": "odd"}


def test_a_refusal_without_words(audience: FakeMailchimp, connect: Connect) -> None:
    errors = [{"email_address": "a@example.com"}]
    body = {"new_members": [], "updated_members": [], "errors": errors}
    audience.fail("^POST", Fault(status=200, body=json.dumps(body)))
    said = send(connect(), row("add", "a@example.com"))
    assert said == {"a@example.com": "refused without a reason"}


def test_a_member_who_cannot_be_archived_is_rejected(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("a@example.com")
    audience.add("b@example.com")
    audience.fail("^DELETE", Fault(status=405, body="no"))
    said = send(connect(), row("remove", "a@example.com"), row("remove", "b@example.com"))
    assert said == {"a@example.com": "405: no", "b@example.com": None}


# A tag


def test_members_are_who_carries_the_tag(audience: FakeMailchimp, connect: Connect) -> None:
    audience.add("known@example.com", "subscribed", "VIP", FNAME="K")
    audience.add("leaver@example.com", "subscribed", "VIP", "Champions")
    for _ in range(2):
        assert send(connect("Champions"), *MIXED) == ACCEPTED
        assert {email: (status, tags) for email, (status, _, tags) in audience.state().items()} == {
            "known@example.com": ("subscribed", {"VIP", "Champions"}),
            "leaver@example.com": ("subscribed", {"VIP"}),
            "new@example.com": ("transactional", {"Champions"}),
        }


def test_the_tag_is_made_when_it_is_needed(audience: FakeMailchimp, connect: Connect) -> None:
    audience.tags[7] = "Champions of old"
    destination = connect("Champions")
    assert list(destination.held()) == []
    send(destination, row("remove", "a@example.com"))
    assert list(audience.tags.values()) == ["Champions of old"]
    send(destination, row("add", "a@example.com"))
    send(destination, row("add", "b@example.com"))
    assert len(audience.asked(f"GET /lists/{LIST}$")) == 1
    send(connect("champions"), row("add", "c@example.com"))
    assert list(audience.tags.values()) == ["Champions of old", "Champions"]


def test_who_unsubscribed_carries_the_tag_all_the_same(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("gone@example.com", "unsubscribed")
    send(connect("Champions"), row("add", "gone@example.com"), row("add", "a@example.com"))
    assert sorted(connect("Champions").held()) == ["a@example.com", "gone@example.com"]


@pytest.mark.parametrize(
    ("errors", "asked_singly"),
    [
        ([{"email_addresses": ["A@example.com"], "error": "odd"}], ["a@example.com"]),
        ([{"email_addresses": ["b@example.com"], "error": "odd"}], ["b@example.com"]),
        (
            [{"email_addresses": ["x@example.com"], "error": "odd"}],
            ["a@example.com", "b@example.com"],
        ),
        ([{"error": "odd"}], ["a@example.com", "b@example.com"]),
    ],
)
def test_whom_a_batch_about_the_tag_may_have_left_out_is_asked_for_singly(
    audience: FakeMailchimp, connect: Connect, errors: list[Any], asked_singly: list[str]
) -> None:
    audience.add("b@example.com", "subscribed", "Champions")
    audience.add("c@example.com", "subscribed", "Champions")
    body = {"members_added": [], "members_removed": [{"email_address": "c@example.com"}]}
    audience.fail(
        r"POST .*/segments/\d", Fault(status=200, body=json.dumps(body | {"errors": errors}))
    )
    said = send(
        connect("Champions"),
        row("add", "a@example.com"),
        row("remove", "b@example.com"),
        row("remove", "c@example.com"),
    )
    assert set(said.values()) == {None}
    paths = [item.path for item in audience.asked("POST .*/tags")]
    assert paths == [f"/lists/{LIST}/members/{hash_of(email)}/tags" for email in asked_singly]


def test_a_single_refusal_of_the_tag_is_told_unless_the_member_is_gone_anyway(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("b@example.com", "subscribed", "Champions")
    errors = [{"email_addresses": ["a@example.com", "b@example.com", "c@example.com"]}]
    body = {"members_added": [], "members_removed": [], "errors": errors}
    audience.fail(r"POST .*/segments/\d", Fault(status=200, body=json.dumps(body)))
    audience.fail("POST .*/tags", *[Fault(status=400, body="no")] * 2)
    said = send(
        connect("Champions"),
        row("add", "a@example.com"),
        row("remove", "b@example.com"),
        row("remove", "c@example.com"),
    )
    assert said == {"a@example.com": "400: no", "b@example.com": "400: no", "c@example.com": None}


# What it takes and holds


def test_no_request_has_more_than_500_members(audience: FakeMailchimp, connect: Connect) -> None:
    for number in range(600):
        audience.add(f"old{number}@example.com", "subscribed", "Champions")
    rows = [row("add", f"new{number}@example.com") for number in range(501)]
    rows += [row("remove", f"old{number}@example.com") for number in range(600)]
    assert set(send(connect("Champions"), *rows).values()) == {None}
    sizes = [
        (len(item.body["members_to_add"]), len(item.body["members_to_remove"]))
        for item in audience.asked(r"POST .*/segments/\d")
    ]
    assert sizes == [(500, 500), (1, 100)]
    assert len(list(connect("Champions").held())) == 501


def test_values_are_written_as_mailchimp_takes_them() -> None:
    assert merge_fields(
        {
            "WHOLE": Decimal("120.00"),
            "PART": Decimal("0.5"),
            "AT": datetime(2026, 7, 1, 12, 30),
            "ZONED": datetime(2026, 7, 1, 12, 30, tzinfo=UTC),
            "ON": date(2026, 7, 1),
            "NAN": float("nan"),
            "NO_DECIMAL": Decimal("NaN"),
            "PAYS": True,
            "NAME": "Zoë",
            "NOTHING": None,
            "email": "somebody.else@example.com",
        }
    ) == {
        "WHOLE": 120,
        "PART": 0.5,
        "AT": "2026-07-01T12:30:00+00:00",
        "ZONED": "2026-07-01T12:30:00+00:00",
        "ON": "2026-07-01",
        "NAN": "",
        "NO_DECIMAL": "",
        "PAYS": "true",
        "NAME": "Zoë",
        "NOTHING": "",
    }


def test_held_is_everybody_who_is_in(
    audience: FakeMailchimp, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_SIZE", 2)
    for status in ("subscribed", "unsubscribed", "transactional", "pending", "cleaned", "archived"):
        audience.add(f"{status.upper()}@example.com", status, "Champions")
    active = {"subscribed@example.com", "transactional@example.com", "pending@example.com"}
    left = {"unsubscribed@example.com", "cleaned@example.com"}
    assert sorted(connect().held()) == sorted(active)
    assert sorted(connect("Champions").held()) == sorted(active | left)
    assert list(connect("Others").held()) == []


def test_present_is_who_was_in_before(audience: FakeMailchimp, connect: Connect) -> None:
    audience.add("in@example.com", "subscribed")
    audience.add("tagged@example.com", "unsubscribed", "Champions")
    rows = [row("add", f"{name}@example.com") for name in ("IN", "tagged", "never")]
    assert connect().present(rows) == ["IN@example.com"]
    assert connect("champions").present(rows) == ["tagged@example.com"]


def test_a_tag_beyond_the_first_fifty_counts(audience: FakeMailchimp, connect: Connect) -> None:
    tags = [f"tag {number}" for number in range(60)]
    audience.add("many@example.com", "subscribed", *tags, "Zest")
    rows = [row("add", "many@example.com")]
    assert connect("Zest").present(rows) == ["many@example.com"]
    assert connect("Youth").present(rows) == []


@pytest.mark.parametrize("tag", [None, "Champions"])
def test_what_is_applied_is_what_a_batch_did(
    audience: FakeMailchimp, connect: Connect, tag: str | None
) -> None:
    audience.add("known@example.com", FNAME="K")
    audience.add("leaver@example.com", "subscribed", "Champions")
    audience.add("old@example.com", "subscribed", "Champions")
    rows = (*MIXED, row("change", "moved@example.com", "old@example.com", FNAME="M"))
    batch = Batch.of("sync_champions", rows)
    destination = connect(tag)
    assert destination.applied(batch) == []
    send(destination, *rows[1:])
    assert destination.applied(batch) == [item.entity_key for item in rows[1:]]
    send(destination, rows[0])
    assert destination.applied(batch) == [item.entity_key for item in rows]


def test_an_archived_member_is_what_archiving_applied(
    audience: FakeMailchimp, connect: Connect
) -> None:
    audience.add("a@example.com", "archived")
    audience.add("b@example.com", "unsubscribed")
    batch = Batch.of("s", [row("archive", f"{name}@example.com") for name in "abc"])
    assert connect().applied(batch) == ["a@example.com", "c@example.com"]


# Answers that are none, and refusals of everything


def test_a_passing_failure_is_tried_again(
    audience: FakeMailchimp, connect: Connect, waits: list[float]
) -> None:
    audience.fail(
        "^POST",
        Fault(status=429, headers={"Retry-After": "17"}),
        Fault(status=500),
        Fault(status=200, body='{"new_members": [], "err'),
        Fault(is_cut_off=True, is_applied=True),
    )
    destination = connect(max_retries=4)
    assert send(destination, row("add", "a@example.com")) == {"a@example.com": None}
    assert waits == [17, 2, 4, 8]
    assert list(destination.held()) == ["a@example.com"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        '"fine"',
        "{}",
        '{"new_members": [], "updated_members": [], "errors": 3}',
        '{"new_members": [], "updated_members": [], "errors": ["odd"]}',
    ],
)
def test_a_success_that_cannot_be_understood_is_no_answer(
    audience: FakeMailchimp, connect: Connect, body: str
) -> None:
    audience.fail("^POST", Fault(status=200, body=body))
    with pytest.raises(NoAnswer, match=r"^200 with a body .* \(tried 1 time\)"):
        send(connect(max_retries=0), row("add", "a@example.com"))


@pytest.mark.parametrize("tag", [None, "Champions"])
def test_a_batch_whose_answers_were_lost_can_be_sent_again(
    audience: FakeMailchimp, connect: Connect, tag: str | None
) -> None:
    audience.add("known@example.com")
    audience.add("leaver@example.com", "subscribed", "Champions")
    for method in ("POST", "POST .*/segments/" if tag else "DELETE"):
        audience.fail(method, Fault(delay_seconds=0.2, is_applied=True))
        said: dict[str, str | None] = {}
        with suppress(NoAnswer):
            said = send(connect(tag, max_retries=0, timeout_seconds=0.1), *MIXED[::2])
        assert "leaver@example.com" not in said
        assert audience.faults == []
    assert send(connect(tag), *MIXED) == ACCEPTED
    expected = {"new@example.com", "known@example.com"}
    assert set(connect(tag).held()) == expected


def test_rows_that_were_done_are_answered_when_the_answers_end(
    audience: FakeMailchimp, connect: Connect
) -> None:
    for name in "abc":
        audience.add(f"{name}@example.com")
    audience.fail(f"DELETE .*{hash_of('b@example.com')}", Fault(status=503))
    said = send(
        connect(max_retries=0),
        row("add", "new@example.com"),
        row("add", "nonsense", "c@example.com"),
        *(row("remove", f"{name}@example.com") for name in "abc"),
    )
    assert said == {
        "new@example.com": None,
        "nonsense": "Please provide a valid email address.",
        "a@example.com": None,
    }


def test_a_batch_is_refused_as_a_whole(audience: FakeMailchimp, connect: Connect) -> None:
    problem = {"title": "Bad", "detail": "odd", "errors": [{"field": "f", "message": "m"}]}
    audience.fail("^POST", Fault(status=400, body=json.dumps(problem)))
    with pytest.raises(BatchRefused, match=r"^400: Bad: odd; f: m$"):
        send(connect(), row("add", "a@example.com"))


def test_an_audience_that_is_gone_stops_it(audience: FakeMailchimp, connect: Connect) -> None:
    audience.routes = [route for route in audience.routes if route[0] != "audience"]
    audience.add("a@example.com")
    for use in (
        lambda made: made.send(Batch.of("s", [row("remove", "a@example.com")])),
        lambda made: made.present([row("add", "a@example.com")]),
        lambda made: list(made.held()),
    ):
        with pytest.raises(DestinationStopped, match=r"^405"):
            use(connect())
    assert len(audience.requests) == 3


def test_a_key_that_was_revoked_stops_it_and_is_not_repeated(
    audience: FakeMailchimp, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    made = connect(key="hush-us6")
    with caplog.at_level(logging.DEBUG), pytest.raises(DestinationStopped) as stopped:
        send(made, row("add", "a@example.com"))
    assert str(stopped.value) == "401: API Key Invalid: Your API key may be invalid."
    assert "hush" not in caplog.text + made.address
    assert len(audience.requests) == 1


# The specification


@pytest.fixture(scope="module")
def specification(prism: Callable[[str], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prism("mailchimp.json"), timeout=30) as client:
        yield client


@pytest.fixture
def validated(specification: httpx.Client) -> Iterator[FakeMailchimp]:
    with FakeMailchimp(specification) as running:
        yield running


def test_every_request_is_as_the_specification_says(
    validated: FakeMailchimp, waits: list[float]
) -> None:
    everything(validated, connected(validated, waits))
    assert validated.violations == []
    assert set(validated.operations()) == {name for name, _, _ in validated.routes}


def everything(audience: FakeMailchimp, connect: Connect) -> None:
    """Make every kind of request there is."""
    audience.add("known@example.com", "unsubscribed", *(f"tag {n}" for n in range(51)))
    audience.add("leaver@example.com", "subscribed", "Champions")
    audience.add("back@example.com", "archived")
    del audience.tags[52]
    rows = (
        row("add", "new@example.com", T="x", W=Decimal(1), AT=datetime(2026, 7, 1), P=True, N=None),
        row("change", "known@example.com", "old@example.com", FNAME="K"),
        row("add", "back@example.com"),
        row("remove", "leaver@example.com"),
    )
    for tag in (None, "Champions"):
        destination = connect(tag)
        send(destination, *rows)
        destination.applied(Batch.of("s", rows))
        destination.present(rows)
        list(destination.held())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"members": "a@example.com"}),
        ("PUT", "/members/0123", {"status": "subscribed"}),
        ("POST", "/members/0123/tags", {"tags": [{"name": "Champions"}]}),
        ("POST", "/segments", {"static_segment": []}),
        ("POST", "/segments/7", {"members_to_add": "a@example.com"}),
    ],
)
def test_the_specification_refuses_a_wrong_body(
    specification: httpx.Client, method: str, path: str, body: object
) -> None:
    said = specification.request(method, f"/lists/{LIST}{path}", json=body, auth=("strata", KEY))
    assert said.status_code in (400, 422)


ABOUT_THE_BATCH = (rf"/lists/{LIST}", rf"/lists/{LIST}/segments/(\d+)")


def end_of(method: str, path: str, status: int) -> type[Exception] | None:
    """How a send ends after one such answer; None where it ends well, maybe with single words."""
    is_about_member = "/members/" in path
    if status in (429, 500) or (status == 404 and is_about_member):
        return None
    if status == 400 and method != "GET" and is_about_member:
        return None
    if status == 400 and method != "GET" and path in ABOUT_THE_BATCH:
        return BatchRefused
    return DestinationStopped


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_every_error_of_the_specification_is_taken_for_what_it_is(
    specification: httpx.Client, waits: list[float], status: int
) -> None:
    said = specification.get(f"/lists/{LIST}", auth=("", KEY), headers={"Prefer": f"code={status}"})
    assert said.status_code == status and said.json()["detail"]
    with FakeMailchimp() as audience:
        ends: dict[str, type[Exception] | None] = {}
        for operation, method, path in audience.routes:
            audience.members.clear()
            audience.tags.clear()
            about = f"{method} {path}$"
            audience.fail(about, Fault(status=status, body=said.text))
            try:
                everything(audience, connected(audience, waits))
                ends[operation] = None
            except (BatchRefused, DestinationStopped, NoAnswer) as error:
                ends[operation] = type(error)
                assert "could not be found" in str(error)
            assert audience.faults == []
        assert ends == {
            operation: end_of(method, path, status) for operation, method, path in audience.routes
        }


# Settings


def settings(**changes: Any) -> MailchimpSettings:
    return MailchimpSettings(**{"api_key_env": "MAILCHIMP_KEY", "list_id": LIST, **changes})


def test_the_key_names_the_data_centre(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCHIMP_KEY", KEY)
    made = settings(tag="Champions").connect(now)
    assert made.address == f"https://us6.api.mailchimp.com/3.0/lists/{LIST} (tag Champions)"
    made.close()


@pytest.mark.parametrize("key", ["hush", "hush-", "hush-us6.evil.example", "hush-us6/"])
def test_a_key_without_a_data_centre_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("MAILCHIMP_KEY", key)
    with pytest.raises(UsageError, match="accepted: a key that ends in - and its data") as refused:
        settings().connect(now)
    assert "hush" not in str(refused.value)


def test_a_key_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILCHIMP_KEY", raising=False)
    with pytest.raises(UsageError, match="environment variable MAILCHIMP_KEY is not set"):
        settings().connect(now)


@pytest.mark.parametrize(
    "wrong",
    [{"list_id": "../other"}, {"tag": " "}, {"status_if_new": "unsubscribed"}, {"api_key_env": ""}],
)
def test_settings_that_make_no_sense(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        settings(**wrong)


def test_it_is_registered() -> None:
    assert DESTINATIONS["mailchimp"] is MailchimpSettings
