"""The Zendesk client against an account built from its documentation: jobs, tags, tickets."""

import base64
import itertools
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from fake_api import FakeApi, Request, Response, failing
from pydantic import ValidationError

from orchestration.activation.runner import utc_now
from orchestration.demo_receiver import Fault
from orchestration.destinations.base import (
    Batch,
    BatchDestination,
    BatchRefused,
    DestinationStopped,
    NoAnswer,
    ReadableDestination,
    Row,
    SharedDestination,
)
from orchestration.destinations.registry import DESTINATIONS
from orchestration.destinations.zendesk.client import ZendeskDestination
from orchestration.destinations.zendesk.routes import Route
from orchestration.destinations.zendesk.settings import ZendeskSettings
from orchestration.errors import UsageError

USER, TOKEN = "sync@acme.com", "hush-hush"
TAG = "champions"
UPSERT, LOOK_UP = "/users/create_or_update_many.json", "/users/show_many.json"
UPDATE, TAGS = "/tickets/update_many.json", "/tags.json"
ROUTES = [
    Route(when={"tier": "gold", "region": "emea"}, group_id=11),
    Route(when={"tier": "gold"}, group_id=12),
    Route(when={"request_type": 3}, group_id=13),
]


class Account(FakeApi):
    """Users and tickets by id; jobs end after so many looks."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, dict[str, Any]] = {}
        self.tickets: dict[int, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks = 0
        self.ending = "completed"
        self.says_where = False
        self.refused: dict[str, str] = {}
        self.page = 2
        self._ids = itertools.count(1)

    def add_user(self, **fields: Any) -> int:
        """Make a user."""
        user_id = 1_000 + next(self._ids)
        blank: dict[str, Any] = {
            "name": "",
            "external_id": None,
            "email": None,
            "tags": [],
            "user_fields": {},
        }
        self.users[user_id] = {"id": user_id, **blank, **fields}
        return user_id

    def add_ticket(self, user_id: int, status: str = "open", group_id: int | None = 1) -> int:
        """Make a ticket that a user requested."""
        ticket_id = next(self._ids)
        self.tickets[ticket_id] = {
            "id": ticket_id, "requester_id": user_id, "status": status, "group_id": group_id
        }  # fmt: skip
        return ticket_id

    def by_key(self) -> dict[str, dict[str, Any]]:
        """Users by external id."""
        return {user["external_id"]: user for user in self.users.values()}

    def tagged(self) -> set[str]:
        """External ids, or else addresses, of the users with the tag."""
        tagged = (user for user in self.users.values() if TAG in user["tags"])
        return {user["external_id"] or user["email"] for user in tagged}

    def groups(self) -> list[int | None]:
        """The tickets' groups, in order of the tickets."""
        return [ticket["group_id"] for ticket in self.tickets.values()]

    def answer(self, request: Request) -> Response:
        basic = base64.b64encode(f"{USER}/token:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") not in (f"Basic {basic}", f"Bearer {TOKEN}"):
            return Response(401, {"error": "Couldn't authenticate you"})
        assert request.path.startswith("/api/v2/")
        path = request.path.removeprefix("/api/v2/").removesuffix(".json").split("/")
        match [request.method, *path]:
            case ["GET", "users", "show_many"]:
                ids = [item.lower() for item in request.query["external_ids"].split(",")]
                assert 0 < len(ids) <= 100
                found = [u for u in self.users.values() if str(u["external_id"]).lower() in ids]
                return Response(200, {"users": found})
            case ["GET", "users", "search"]:
                address = request.query["query"].removeprefix("email:").strip('"')
                found = [u for u in self.users.values() if address in str(u["email"]).lower()]
                return Response(200, {"users": found})
            case ["POST", "users", "create_or_update_many"]:
                users = request.body["users"]
                assert 0 < len(users) <= 100
                return self._job([self._upsert(user, place) for place, user in enumerate(users)])
            case [method, "users", user_id, "tags"]:
                return self._tag(method, int(user_id), request.body["tags"])
            case ["GET", "users", user_id, "tickets", "requested"]:
                found = [t for t in self.tickets.values() if t["requester_id"] == int(user_id)]
                return self._page(found, "tickets", request.query)
            case ["PUT", "tickets", "update_many"]:
                tickets = [int(item) for item in request.query["ids"].split(",")]
                assert 0 < len(tickets) <= 100
                return self._job([self._update(each, request.body["ticket"]) for each in tickets])
            case ["GET", "job_statuses", job_id]:
                return Response(200, {"job_status": self._looked_at(job_id)})
            case ["GET", "search", "export"]:
                assert request.query["filter[type]"] == "user"
                tag = request.query["query"].removeprefix("tags:")
                found = [user for user in self.users.values() if tag in user["tags"]]
                return self._page(found, "results", request.query)
        raise AssertionError(f"{request.method} {request.path}")

    def _page(self, items: list[Any], name: str, query: Any) -> Response:
        first = int(query.get("page[after]", 0))
        last = first + min(self.page, int(query["page[size]"]))
        more = last < len(items)
        meta = {"has_more": more, "after_cursor": str(last) if more else None}
        return Response(200, {name: items[first:last], "meta": meta})

    def _job(self, results: list[dict[str, Any]]) -> Response:
        job_id = f"job{next(self._ids)}"
        self.jobs[job_id] = {"results": results, "looks": self.looks}
        return Response(200, {"job_status": {"id": job_id, "status": "queued", "results": None}})

    def _looked_at(self, job_id: str) -> dict[str, Any]:
        job = self.jobs[job_id]
        if job["looks"]:
            job["looks"] -= 1
            return {"id": job_id, "status": "working", "results": None}
        return {
            "id": job_id, "status": self.ending, "message": "Ended", "results": job["results"]
        }  # fmt: skip

    def _upsert(self, user: dict[str, Any], place: int) -> dict[str, Any]:
        where = {"index": place} if self.says_where else {}
        if user["external_id"] in self.refused:
            # Without `index` this is what an account answers: the place under `id`.
            return {
                "id": place,
                "error": "UserUpdateError",
                "details": self.refused[user["external_id"]],
                "status": "Failed",
                **where,
            }
        assert user["skip_verify_email"] is True
        assert "tags" not in user, "a list of tags would replace the user's"
        found = [u for u in self.users.values() if u["external_id"] == user["external_id"]] or [
            u for u in self.users.values() if u["email"] == user["email"]
        ]
        user_id = found[0]["id"] if found else self.add_user()
        kept = self.users[user_id]
        kept["user_fields"].update(user.get("user_fields", {}))
        kept.update(
            {n: v for n, v in user.items() if n not in ("user_fields", "skip_verify_email")}
        )
        return {
            "id": user_id,
            "status": "Updated" if found else "Created",
            "email": user["email"],
            **where,
        }

    def _tag(self, method: str, user_id: int, tags: list[str]) -> Response:
        if user_id not in self.users:
            return Response(404, {"error": "RecordNotFound", "description": "Not found"})
        kept = [tag for tag in self.users[user_id]["tags"] if tag not in tags]
        self.users[user_id]["tags"] = kept + tags if method == "PUT" else kept
        return Response(200, {"tags": self.users[user_id]["tags"]})

    def _update(self, ticket_id: int, fields: dict[str, Any]) -> dict[str, Any]:
        if str(ticket_id) in self.refused:
            return {"id": ticket_id, "error": "TicketUpdateError", "details": "Group is invalid"}
        self.tickets[ticket_id].update(fields)
        return {"id": ticket_id, "action": "update", "success": True, "status": "Updated"}


