"""The Intercom client: against the API's specification, and against a workspace with faults."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from intercom_fake import TOKEN, FakeIntercom, error
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
from orchestration.destinations.intercom.client import FIELDS, IntercomDestination
from orchestration.destinations.intercom.settings import IntercomSettings
from orchestration.destinations.registry import DESTINATIONS
from orchestration.errors import UsageError

Connect = Callable[..., IntercomDestination]


def now() -> datetime:
    return datetime(2026, 7, 1)


@pytest.fixture
def workspace() -> Iterator[FakeIntercom]:
    with FakeIntercom() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect(workspace: FakeIntercom, waits: list[float]) -> Connect:
    return connected(workspace, waits)


def connected(workspace: FakeIntercom, waits: list[float]) -> Connect:
    def make(
        tag: str | None = "Champions", token: str = TOKEN, **options: Any
    ) -> IntercomDestination:
        return IntercomDestination(
            workspace.url, token, tag=tag, now=now, sleep=waits.append, **options
        )

    return make


def row(operation: str, identifier: str, *former: str, **payload: object) -> Row:
    is_upsert = operation in ("add", "change")
    fields = payload if is_upsert else None
    return Row(operation, identifier, f"key-{identifier}", fields, identifier, former)


def send(destination: IntercomDestination, *rows: Row) -> dict[str, str | None]:
    answers = destination.send(Batch.of("sync_champions", rows))
    return {answer.entity_key: answer.error for answer in answers}


MIXED = (
    row("add", "New@Example.com", name="Nia", plan="pro", mrr=Decimal("12.50")),
    row("change", "known@example.com", phone=None, plan="team", email="Known@example.com"),
    row("remove", "leaver@example.com"),
)
ACCEPTED = {"New@Example.com": None, "known@example.com": None, "leaver@example.com": None}


def test_it_is_each_kind_of_destination(connect: Connect) -> None:
    made = connect()
    kinds = (BatchDestination, AskableDestination, SharedDestination, ReadableDestination)
    assert all(isinstance(made, kind) for kind in kinds)


# Contacts and their tag


def test_the_workspace_is_as_it_should_be_after_a_batch_and_after_its_repeat(
    workspace: FakeIntercom, connect: Connect
) -> None:
    attributes = {"plan": "pro", "seats": 3}
    workspace.add("known@example.com", "VIP", name="K", phone="1", custom_attributes=attributes)
    workspace.add("leaver@example.com", "VIP", "Champions", name="L")
    workspace.add("other@example.com", "VIP")
    for _ in range(2):
        assert send(connect(), *MIXED) == ACCEPTED
        assert workspace.tagged() == {
            "new@example.com": {"Champions"},
            "known@example.com": {"VIP", "Champions"},
            "leaver@example.com": {"VIP"},
            "other@example.com": {"VIP"},
        }
        new, known = workspace.named("new@example.com"), workspace.named("known@example.com")
        assert new["name"] == "Nia"
        assert new["custom_attributes"] == {"plan": "pro", "mrr": 12.5}
        assert (known["name"], known["phone"]) == ("K", None)
        assert known["custom_attributes"] == {"plan": "team", "seats": 3}
        assert len(workspace.contacts) == 4


def test_contacts_by_external_id(workspace: FakeIntercom, connect: Connect) -> None:
    workspace.add("a@example.com", external_id="c/1 ä?")
    workspace.add("b@example.com", "Champions", external_id="c_2")
    destination = connect(find_by="external_id")
    said = send(
        destination,
        row("change", "c/1 ä?", email="now@example.com", external_id="another"),
        row("remove", "c_2"),
        row("add", "c_3", email="c@example.com", name=None),
        row("remove", "c_4"),
    )
    assert set(said.values()) == {None}
    assert workspace.tagged() == {"now@example.com": {"Champions"}, "c@example.com": {"Champions"}}
    assert sorted(destination.held()) == ["c/1 ä?", "c_3"]
    assert not workspace.asked("search") or {
        r.body["query"]["field"] for r in workspace.asked("search")
    } == {"tag_id"}


def test_a_contact_that_was_merged_stands_for_the_one_it_was_merged_into(
    workspace: FakeIntercom, connect: Connect
) -> None:
    key = workspace.add("a@example.com")
    gone = error(410, "contact_merged", "This contact has been merged.")[1]
    link = {"Link": f'</contacts/{key}>; rel="canonical"'}
    workspace.fail("find_by_external_id", Fault(410, json.dumps(gone), link))
    assert send(connect(find_by="external_id"), row("add", "c_1", plan="pro")) == {"c_1": None}
    assert workspace.tagged() == {"a@example.com": {"Champions"}}
    workspace.fail("find_by_external_id", Fault(410, json.dumps(gone)))
    with pytest.raises(BatchRefused, match=r"^410: contact_merged: This contact has been merged"):
        send(connect(find_by="external_id"), row("add", "c_1"))


def test_who_was_merged_into_the_contact_with_the_new_identifier_keeps_the_tag(
    workspace: FakeIntercom, connect: Connect
) -> None:
    key = workspace.add("a@example.com", "Champions", external_id="c_2")
    link = {"Link": f'</contacts/{key}>; rel="canonical"'}
    workspace.fail("find_by_external_id/c_1", Fault(410, "{}", link))
    said = send(connect(find_by="external_id"), row("change", "c_2", "c_1"))
    assert said == {"c_2": None}
    assert workspace.tagged() == {"a@example.com": {"Champions"}}


def test_of_contacts_with_one_address_the_oldest_user_is_taken_and_all_are_let_go(
    workspace: FakeIntercom, connect: Connect
) -> None:
    lead = workspace.add("a@example.com", role="lead", created_at=1)
    late = workspace.add("a@example.com", created_at=3)
    early = workspace.add("a@example.com", created_at=2)
    send(connect(), row("add", "a@example.com"))
    tag = next(iter(workspace.tags))
    assert [bool(workspace.contacts[key]["tag_ids"]) for key in (lead, late, early)] == [
        False,
        False,
        True,
    ]
    workspace.contacts[lead]["tag_ids"].add(tag)
    send(connect(), row("remove", "a@example.com"))
    assert workspace.tagged() == {}


def test_a_contact_too_new_for_search_is_updated(workspace: FakeIntercom, connect: Connect) -> None:
    key = workspace.add("a@example.com", name="Old")
    workspace.not_in_search.add(key)
    assert send(connect(), row("add", "a@example.com", name="New")) == {"a@example.com": None}
    assert workspace.contacts[key]["name"] == "New"
    assert workspace.tagged() == {"a@example.com": {"Champions"}}


def test_a_field_that_belongs_to_somebody_else_is_no_reason_to_take_them_for_one(
    workspace: FakeIntercom, connect: Connect
) -> None:
    key = workspace.add("other@example.com", external_id="c_1")
    said = send(connect(), row("add", "a@example.com", external_id="c_1"))
    assert said == {
        "a@example.com": (
            f"409: conflict: A contact matching those details already exists with id={key}"
        )
    }
    assert workspace.tagged() == {}


def test_an_archived_contact_is_left_to_people(workspace: FakeIntercom, connect: Connect) -> None:
    key = workspace.add("a@example.com", archived=True)
    said = send(connect(), row("add", "a@example.com"), row("add", "b@example.com"))
    words = f"An archived contact matching those details already exists with id={key}"
    assert said == {"a@example.com": f"409: conflict: {words}", "b@example.com": None}


def test_contacts_are_not_made_where_that_is_not_wanted(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.add("known@example.com")
    destination = connect(create_contacts=False)
    said = send(destination, row("add", "known@example.com"), row("add", "new@example.com"))
    assert said["known@example.com"] is None
    assert said["new@example.com"] == (
        "no contact has this email; accepted: one that there is, or `create_contacts: true`"
    )
    assert len(workspace.contacts) == 1


def test_removing_who_is_not_there_is_fine(workspace: FakeIntercom, connect: Connect) -> None:
    workspace.add("untagged@example.com")
    gone = (row("remove", "never@example.com"), row("remove", "untagged@example.com"))
    assert set(send(connect(), *gone).values()) == {None}
    assert workspace.tags == {}
    workspace.tags["7000"] = "Champions"
    assert set(send(connect(), *gone).values()) == {None}


def test_a_new_address_takes_the_place_of_the_old_one(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.add("old@example.com", "Champions")
    send(connect(), row("change", "now@example.com", "Old@example.com", "now@example.com"))
    assert workspace.tagged() == {"now@example.com": {"Champions"}}
    assert len(workspace.contacts) == 2


def test_the_old_address_stays_while_the_new_one_is_refused(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.add("old@example.com", "Champions")
    said = send(connect(), row("change", "nonsense", "old@example.com"))
    assert said == {"nonsense": "400: parameter_invalid: email is invalid"}
    assert workspace.tagged() == {"old@example.com": {"Champions"}}


def test_an_address_that_somebody_else_has_now_stays(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.add("passed.on@example.com", "Champions")
    said = send(
        connect(),
        row("change", "one@example.com", "passed.on@example.com"),
        row("remove", "two@example.com", "passed.on@example.com"),
        row("add", "Passed.On@example.com"),
    )
    assert set(said.values()) == {None}
    assert sorted(connect().held()) == ["one@example.com", "passed.on@example.com"]
    assert not workspace.asked("DELETE")


def test_archiving_needs_no_tag(workspace: FakeIntercom, connect: Connect) -> None:
    workspace.add("a@example.com")
    workspace.add("a@example.com", role="lead")
    rows = (row("archive", "A@example.com"), row("archive", "never@example.com"))
    destination = connect(None)
    assert destination.applied(Batch.of("s", rows)) == ["never@example.com"]
    assert set(send(destination, *rows).values()) == {None}
    assert all(item["archived"] for item in workspace.contacts.values())
    assert destination.applied(Batch.of("s", rows)) == [item.entity_key for item in rows]


@pytest.mark.parametrize("operation", ["add", "remove"])
def test_everything_else_needs_a_tag(
    workspace: FakeIntercom, connect: Connect, operation: str
) -> None:
    workspace.add("a@example.com")
    with pytest.raises(
        DestinationStopped, match="the setting `tag` is missing; accepted: the name"
    ):
        send(connect(None), row(operation, "a@example.com"))


def test_a_tag_is_known_by_name_and_by_id_and_made_by_name_alone(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.tags = {"7001": "Champions", "7002": "7001", "7003": "Others"}
    send(connect("champions"), row("add", "a@example.com"))
    send(connect("7001"), row("add", "b@example.com"))
    send(connect("7003"), row("add", "c@example.com"))
    send(connect("New"), row("add", "d@example.com"), row("add", "e@example.com"))
    assert list(workspace.tagged().values()) == [
        {"Champions"},
        {"7001"},
        {"Others"},
        {"New"},
        {"New"},
    ]
    with pytest.raises(DestinationStopped, match="there is no tag with the name or the id 7099"):
        send(connect("7099"), row("add", "a@example.com"))
    assert len(workspace.tags) == 4


# Single refusals


def test_each_refused_row_has_intercoms_words(workspace: FakeIntercom, connect: Connect) -> None:
    workspace.add("known@example.com")
    said = send(
        connect(),
        row("add", "fine@example.com"),
        row("add", "nonsense"),
        row("change", "known@example.com", colour="red"),
        row("add", "new@example.com", colour="red"),
        row("add", "nobody@example.com", external_id=None),
        Row("add", "nameless", "k", {}, None),
    )
    attribute = "400: parameter_invalid: Custom attribute 'colour' does not exist"
    assert said == {
        "fine@example.com": None,
        "nonsense": "400: parameter_invalid: email is invalid",
        "known@example.com": attribute,
        "new@example.com": attribute,
        "nobody@example.com": (
            "`external_id` is empty, and Intercom cannot clear it; accepted: a value, "
            "or a mapping in which nulls do not overwrite"
        ),
        "nameless": "the row has no identifier (`find_by` is email)",
    }
    assert workspace.tagged() == {"fine@example.com": {"Champions"}}


@pytest.mark.parametrize(
    ("about", "operation"), [("DELETE", "remove"), ("POST .*/archive", "archive")]
)
def test_a_contact_that_cannot_be_taken_off_is_rejected(
    workspace: FakeIntercom, connect: Connect, about: str, operation: str
) -> None:
    workspace.add("a@example.com", "Champions")
    workspace.add("b@example.com", "Champions")
    workspace.fail(about, Fault(status=422, body="<b>odd</b>"))
    said = send(connect(), row(operation, "a@example.com"), row(operation, "b@example.com"))
    assert said == {"a@example.com": "422: <b>odd</b>", "b@example.com": None}


# What it takes and holds


def test_addresses_are_looked_up_fifteen_at_a_time_page_by_page(
    workspace: FakeIntercom, connect: Connect
) -> None:
    emails = [f"a{number}@example.com" for number in range(32)]
    for email in emails:
        workspace.add(email, "Champions")
    workspace.page_size = 4
    assert set(send(connect(), *(row("remove", email) for email in emails)).values()) == {None}
    assert workspace.tagged() == {}
    sizes = [len(item.body["query"]["value"]) for item in workspace.asked("search")]
    assert sizes == [15] * 4 + [15] * 4 + [2]


def test_values_are_written_as_intercom_takes_them(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.add("a@example.com")
    payload = {
        "name": "Zoë",
        "phone": 41791234567,
        "signed_up_at": datetime(2026, 7, 1, 12, 30),
        "avatar": None,
        "plan": "pro",
        "mrr": Decimal("0.5"),
        "seats": Decimal("3.00"),
        "is_paying": True,
        "since": date(2026, 7, 1),
        "renews_at": float("nan"),
    }
    send(connect(), row("add", "a@example.com", **payload), row("add", "b@example.com", **payload))
    expected = {
        "name": "Zoë",
        "phone": "41791234567",
        "signed_up_at": 1782909000,
        "avatar": None,
        "custom_attributes": {
            "plan": "pro",
            "mrr": 0.5,
            "seats": 3,
            "is_paying": True,
            "since": 1782864000,
            "renews_at": None,
        },
    }
    assert workspace.asked("PUT")[0].body == expected
    del expected["avatar"]
    assert workspace.asked("POST /contacts$")[0].body == {"email": "b@example.com", **expected}
    assert datetime.fromtimestamp(1782909000, UTC).replace(tzinfo=None) == payload["signed_up_at"]


def test_nothing_is_written_about_a_contact_without_fields(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.add("a@example.com")
    send(connect(), row("add", "a@example.com", email="A@example.com"))
    assert not workspace.asked("PUT")


def test_held_is_everybody_with_the_tag(workspace: FakeIntercom, connect: Connect) -> None:
    assert list(connect().held()) == []
    for number in range(5):
        workspace.add(f"a{number}@example.com", "Champions")
    workspace.add(None, "Champions", external_id="c_1")
    workspace.add("other@example.com", "VIP")
    workspace.page_size = 2
    assert list(connect().held()) == [f"a{number}@example.com" for number in range(5)]
    assert list(connect(find_by="external_id").held()) == ["c_1"]


def test_present_is_who_carried_the_tag_before(workspace: FakeIntercom, connect: Connect) -> None:
    many = [f"tag {number}" for number in range(20)]
    workspace.add("in@example.com", *many, "Champions")
    workspace.add("out@example.com", *many)
    rows = [row("add", f"{name}@example.com") for name in ("IN", "out", "never")]
    assert connect().present(rows) == ["IN@example.com"]
    assert connect("Other").present(rows) == []


def test_what_is_applied_is_what_a_batch_did(workspace: FakeIntercom, connect: Connect) -> None:
    workspace.add("known@example.com", phone="1")
    workspace.add("leaver@example.com", "Champions")
    workspace.add("old@example.com", "Champions")
    moved = row("change", "moved@example.com", "old@example.com", since=date(2026, 7, 1))
    rows = (*MIXED, moved)
    batch = Batch.of("sync_champions", rows)
    destination = connect()
    assert destination.applied(batch) == []
    send(destination, *rows[1:])
    assert destination.applied(batch) == [item.entity_key for item in rows[1:]]
    send(destination, rows[0])
    assert destination.applied(batch) == [item.entity_key for item in rows]
    changed = row("change", "known@example.com", phone="2")
    cleared = row("change", "known@example.com", external_id=None)
    assert destination.applied(Batch.of("s", [changed])) == []
    assert destination.applied(Batch.of("s", [cleared])) == []


# Answers that are none, and refusals of everything


def test_a_passing_failure_is_tried_again(
    workspace: FakeIntercom, connect: Connect, waits: list[float]
) -> None:
    at = int(now().replace(tzinfo=UTC).timestamp())
    workspace.fail(
        "search",
        Fault(status=429, headers={"X-RateLimit-Reset": str(at + 9)}),
        Fault(status=429, headers={"Retry-After": "12"}),
    )
    workspace.fail("POST /contacts$", Fault(status=503, headers={"X-RateLimit-Reset": str(at + 9)}))
    workspace.fail(
        "POST .*[0-9a-f]/tags",
        Fault(status=200, body='{"type": "con'),
        Fault(is_cut_off=True, is_applied=True),
    )
    assert send(connect(), row("add", "a@example.com")) == {"a@example.com": None}
    assert waits == [9, 12, 1, 1, 2]
    assert workspace.tagged() == {"a@example.com": {"Champions"}}


def test_a_request_is_repeated_as_often_as_it_should_be(
    workspace: FakeIntercom, connect: Connect
) -> None:
    workspace.fail("", *[Fault(status=503, body="busy")] * 5)
    with pytest.raises(NoAnswer, match=r"^503: busy \(tried 1 time\)"):
        send(connect(max_retries=0), row("add", "a@example.com"))
    assert len(workspace.requests) == 1


def test_a_long_wait_is_left_to_the_next_run(
    workspace: FakeIntercom, connect: Connect, waits: list[float]
) -> None:
    at = int(now().replace(tzinfo=UTC).timestamp()) + 100
    workspace.fail("", Fault(status=429, headers={"X-RateLimit-Reset": str(at)}))
    with pytest.raises(NoAnswer, match="it asks to wait 100 s"):
        send(connect(), row("add", "a@example.com"))
    assert waits == []


@pytest.mark.parametrize(
    "about", ["search", "GET /tags", "POST /tags", "POST /contacts$", "POST .*[0-9a-f]/tags"]
)
def test_a_success_that_cannot_be_understood_is_no_answer(
    workspace: FakeIntercom, connect: Connect, about: str
) -> None:
    destination = connect(max_retries=0)
    for body in ("", "<html>", "[]", '"x"', "null", "{}", '{"data": 5}', '{"id": 5}'):
        workspace.fail(about, Fault(status=200, body=body))
        with pytest.raises(NoAnswer, match=r"^200 with a body that is not .* \(tried 1 time\)"):
            send(destination, row("add", "a@example.com"))
        assert workspace.faults == []


@pytest.mark.parametrize(
    "about", ["search", "POST /contacts$", "PUT", "POST .*/tags", "DELETE", "POST /tags"]
)
def test_a_batch_whose_answers_were_lost_can_be_sent_again(
    workspace: FakeIntercom, connect: Connect, about: str
) -> None:
    workspace.add("known@example.com")
    leaver = workspace.add("leaver@example.com")
    workspace.fail(about, Fault(delay_seconds=0.2, is_applied=True))
    if about == "DELETE":
        workspace.contacts[leaver]["tag_ids"].add(workspace._id_of("Champions"))
    try:
        said = send(connect(max_retries=0, timeout_seconds=0.1), *MIXED)
    except NoAnswer:
        said = {}
    assert workspace.faults == [] and len(said) < 3
    assert send(connect(), *MIXED) == ACCEPTED
    assert set(connect().held()) == {"new@example.com", "known@example.com"}
    assert len(workspace.contacts) == 3


def test_rows_that_were_done_are_answered_when_the_answers_end(
    workspace: FakeIntercom, connect: Connect
) -> None:
    for name in "abc":
        workspace.add(f"{name}@example.com")
    workspace.fail(f"POST .*{workspace.named('c@example.com')['id']}/tags", Fault(status=503))
    said = send(
        connect(max_retries=0),
        row("add", "a@example.com"),
        row("add", "b@example.com", "c@example.com"),
        row("add", "nonsense", "d@example.com"),
        row("add", "c@example.com"),
    )
    assert said == {"a@example.com": None, "nonsense": "400: parameter_invalid: email is invalid"}


def test_a_token_that_was_revoked_stops_it_and_is_not_told(
    workspace: FakeIntercom, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    made = connect(token="hush")
    with caplog.at_level(logging.DEBUG), pytest.raises(DestinationStopped) as stopped:
        send(made, row("add", "a@example.com"))
    assert str(stopped.value) == "401: unauthorized: Access Token Invalid"
    assert "hush" not in caplog.text + made.address
    assert len(workspace.requests) == 1


def test_a_redirect_is_not_followed(workspace: FakeIntercom, connect: Connect) -> None:
    workspace.fail("", Fault(status=301, headers={"Location": f"{workspace.url}/contacts"}))
    with pytest.raises(DestinationStopped, match=r"^301: no words$"):
        send(connect(), row("add", "a@example.com"))
    assert len(workspace.requests) == 1


# The specification


@pytest.fixture(scope="module")
def specification(prism: Callable[[str], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prism("intercom.yaml"), timeout=30) as client:
        yield client


@pytest.fixture
def validated(specification: httpx.Client) -> Iterator[FakeIntercom]:
    with FakeIntercom(specification) as running:
        yield running


def everything(workspace: FakeIntercom, connect: Connect) -> None:
    """Make every kind of request there is."""
    workspace.add("leaver@example.com", "VIP", external_id="c_2")
    workspace.add("gone@example.com", "VIP", external_id="c_3")
    workspace.not_in_search.add(workspace.add("lately@example.com"))
    payload: dict[str, object] = dict.fromkeys(FIELDS - {"email", "external_id"})
    full = {"name": "A", "phone": 1, "signed_up_at": now(), "avatar": "https://x.example/a.png"}
    custom = {"plan": "pro", "mrr": Decimal("1.5"), "is_paying": True, "since": None}
    by_email = (
        row("add", "new@example.com", **full, **custom, external_id=7),
        row("change", "lately@example.com", **payload, **custom),
        row("remove", "leaver@example.com"),
        row("archive", "gone@example.com"),
    )
    by_id = (
        row("add", "c_1", **full, **custom, email="c_1@example.com"),
        row("change", "c/4", **payload),
        row("remove", "c_2"),
    )
    for find_by, rows in (("email", by_email), ("external_id", by_id)):
        destination = connect(find_by=find_by)
        send(destination, *rows)
        destination.applied(Batch.of("s", rows))
        destination.present(rows)
        list(destination.held())


def test_every_request_is_as_the_specification_says(
    validated: FakeIntercom, waits: list[float]
) -> None:
    everything(validated, connected(validated, waits))
    assert validated.violations == []
    assert set(validated.operations()) == {name for name, _, _ in validated.routes}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/contacts/search",
            {"query": {"field": "email", "operator": "LIKE", "value": "a"}},
        ),
        ("POST", "/contacts", {"name": "no identifier"}),
        ("PUT", "/contacts/1", {"custom_attributes": "pro"}),
        ("POST", "/contacts/1/tags", {"id": 7}),
        ("POST", "/tags", {"id": "7"}),
    ],
)
def test_the_specification_refuses_a_wrong_body(
    specification: httpx.Client, method: str, path: str, body: object
) -> None:
    headers = {"Authorization": "Bearer x"}
    said = specification.request(method, path, json=body, headers=headers)
    assert said.status_code in (400, 422)


DOCUMENTED = [
    ("POST", "/contacts/search", 400, BatchRefused),
    ("POST", "/contacts/search", 401, DestinationStopped),
    ("GET", "/contacts/find_by_external_id/c_1", 401, DestinationStopped),
    ("GET", "/contacts/find_by_external_id/c_1", 410, None),
    ("POST", "/contacts", 401, DestinationStopped),
    ("GET", "/contacts/3", 401, DestinationStopped),
    ("GET", "/contacts/3", 410, None),
    ("PUT", "/contacts/3", 401, DestinationStopped),
    ("GET", "/contacts/3/tags", 401, DestinationStopped),
    ("GET", "/contacts/3/tags", 404, None),
    ("POST", "/contacts/3/tags", 401, DestinationStopped),
    ("POST", "/contacts/3/tags", 404, None),
    ("DELETE", "/contacts/3/tags/7", 401, DestinationStopped),
    ("DELETE", "/contacts/3/tags/7", 404, None),
    ("GET", "/tags", 401, DestinationStopped),
    ("POST", "/tags", 400, DestinationStopped),
    ("POST", "/tags", 401, DestinationStopped),
]
BODIES = {
    "/contacts/search": {"query": {"field": "email", "operator": "=", "value": "a@example.com"}},
    "/contacts": {"email": "a@example.com"},
    "/contacts/3": {"name": "A"},
    "/contacts/3/tags": {"id": "7"},
    "/tags": {"name": "Champions"},
}


@pytest.mark.parametrize(("method", "path", "status", "end"), DOCUMENTED)
def test_every_error_of_the_specification_is_taken_for_what_it_is(
    specification: httpx.Client,
    waits: list[float],
    method: str,
    path: str,
    status: int,
    end: type[Exception] | None,
) -> None:
    said = specification.request(
        method,
        path,
        json=BODIES.get(path) if method in ("POST", "PUT") else None,
        headers={"Authorization": "Bearer x", "Prefer": f"code={status}"},
    )
    assert said.status_code == status and said.json()["errors"]
    with FakeIntercom() as workspace:
        pattern = path.replace("/3", "/[0-9a-f]+").replace("/7", "/[0-9]+")
        link = {name: said.headers[name] for name in ("Link",) if name in said.headers}
        for key in re.findall("/contacts/([0-9a-f]+)", str(link)):
            workspace.contacts[key] = workspace.contacts[workspace.add(None)] | {"id": key}
        workspace.fail(f"^{method} {pattern}$", Fault(status, said.text, link))
        ended = None
        try:
            everything(workspace, connected(workspace, waits))
        except (BatchRefused, DestinationStopped, NoAnswer) as error:
            ended = type(error)
            assert str(error).startswith(f"{status}: {said.json()['errors'][0]['code']}")
        assert workspace.faults == []
        assert ended is end


# Settings


def settings(**changes: Any) -> IntercomSettings:
    return IntercomSettings(**{"token_env": "INTERCOM_TOKEN", "tag": "Champions", **changes})


@pytest.mark.parametrize(
    ("region", "host"),
    [("us", "api.intercom.io"), ("eu", "api.eu.intercom.io"), ("au", "api.au.intercom.io")],
)
def test_the_region_names_the_host(monkeypatch: pytest.MonkeyPatch, region: str, host: str) -> None:
    monkeypatch.setenv("INTERCOM_TOKEN", TOKEN)
    made = settings(region=region).connect(now)
    assert made.address == f"https://{host} (tag Champions)"
    made.close()


def test_a_token_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERCOM_TOKEN", raising=False)
    with pytest.raises(UsageError, match="environment variable INTERCOM_TOKEN is not set"):
        settings().connect(now)


@pytest.mark.parametrize(
    "wrong", [{"region": "mars"}, {"tag": ""}, {"find_by": "phone"}, {"token_env": ""}]
)
def test_settings_that_make_no_sense(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        settings(**wrong)


def test_it_is_registered() -> None:
    assert DESTINATIONS["intercom"] is IntercomSettings
