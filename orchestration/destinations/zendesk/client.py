"""Keeps users of Zendesk as the audience has them, tagged, and routes their open tickets.

Users are upserted 100 in a job, and the job is asked until it has ended. A user's tags are
everybody's, so the segment's is added and removed by itself, user by user; writing the list
of tags would undo what an agent did meanwhile.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx

from orchestration.destinations.base import (
    Answer,
    Batch,
    BatchRefused,
    Clock,
    DestinationStopped,
    NoAnswer,
    Row,
)
from orchestration.destinations.calls import (
    REFUSES_CONTENT,
    Calls,
    Reply,
    Unreadable,
    reply_of_httpx,
    shortened,
)
from orchestration.destinations.values import as_json
from orchestration.destinations.zendesk.routes import Route

# What one request or job takes.
MANY = 100
# An external id of 64 characters makes 50 of them an address of 3,400.
LOOKED_UP = 50
# Looks at a job after 1, 2, 4, ... seconds, then each minute: five minutes in all.
JOB_LOOKS = 10
UNSOLVED = frozenset({"new", "open", "pending", "hold"})
# What a payload may name beside the account's own user fields.
PROPERTIES = frozenset(
    {"alias", "details", "locale", "name", "notes", "organization_id", "phone", "time_zone"}
)
ABOUT_ONE_USER = REFUSES_CONTENT | {404}

User = Mapping[str, Any]


class ZendeskDestination:
    """A client for one account and one tag. Not safe for use by several threads."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        user: str | None = None,
        tag: str,
        routes: Sequence[Route] = (),
        default_group_id: int | None = None,
        timeout_seconds: float = 30.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # httpx logs each request's address at INFO, with the external ids in its query.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._tag = tag
        self._routes = routes
        self._default_group_id = default_group_id
        self._routed = {name for route in routes for name in route.when}

        def read(error: Exception) -> Reply | None:
            return _reply(error, now)

        self._call = Calls(
            read, max_retries=max_retries, requests_per_second=requests_per_second, sleep=sleep
        )
        self._look = Calls(read, max_retries=JOB_LOOKS, sleep=sleep)
        self._http = httpx.Client(
            base_url=base_url,
            timeout=timeout_seconds,
            auth=httpx.BasicAuth(f"{user}/token", token) if user else None,
            headers={} if user else {"Authorization": f"Bearer {token}"},
        )
        self.address = f"{base_url} tag {tag}"

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Upsert and tag the users, route their tickets, and untag those who left.

        Rows that a job said nothing about have no answer.
        """
        answers: dict[str, str | None] = {}
        for row in batch.rows:
            if row.is_upsert and not row.identifier:
                answers[row.entity_key] = "the row has no e-mail address"
            elif "," in row.entity_key:
                answers[row.entity_key] = "the entity key has a comma: it cannot be looked up"
        rows = [row for row in batch.rows if row.entity_key not in answers]
        known = self._known(row.entity_key for row in rows)
        upserts = {row.entity_key: row for row in rows if row.is_upsert}
        ids = self._upserted(list(upserts.values()), answers)
        for key, user_id in ids.items():
            if not self._is_tagged(known.get(key.lower())):
                answers[key] = self._change_tag("PUT", user_id)
        self._route(
            {
                user_id: (key, group_id)
                for key, user_id in ids.items()
                if answers[key] is None and (group_id := self._group_of(upserts[key]))
            },
            answers,
        )
        for row in rows:
            if not row.is_upsert:
                user = known.get(row.entity_key.lower()) or self._nobodys(row.identifier)
                answers[row.entity_key] = None
                if user and self._is_tagged(user):
                    answers[row.entity_key] = self._change_tag("DELETE", user["id"])
        return [Answer(key, words) for key, words in answers.items()]

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Entity keys of the rows whose user has the tag.

        Users that have no external id yet are looked up by e-mail, one by one.
        """
        known = self._known(row.entity_key for row in rows)
        return {
            row.entity_key
            for row in rows
            if self._is_tagged(known.get(row.entity_key.lower()) or self._by_email(row.identifier))
        }

    def held(self) -> Iterator[str]:
        """E-mail addresses of the users that have the tag, as the search knows them."""
        query = {"query": f"tags:{self._tag}", "filter[type]": "user"}
        for user in self._pages("search/export.json", "results", query):
            if user.get("email"):
                yield user["email"]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Users

    def _known(self, external_ids: Iterable[str]) -> dict[str, User]:
        """Users by external id in lower case: Zendesk looks them up without regard to case."""
        ids = list(external_ids)
        users: list[User] = []
        for first in range(0, len(ids), LOOKED_UP):
            query = {"external_ids": ",".join(ids[first : first + LOOKED_UP])}
            users += self._list("users/show_many.json", query)
        return {str(user["external_id"]).lower(): user for user in users}

    def _by_email(self, address: str | None) -> User | None:
        if not address:
            return None
        query = {"query": 'email:"{}"'.format(address.replace('"', ""))}
        found = self._list("users/search.json", query)
        same = [user for user in found if str(user.get("email")).lower() == address.lower()]
        return same[0] if same else None

    def _nobodys(self, address: str | None) -> User | None:
        """The user with this address, if an agent took its external id away."""
        user = self._by_email(address)
        return user if user and not user.get("external_id") else None

    def _is_tagged(self, user: User | None) -> bool:
        return user is not None and self._tag in user.get("tags", ())

    def _upserted(self, rows: Sequence[Row], answers: dict[str, str | None]) -> dict[str, int]:
        """Upsert users and give their ids by entity key; `answers` has what was said of rows."""
        if not rows:
            return {}
        try:
            job = self._ask(
                "POST",
                "users/create_or_update_many.json",
                "job_status",
                json={"users": [self._user(row) for row in rows]},
            )
        except DestinationStopped as stopped:
            if not str(stopped).startswith("403"):
                raise
            raise DestinationStopped(
                f"{stopped} (Zendesk has to enable bulk imports of users for the account)"
            ) from stopped
        places = {
            str(name).lower(): place
            for place, row in enumerate(rows)
            for name in (row.identifier, row.entity_key)
        }
        ids: dict[str, int] = {}
        for place, result in _placed(self._results(job), places, ("external_id", "email")):
            key = rows[place].entity_key
            words = _refusal(result)
            match result:
                case {"id": int(user_id)} if words is None:
                    ids[key], answers[key] = user_id, None
                case _ if words:
                    answers[key] = words
        return ids

    def _user(self, row: Row) -> dict[str, object]:
        user: dict[str, object] = {
            "external_id": row.entity_key,
            "email": row.identifier,
            "skip_verify_email": True,
        }
        fields: dict[str, object] = {}
        for name, value in (row.payload or {}).items():
            if name in PROPERTIES:
                user[name] = as_json(value)
            elif name != "email" and name not in self._routed:
                fields[name] = as_json(value)
        return {**user, "user_fields": fields} if fields else user

    def _change_tag(self, method: str, user_id: int) -> str | None:
        """Add (PUT) or remove (DELETE) the tag; gives the words of a refusal."""
        try:
            self._call(
                lambda: self._sent(
                    method, f"users/{user_id}/tags.json", json={"tags": [self._tag]}
                ),
                ABOUT_ONE_USER,
            )
        except BatchRefused as refused:
            is_gone = refused.status == 404 and method == "DELETE"
            return None if is_gone else str(refused)
        return None

    # Tickets

    def _group_of(self, row: Row) -> int | None:
        for route in self._routes:
            if route.matches(row.payload or {}):
                return route.group_id
        return self._default_group_id

    def _route(self, groups: Mapping[int, tuple[str, int]], answers: dict[str, str | None]) -> None:
        """Assign the unsolved tickets of users to groups; a refusal is its user's."""
        moved: dict[int, dict[int, str]] = {}
        for user_id, (key, group_id) in groups.items():
            for ticket in self._pages(f"users/{user_id}/tickets/requested.json", "tickets"):
                if ticket["status"] in UNSOLVED and ticket.get("group_id") != group_id:
                    moved.setdefault(group_id, {})[ticket["id"]] = key
        for group_id, keys in moved.items():
            tickets = list(keys)
            for first in range(0, len(tickets), MANY):
                self._assign(tickets[first : first + MANY], group_id, keys, answers)

    def _assign(
        self,
        tickets: Sequence[int],
        group_id: int,
        keys: Mapping[int, str],
        answers: dict[str, str | None],
    ) -> None:
        job = self._ask(
            "PUT",
            "tickets/update_many.json",
            "job_status",
            # Users were written before: what is refused here is the group, not a row.
            about_rows=(),
            params={"ids": ",".join(map(str, tickets))},
            json={"ticket": {"group_id": group_id}},
        )
        places = {str(ticket): place for place, ticket in enumerate(tickets)}
        said = dict(_placed(self._results(job), places, ("id",)))
        for place, ticket in enumerate(tickets):
            if place not in said:
                answers.pop(keys[ticket], None)
            elif words := _refusal(said[place]):
                answers[keys[ticket]] = f"ticket {ticket}: {words}"

    # Requests

    def _results(self, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Ask after a job until it has ended, and give what it says of each item."""
        job_id = answer["job_status"].get("id")

        def look() -> list[Mapping[str, Any]]:
            job = self._once("GET", f"job_statuses/{job_id}.json", "job_status")["job_status"]
            match job:
                case {"status": "completed", "results": list(results)}:
                    return [result for result in results if isinstance(result, Mapping)]
                case {"status": "failed" | "killed"}:
                    words = shortened(str(job.get("message")))
                    raise NoAnswer(f"job {job_id} {job['status']}: {words}")
            raise Unreadable(f"job {job_id} is still {job.get('status')}")

        return self._look(look)

    def _pages(
        self, path: str, name: str, params: Mapping[str, str] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        query = {**(params or {}), "page[size]": str(MANY)}
        while True:
            page = self._ask("GET", path, name, about_rows=(), params=query)
            yield from page[name]
            match page.get("meta"):
                case {"has_more": True, "after_cursor": str(cursor)}:
                    query["page[after]"] = cursor
                case _:
                    return

    def _list(self, path: str, params: Mapping[str, str]) -> list[Mapping[str, Any]]:
        users: list[Mapping[str, Any]] = self._ask(
            "GET", path, "users", about_rows=(), params=params
        )["users"]
        return users

    def _ask(
        self,
        method: str,
        path: str,
        name: str,
        about_rows: Collection[int] = REFUSES_CONTENT,
        **content: Any,
    ) -> Mapping[str, Any]:
        return self._call(lambda: self._once(method, path, name, **content), about_rows)

    def _once(self, method: str, path: str, name: str, **content: Any) -> Mapping[str, Any]:
        """Make a request whose answer has a list or an object of this name."""
        response = self._sent(method, path, **content)
        try:
            answer = response.json()
        except ValueError as error:
            raise Unreadable(f"{response.status_code} with a body that is not JSON") from error
        if not isinstance(answer, Mapping) or not isinstance(answer.get(name), list | dict):
            raise Unreadable(f"{response.status_code} without `{name}`")
        return answer

    def _sent(self, method: str, path: str, **content: Any) -> httpx.Response:
        response = self._http.request(method, path, **content)
        if not response.is_success:
            raise httpx.HTTPStatusError("refused", request=response.request, response=response)
        return response


def _reply(error: Exception, now: Clock) -> Reply | None:
    reply = reply_of_httpx(error, now)
    if reply is not None and reply.status == 409:
        # Somebody changed the same user at the same time.
        return Reply(None, f"409: {reply.words}", reply.wait_seconds)
    return reply


def _placed(
    results: Sequence[Mapping[str, Any]], places: Mapping[str, int], names: Sequence[str]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Results with the places of their items in the request.

    A result says which item it is about by `index`, or by one of `names`, but a refusal
    not always; then it is in the item's own place, if there is a result for each item.
    """
    count = max(places.values()) + 1
    for position, result in enumerate(results):
        named = [str(result[name]).lower() for name in names if result.get(name) is not None]
        place = result.get("index", next((places[name] for name in named if name in places), None))
        if place is None and len(results) == count:
            place = position
        if isinstance(place, int) and 0 <= place < count:
            yield place, result


def _refusal(result: Mapping[str, Any]) -> str | None:
    """Zendesk's words about an item that it did not take."""
    if not result.get("error") and result.get("success") is not False:
        return None
    said = (str(result[name]) for name in ("error", "details", "status") if result.get(name))
    return shortened(": ".join(said)) or "refused without a reason"