@pytest.fixture
def account() -> Iterator[Account]:
    with Account() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


Connect = Callable[..., ZendeskDestination]


@pytest.fixture
def connect(account: Account, waits: list[float]) -> Connect:
    def make(**options: Any) -> ZendeskDestination:
        settings = {"token": TOKEN, "user": USER, "tag": TAG, **options}
        return ZendeskDestination(
            f"http://127.0.0.1:{account.port}/api/v2/", now=utc_now, sleep=waits.append, **settings
        )

    return make


def add(key: str, **payload: Any) -> Row:
    return Row("add", key, f"k-{key}", {"name": key, **payload}, f"{key}@example.com")


def remove(key: str) -> Row:
    return Row("remove", key, f"r-{key}", None, f"{key}@example.com")


def send(destination: ZendeskDestination, *rows: Row) -> dict[str, str | None]:
    answers = destination.send(Batch.of("sync_champions", rows))
    return {answer.entity_key: answer.error for answer in answers}


# Users


def test_users_are_created_updated_and_tagged(account: Account, connect: Connect) -> None:
    account.add_user(external_id="ann", email="ann@example.com", tags=["vip"], user_fields={"x": 1})
    account.add_user(email="ben@example.com", name="Old", tags=["vip"])
    said = send(connect(), add("ann", mrr=Decimal("12.50"), phone=None), add("ben"), add("eve"))
    assert said == {"ann": None, "ben": None, "eve": None}
    users = account.by_key()
    assert users["ann"]["user_fields"] == {"x": 1, "mrr": 12.5}
    assert users["ann"]["phone"] is None
    assert [users[key]["tags"] for key in ("ann", "ben", "eve")] == [
        ["vip", TAG], ["vip", TAG], [TAG]
    ]  # fmt: skip
    assert (users["ben"]["name"], users["eve"]["email"]) == ("ben", "eve@example.com")
    assert len(account.users) == 3


