"""The HubSpot client against a fake with a memory, and its requests against the specification."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fake_api import Specified, failing, refused_by_prism
from hubspot_fake import TOKEN, HubSpotFake
from pydantic import ValidationError

from orchestration.activation.runner import utc_now
from orchestration.demo_receiver import Fault
from orchestration.destinations.base import (
    AskableDestination,
    Batch,
    DestinationStopped,
    NoAnswer,
    ReadableDestination,
    Row,
    SharedDestination,
)
from orchestration.destinations.hubspot import client
from orchestration.destinations.hubspot.client import HubSpotContacts, HubSpotList
from orchestration.destinations.hubspot.settings import HubSpotSettings
from orchestration.errors import UsageError

Connect = Callable[..., HubSpotContacts]


@pytest.fixture
def hubspot() -> Iterator[HubSpotFake]:
    with HubSpotFake() as fake:
        yield fake


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect(hubspot: HubSpotFake, waits: list[float]) -> Connect:
    return connector(hubspot, waits)


def connector(fake: HubSpotFake, waits: list[float]) -> Connect:
    def make(list_id: str | None = "42", token: str = TOKEN, **options: Any) -> HubSpotContacts:
        options = {"host": fake.url, "requests_per_second": 1e9, "max_retries": 3, **options}
        kind = HubSpotList if list_id else HubSpotContacts
        return kind(token, list_id, now=utc_now, sleep=waits.append, **options)

    return make


def row(
    operation: str, identifier: str | None, former: Sequence[str] = (), **payload: object
) -> Row:
    key = (identifier or "nobody").split("@")[0]
    content = payload if operation in ("add", "change") else None
    return Row(operation, key, f"key-{key}", content, identifier, former)


def sent(destination: HubSpotContacts, *rows: Row) -> Mapping[str, str | None]:
    answers = destination.send(Batch.of("sync_champions", rows))
    assert [answer.entity_key for answer in answers] == [one.entity_key for one in rows]
    return {answer.entity_key: answer.error for answer in answers}


# Membership and contacts


def test_a_mixed_batch(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com", firstname="Ann", lastname="Arc")
    hubspot.have("bob@example.com", is_listed=True, mrr="10")
    hubspot.have("cid@example.com", is_listed=True, firstname="Cid")
    rows = [
        row("add", "Ann@Example.com", firstname="Anna"),
        row("change", "bob@example.com", mrr=Decimal("12.50")),
        row("remove", "cid@example.com"),
        row("remove", "dee@example.com"),
    ]
    for _ in range(2):
        assert set(sent(connect(), *rows).values()) == {None}
        assert hubspot.listed() == {"ann@example.com", "bob@example.com"}
        # A field that the payload lacks is left alone.
        assert hubspot.properties_of("ann@example.com") == {"firstname": "Anna", "lastname": "Arc"}
        assert hubspot.properties_of("bob@example.com") == {"mrr": "12.50"}
        assert hubspot.properties_of("cid@example.com") == {"firstname": "Cid"}
    assert len(hubspot.contacts) == 3


def test_who_is_unknown_is_rejected(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com")
    said = sent(connect(), row("add", "ann@example.com"), row("add", "bob@example.com"))
    assert said["ann"] is None
    assert hubspot.operations() == ["list", "read", "add_and_remove"]
    assert said["bob"] == (
        "HubSpot has no contact with this e-mail address, and `create_contacts` is false"
    )
    assert hubspot.listed() == {"ann@example.com"}
    assert len(hubspot.contacts) == 1


def test_who_is_unknown_is_created(hubspot: HubSpotFake, connect: Connect) -> None:
    destination = connect(create_contacts=True)
    for _ in range(2):
        assert sent(destination, row("add", "bob@example.com", firstname="Bob")) == {"bob": None}
    assert hubspot.listed() == {"bob@example.com"}
    assert hubspot.properties_of("bob@example.com") == {"firstname": "Bob"}
    assert hubspot.operations().count("upsert") == 1


def test_a_changed_identifier_takes_the_former_one_off(
    hubspot: HubSpotFake, connect: Connect
) -> None:
    hubspot.have("old@example.com", is_listed=True)
    hubspot.have("older@example.com", is_listed=True)
    hubspot.have("gone@example.com", is_listed=True)
    hubspot.have("new@example.com")
    said = sent(
        connect(),
        row("change", "new@example.com", ["old@example.com", "older@example.com"]),
        row("remove", "left@example.com", ["gone@example.com"]),
    )
    assert set(said.values()) == {None}
    assert hubspot.listed() == {"new@example.com"}
    assert len(hubspot.contacts) == 4


def test_a_rejected_row_keeps_its_former_address(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("old@example.com", is_listed=True)
    said = sent(connect(), row("change", "new@example.com", ["old@example.com"]))
    assert said["new"] is not None
    assert hubspot.listed() == {"old@example.com"}


def test_two_addresses_of_one_contact_are_one_member(
    hubspot: HubSpotFake, connect: Connect
) -> None:
    hubspot.have("main@example.com", hs_additional_emails="second@example.com;third@example.com")
    said = sent(connect(), row("add", "second@example.com", ["main@example.com"], mrr=1))
    assert said == {"second": None}
    assert hubspot.listed() == {"main@example.com"}
    again = sent(connect(), row("add", "main@example.com"), row("add", "third@example.com"))
    assert again == {"main": None, "third": "HubSpot has one contact for this member and main"}


def test_a_main_address_is_not_replaced(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("main@example.com", hs_additional_emails="second@example.com")
    sent(connect(), row("add", "second@example.com", email="Second@example.com", mrr=1))
    assert hubspot.properties_of("main@example.com")["mrr"] == "1"
    said = sent(connect(), row("change", "second@example.com", email="other@example.com"))
    assert "the field `email` is not the member's identifier" in (said["second"] or "")


def test_one_leaves_while_another_with_its_address_comes(
    hubspot: HubSpotFake, connect: Connect
) -> None:
    hubspot.have("ann@example.com", is_listed=True)
    left = Row("remove", "merged", "key-merged", None, "ann@example.com")
    assert set(sent(connect(), left, row("add", "ann@example.com")).values()) == {None}
    assert hubspot.listed() == {"ann@example.com"}


@pytest.mark.parametrize("identifier", [None, "", "ann", "ann@", "a b@example.com", 'a"@b.com'])
def test_an_identifier_that_is_no_address(
    hubspot: HubSpotFake, connect: Connect, identifier: str | None
) -> None:
    said = sent(connect(create_contacts=True), row("add", identifier), row("remove", "x@y.com"))
    assert list(said.values()) == ["the member's identifier is no e-mail address", None]
    assert hubspot.contacts == {}


def test_without_a_list_only_contacts_are_written(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com", firstname="Ann")
    assert sent(connect(None), row("change", "ann@example.com", mrr=5)) == {"ann": None}
    assert hubspot.properties_of("ann@example.com") == {"firstname": "Ann", "mrr": "5"}
    assert hubspot.operations() == ["read", "update"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("add", "ann@example.com")], "`list_id` is not set and no field is mapped"),
        ([row("remove", "ann@example.com")], "`list_id` is not set; accepted: the id of a list"),
    ],
)
def test_settings_that_leave_nothing_to_do(
    hubspot: HubSpotFake, connect: Connect, rows: list[Row], message: str
) -> None:
    with pytest.raises(DestinationStopped, match=message):
        sent(connect(None), *rows)
    assert hubspot.requests == []


def test_archive(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com")
    hubspot.have("bob@example.com")
    rows = [row("archive", "ann@example.com"), row("archive", "cid@example.com")]
    for _ in range(2):
        assert set(sent(connect(None), *rows).values()) == {None}
        assert [held["email"] for held in hubspot.contacts.values()] == ["bob@example.com"]
    assert sent(connect(None), row("archive", None)) == {
        "nobody": "the member's identifier is no e-mail address"
    }


def test_many_rows_go_in_calls_of_a_hundred(hubspot: HubSpotFake, connect: Connect) -> None:
    emails = [f"n{number}@example.com" for number in range(250)]
    for email in emails[:120]:
        hubspot.have(email)
    rows = [row("add", email, firstname="N") for email in emails]
    assert set(sent(connect(create_contacts=True), *rows).values()) == {None}
    assert len(hubspot.members) == 250
    sizes = [
        (request.operation, len(request.body["inputs"]))
        for request in hubspot.requests
        if request.body and "inputs" in request.body
    ]
    assert sizes == [
        *[("read", 100), ("read", 100), ("read", 50)],
        *[("update", 100), ("update", 20), ("upsert", 100), ("upsert", 30)],
    ]
    assert set(sent(connect(), *[row("archive", email) for email in emails]).values()) == {None}
    assert hubspot.contacts == {}


def test_values_become_what_hubspot_reads(hubspot: HubSpotFake, connect: Connect) -> None:
    number = hubspot.have("ann@example.com")
    values = {
        datetime(2026, 7, 1, 12, 30): "2026-07-01T12:30:00.000Z",
        date(2026, 7, 1): "2026-07-01",
        True: "true",
        False: "false",
        7: "7",
        "Zoë": "Zoë",
        None: "",
        Decimal("NaN"): "",
        Decimal("1E+3"): "1000",
        0.5: "0.5",
    }
    for value, text in values.items():
        assert sent(connect(None), row("change", "ann@example.com", since=value)) == {"ann": None}
        assert hubspot.contacts[number]["since"] == text


# What it can tell


def test_it_can_tell_more_where_there_is_a_list(connect: Connect) -> None:
    assert isinstance(connect(None), AskableDestination)
    assert not isinstance(connect(None), SharedDestination | ReadableDestination)
    for ability in (AskableDestination, SharedDestination, ReadableDestination):
        assert isinstance(connect(), ability)


def test_what_is_applied(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("done@example.com", is_listed=True, mrr="5", firstname="D")
    hubspot.have("off@example.com", mrr="5")
    hubspot.have("other@example.com", is_listed=True, mrr="6")
    hubspot.have("new@example.com", is_listed=True)
    hubspot.have("old@example.com", is_listed=True)
    rows = [
        row("add", "done@example.com", mrr=5, lastname=None, email="Done@example.com"),
        row("add", "off@example.com", mrr=5),
        row("change", "other@example.com", mrr=5),
        row("change", "new@example.com", ["old@example.com"]),
        row("add", "unknown@example.com"),
        row("add", None),
        row("remove", "left@example.com", ["off@example.com"]),
        row("remove", "still@example.com", ["old@example.com"]),
    ]
    destination = connect()
    assert set(destination.applied(Batch.of("s", rows))) == {"done", "left"}
    archived = Batch.of("s", [row("archive", "a@example.com"), row("archive", "off@example.com")])
    assert set(destination.applied(archived)) == {"a"}
    assert set(connect(None).applied(Batch.of("s", rows[:3]))) == {"done", "off"}


def test_after_sending_everything_is_applied(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("gone@example.com", is_listed=True)
    rows = [row("add", "a@example.com", firstname="A"), row("remove", "gone@example.com")]
    batch = Batch.of("s", rows)
    destination = connect(create_contacts=True)
    assert set(destination.applied(batch)) == set()
    destination.send(batch)
    assert set(destination.applied(batch)) == {"a", "gone"}


def test_who_was_there_before(hubspot: HubSpotFake, connect: Connect) -> None:
    for number in range(300):
        hubspot.have(f"n{number}@example.com", is_listed=number != 7)
    destination = connect()
    assert isinstance(destination, HubSpotList)
    rows = [
        row("add", "n7@example.com"),
        row("add", "n299@example.com"),
        row("add", "moved@example.com", ["n8@example.com"]),
        row("add", "unknown@example.com"),
    ]
    assert set(destination.present(rows[:2])) == {"n299"}
    sent(destination, rows[0])
    # What was sent since does not make a member one who was there before.
    assert set(destination.present(rows)) == {"n299", "moved"}
    assert hubspot.operations().count("memberships") == 2


def test_everybody_held(hubspot: HubSpotFake, connect: Connect) -> None:
    for number in range(260):
        hubspot.have(f"n{number}@example.com", is_listed=True)
    hubspot.have("", is_listed=True)
    hubspot.have("off@example.com")
    destination = connect()
    assert isinstance(destination, HubSpotList)
    assert sorted(destination.held()) == sorted(f"n{number}@example.com" for number in range(260))


# Refusals


def test_partial_success_is_read_row_by_row(hubspot: HubSpotFake, connect: Connect) -> None:
    for name in ("ann", "bob", "cid"):
        hubspot.have(f"{name}@example.com")
    said = sent(
        connect(),
        row("add", "ann@example.com", mrr=1),
        row("add", "bob@example.com", mrr="much"),
        row("add", "cid@example.com", mrr=3),
    )
    assert said == {"ann": None, "bob": "much was not a valid number", "cid": None}
    assert hubspot.listed() == {"ann@example.com", "cid@example.com"}
    assert hubspot.operations().count("update") == 1


def test_the_row_that_a_batch_is_refused_for_is_found(
    hubspot: HubSpotFake, connect: Connect
) -> None:
    rows = [row("add", f"n{number}@example.com") for number in range(9)]
    rows.insert(4, row("add", "bad@example.invalid"))
    said = sent(connect(create_contacts=True), *rows)
    bad = said["bad"] or ""
    assert bad.startswith("400: Property values were not valid")
    assert "bad@example.invalid is invalid" in bad
    assert [key for key, error in said.items() if error] == ["bad"]
    assert len(hubspot.members) == 9


def test_who_is_passed_over_in_silence_is_rejected(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com")
    body = json.dumps({"status": "COMPLETE", "results": [], "errors": [], "numErrors": 0})
    hubspot.fail("update", Fault(207, body))
    said = sent(connect(), row("add", "ann@example.com", mrr=1))
    assert said == {"ann": "HubSpot's answer is silent about this contact"}
    assert hubspot.members == set()


def test_an_error_without_a_name_is_everybodys(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com")
    errors = [{"message": "internal", "category": "UNKNOWN", "context": {"what": "ever"}}]
    hubspot.fail("update", Fault(207, json.dumps({"results": [], "errors": errors})))
    assert sent(connect(), row("add", "ann@example.com", mrr=1)) == {"ann": "internal"}


def test_who_could_not_be_looked_up_is_not_taken_for_absent(
    hubspot: HubSpotFake, connect: Connect
) -> None:
    hubspot.have("ann@example.com", is_listed=True)
    errors = [{"message": "try later", "category": "INTERNAL", "context": {}}]
    partial = Fault(207, json.dumps({"results": [], "errors": errors}))
    hubspot.fail("read", partial)
    assert sent(connect(), row("remove", "ann@example.com")) == {"ann": "try later"}
    hubspot.fail("read", partial)
    removal = Batch.of("s", [row("remove", "ann@example.com")])
    assert set(connect().applied(removal)) == set()
    hubspot.fail("read", partial)
    destination = connect()
    assert isinstance(destination, HubSpotList)
    assert set(destination.present([row("add", "ann@example.com")])) == {"ann"}


def test_a_lookup_that_is_refused_rejects_the_row_at_fault(
    hubspot: HubSpotFake, connect: Connect
) -> None:
    hubspot.have("ann@example.com")
    for _ in range(2):  # the batch, and then the first of its halves
        hubspot.fail("read", Fault(400, '{"message": "odd"}'))
    said = sent(connect(), row("add", "ann@example.com"), row("remove", "zed@example.com"))
    assert said == {"ann": "400: odd", "zed": None}


def test_a_contact_that_the_list_misses(hubspot: HubSpotFake, connect: Connect) -> None:
    number = hubspot.have("ann@example.com")
    hubspot.have("bob@example.com")
    hubspot.gone_from_lists.add(number)
    said = sent(connect(), row("add", "ann@example.com"), row("add", "bob@example.com"))
    assert said == {
        "ann": "HubSpot misses this contact and did not add it to the list",
        "bob": None,
    }


def test_a_list_that_refuses_one(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com")
    hubspot.have("bob@example.com")
    for _ in range(2):
        hubspot.fail("add_and_remove", Fault(400, '{"message": "not this one"}'))
    said = sent(connect(), row("add", "ann@example.com"), row("add", "bob@example.com"))
    assert said == {"ann": "400: not this one", "bob": None}
    assert hubspot.listed() == {"bob@example.com"}


def test_a_property_that_does_not_exist_stops(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com")
    with pytest.raises(DestinationStopped, match=r"\"shoe_size\\\" does not exist.*a mapping to"):
        sent(connect(), row("add", "ann@example.com", shoe_size=43))


@pytest.mark.parametrize(
    ("list_id", "kind", "message"),
    [
        ("41", ("0-1", "MANUAL"), "`list_id` is '41', of which HubSpot says 404: List does not"),
        ("42", ("0-1", "DYNAMIC"), "`list_id` is '42', a DYNAMIC list of objects of type 0-1"),
        ("42", ("0-2", "MANUAL"), "`list_id` is '42', a MANUAL list of objects of type 0-2"),
    ],
)
def test_a_list_that_cannot_be_written(
    hubspot: HubSpotFake, connect: Connect, list_id: str, kind: tuple[str, str], message: str
) -> None:
    hubspot.kind = kind
    with pytest.raises(DestinationStopped, match=message + ".*; accepted: the ILS id of a MANUAL"):
        sent(connect(list_id), row("add", "ann@example.com", firstname="A"))
    assert hubspot.operations() == ["list"]


def test_a_snapshot_list_is_looked_at_once(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.kind = ("0-1", "SNAPSHOT")
    destination = connect(create_contacts=True)
    for _ in range(2):
        sent(destination, row("add", "ann@example.com"))
    assert hubspot.operations().count("list") == 1


# No answer


@pytest.mark.parametrize("operation", ["list", "read", "update", "upsert", "add_and_remove"])
@pytest.mark.parametrize("is_applied", [True, False])
def test_a_storm_passes(
    hubspot: HubSpotFake, connect: Connect, waits: list[float], operation: str, is_applied: bool
) -> None:
    hubspot.have("ann@example.com", firstname="A")
    hubspot.have("gone@example.com", is_listed=True)
    hubspot.fail(
        operation,
        failing(502, "<html>bad\xa0gateway</html>".encode("latin-1"), is_applied=is_applied),
        Fault(423, '{"message": "locked"}', is_applied=is_applied),
        Fault(0, is_truncated=True),
    )
    rows = [
        row("add", "ann@example.com", mrr=1),
        row("add", "bob@example.com", mrr=2),
        row("remove", "gone@example.com"),
    ]
    assert set(sent(connect(create_contacts=True), *rows).values()) == {None}
    assert hubspot.listed() == {"ann@example.com", "bob@example.com"}
    assert len(hubspot.contacts) == 3
    assert waits == [1.0, 2.0, 4.0]


def test_a_storm_that_does_not_pass(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.have("ann@example.com")
    hubspot.fail("add_and_remove", *[Fault(503, '{"message": "busy"}', is_applied=True)] * 4)
    with pytest.raises(NoAnswer, match=r"503: busy \(tried 4 times\)"):
        sent(connect(), row("add", "ann@example.com", mrr=1))
    # What was applied without an answer is sent again by the next run, and does no harm.
    assert sent(connect(), row("add", "ann@example.com", mrr=1)) == {"ann": None}
    assert hubspot.listed() == {"ann@example.com"}


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"results": 1}', '{"results": [{"id": {}}]}'])
def test_an_answer_that_cannot_be_understood(
    hubspot: HubSpotFake, connect: Connect, body: str
) -> None:
    hubspot.fail("read", *[Fault(200, body)] * 2)
    with pytest.raises(NoAnswer, match=r"200 with an answer that is not understood: .*tried 2"):
        sent(connect(max_retries=1), row("add", "ann@example.com"))


def test_a_slow_answer_is_no_answer(hubspot: HubSpotFake, connect: Connect) -> None:
    hubspot.fail("read", Fault(0, delay_seconds=0.4))
    with pytest.raises(NoAnswer, match="timed out"):
        sent(connect(timeout_seconds=0.1, max_retries=0), row("remove", "ann@example.com"))


def test_nobody_listening(connect: Connect) -> None:
    with pytest.raises(NoAnswer, match="refused"):
        destination = connect(host="http://127.0.0.1:1", max_retries=0)
        sent(destination, row("remove", "ann@example.com"))


def test_a_limit_of_ten_seconds_is_waited_for(
    hubspot: HubSpotFake, connect: Connect, waits: list[float]
) -> None:
    body = json.dumps({"message": "You have reached your limit", "policyName": "TEN_SECONDLY"})
    window = {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    hubspot.fail("read", Fault(429, body, window))
    hubspot.fail("read", Fault(429, body, {"Retry-After": "17"}))
    hubspot.fail("read", Fault(429, body))
    sent(connect(), row("remove", "ann@example.com"))
    assert waits == [10.0, 17.0, 4.0]


def test_the_limit_of_a_day_is_left_to_a_later_run(
    hubspot: HubSpotFake, connect: Connect, waits: list[float]
) -> None:
    body = json.dumps({"message": "You have reached your daily limit.", "policyName": "DAILY"})
    hubspot.fail("read", Fault(429, body))
    with pytest.raises(NoAnswer, match="429: You have reached your daily limit"):
        sent(connect(), row("remove", "ann@example.com"))
    assert waits == []


def test_requests_keep_their_pace(
    hubspot: HubSpotFake,
    connect: Connect,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The documented one, but too slow for a busy machine to keep it without waiting.
    monkeypatch.setattr(client, "REQUESTS_PER_SECOND", client.REQUESTS_PER_SECOND / 10_000)
    sent(connect(requests_per_second=None), row("remove", "ann@example.com"))
    assert hubspot.operations() == ["list", "read"]
    assert waits == [pytest.approx(1_000, abs=60)]


@pytest.mark.parametrize(("status", "message"), [(401, "expired"), (403, "scope"), (302, "moved")])
def test_an_answer_that_needs_a_person(
    hubspot: HubSpotFake, connect: Connect, status: int, message: str
) -> None:
    body = json.dumps({"message": f"{message}, token was {TOKEN}"})
    hubspot.fail("read", Fault(status, body, {"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(DestinationStopped, match=f"{status}: {message}, token was \\*\\*\\*"):
        sent(connect(), row("remove", "ann@example.com"))
    assert hubspot.operations() == ["list", "read"]


def test_a_revoked_token_is_not_told(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(DestinationStopped, match="401: Authentication credentials not") as stopped,
    ):
        sent(connect(None, token="pat-revoked"), row("add", "ann@example.com", mrr=1))
    assert "pat-revoked" not in str(stopped.value) + caplog.text


# By the specification

EVERYTHING = [
    row("add", "ann@example.com", firstname="Ann", mrr=Decimal("1.5")),
    row("add", "new@example.com", ["gone@example.com"], firstname=None),
    row("remove", "left@example.com"),
    row("archive", "cid@example.com"),
]
OPERATIONS = {name for name, _, _ in HubSpotFake.routes}


@pytest.fixture(scope="module")
def specification(prism: Callable[[str], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prism("hubspot.json")) as client:
        yield client


@pytest.fixture
def checked(specification: httpx.Client) -> Iterator[HubSpotFake]:
    with HubSpotFake(specification) as fake:
        fake.have("ann@example.com")
        fake.have("gone@example.com", is_listed=True)
        fake.have("left@example.com", is_listed=True)
        fake.have("cid@example.com")
        yield fake
    assert fake.violations == []


def use_everything(destination: HubSpotContacts) -> Mapping[str, str | None]:
    assert isinstance(destination, HubSpotList)
    list(destination.held())
    destination.present(EVERYTHING)
    destination.applied(Batch.of("s", EVERYTHING))
    return sent(destination, *EVERYTHING)


def test_every_request_is_as_specified(checked: HubSpotFake) -> None:
    said = use_everything(connector(checked, [])(create_contacts=True))
    assert set(said.values()) == {None}
    assert set(checked.operations()) == OPERATIONS
    assert checked.listed() == {"ann@example.com", "new@example.com"}


@pytest.mark.parametrize("status", [401, 404, 429, 503])
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_specified_error_is_taken_as_it_should(
    checked: HubSpotFake, operation: str, status: int
) -> None:
    checked.fail(operation, Specified(status))
    waits: list[float] = []
    destination = connector(checked, waits)(create_contacts=True)
    assert isinstance(destination, HubSpotList)

    def use() -> object:
        if operation == "memberships":
            return sorted(destination.held())
        return set(sent(destination, *EVERYTHING).values())

    if status < 429:
        with pytest.raises(DestinationStopped, match=f"{status}: string"):
            use()
        assert waits == []
    else:
        assert use() in ({None}, ["gone@example.com", "left@example.com"])
        assert waits == [10.0 if status == 429 else 1.0]


@pytest.mark.parametrize(
    ("operation", "rejected"),
    [("update", "ann"), ("upsert", "new"), ("archive", "cid"), ("read", "ann")],
)
def test_a_specified_refusal_rejects_the_row(
    checked: HubSpotFake, operation: str, rejected: str
) -> None:
    # Five addresses are looked up, ann's first: with two others, with one, alone.
    checked.fail(operation, *[Specified(400)] * (4 if operation == "read" else 1))
    said = sent(connector(checked, [])(create_contacts=True), *EVERYTHING)
    assert {key: error for key, error in said.items() if error} == {rejected: "400: string"}


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        *[("read", 200), ("read", 207), ("update", 200), ("update", 207), ("upsert", 200)],
        *[("upsert", 207), ("add_and_remove", 200), ("memberships", 200), ("archive", 204)],
    ],
)
def test_every_specified_success_can_be_read(
    checked: HubSpotFake, operation: str, status: int
) -> None:
    checked.fail(operation, Specified(status))
    use_everything(connector(checked, [])(create_contacts=True, max_retries=0))
    assert checked.faults == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/crm/v3/lists/42/memberships/add-and-remove", {"recordIdsToAdd": ["1"]}),
        ("PUT", "/crm/v3/lists/42/memberships/add-and-remove", {"recordIdsToAdd": [1]}),
        ("POST", "/crm/v3/objects/contacts/batch/read", {"inputs": [{"id": "1"}]}),
        ("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": [{"id": "1"}]}),
        ("POST", "/crm/v3/objects/contacts/batch/upsert", {"inputs": [{"id": 1}]}),
        ("POST", "/crm/v3/objects/contacts/batch/archive", {"inputs": ["1"]}),
    ],
)
def test_a_wrong_body_would_be_noticed(
    specification: httpx.Client, method: str, path: str, body: object
) -> None:
    headers = {"Authorization": "Bearer x"}
    response = specification.request(method, path, json=body, headers=headers)
    assert "body" in refused_by_prism(response)


# Settings


def test_settings_make_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    settings = HubSpotSettings(token_env="HUBSPOT_TOKEN", list_id="42", create_contacts=True)
    destination = settings.connect(utc_now)
    assert isinstance(destination, HubSpotList)
    assert destination.address == "https://api.hubapi.com/crm/v3/lists/42"
    destination.close()
    without = HubSpotSettings(token_env="HUBSPOT_TOKEN").connect(utc_now)
    assert type(without) is HubSpotContacts
    assert without.address == "https://api.hubapi.com/crm/v3/objects/contacts"


def test_a_token_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBSPOT_TOKEN", raising=False)
    with pytest.raises(UsageError, match="HUBSPOT_TOKEN is not set; it holds the access token of"):
        HubSpotSettings(token_env="HUBSPOT_TOKEN").connect(utc_now)


@pytest.mark.parametrize("list_id", ["", "champions", "4 2", "-1"])
def test_a_list_id_is_a_number(list_id: str) -> None:
    with pytest.raises(ValidationError, match="list_id"):
        HubSpotSettings(token_env="HUBSPOT_TOKEN", list_id=list_id)
