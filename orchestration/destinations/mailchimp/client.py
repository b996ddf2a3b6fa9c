"""Changes members of one audience at Mailchimp, 500 with each request where it can.

API: https://mailchimp.com/developer/marketing/api/ (version 3.0). Its batch requests answer
200 with the errors of single members in the body, and know members by their e-mail
addresses; everything else knows them by the MD5 hash of the lower-cased address.

A status is only ever given to somebody new or archived, so that nobody who unsubscribed is
subscribed again: first those who are not there are created, and who turns out to be there
is then updated by a request that says nothing about the status.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, zip_longest
from typing import Any

import httpx

from orchestration.destinations.base import Answer, Batch, BatchRefused, Clock, NoAnswer, Row
from orchestration.destinations.calls import (
    REFUSES_CONTENT,
    Calls,
    Reply,
    Unreadable,
    reply_of_httpx,
    shortened,
)

BATCH_SIZE = 500
PAGE_SIZE = 1_000

ACTIVE = frozenset({"subscribed", "pending", "transactional"})
"""Statuses of who is in an audience: the others left, bounced or were archived."""
NOT_ARCHIVED = ACTIVE | {"unsubscribed", "cleaned"}

_ABOUT_MEMBER = REFUSES_CONTENT | {404, 405}

Body = Mapping[str, Any]


class MailchimpDestination:
    """A client for one audience. Not safe for use by several threads."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        list_id: str,
        *,
        tag: str | None = None,
        status_if_new: str = "transactional",
        timeout_seconds: float = 120.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # httpx logs the address of each request at INFO, with the hashes of members.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._tag = tag
        self._status_if_new = status_if_new
        self._call = Calls(
            lambda error: _reply(error, now),
            max_retries=max_retries,
            requests_per_second=requests_per_second,
            sleep=sleep,
        )
        self._audience = f"{base_url}/lists/{list_id}"
        self.address = f"{self._audience} (tag {tag})" if tag else self._audience
        # Any user name will do.
        self._http = httpx.Client(auth=("strata", api_key), timeout=timeout_seconds)
        self._is_there = False
        self._segment_id: int | None = None

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Create or update who is to be in, then take off who is not.

        An address that a row leaves behind stays in if another row of the batch has it now.
        Repeating is harmless. If answers end early, the rows done by then are answered.
        """
        self._require_audience()
        wanted: dict[str, dict[str, object]] = {}
        for row in batch.rows:
            if row.is_upsert and (email := _email(row.identifier)):
                wanted.setdefault(email, {}).update(merge_fields(row.payload or {}))
        refused = {"": "the row has no e-mail address"} | self._upsert(wanted)
        on = [email for email in wanted if email not in refused]

        # Who could not be put in under a new address keeps the old one.
        leaving = {
            row.entity_key: [email for email in _others(row) if email not in on]
            for row in batch.rows
            if not row.is_upsert or _email(row.identifier) in on
        }
        to_archive = {
            email: NOT_ARCHIVED
            for row in batch.rows
            if row.operation == "archive"
            for email in leaving[row.entity_key]
        }
        off = [email for email in _unique(leaving.values()) if email not in to_archive]
        stuck: dict[str, str] = {}
        if self._tag is None:
            to_archive |= dict.fromkeys(off, ACTIVE)
        else:
            stuck = self._set_tag(self._tag, on, off)
            refused |= {email: words for email, words in stuck.items() if email in on}
        pending, silence = set(to_archive), None
        try:
            for email, statuses in to_archive.items():
                if words := self._archive(email, statuses):
                    stuck[email] = words
                pending.discard(email)
        except NoAnswer as error:
            silence = error

        answers = []
        for row in batch.rows:
            emails = leaving.get(row.entity_key, [])
            words = refused.get(_email(row.identifier)) if row.is_upsert else None
            if words or pending.isdisjoint(emails):
                words = words or next((stuck[email] for email in emails if email in stuck), None)
                answers.append(Answer(row.entity_key, words))
        if silence and not answers:
            raise silence
        return answers

    def applied(self, batch: Batch) -> Collection[str]:
        """Rows whose change is there already, by a request for each address of a row."""
        self._require_audience()
        return [row.entity_key for row in batch.rows if self._is_applied(row)]

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Rows whose member is in, by a request for each row."""
        self._require_audience()
        return [row.entity_key for row in rows if self._member_in(_email(row.identifier))]

    def held(self) -> Iterator[str]:
        """Lower-cased addresses of everybody who is in, 1,000 with each request."""
        self._require_audience()
        if self._tag is None:
            # Who joins while this reads comes last.
            order = {"sort_field": "timestamp_opt", "sort_dir": "ASC"}
            yield from self._pages("/members", ACTIVE, order)
        elif segment := self._segment(self._tag, create=False):
            kinds = ("include_cleaned", "include_transactional", "include_unsubscribed")
            path = f"/segments/{segment}/members"
            yield from self._pages(path, NOT_ARCHIVED, dict.fromkeys(kinds, True))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Members

    def _upsert(self, wanted: Mapping[str, Body]) -> dict[str, str]:
        """Create or update members; what is said about those who are refused."""
        refused: dict[str, str] = {}
        for emails in _chunks(list(wanted)):
            new = [
                {
                    "email_address": email,
                    "status": self._status_if_new,
                    "merge_fields": wanted[email],
                }
                for email in emails
            ]
            errors = _errors(self._batch(new, update_existing=False), emails)
            there = [
                email
                for email, error in errors.items()
                if error.get("error_code") == "ERROR_CONTACT_EXISTS"
            ]
            refused |= {email: _words(errors[email]) for email in errors if email not in there}
            if there:
                refused |= self._update(there, wanted)
        return refused

    def _update(self, emails: Sequence[str], wanted: Mapping[str, Body]) -> dict[str, str]:
        known = [{"email_address": email, "merge_fields": wanted[email]} for email in emails]
        # A required field that is not sent is to stay as it is.
        body = self._batch(known, update_existing=True, skip_merge_validation=True)
        refused = {email: _words(error) for email, error in _errors(body, emails).items()}
        for member in body["updated_members"]:
            email = _email(member.get("email_address"))
            if member.get("status") == "archived" and (words := self._unarchive(email)):
                refused[email] = words
        return refused

    def _batch(self, members: Sequence[Body], *, update_existing: bool, **params: object) -> Body:
        return self._ask(
            "POST",
            "",
            {"members": members, "update_existing": update_existing},
            shape={"new_members": list, "updated_members": list, "errors": list},
            params=params,
            about_rows=REFUSES_CONTENT,
        )

    def _unarchive(self, email: str) -> str | None:
        """Give an archived member the status of a new one; what is said if that cannot be."""
        member = self._member(email) or {}
        if member.get("status") != "archived":
            return None
        if reason := member.get("unsubscribe_reason"):
            return f"archived, after unsubscribing ({reason})"
        # Not by PATCH, which does not know the status `transactional`.
        status = {"status": self._status_if_new, "status_if_new": self._status_if_new}
        return self._about(email, "PUT", "", {"email_address": email, **status})

    def _archive(self, email: str, statuses: Collection[str]) -> str | None:
        """Archive a member whose status is one of these; what is said if that cannot be."""
        member = self._member(email) or {}
        if member.get("status") not in statuses:
            return None
        return self._about(email, "DELETE", "", gone_is_fine=True)

    def _about(
        self,
        email: str,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        gone_is_fine: bool = False,
    ) -> str | None:
        """Make a request about one member; what is said if it is refused."""
        try:
            self._ask(method, _path(email) + path, body, about_rows=_ABOUT_MEMBER)
        except BatchRefused as refused:
            return None if gone_is_fine and refused.status == 404 else str(refused)
        return None

    # The tag

    def _set_tag(self, tag: str, on: Sequence[str], off: Sequence[str]) -> dict[str, str]:
        """Put the tag on some members and take it off others; what is said if that cannot be."""
        segment = self._segment(tag, create=bool(on))
        refused: dict[str, str] = {}
        if segment is None:
            return refused
        add: Sequence[str]
        remove: Sequence[str]
        for add, remove in zip_longest(_chunks(on), _chunks(off), fillvalue=()):
            body = self._ask(
                "POST",
                f"/segments/{segment}",
                {"members_to_add": add, "members_to_remove": remove},
                shape={"members_added": list, "members_removed": list, "errors": list},
                about_rows=REFUSES_CONTENT,
            )
            # A batch does not take everybody who may carry a tag: who unsubscribed may.
            for email in _unsure(body, [*add, *remove]):
                status = "active" if email in add else "inactive"
                change = {"tags": [{"name": tag, "status": status}]}
                words = self._about(email, "POST", "/tags", change, gone_is_fine=email in remove)
                if words:
                    refused[email] = words
        return refused

    def _segment(self, tag: str, *, create: bool) -> int | None:
        """The number that batches and lists know the tag by; None if there is no such tag."""
        if self._segment_id is None:
            found = self._ask("GET", "/tag-search", shape={"tags": list}, params={"name": tag})
            ids = (item.get("id") for item in found["tags"] if _is_named(item, tag))
            self._segment_id = next(ids, None)
        if self._segment_id is None and create:
            body = {"name": tag, "static_segment": []}
            made = self._ask("POST", "/segments", body, shape={"id": int})
            self._segment_id = made["id"]
        return self._segment_id

    # What is there

    def _is_applied(self, row: Row) -> bool:
        if row.operation == "archive":
            members = (self._member(email) or {} for email in _others(row))
            return all(member.get("status") not in NOT_ARCHIVED for member in members)
        if any(self._member_in(email) for email in _others(row)):
            return False
        if not row.is_upsert:
            return True
        member = self._member_in(_email(row.identifier))
        held = (member or {}).get("merge_fields") or {}
        wanted = merge_fields(row.payload or {})
        return member is not None and all(held.get(k, "") == value for k, value in wanted.items())

    def _member_in(self, email: str) -> Body | None:
        """The member, if it is in: active, or with the tag where there is one."""
        member = self._member(email)
        if member is None or self._tag is None:
            return member if member and member["status"] in ACTIVE else None
        tags = member.get("tags") or []
        if member.get("tags_count", 0) > len(tags):
            # A member comes with its first 50.
            every = self._find(email, "/tags", {"tags": list}, {"count": PAGE_SIZE})
            tags = every["tags"] if every else []
        return member if any(_is_named(item, self._tag) for item in tags) else None

    def _member(self, email: str) -> Body | None:
        fields = "status,merge_fields,tags,tags_count,unsubscribe_reason"
        return self._find(email, "", {"status": str}, {"fields": fields})

    def _find(
        self, email: str, path: str, shape: Mapping[str, type], params: Mapping[str, Any]
    ) -> Body | None:
        """What there is of a member; None if there is no such member."""
        try:
            return self._ask(
                "GET", _path(email) + path, shape=shape, params=params, about_rows={404}
            )
        except BatchRefused:
            return None

    def _pages(self, path: str, statuses: Collection[str], params: Body) -> Iterator[str]:
        offset = 0
        fields = "members.email_address,members.status,total_items"
        while True:
            page = self._ask(
                "GET",
                path,
                shape={"members": list, "total_items": int},
                params={"count": PAGE_SIZE, "offset": offset, "fields": fields, **params},
            )
            for member in page["members"]:
                if member.get("status") in statuses:
                    yield _email(member.get("email_address"))
            offset += len(page["members"])
            if not page["members"] or offset >= page["total_items"]:
                return

    def _require_audience(self) -> None:
        # Without it, 404 about a member could also mean that there is no such audience.
        if not self._is_there:
            self._ask("GET", "", params={"fields": "id"})
            self._is_there = True

    def _ask(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        shape: Mapping[str, type] | None = None,
        params: Mapping[str, Any] | None = None,
        about_rows: Collection[int] = (),
    ) -> Body:
        """Make one request.

        `shape` names what the answer must have, and of which type; `about_rows` are the
        statuses that say something of the rows, and not of the audience or the key.
        """

        def request() -> Body:
            response = self._http.request(
                method, self._audience + path, json=body, params=params or {}
            )
            if not response.is_success:
                raise httpx.HTTPStatusError("refused", request=response.request, response=response)
            return _readable(response, shape) if shape else {}

        return self._call(request, about_rows)