def test_values_and_the_places_they_go(account: Account, connect: Connect) -> None:
    payload = {
        "email": "not.this@example.com",
        "notes": "Likes tea",
        "organization_id": 77,
        "on": date(2026, 7, 1),
        "at": datetime(2026, 7, 1, 12, 30),
        "is_paying": True,
        "gone": None,
        "tier": "gold",
        "request_type": 3,
        "region": "emea",
    }
    send(connect(routes=ROUTES), add("ann", **payload))
    (user,) = account.asked(UPSERT)[0].body["users"]
    assert user == {
        "external_id": "ann",
        "email": "ann@example.com",
        "skip_verify_email": True,
        "name": "ann",
        "notes": "Likes tea",
        "organization_id": 77,
        "user_fields": {
            "on": "2026-07-01",
            "at": "2026-07-01T12:30:00Z",
            "is_paying": True,
            "gone": None,
        },
    }


def test_a_user_who_has_the_tag_is_not_tagged_again(account: Account, connect: Connect) -> None:
    destination = connect()
    send(destination, add("ann"), add("ben"))
    said = send(destination, add("ann", mrr=1), add("ben"), add("eve"))
    assert said == {"ann": None, "ben": None, "eve": None}
    assert len(account.asked(TAGS)) == 3
    assert len(account.users) == 3


def test_those_who_left_lose_the_tag_and_nothing_else(account: Account, connect: Connect) -> None:
    destination = connect(routes=ROUTES, default_group_id=19)
    ann = account.add_user(external_id="Ann", tags=["vip", TAG])
    account.add_user(external_id="ben", tags=["vip"])
    account.add_ticket(ann)
    said = send(destination, remove("ann"), remove("ben"), remove("nobody"))
    assert said == {"ann": None, "ben": None, "nobody": None}
    assert account.by_key()["Ann"]["tags"] == ["vip"]
    assert account.groups() == [1]
    assert [(request.method, request.body) for request in account.asked(TAGS)] == [
        ("DELETE", {"tags": [TAG]})
    ]
    assert account.asked(UPSERT) == []


def test_a_user_without_an_external_id_is_untagged_by_its_address(
    account: Account, connect: Connect
) -> None:
    account.add_user(email="ann@example.com", tags=[TAG])
    account.add_user(email="ben@example.com", tags=[TAG], external_id="somebody else")
    said = send(connect(), remove("ann"), remove("ben"), replace(remove("eve"), identifier=None))
    assert set(said.values()) == {None}
    assert account.tagged() == {"somebody else"}


def test_a_mixed_batch_and_its_repeat(account: Account, connect: Connect) -> None:
    destination = connect()
    send(destination, *(add(f"c{n:03d}") for n in range(98)))
    rows = [*(add(f"c{n:03d}") for n in range(50, 98)), remove("c000"), add("new"), remove("none")]
    expected = {f"c{n:03d}" for n in range(1, 98)} | {"new"}
    for _ in range(2):
        assert set(send(destination, *rows).values()) == {None}
        assert account.tagged() == expected


