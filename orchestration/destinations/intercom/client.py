"""Puts a tag on contacts at Intercom and takes it off, one contact at a time.

API: https://developers.intercom.com, version 2.16, through Intercom's own client. Contacts
found by e-mail address come from its search, which learns of a new contact only minutes
later; a contact found by external id is asked for directly.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from intercom import (
    Contact,
    ContactList,
    CreateContactRequestWithEmail,
    CreateContactRequestWithExternalId,
    CreateOrUpdateTagRequest,
    Intercom,
    SingleFilterSearchRequest,
    StartingAfterPaging,
)
from intercom.core.api_error import ApiError
from pydantic import BaseModel

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
    retry_after_seconds,
    seconds_until,
    shortened,
)

VERSION = "2.16"
PAGE_SIZE = 150
SEARCH_SIZE = 15
"""Filters that a search may have; a list of values is short for as many."""

FIELDS = frozenset({"avatar", "email", "external_id", "name", "phone", "signed_up_at"})
"""What a contact has of its own; every other field is one of its custom attributes."""

_ABOUT_CONTACT = REFUSES_CONTENT | {404, 409, 410}

T = TypeVar("T")


class IntercomDestination:
    """A client for one workspace and tag. Not safe for use by several threads."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        tag: str | None,
        find_by: str = "email",
        create_contacts: bool = True,
        timeout_seconds: float = 30.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # httpx logs the address of each request at INFO, with external ids.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._tag = tag
        self._find_by = find_by
        self._create_contacts = create_contacts
        self._calls = Calls(
            lambda error: _reply(error, now),
            max_retries=max_retries,
            requests_per_second=requests_per_second,
            sleep=sleep,
        )
        self.address = f"{base_url} (tag {tag})" if tag else base_url
        self._http = httpx.Client()
        api = Intercom(
            base_url=base_url,
            token=token,
            headers={"Intercom-Version": VERSION},
            timeout=timeout_seconds,
            httpx_client=self._http,
        )
        self._contacts, self._tags = api.contacts, api.tags
        self._tag_id: str | None = None

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Put the tag on who is to be in, then take it off who is not.

        A contact that a row leaves behind keeps the tag if another row of the batch has just
        given it. Repeating is harmless. If answers end early, the rows done by then are answered.
        """
        found = self._find(name for row in batch.rows for name in self._all(row))
        answers: dict[str, Answer] = {}
        tagged: set[str] = set()
        try:
            for row in batch.rows:
                if row.is_upsert:
                    words = self._put_on(row, found, tagged)
                    if words or not self._others(row):
                        answers[row.entity_key] = Answer(row.entity_key, words)
            for row in batch.rows:
                if row.entity_key not in answers:
                    contacts = [item for name in self._others(row) for item in found.get(name, [])]
                    off = [contact for contact in contacts if contact.id not in tagged]
                    answers[row.entity_key] = Answer(row.entity_key, self._take_off(row, off))
        except NoAnswer:
            if not answers:
                raise
        return list(answers.values())

    def applied(self, batch: Batch) -> Collection[str]:
        """Rows whose change is there already, by what the contacts have and their tags."""
        found = self._find(name for row in batch.rows for name in self._all(row))
        return [row.entity_key for row in batch.rows if self._is_applied(row, found)]

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Rows whose contact carries the tag, by a request for each contact."""
        found = self._find(self._name(row.identifier) for row in rows)
        return [row.entity_key for row in rows if self._are_tagged(found, row.identifier)]

    def held(self) -> Iterator[str]:
        """Identifiers of everybody who carries the tag, 150 with each request."""
        if tag := self._find_tag(create=False):
            for contact in self._search("tag_id", "=", tag):
                if name := self._name(getattr(contact, self._find_by)):
                    yield name

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Identifiers

    def _name(self, identifier: object) -> str:
        """An identifier as it is compared: Intercom keeps e-mail addresses in lower case."""
        name = str(identifier or "").strip()
        return name.lower() if self._find_by == "email" else name

    def _all(self, row: Row) -> list[str]:
        names = [self._name(name) for name in (row.identifier, *row.former_identifiers)]
        return [name for name in dict.fromkeys(names) if name]

    def _others(self, row: Row) -> list[str]:
        """Identifiers that a row takes off; its own among them if it is not to be in."""
        own = self._name(row.identifier) if row.is_upsert else None
        return [name for name in self._all(row) if name != own]

    # Changes

    def _put_on(
        self, row: Row, found: Mapping[str, Sequence[Contact]], tagged: set[str]
    ) -> str | None:
        """Create or update the contact of a row and tag it; what is said if that is refused."""
        own = self._name(row.identifier)
        if not own:
            return f"the row has no identifier (`find_by` is {self._find_by})"
        tag = self._find_tag(create=True)
        try:
            fields = self._fields(row.payload or {})
            contacts = found.get(own)
            contact = (
                self._update(_first(contacts), fields) if contacts else self._create(own, fields)
            )
            self._one(partial(self._tags.tag_contact, contact, tag_id=tag))
            tagged.add(contact)
        except BatchRefused as refused:
            return str(refused)
        return None

    def _take_off(self, row: Row, contacts: Sequence[Contact]) -> str | None:
        """Archive contacts, or take the tag off them; what is said if that is refused."""
        tag = None if row.operation == "archive" else self._find_tag(create=False)
        for contact in contacts:
            try:
                if row.operation == "archive":
                    self._one(partial(self._contacts.archive, contact.id))
                elif tag:
                    self._one(partial(self._tags.untag_contact, contact.id, tag))
            except BatchRefused as refused:
                # There is no such contact any more, or it does not carry the tag.
                if refused.status != 404:
                    return str(refused)
        return None

    def _update(self, contact: Contact, fields: Mapping[str, Any]) -> str:
        if fields:
            self._one(partial(self._contacts.update, contact.id, **fields))
        return str(contact.id)

    def _create(self, own: str, fields: Mapping[str, Any]) -> str:
        """Make a contact, or update the one that search did not know of yet."""
        if not self._create_contacts:
            raise BatchRefused(
                f"no contact has this {self._find_by}; accepted: one that there is, "
                "or `create_contacts: true`"
            )
        given = {name: value for name, value in fields.items() if value is not None}
        request: CreateContactRequestWithEmail | CreateContactRequestWithExternalId
        if self._find_by == "email":
            request = CreateContactRequestWithEmail(email=own, **given)
        else:
            request = CreateContactRequestWithExternalId(external_id=own, **given)
        try:
            return str(self._one(partial(self._contacts.create, request=request)).id)
        except BatchRefused as refused:
            known = re.search(r"\bA contact matching .*\bid=(\w+)", str(refused))
            if refused.status != 409 or known is None:
                raise
            contact = self._one(partial(self._contacts.find, known[1]))
            if self._name(getattr(contact, self._find_by)) != own:
                # Another of its fields is taken: it is not for us to say that they are one person.
                raise
            return self._update(contact, fields)

    def _fields(self, payload: Mapping[str, object]) -> dict[str, Any]:
        """Values as Intercom takes them, but for the one that the contact is found by."""
        fields: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        for name, value in payload.items():
            if name not in FIELDS:
                custom[name] = _value(value)
            elif name != self._find_by:
                is_text = value is not None and name != "signed_up_at"
                fields[name] = str(value) if is_text else _value(value)
                if value is None and name in ("email", "external_id"):
                    raise BatchRefused(
                        f"`{name}` is empty, and Intercom cannot clear it; accepted: a value, "
                        "or a mapping in which nulls do not overwrite"
                    )
        return fields | ({"custom_attributes": custom} if custom else {})

    # What is there

    def _find(self, names: Iterable[str]) -> dict[str, Sequence[Contact]]:
        """The contacts that have each identifier; several may have the same e-mail address."""
        wanted = [name for name in dict.fromkeys(names) if name]
        if self._find_by == "external_id":
            return {name: self._with_external_id(name) for name in wanted}
        found: dict[str, list[Contact]] = {}
        for first in range(0, len(wanted), SEARCH_SIZE):
            emails = wanted[first : first + SEARCH_SIZE]
            for contact in self._search("email", "IN", emails, about_rows=REFUSES_CONTENT):
                found.setdefault(self._name(contact.email), []).append(contact)
        return dict(found)

    def _with_external_id(self, name: str) -> Sequence[Contact]:
        def request() -> Contact | None:
            contact: Contact
            try:
                contact = self._contacts.show_contact_by_external_id(quote(name, safe=""))
            except ApiError as error:
                if error.status_code == 404:
                    return None
                link = httpx.Headers(error.headers or {}).get("Link", "")
                merged_into = re.match(r"</contacts/(\w+)>", link)
                if error.status_code != 410 or merged_into is None:
                    raise
                contact = self._contacts.find(merged_into[1])
            return contact

        contact = self._calls(lambda: _understood(request, _is_one_or_none), _ABOUT_CONTACT)
        return [contact] if contact else []

    def _search(
        self, field: str, operator: str, value: Any, about_rows: Collection[int] = ()
    ) -> Iterator[Contact]:
        query = SingleFilterSearchRequest(field=field, operator=operator, value=value)
        after: str | None = None
        while True:
            request = partial(self._page, query, after)
            page = self._calls(partial(_understood, request, _is_list), about_rows)
            yield from page.data or []
            after = page.pages.next.starting_after if page.pages and page.pages.next else None
            if not after:
                return

    def _page(self, query: SingleFilterSearchRequest, after: str | None) -> ContactList:
        where = {"starting_after": after} if after else {}
        paging = StartingAfterPaging(per_page=PAGE_SIZE, **where)
        page: ContactList = self._contacts.search(query=query, pagination=paging).response
        return page

    def _is_applied(self, row: Row, found: Mapping[str, Sequence[Contact]]) -> bool:
        if row.operation == "archive":
            return not any(found.get(name) for name in self._others(row))
        if any(self._are_tagged(found, name) for name in self._others(row)):
            return False
        if not row.is_upsert:
            return True
        contacts = found.get(self._name(row.identifier))
        if not contacts or not self._is_tagged(_first(contacts)):
            return False
        contact = _first(contacts)
        try:
            fields = self._fields(row.payload or {})
        except BatchRefused:
            return False
        custom = fields.pop("custom_attributes", {})
        held = contact.custom_attributes or {}
        return all(getattr(contact, name) == value for name, value in fields.items()) and all(
            held.get(name) == value for name, value in custom.items()
        )

    def _are_tagged(self, found: Mapping[str, Sequence[Contact]], identifier: str | None) -> bool:
        return any(map(self._is_tagged, found.get(self._name(identifier), ())))

    def _is_tagged(self, contact: Contact) -> bool:
        wanted = self._find_tag(create=False)
        if wanted is None:
            return False
        request = partial(self._contacts.list_attached_tags, contact.id)
        try:
            tags = self._calls(lambda: _understood(request, _is_list), {404})
        except BatchRefused:
            return False
        return any(tag.id == wanted for tag in tags.data or [])

    def _find_tag(self, *, create: bool) -> str | None:
        """The id of the tag; None if there is none and it is not to be made."""
        if self._tag is None:
            raise DestinationStopped(
                "the setting `tag` is missing; accepted: the name or the id of a tag, which "
                "every mode but archive needs"
            )
        if self._tag_id is None:
            tags = self._calls(lambda: _understood(self._tags.list, _is_list)).data or []
            named = [tag.id for tag in tags if tag.name.casefold() == self._tag.casefold()]
            named += [tag.id for tag in tags if tag.id == self._tag]
            if named:
                self._tag_id = named[0]
            elif self._tag.isdecimal():
                raise DestinationStopped(f"there is no tag with the name or the id {self._tag}")
            elif create:
                request = CreateOrUpdateTagRequest(name=self._tag)
                self._tag_id = self._one(partial(self._tags.create, request=request), ()).id
        return self._tag_id

    def _one(self, request: Callable[[], T], about_rows: Collection[int] = _ABOUT_CONTACT) -> T:
        return self._calls(lambda: _understood(request, _is_one), about_rows)


