"""The Klaviyo client against a fake with a memory, and its requests against the specification."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fake_api import Specified, refused_by_prism
from klaviyo_fake import KEY, KlaviyoFake
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
from orchestration.destinations.klaviyo import client
from orchestration.destinations.klaviyo.client import KlaviyoList, KlaviyoProfiles
from orchestration.destinations.klaviyo.settings import KlaviyoSettings
from orchestration.errors import UsageError

Connect = Callable[..., KlaviyoProfiles]


@pytest.fixture
def klaviyo() -> Iterator[KlaviyoFake]:
    with KlaviyoFake() as fake:
        yield fake


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect(klaviyo: KlaviyoFake, waits: list[float]) -> Connect:
    return connector(klaviyo, waits)


def connector(fake: KlaviyoFake, waits: list[float]) -> Connect:
    def make(list_id: str | None = "Y6nRLr", key: str = KEY, **options: Any) -> KlaviyoProfiles:
        options = {"host": fake.url, "requests_per_second": 1e9, "max_retries": 3, **options}
        kind = KlaviyoList if list_id else KlaviyoProfiles
        return kind(key, list_id, now=utc_now, sleep=waits.append, **options)

    return make


def row(operation: str, identifier: str | None, former: Sequence[str] = (), **payload: Any) -> Row:
    key = (identifier or "nobody").split("@")[0]
    content = payload if operation in ("add", "change") else None
    return Row(operation, key, f"key-{key}", content, identifier, former)


def crowd(size: int, **payload: Any) -> list[Row]:
    """So many that they are imported together."""
    return [row("add", f"n{number}@example.com", **payload) for number in range(size)]


def sent(destination: KlaviyoProfiles, *rows: Row) -> Mapping[str, str | None]:
    answers = destination.send(Batch.of("sync_champions", rows))
    assert [answer.entity_key for answer in answers] == [one.entity_key for one in rows]
    return {answer.entity_key: answer.error for answer in answers}


def rejections(said: Mapping[str, str | None]) -> Mapping[str, str]:
    return {key: error for key, error in said.items() if error is not None}


# Membership and profiles


@pytest.mark.parametrize("size", [0, 30])
def test_a_mixed_batch(klaviyo: KlaviyoFake, connect: Connect, size: int) -> None:
    klaviyo.have("ann@example.com", first_name="Ann", properties={"mrr": 1, "tier": "b"})
    klaviyo.have("bob@example.com", is_listed=True, first_name="Bob", last_name="Oak")
    klaviyo.have("cid@example.com", is_listed=True, first_name="Cid")
    rows = [
        row("add", "Ann@Example.com", mrr=Decimal("12.50"), last_name="Arc"),
        row("change", "bob@example.com", first_name=None),
        row("add", "eve@example.com", first_name="Eve"),
        row("remove", "cid@example.com"),
        row("remove", "dee@example.com"),
        *crowd(size, first_name="N"),
    ]
    members = {"ann@example.com", "bob@example.com", "eve@example.com"}
    for _ in range(2):
        assert rejections(sent(connect(), *rows)) == {}
        assert klaviyo.listed() == members | {one.identifier for one in crowd(size)}
        ann = klaviyo.attributes_of("ann@example.com")
        # A field that the payload lacks is left alone.
        assert (ann["first_name"], ann["last_name"]) == ("Ann", "Arc")
        assert ann["properties"] == {"mrr": 12.5, "tier": "b"}
        bob = klaviyo.attributes_of("bob@example.com")
        assert (bob["first_name"], bob["last_name"]) == (None, "Oak")
        assert klaviyo.attributes_of("cid@example.com")["first_name"] == "Cid"
    assert len(klaviyo.people) == 4 + size
    assert klaviyo.operations().count("start_import") == (2 if size else 0)


def test_fields_go_where_klaviyo_keeps_them(klaviyo: KlaviyoFake, connect: Connect) -> None:
    payload: dict[str, Any] = {
        "email": "Ann@example.com",
        "first_name": "Zoë",
        "phone_number": "+15005550006",
        "external_id": 7,
        "location.city": "Paris",
        "location.zip": 75001,
        "location.planet": "Earth",
        "city": "a property",
        "is_paying": True,
        "seats": 3,
        "whole": Decimal("120.00"),
        "part": Decimal("0.1"),
        "at": datetime(2026, 7, 1, 12, 30),
        "on": date(2026, 7, 1),
    }
    sent(connect(None), row("add", "ann@example.com", **payload))
    ann = klaviyo.attributes_of("ann@example.com")
    assert ann == {
        "first_name": "Zoë",
        "phone_number": "+15005550006",
        "external_id": "7",
        "location": {"city": "Paris", "zip": "75001"},
        "properties": {
            "location.planet": "Earth",
            "city": "a property",
            "is_paying": True,
            "seats": 3,
            "whole": 120,
            "part": 0.1,
            "at": "2026-07-01T12:30:00+00:00",
            "on": "2026-07-01",
        },
    }


def test_nothing_is_cleared_but_what_is_empty(klaviyo: KlaviyoFake, connect: Connect) -> None:
    klaviyo.have(
        "ann@example.com",
        title="Dr",
        locale="fr-FR",
        location={"city": "Paris", "zip": "75001"},
        properties={"mrr": 1, "nan": 2, "tier": "b"},
    )
    empty: dict[str, Any] = {"title": None, "location.city": None, "mrr": None, "nan": float("nan")}
    assert rejections(sent(connect(None), row("change", "ann@example.com", **empty))) == {}
    ann = klaviyo.attributes_of("ann@example.com")
    assert ann["location"] == {"city": None, "zip": "75001"}
    assert ann["properties"] == {"tier": "b"}
    assert (ann["title"], ann["locale"]) == (None, "fr-FR")


def test_being_put_on_the_list_subscribes_nobody(klaviyo: KlaviyoFake, connect: Connect) -> None:
    sent(connect(), *crowd(11), row("change", "ann@example.com", title=None))
    assert len(klaviyo.on_list) == 12
    # Where nobody leaves, nobody is looked up.
    assert "members" not in klaviyo.operations()
    bodies = json.dumps([request.body for request in klaviyo.requests])
    assert "subscri" not in bodies
    assert "consent" not in bodies


def test_a_changed_identifier_takes_the_former_one_off(
    klaviyo: KlaviyoFake, connect: Connect
) -> None:
    for name in ("old", "older", "gone"):
        klaviyo.have(f"{name}@example.com", is_listed=True)
    said = sent(
        connect(),
        row("change", "new@example.com", ["old@example.com", "older@example.com"]),
        row("remove", "left@example.com", ["gone@example.com"]),
    )
    assert rejections(said) == {}
    assert klaviyo.listed() == {"new@example.com"}
    assert len(klaviyo.people) == 4


def test_a_rejected_row_keeps_its_former_address(klaviyo: KlaviyoFake, connect: Connect) -> None:
    klaviyo.have("old@example.com", is_listed=True)
    wrong = row("change", "new@example.com", ["old@example.com"], phone_number="5550006")
    assert rejections(sent(connect(), wrong)) == {
        "new": "400: 5550006 is not a number in E.164 format"
    }
    assert klaviyo.listed() == {"old@example.com"}


def test_a_profile_found_by_both_addresses_stays(klaviyo: KlaviyoFake, connect: Connect) -> None:
    klaviyo.have("new@example.com", is_listed=True, second="old@example.com")
    assert rejections(sent(connect(), row("change", "new@example.com", ["old@example.com"]))) == {}
    assert klaviyo.listed() == {"new@example.com"}
    assert "remove" not in klaviyo.operations()


def test_one_leaves_while_another_with_its_address_comes(
    klaviyo: KlaviyoFake, connect: Connect
) -> None:
    klaviyo.have("ann@example.com", is_listed=True)
    left = Row("remove", "merged", "key-merged", None, "ann@example.com")
    assert rejections(sent(connect(), left, row("add", "ann@example.com"))) == {}
    assert klaviyo.listed() == {"ann@example.com"}
    assert "remove" not in klaviyo.operations()


def test_rows_that_cannot_be_sent(klaviyo: KlaviyoFake, connect: Connect) -> None:
    twin = Row("add", "twin", "key-twin", {}, "ANN@example.com")
    said = sent(
        connect(),
        row("add", "ann@example.com"),
        twin,
        row("add", 'a"@b.com'),
        row("remove", None),
        row("change", "eve@example.com", email="other@example.com"),
    )
    assert rejections(said) == {
        "twin": "Klaviyo has one profile for this member and ann",
        'a"': "the member's identifier is no e-mail address",
        "eve": "the field `email` is not the member's identifier, by which Klaviyo knows the "
        "profile; accepted: a mapping without `email`, or with the column that is the identifier",
    }
    assert klaviyo.listed() == {"ann@example.com"}


def test_without_a_list_only_profiles_are_written(klaviyo: KlaviyoFake, connect: Connect) -> None:
    destination = connect(None)
    assert rejections(sent(destination, *crowd(11, mrr=1), row("add", "a@b.com", x=None))) == {}
    assert len(klaviyo.people) == 12
    assert klaviyo.on_list == set()
    with pytest.raises(DestinationStopped, match="`list_id` is not set; accepted: the id of a"):
        sent(destination, row("remove", "n1@example.com"))


def test_many_go_in_parts(
    klaviyo: KlaviyoFake, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PROFILES_IN_A_JOB", 20)
    monkeypatch.setattr(client, "BYTES_IN_A_JOB", 2_000)
    monkeypatch.setattr(client, "IDS_IN_A_CALL", 12)
    rows = crowd(50)
    rows[0] = row("add", "n0@example.com", text="x" * 1_900)
    rows += [row("change", f"c{number}@example.com", title=None) for number in range(15)]
    assert rejections(sent(connect(), *rows)) == {}
    jobs = [len(job["profiles"]) for job in klaviyo.jobs.values()]
    assert jobs == [1, 20, 20, 9]
    sizes = [len(one.body["data"]) for one in klaviyo.requests if one.operation == "add"]
    assert sizes == [12, 3]
    assert len(klaviyo.on_list) == 65
    removals = [row("remove", one.identifier) for one in rows]
    assert rejections(sent(connect(), *removals)) == {}
    assert klaviyo.on_list == set()
    sizes = [len(one.body["data"]) for one in klaviyo.requests if one.operation == "remove"]
    assert sizes == [12, 12, 12, 12, 12, 5]


def test_a_filter_that_is_too_long_is_halved(klaviyo: KlaviyoFake, connect: Connect) -> None:
    emails = [f"{'x' * 200}{number}@example.com" for number in range(50)]
    for email in emails:
        klaviyo.have(email, is_listed=True)
    said = sent(connect(), *[row("remove", email) for email in emails])
    assert rejections(said) == {}
    assert klaviyo.on_list == set()
    assert klaviyo.operations().count("members") == 3


# Archive


def test_archive_suppresses(klaviyo: KlaviyoFake, connect: Connect) -> None:
    klaviyo.have("ann@example.com", is_listed=True)
    rows = [row("archive", f"n{number}@example.com") for number in range(105)]
    rows += [row("archive", "ann@example.com"), row("archive", None)]
    for _ in range(2):
        assert rejections(sent(connect(), *rows)) == {
            "nobody": "the member's identifier is no e-mail address"
        }
        assert len(klaviyo.suppressed) == 106
    assert klaviyo.listed() == {"ann@example.com"}
    assert klaviyo.operations().count("start_suppression") == 4
    assert "list" not in klaviyo.operations()


def test_who_is_skipped_and_not_suppressed_is_rejected(
    klaviyo: KlaviyoFake, connect: Connect
) -> None:
    klaviyo.suppressed.add("before@example.com")
    klaviyo.have("before@example.com")
    klaviyo.cannot_be_suppressed.add("never@example.com")
    names = ("ann@example.com", "before@example.com", "never@example.com", "no@example.invalid")
    assert rejections(sent(connect(), *[row("archive", name) for name in names])) == {
        "never": "Klaviyo skipped this profile, and it is not suppressed",
        "no": "400: no@example.invalid is no address",
    }
    assert klaviyo.suppressed == {"ann@example.com", "before@example.com"}


# What it can tell


def test_it_can_tell_more_where_there_is_a_list(connect: Connect) -> None:
    assert isinstance(connect(None), AskableDestination)
    assert not isinstance(connect(None), SharedDestination | ReadableDestination)
    for ability in (AskableDestination, SharedDestination, ReadableDestination):
        assert isinstance(connect(), ability)


def test_what_is_applied(klaviyo: KlaviyoFake, connect: Connect) -> None:
    klaviyo.have("done@example.com", is_listed=True, title="Dr", properties={"mrr": 5})
    klaviyo.have("off@example.com", properties={"mrr": 5})
    klaviyo.have("other@example.com", is_listed=True, properties={"mrr": 6})
    klaviyo.have("full@example.com", is_listed=True, properties={"mrr": 5})
    klaviyo.have("new@example.com", is_listed=True)
    klaviyo.have("old@example.com", is_listed=True)
    klaviyo.have("city@example.com", is_listed=True, location={"city": "Paris"})
    there: dict[str, Any] = {"location.city": "Paris", "location.zip": None}
    rows = [
        row("add", "done@example.com", mrr=5, title="Dr", image=None, tier=None),
        row("add", "off@example.com", mrr=5),
        row("change", "other@example.com", mrr=5),
        row("change", "full@example.com", mrr=None),
        row("change", "new@example.com", ["old@example.com"]),
        row("change", "city@example.com", **there),
        row("add", "unknown@example.com"),
        row("add", None),
        row("remove", "left@example.com", ["off@example.com"]),
        row("remove", "still@example.com", ["old@example.com"]),
    ]
    assert set(connect().applied(Batch.of("s", rows))) == {"done", "city", "left"}
    assert set(connect(None).applied(Batch.of("s", rows[:3]))) == {"done", "off"}
    klaviyo.suppressed.add("off@example.com")
    archived = [row("archive", "off@example.com"), row("archive", "done@example.com")]
    assert set(connect(None).applied(Batch.of("s", archived))) == {"off"}


def test_after_sending_everything_is_applied(klaviyo: KlaviyoFake, connect: Connect) -> None:
    klaviyo.have("gone@example.com", is_listed=True)
    rows = [
        row("add", "a@example.com", first_name="A", mrr=Decimal("1.5"), on=date(2026, 7, 1)),
        row("remove", "gone@example.com"),
        row("archive", "z@example.com"),
    ]
    batch = Batch.of("s", rows)
    destination = connect()
    assert set(destination.applied(batch)) == set()
    destination.send(batch)
    assert set(destination.applied(batch)) == {"a", "gone", "z"}


def test_who_was_there_before(klaviyo: KlaviyoFake, connect: Connect) -> None:
    for number in range(120):
        klaviyo.have(f"n{number}@example.com", is_listed=number != 7)
    destination = connect()
    assert isinstance(destination, KlaviyoList)
    rows = [*crowd(110), row("add", "moved@example.com", ["n119@example.com"])]
    expected = {one.entity_key for one in rows} - {"n7"}
    assert set(destination.present(rows)) == expected
    # Who cannot be looked up is taken for one who was there.
    klaviyo.fail("members", *[Fault(400, '{"errors": []}')] * 2)
    assert set(destination.present([row("add", "n7@example.com")])) == {"n7"}


def test_everybody_held(klaviyo: KlaviyoFake, connect: Connect) -> None:
    for number in range(250):
        klaviyo.have(f"n{number}@example.com", is_listed=True)
    klaviyo.have("", is_listed=True)
    klaviyo.have("off@example.com")
    destination = connect()
    assert isinstance(destination, KlaviyoList)
    assert sorted(destination.held()) == sorted(str(one.identifier) for one in crowd(250))
    assert klaviyo.operations() == ["members"] * 3


# Refusals


def test_errors_of_a_job_are_read_profile_by_profile(
    klaviyo: KlaviyoFake, connect: Connect
) -> None:
    klaviyo.have("zoe@example.com", phone_number="+15005550006")
    rows = crowd(300)
    for number in range(0, 250, 2):
        rows[number] = row("add", f"n{number}@example.com", phone_number=f"{number}")
    rows[1] = row("add", "n1@example.com", phone_number="+15005550006")
    wrong = rejections(sent(connect(), *rows))
    assert len(wrong) == 126
    assert wrong["n248"] == "248 is not a number in E.164 format"
    assert wrong["n1"] == "A profile already exists with the phone_number."
    assert len(klaviyo.on_list) == 174
    assert klaviyo.operations().count("import_errors") == 2


@pytest.mark.parametrize("hidden", ["payload", "error"])
def test_where_a_job_does_not_say_whose_error_it_is(
    klaviyo: KlaviyoFake, connect: Connect, hidden: str
) -> None:
    rows = crowd(12)
    rows[3] = row("add", "n3@example.com", phone_number="3")
    if hidden == "payload":
        klaviyo.quotes_payload = False
    else:
        nothing = json.dumps({"data": [], "links": {"self": "x"}})
        klaviyo.fail("import_errors", Fault(200, nothing))
    assert rejections(sent(connect(), *rows)) == {"n3": "400: 3 is not a number in E.164 format"}
    assert klaviyo.operations().count("write_one") == 12
    assert len(klaviyo.on_list) == 11


def test_a_job_that_is_refused_for_some_is_started_without_them(
    klaviyo: KlaviyoFake, connect: Connect
) -> None:
    rows = crowd(20)
    rows[3] = row("add", "n3@example.invalid")
    rows[19] = row("add", "n19@example.invalid")
    wrong = rejections(sent(connect(), *rows))
    assert wrong == dict.fromkeys(("n3", "n19"), "400: Invalid email address")
    assert klaviyo.operations().count("start_import") == 2
    assert len(klaviyo.on_list) == 18
    klaviyo.requests.clear()
    all_wrong = [row("add", f"w{number}@example.invalid") for number in range(12)]
    assert len(rejections(sent(connect(), *all_wrong))) == 12
    assert klaviyo.operations() == ["list", "start_import"]


def test_a_job_that_is_refused_without_a_reason_is_halved(
    klaviyo: KlaviyoFake, connect: Connect
) -> None:
    refusal = json.dumps({"errors": [{"detail": "odd", "source": {"pointer": "/data"}}]})
    klaviyo.fail("start_import", *[Fault(400, refusal)] * 5)
    assert rejections(sent(connect(), *crowd(16))) == {"n0": "400: odd"}
    assert len(klaviyo.on_list) == 15


@pytest.mark.parametrize(
    ("operation", "rejected"), [("write_one", {"n0"}), ("add", {"n0"}), ("remove", {"gone"})]
)
def test_the_row_that_a_call_is_refused_for_is_found(
    klaviyo: KlaviyoFake, connect: Connect, operation: str, rejected: set[str]
) -> None:
    klaviyo.have("gone@example.com", is_listed=True)
    klaviyo.have("left@example.com", is_listed=True)
    times = {"write_one": 1, "add": 3, "remove": 2}[operation]
    klaviyo.fail(operation, *[Fault(422, '{"errors": [{"detail": "not this one"}]}')] * times)
    rows = [*crowd(3), row("remove", "gone@example.com"), row("remove", "left@example.com")]
    assert rejections(sent(connect(), *rows)) == dict.fromkeys(rejected, "422: not this one")


def test_a_removal_that_cannot_be_looked_up_is_rejected(
    klaviyo: KlaviyoFake, connect: Connect
) -> None:
    klaviyo.have("gone@example.com", is_listed=True)
    klaviyo.fail("members", Fault(400, '{"errors": [{"detail": "odd address"}]}'))
    assert sent(connect(), row("remove", "gone@example.com")) == {"gone": "400: odd address"}


def test_a_list_that_is_not_there(klaviyo: KlaviyoFake, connect: Connect) -> None:
    expected = "`list_id` is 'XXX', of which Klaviyo says 404: A list with id XXX does not exist"
    with pytest.raises(DestinationStopped, match=expected):
        sent(connect("XXX"), row("add", "ann@example.com"))
    assert klaviyo.operations() == ["list"]


# No answer


def test_a_job_is_waited_for(klaviyo: KlaviyoFake, connect: Connect, waits: list[float]) -> None:
    klaviyo.polls_until_done = 9
    assert rejections(sent(connect(max_retries=0), *crowd(11))) == {}
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_job_that_takes_too_long(
    klaviyo: KlaviyoFake, connect: Connect, waits: list[float]
) -> None:
    klaviyo.polls_until_done = 99
    with pytest.raises(NoAnswer, match=r"job J0 of Klaviyo is processing \(tried 16 times\)"):
        sent(connect(), *crowd(11))
    assert sum(waits) == 603


@pytest.mark.parametrize("operation", ["add", "archive"])
def test_a_job_that_is_cancelled(klaviyo: KlaviyoFake, connect: Connect, operation: str) -> None:
    klaviyo.ends_as = "cancelled"
    rows = [row(operation, f"n{number}@example.com") for number in range(11)]
    with pytest.raises(NoAnswer, match="job J0 of Klaviyo ended as cancelled"):
        sent(connect(), *rows)


STORMY = ["list", "members", "add", "remove", "write_one", "start_import", "import_job"]
STORMY += ["import_errors", "start_suppression", "suppression_job"]


@pytest.mark.parametrize("operation", STORMY)
@pytest.mark.parametrize("is_applied", [True, False])
def test_a_storm_passes(
    klaviyo: KlaviyoFake, connect: Connect, operation: str, is_applied: bool
) -> None:
    klaviyo.have("gone@example.com", is_listed=True)
    klaviyo.fail(
        operation,
        Fault(502, "<html>bad gateway</html>", is_applied=is_applied),
        Fault(503, "", is_applied=is_applied),
        Fault(0, is_truncated=True),
    )
    rows = [
        *crowd(11),
        row("change", "ann@example.com", title=None),
        row("remove", "gone@example.com"),
        row("archive", "z@example.com"),
    ]
    assert rejections(sent(connect(), *rows)) == {}
    assert klaviyo.faults == []
    assert len(klaviyo.on_list) == 12
    assert klaviyo.suppressed == {"z@example.com"}
    assert len(klaviyo.people) == 14


def test_a_storm_that_does_not_pass(klaviyo: KlaviyoFake, connect: Connect) -> None:
    busy = json.dumps({"errors": [{"detail": "busy"}, {"detail": "very"}]})
    klaviyo.fail("add", *[Fault(503, busy, is_applied=True)] * 4)
    with pytest.raises(NoAnswer, match=r"503: busy; very \(tried 4 times\)"):
        sent(connect(), row("add", "ann@example.com"))
    # What was applied without an answer is sent again by the next run, and does no harm.
    assert rejections(sent(connect(), row("add", "ann@example.com"))) == {}
    assert klaviyo.listed() == {"ann@example.com"}


@pytest.mark.parametrize(
    "body",
    ["{", "[]", "{}", '{"data": 1}', '{"data": [], "links": {"next": "https://a/b?page=2"}}'],
)
def test_an_answer_that_cannot_be_understood(
    klaviyo: KlaviyoFake, connect: Connect, body: str
) -> None:
    klaviyo.fail("members", *[Fault(200, body)] * 2)
    with pytest.raises(NoAnswer, match=r"200 with an answer that is not understood: .*tried 2"):
        sent(connect(max_retries=1), row("remove", "ann@example.com"))


def test_a_slow_answer_is_no_answer(klaviyo: KlaviyoFake, connect: Connect) -> None:
    klaviyo.fail("members", Fault(0, delay_seconds=0.4))
    with pytest.raises(NoAnswer, match="timed out") as silence:
        sent(connect(timeout_seconds=0.1, max_retries=0), row("remove", "ann@example.com"))
    # The filter of the request is about people.
    assert "ann" not in str(silence.value)


def test_nobody_listening(connect: Connect) -> None:
    destination = connect(host="http://127.0.0.1:1", max_retries=0)
    with pytest.raises(NoAnswer, match="refused"):
        sent(destination, row("remove", "ann@example.com"))


def test_a_limit_is_waited_for(klaviyo: KlaviyoFake, connect: Connect, waits: list[float]) -> None:
    body = json.dumps({"errors": [{"detail": "Request was throttled."}]})
    klaviyo.fail("members", Fault(429, body, {"Retry-After": "17"}))
    sent(connect(), row("remove", "ann@example.com"))
    assert waits == [17.0]
    klaviyo.fail("members", Fault(429, body, {"Retry-After": "3600"}))
    with pytest.raises(NoAnswer, match=r"429: Request was throttled\.; it asks to wait 3600 s"):
        sent(connect(), row("remove", "ann@example.com"))


def test_requests_keep_their_pace(
    klaviyo: KlaviyoFake,
    connect: Connect,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The documented ones, but too slow for a busy machine to keep them without waiting.
    monkeypatch.setattr(client, "QUICK_PER_SECOND", client.QUICK_PER_SECOND / 10_000)
    monkeypatch.setattr(client, "SLOW_PER_SECOND", client.SLOW_PER_SECOND / 10_000)
    destination = connect(requests_per_second=None)
    for email in ("a@example.com", "b@example.com"):
        klaviyo.have(email, is_listed=True)
        sent(destination, row("remove", email))
    assert klaviyo.operations() == ["list", "members", "remove", "members", "remove"]
    quick, quicker, slow = waits
    assert quick == pytest.approx(800, abs=60)
    # No time passes while a test waits.
    assert quicker == pytest.approx(1_600, abs=60)
    assert slow == pytest.approx(4_000, abs=60)


@pytest.mark.parametrize(("status", "message"), [(401, "expired"), (403, "scope"), (302, "moved")])
def test_an_answer_that_needs_a_person(
    klaviyo: KlaviyoFake, connect: Connect, status: int, message: str
) -> None:
    body = json.dumps({"errors": [{"detail": f"{message}, key was {KEY}"}]})
    klaviyo.fail("members", Fault(status, body, {"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(DestinationStopped, match=f"{status}: {message}, key was \\*\\*\\*"):
        sent(connect(), row("remove", "ann@example.com"))
    assert klaviyo.operations() == ["list", "members"]


def test_a_revoked_key_is_not_told(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(DestinationStopped, match="401: Missing or invalid private key") as stopped,
    ):
        sent(connect(key="pk_revoked"), row("add", "ann@example.com"))
    assert "pk_revoked" not in str(stopped.value) + caplog.text


# By the specification

EVERYTHING = [
    *crowd(11, first_name="N", mrr=Decimal("1.5"), **{"location.city": "Paris"}),
    row("change", "ann@example.com", ["gone@example.com"], title=None, mrr=None),
    row("remove", "left@example.com"),
    row("archive", "cid@example.com"),
]
OPERATIONS = {name for name, _, _ in KlaviyoFake.routes}


@pytest.fixture(scope="module")
def specification(prism: Callable[[str], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prism("klaviyo.json")) as client:
        yield client


@pytest.fixture
def checked(specification: httpx.Client) -> Iterator[KlaviyoFake]:
    with KlaviyoFake(specification) as fake:
        fake.polls_until_done = 1
        fake.have("gone@example.com", is_listed=True)
        fake.have("left@example.com", is_listed=True)
        yield fake
    assert fake.violations == []


def use_everything(destination: KlaviyoProfiles) -> Mapping[str, str]:
    assert isinstance(destination, KlaviyoList)
    list(destination.held())
    destination.present(EVERYTHING)
    destination.applied(Batch.of("s", EVERYTHING))
    return rejections(sent(destination, *EVERYTHING))


def test_every_request_is_as_specified(checked: KlaviyoFake) -> None:
    destination = connector(checked, [])()
    assert use_everything(destination) == {}
    # The second time everybody is suppressed already, which is looked up.
    assert use_everything(destination) == {}
    assert set(checked.operations()) == OPERATIONS
    assert len(checked.listed()) == 12


@pytest.mark.parametrize("status", [401, 404, 429, 503])
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_specified_error_is_taken_as_it_should(
    checked: KlaviyoFake, operation: str, status: int
) -> None:
    checked.fail(operation, Specified(status))
    waits: list[float] = []
    destination = connector(checked, waits)()

    def use() -> object:
        if operation == "profiles":
            return set(destination.applied(Batch.of("s", EVERYTHING[:3])))
        return rejections(sent(destination, *EVERYTHING))

    if status < 429:
        with pytest.raises(DestinationStopped, match=f"{status}: string"):
            use()
        assert waits == []
    else:
        assert not use()
        assert waits == [1.0]


@pytest.mark.parametrize(
    ("operation", "rejected"),
    [("write_one", "ann"), ("add", "ann"), ("remove", "left"), ("start_suppression", "cid")],
)
def test_a_specified_refusal_rejects_the_row(
    checked: KlaviyoFake, operation: str, rejected: str
) -> None:
    rows = EVERYTHING[11:] if operation != "remove" else EVERYTHING[12:]
    checked.fail(operation, Specified(400))
    assert rejections(sent(connector(checked, [])(), *rows)) == {rejected: "400: string"}


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        *[("members", 200), ("profiles", 200), ("import_errors", 200), ("add", 204)],
        *[("remove", 204), ("write_one", 200), ("write_one", 201), ("list", 200)],
    ],
)
def test_every_specified_success_can_be_read(
    checked: KlaviyoFake, operation: str, status: int
) -> None:
    checked.fail(operation, Specified(status))
    use_everything(connector(checked, [])(max_retries=0))
    assert checked.faults == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/lists/Y6nRLr/relationships/profiles", {"data": [{"id": "1"}]}),
        ("DELETE", "/api/lists/Y6nRLr/relationships/profiles", {"data": [{"type": "list"}]}),
        ("POST", "/api/profile-import", {"data": {"type": "profile"}}),
        ("POST", "/api/profile-bulk-import-jobs", {"data": {"attributes": {}}}),
        ("POST", "/api/profile-suppression-bulk-create-jobs", {"data": {"attributes": {}}}),
    ],
)
def test_a_wrong_body_would_be_noticed(
    specification: httpx.Client, method: str, path: str, body: object
) -> None:
    headers = {
        "Authorization": "Klaviyo-API-Key x",
        "revision": "2026-10-15",
        "Content-Type": "application/vnd.api+json",
    }
    response = specification.request(method, path, content=json.dumps(body), headers=headers)
    assert "body" in refused_by_prism(response)


# Settings


def test_settings_make_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLAVIYO_KEY", KEY)
    destination = KlaviyoSettings(api_key_env="KLAVIYO_KEY", list_id="Y6nRLr").connect(utc_now)
    assert isinstance(destination, KlaviyoList)
    assert destination.address == "https://a.klaviyo.com/api/lists/Y6nRLr"
    destination.close()
    without = KlaviyoSettings(api_key_env="KLAVIYO_KEY").connect(utc_now)
    assert type(without) is KlaviyoProfiles
    assert without.address == "https://a.klaviyo.com/api/profiles"


def test_a_key_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KLAVIYO_KEY", raising=False)
    with pytest.raises(UsageError, match="KLAVIYO_KEY is not set; it holds the private API key"):
        KlaviyoSettings(api_key_env="KLAVIYO_KEY").connect(utc_now)


@pytest.mark.parametrize("list_id", ["", "my list", "../x"])
def test_a_list_id_is_one_word(list_id: str) -> None:
    with pytest.raises(ValidationError, match="list_id"):
        KlaviyoSettings(api_key_env="KLAVIYO_KEY", list_id=list_id)