def test_a_full_batch_is_one_job_and_two_look_ups(account: Account, connect: Connect) -> None:
    said = send(connect(), *(add(f"c{n:03d}") for n in range(100)))
    assert set(said.values()) == {None}
    assert len(account.tagged()) == 100
    assert (len(account.asked(UPSERT)), len(account.asked(LOOK_UP))) == (1, 2)


def test_a_changed_address_is_the_same_user(account: Account, connect: Connect) -> None:
    destination = connect()
    send(destination, add("ann"))
    row = replace(
        add("ann"),
        operation="change",
        identifier="new@x.com",
        former_identifiers=("ann@example.com",),
    )
    assert send(destination, row) == {"ann": None}
    assert [user["email"] for user in account.users.values()] == ["new@x.com"]


def test_rows_that_cannot_be_sent(account: Account, connect: Connect) -> None:
    rows = [replace(add("ann"), identifier=None), replace(add("x,y"), identifier="x@y.z")]
    assert send(connect(), *rows) == {
        "ann": "the row has no e-mail address",
        "x,y": "the entity key has a comma: it cannot be looked up",
    }
    assert account.requests == []


# Jobs


@pytest.mark.parametrize("says_where", [True, False])
def test_refusals_are_of_single_rows(account: Account, connect: Connect, says_where: bool) -> None:
    account.says_where = says_where
    account.refused = {"ben": "Name: Email: ben@example.com_ is not properly formatted"}
    said = send(connect(), add("ann"), add("ben"), add("eve"))
    assert said == {
        "ann": None,
        "ben": f"UserUpdateError: {account.refused['ben']}: Failed",
        "eve": None,
    }
    assert account.tagged() == {"ann", "eve"}


def test_results_in_another_order_are_put_in_their_places(
    account: Account, connect: Connect
) -> None:
    ann, eve = account.add_user(external_id="ann"), account.add_user(external_id="eve")
    results = [
        {"id": eve, "status": "Updated", "email": "Eve@example.com"},
        {"id": ann, "status": "Updated", "external_id": "ann"},
        {"index": 1, "error": "UserUpdateError", "details": "no"},
    ]
    account.jobs["j"] = {"results": results, "looks": 0}
    account.fail(UPSERT, failing(200, {"job_status": {"id": "j"}}))
    said = send(connect(), add("ann"), add("ben"), add("eve"))
    assert said == {"ann": None, "ben": "UserUpdateError: no", "eve": None}
    assert {key for key, user in account.by_key().items() if TAG in user["tags"]} == {"ann", "eve"}


def test_a_row_that_a_job_says_nothing_about_has_no_answer(
    account: Account, connect: Connect
) -> None:
    ann = account.add_user(external_id="ann")
    results = [{"id": ann, "email": "ann@example.com"}, {"index": 1, "status": "Updated"}, "odd"]
    account.jobs["j"] = {"results": results, "looks": 0}
    account.fail(UPSERT, failing(200, {"job_status": {"id": "j"}}))
    said = send(connect(), add("ann"), add("ben"), add("None"), remove("eve"))
    assert said == {"ann": None, "eve": None}


def test_a_job_is_asked_until_it_has_ended(
    account: Account, connect: Connect, waits: list[float]
) -> None:
    account.looks = 4
    assert send(connect(max_retries=0), add("ann")) == {"ann": None}
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_a_job_that_does_not_end_is_no_answer(
    account: Account, connect: Connect, waits: list[float]
) -> None:
    account.looks = 99
    with pytest.raises(NoAnswer, match=r"^job job\d+ is still working \(tried 11 times\)$"):
        send(connect(), add("ann"))
    assert 290 < sum(waits) < 310


@pytest.mark.parametrize("ending", ["failed", "killed"])
def test_a_job_that_failed_is_no_answer(account: Account, connect: Connect, ending: str) -> None:
    account.ending = ending
    with pytest.raises(NoAnswer, match=rf"^job job\d+ {ending}: Ended$"):
        send(connect(), add("ann"))
    account.ending = "completed"
    assert send(connect(), add("ann")) == {"ann": None}
    assert len(account.users) == 1