def merge_fields(payload: Mapping[str, object]) -> dict[str, object]:
    """Values as Mailchimp takes them; the address itself is no field to be written."""
    return {name: _value(value) for name, value in payload.items() if name.upper() != "EMAIL"}


def subscriber_hash(email: str) -> str:
    """What Mailchimp knows a member by, in hexadecimal."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def _value(value: object) -> object:
    # An empty text clears a field of any type; there are neither booleans nor NaN.
    if value is None or (isinstance(value, float | Decimal) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.isoformat() + ("" if value.tzinfo else "+00:00")
    if isinstance(value, date):
        return value.isoformat()
    return value


def _others(row: Row) -> list[str]:
    """Addresses that a row takes off; its own among them if it is not to be in."""
    own = _email(row.identifier)
    emails = [_email(identifier) for identifier in row.former_identifiers]
    emails = [email for email in emails if email and email != own]
    return emails if row.is_upsert or not own else [own, *emails]


def _email(identifier: object) -> str:
    return str(identifier or "").strip().lower()


def _path(email: str) -> str:
    return f"/members/{subscriber_hash(email)}"


def _is_named(item: Body, tag: str) -> bool:
    return str(item.get("name")).casefold() == tag.casefold()


def _unique(groups: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(groups)))


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(items), BATCH_SIZE):
        yield items[first : first + BATCH_SIZE]


def _errors(body: Body, emails: Sequence[str]) -> dict[str, Body]:
    """Errors of a batch by address.

    One about an address that was not sent stands for everybody who is named nowhere else.
    """
    errors = {_email(item.get("email_address")): item for item in body["errors"]}
    strays = [error for email, error in errors.items() if email not in emails]
    done = {
        _email(m.get("email_address")) for m in [*body["new_members"], *body["updated_members"]]
    }
    return {
        email: errors.get(email) or strays[0]
        for email in emails
        if email in errors or (strays and email not in done)
    }


def _unsure(body: Body, emails: Sequence[str]) -> list[str]:
    """Those of a batch about the tag whom its errors are about, or may be about."""
    named = [
        [_email(email) for email in item.get("email_addresses") or [""]] for item in body["errors"]
    ]
    about = set(chain.from_iterable(named))
    if not about <= set(emails):
        done = [*body["members_added"], *body["members_removed"]]
        about = set(emails) - {_email(member.get("email_address")) for member in done}
    return [email for email in emails if email in about]


def _words(error: Body) -> str:
    field = error.get("field")
    about = f" ({field}: {error.get('field_message')})" if field else ""
    return shortened(f"{error.get('error') or 'refused without a reason'}{about}")


def _readable(response: httpx.Response, shape: Mapping[str, type]) -> Body:
    try:
        body = response.json()
    except ValueError as error:
        raise Unreadable(f"{response.status_code} with a body that is not JSON") from error
    for name, kind in shape.items():
        if not isinstance(body, dict) or not _is(body.get(name), kind):
            raise Unreadable(f"{response.status_code} with a body in which `{name}` is not right")
    found: Body = body
    return found


def _is(value: object, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return isinstance(value, kind)


def _reply(error: Exception, now: Clock) -> Reply | None:
    """The reply behind an error, in the words of Mailchimp's problem document where it has one."""
    reply = reply_of_httpx(error, now)
    if not reply or not isinstance(error, httpx.HTTPStatusError):
        return reply
    try:
        problem = error.response.json()
    except ValueError:
        return reply
    match problem:
        case {"title": str(title), "detail": str(detail)}:
            fields = problem.get("errors") if _is(problem.get("errors"), list) else []
            said = [f"{title}: {detail}"]
            said += [f"{item.get('field')}: {item.get('message')}" for item in fields]
            return replace(reply, words=shortened("; ".join(said)))
    return reply