def _first(contacts: Sequence[Contact]) -> Contact:
    """Of several with one e-mail address a user, not a lead, and the oldest."""
    return min(contacts, key=lambda item: (item.role != "user", item.created_at or 0, str(item.id)))


def _value(value: object) -> object:
    """A value as Intercom takes it: instants in seconds since 1970 UTC, no NaN."""
    if isinstance(value, Decimal | float):
        if not math.isfinite(value):
            return None
        return int(value) if value == int(value) else float(value)
    if isinstance(value, datetime):
        at = value if value.tzinfo else value.replace(tzinfo=UTC)
        return int(at.timestamp())
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
    return value


def _understood(request: Callable[[], T], is_right: Callable[[object], bool]) -> T:
    """Make a request; an answer that Intercom's client cannot read is none."""
    try:
        answer = request()
    except (AttributeError, TypeError) as error:
        raise Unreadable("200 with a body that is not understood") from error
    if not is_right(answer):
        raise Unreadable("200 with a body that is not understood")
    return answer


def _is_one(answer: object) -> bool:
    return isinstance(getattr(answer, "id", None), str)


def _is_one_or_none(answer: object) -> bool:
    return answer is None or _is_one(answer)


def _is_list(answer: object) -> bool:
    data = getattr(answer, "data", None)
    return isinstance(data, list) and all(map(_is_one, data))


def _reply(error: Exception, now: Clock) -> Reply | None:
    """The reply behind an error of Intercom's client."""
    if not isinstance(error, ApiError):
        return reply_of_httpx(error, now)
    if error.status_code is None or 200 <= error.status_code < 300:
        return Reply(None, f"{error.status_code} with a body that is not JSON")
    headers = httpx.Headers(error.headers or {})
    wait = retry_after_seconds(headers, now)
    reset = headers.get("X-RateLimit-Reset", "")
    if error.status_code == 429 and reset.isdecimal():
        wait = max(wait, seconds_until(datetime.fromtimestamp(int(reset), UTC), now))
    return Reply(error.status_code, _words(error.body), wait)


def _words(body: object) -> str:
    """What Intercom says is wrong: codes and messages of its list of errors."""
    said = body.model_dump() if isinstance(body, BaseModel) else body
    match said:
        case {"errors": [*errors]}:
            parts = [
                ": ".join(str(item[key]) for key in ("code", "message") if item.get(key))
                for item in errors
                if isinstance(item, dict)
            ]
            return shortened("; ".join(parts))
    return shortened(str(said or "")) or "no words"