# Tickets


def test_unsolved_tickets_go_to_the_first_route_that_matches(
    account: Account, connect: Connect
) -> None:
    members: dict[str, dict[str, Any]] = {
        "a": {"tier": "gold", "region": "emea"},
        "b": {"tier": "gold", "region": "apac"},
        "c": {"request_type": Decimal("3.00"), "tier": "silver"},
        "d": {"tier": "silver", "region": "emea"},
        "e": {},
    }
    for key in members:
        user = account.add_user(external_id=key, email=f"{key}@example.com")
        for status in ("new", "open", "pending", "hold", "solved", "closed"):
            account.add_ticket(user, status)
    rows = [add(key, **payload) for key, payload in members.items()]
    said = send(connect(routes=ROUTES), *rows)
    assert set(said.values()) == {None}
    groups = account.groups()
    assert [groups[first : first + 6] for first in range(0, 30, 6)] == [
        [11, 11, 11, 11, 1, 1],
        [12, 12, 12, 12, 1, 1],
        [13, 13, 13, 13, 1, 1],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    send(connect(routes=ROUTES, default_group_id=19), *rows)
    assert account.groups()[18:24] == [19, 19, 19, 19, 1, 1]
    assert account.groups()[:4] == [11, 11, 11, 11]
    assert len(account.asked(UPDATE)) == 4, "what is there already is not moved again"


def test_without_routes_nobody_asks_for_tickets(account: Account, connect: Connect) -> None:
    send(connect(), add("ann"))
    assert account.asked("/requested.json") == []


def test_more_tickets_than_one_update_takes(account: Account, connect: Connect) -> None:
    user = account.add_user(external_id="ann")
    for _ in range(201):
        account.add_ticket(user)
    account.page = 100
    assert send(connect(default_group_id=19), add("ann")) == {"ann": None}
    assert set(account.groups()) == {19}
    sizes = [len(request.query["ids"].split(",")) for request in account.asked(UPDATE)]
    assert sizes == [100, 100, 1]


def test_a_ticket_that_is_refused_is_its_members_refusal(
    account: Account, connect: Connect
) -> None:
    ann, ben = (account.add_user(external_id=key) for key in ("ann", "ben"))
    bad = account.add_ticket(ann)
    account.add_ticket(ben)
    account.refused = {str(bad): "no"}
    assert send(connect(default_group_id=19), add("ann"), add("ben")) == {
        "ann": f"ticket {bad}: TicketUpdateError: Group is invalid",
        "ben": None,
    }


def test_a_ticket_that_a_job_says_nothing_about(account: Account, connect: Connect) -> None:
    ann, ben = (account.add_user(external_id=key) for key in ("ann", "ben"))
    tickets = [account.add_ticket(ann), account.add_ticket(ben)]
    account.jobs["j"] = {"results": [{"id": tickets[1], "success": True}], "looks": 0}
    account.fail(UPDATE, failing(200, {"job_status": {"id": "j"}}))
    assert send(connect(default_group_id=19), add("ann"), add("ben")) == {"ben": None}


def test_a_group_that_does_not_exist_stops(account: Account, connect: Connect) -> None:
    account.add_ticket(account.add_user(external_id="ann"))
    account.fail(UPDATE, failing(422, {"error": "RecordInvalid"}))
    with pytest.raises(DestinationStopped, match=r"^422: .*RecordInvalid"):
        send(connect(default_group_id=19), add("ann"))


# Who has the tag


def test_who_has_the_tag_is_told(account: Account, connect: Connect) -> None:
    account.add_user(external_id="ann", email="a@x.com", tags=[TAG])
    account.add_user(email="Ben@example.com", tags=[TAG, "vip"])
    account.add_user(email="not.eve@example.com", tags=[TAG])
    account.add_user(external_id="dan", email="dan@example.com", tags=["vip"])
    account.add_user(external_id="nomail", tags=[TAG])
    rows = [add(key) for key in ("ann", "ben", "eve", "dan", "new")]
    destination = connect()
    assert destination.present([*rows, replace(add("x"), identifier=None)]) == {"ann", "ben"}
    assert sorted(destination.held()) == ["Ben@example.com", "a@x.com", "not.eve@example.com"]
    assert isinstance(destination, SharedDestination)
    assert isinstance(destination, ReadableDestination)
    assert len(account.asked("/search/export.json")) == 2


# Refusals


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_batch_that_is_refused(account: Account, connect: Connect, status: int) -> None:
    account.fail(UPSERT, failing(status, {"error": "RecordInvalid"}))
    account.add_user(external_id="ben", tags=[TAG])
    with pytest.raises(BatchRefused, match=f"^{status}: .*RecordInvalid"):
        send(connect(), add("ann"), remove("ben"))
    assert account.tagged() == {"ben"}


def test_revoked_credentials_stop(account: Account, connect: Connect) -> None:
    with pytest.raises(DestinationStopped, match=r"^401: .*Couldn't authenticate you") as stopped:
        send(connect(token="wrong-hush"), add("ann"))
    assert "hush" not in str(stopped.value)
    assert len(account.requests) == 1


def test_accounts_without_bulk_imports_are_told(account: Account, connect: Connect) -> None:
    account.fail(UPSERT, failing(403, {"error": "Forbidden"}), failing(404, {"error": "none"}))
    with pytest.raises(DestinationStopped, match=r"^403: .*has to enable bulk imports of users"):
        send(connect(), add("ann"))
    with pytest.raises(DestinationStopped, match=r"^404: [^(]*$"):
        send(connect(), add("ann"))


@pytest.mark.parametrize("path", [LOOK_UP, UPSERT, "/job3.json", TAGS, "/requested.json", UPDATE])
def test_passing_failures_are_repeated(
    account: Account, connect: Connect, waits: list[float], path: str
) -> None:
    account.add_ticket(account.add_user(external_id="ann"))
    account.fail(
        path,
        failing(429, {"error": "TooManyJobs"}),
        failing(500, b""),
        failing(409, {"error": "Conflict"}),
        failing(503, b"<html>", is_applied=True),
        Fault(is_cut_off=True, is_applied=True),
    )
    assert send(connect(default_group_id=19, max_retries=5), add("ann")) == {"ann": None}
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert (account.tagged(), account.groups(), len(account.users)) == ({"ann"}, [19], 1)


@pytest.mark.parametrize("path", [LOOK_UP, UPSERT, "/job3.json", "/requested.json", UPDATE])
def test_answers_that_are_not_understood_are_repeated(
    account: Account, connect: Connect, waits: list[float], path: str
) -> None:
    account.add_ticket(account.add_user(external_id="ann"))
    for body in (
        b'{"users": [{"id"',
        b"[]",
        b"{}",
        b'{"users": 1, "tickets": "", "job_status": 1}',
    ):
        account.fail(path, failing(200, body, is_applied=True))
    assert send(connect(default_group_id=19, max_retries=4), add("ann")) == {"ann": None}
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert (account.groups(), len(account.users)) == ([19], 1)


def test_the_wait_that_is_asked_for(account: Account, connect: Connect, waits: list[float]) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    account.fail(UPSERT, failing(429, b"", headers={"Retry-After": "17"}))
    account.fail(TAGS, failing(429, b"", headers={"Retry-After": at}))
    send(connect(), add("ann"))
    assert waits[0] == 17
    assert 35 <= waits[1] <= 40
    account.fail(UPSERT, failing(429, b"", headers={"Retry-After": "600"}))
    with pytest.raises(NoAnswer, match="asks to wait 600 s"):
        send(connect(), add("ann"))


def test_a_storm_ends(account: Account, connect: Connect) -> None:
    account.fail(LOOK_UP, *[failing(503, b"busy")] * 9)
    with pytest.raises(NoAnswer, match=r"^503: busy \(tried 4 times\)$"):
        send(connect(), add("ann"))


def test_a_slow_answer_is_no_answer_and_sending_again_is_harmless(
    account: Account, connect: Connect
) -> None:
    account.fail(UPSERT, Fault(delay_seconds=0.5, is_applied=True))
    with pytest.raises(NoAnswer, match="timed out"):
        send(connect(timeout_seconds=0.1, max_retries=0), add("ann"))
    assert send(connect(), add("ann")) == {"ann": None}
    assert len(account.users) == 1


def test_a_tag_that_is_refused_is_its_rows_refusal(account: Account, connect: Connect) -> None:
    account.fail(TAGS, failing(422, {"error": "RecordInvalid"}), failing(404, {"error": "gone"}))
    said = send(connect(), add("ann"), add("ben"), add("eve"))
    assert str(said["ann"]).startswith('422: {"error": "RecordInvalid"}')
    assert str(said["ben"]).startswith('404: {"error": "gone"}')
    assert said["eve"] is None
    account.add_user(external_id="dan", tags=[TAG])
    account.fail(TAGS, failing(404, {"error": "gone"}))
    assert send(connect(), remove("dan")) == {"dan": None}


def test_the_pace_is_kept(connect: Connect, waits: list[float]) -> None:
    send(connect(requests_per_second=2.0), add("ann"))
    # Three requests; the job has a pace of its own. The clock stands still meanwhile.
    assert waits == pytest.approx([0.5, 1.0], abs=0.1)


def test_nothing_secret_is_logged(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        send(connect(), add("ann"))
        send(connect(user=None), add("ann"))
    assert "hush" not in caplog.text
    assert "ann" not in caplog.text


# Settings


def settings(**changes: Any) -> ZendeskSettings:
    return ZendeskSettings(
        **{"subdomain": "acme", "token_env": "ZD_TOKEN", "user": USER, "tag": TAG, **changes}
    )


def routes(*whens: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"when": when, "group_id": 10 + place} for place, when in enumerate(whens, 1)]


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZD_TOKEN", TOKEN)
    assert DESTINATIONS["zendesk"] is ZendeskSettings
    made = settings(routes=routes({"tier": "gold"}), default_group_id=1).connect(utc_now)
    assert isinstance(made, ZendeskDestination)
    assert isinstance(made, BatchDestination)
    assert made.address == "https://acme.zendesk.com/api/v2/ tag champions"
    monkeypatch.delenv("ZD_TOKEN")
    with pytest.raises(UsageError, match="ZD_TOKEN is not set; it holds the Zendesk token"):
        settings().connect(utc_now)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subdomain": "acme.zendesk.com"}, "subdomain"),
        ({"tag": "Gold Members"}, "a tag in lower case, without spaces"),
        ({"user": "acme"}, "user"),
        ({"routes": routes({})}, "routes.0.when"),
        ({"routes": [{"when": {"a": 1}, "group_id": 0}]}, "routes.0.group_id"),
        ({"routes": [{"when": {"a": 1}, "group": 1}]}, "routes.0.group"),
        ({"routes": "all"}, "routes"),
    ],
)
def test_what_settings_may_say(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"tier": "gold"}, {"tier": "gold"}),
        ({"tier": "gold"}, {"region": "emea", "tier": "gold"}),
        ({"level": 3}, {"level": "3", "tier": "gold"}),
        ({"is_new": True}, {"is_new": "true"}),
    ],
)
def test_a_route_that_is_never_taken_is_refused(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(routes=routes({"other": "x"}, first, second))
    said = str(refused.value)
    assert f"route 3 ({Route(when=second, group_id=13)}) is never taken" in said
    assert f"route 2 ({Route(when=first, group_id=12)}) comes first" in said
    settings(routes=routes(second, {"other": "x"}))


def test_routes_that_overlap_in_part_are_taken_in_their_order() -> None:
    assert len(settings(routes=routes({"tier": "gold"}, {"region": "emea"})).routes) == 2
    assert len(settings(routes=routes({"is_new": True}, {"is_new": 1})).routes) == 2


def test_a_users_own_request_is_json(account: Account, connect: Connect) -> None:
    send(connect(user=None), add("Zoë"))
    request = account.asked(UPSERT)[0]
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(request.content)["users"][0]["name"] == "Zoë"
