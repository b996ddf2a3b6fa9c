"""Writes contacts of HubSpot by e-mail address, and keeps the members of a list.

Everything is addressed by record id, which is looked up first: updates in batches take
nothing else for contacts, lists neither, and so it is known who would be created.
API: https://developers.hubspot.com/docs/api-reference, CRM objects and lists, version 3.
"""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from hubspot import HubSpot  # type: ignore[import-untyped]  # the library has no types
from pydantic import BaseModel, ConfigDict, Field

from orchestration.destinations.base import (
    Answer,
    Batch,
    BatchRefused,
    Clock,
    DestinationStopped,
    NoAnswer,
    Row,
)
from orchestration.destinations.calls import REFUSES_CONTENT, Calls, Reply, shortened
from orchestration.destinations.openapi import (
    NO_REPEATS,
    content,
    email_of,
    emails_of,
    in_parts,
    reply_of_openapi,
    sifted,
)

HOST = "https://api.hubapi.com"
# The lowest limit of any plan: 100 requests in 10 seconds.
REQUESTS_PER_SECOND = 10.0
CONTACTS_IN_A_CALL = 100
MEMBERS_IN_A_PAGE = 250
CONTACT = "0-1"
"""HubSpot's object type of contacts."""

_NO_EMAIL = "the member's identifier is no e-mail address"
_UNKNOWN = "HubSpot has no contact with this e-mail address, and `create_contacts` is false"
_OTHER_EMAIL = (
    "the field `email` is not the member's identifier, by which HubSpot knows the contact; "
    "accepted: a mapping without `email`, or with the column that is the identifier"
)


class _Answer(BaseModel):
    # Ids of records are numbers in some answers and texts in others.
    model_config = ConfigDict(coerce_numbers_to_str=True)


class _Contact(_Answer):
    id: str
    properties: dict[str, str | None] = {}
    trace: str | None = Field(None, alias="objectWriteTraceId")

    def emails(self) -> set[str]:
        """All addresses that it is known by, in lower case."""
        further = (self.properties.get("hs_additional_emails") or "").split(";")
        return {
            email for one in (self.properties.get("email"), *further) if (email := email_of(one))
        }


class _Error(_Answer):
    message: str
    category: str = ""
    context: dict[str, object] = {}

    def names_any(self, names: Collection[str]) -> bool:
        """True when it says that it is about one of these ids, addresses or traces."""
        return any(
            isinstance(values, list) and any(name in values for name in names)
            for values in self.context.values()
        )


class _Contacts(_Answer):
    """Of a 200, a 201 or a 207: who was read or written, and what was wrong with others."""

    results: list[_Contact]
    errors: list[_Error] = []


class _ListDescription(_Answer):
    object_type: str = Field(alias="objectTypeId")
    processing_type: str = Field(alias="processingType")


class _List(_Answer):
    list: _ListDescription


class _Changed(_Answer):
    missing: list[str] = Field(alias="recordIdsMissing")


class _Member(_Answer):
    id: str = Field(alias="recordId")


class _After(_Answer):
    after: str


class _Paging(_Answer):
    next: _After | None = None


class _Members(_Answer):
    results: list[_Member]
    paging: _Paging | None = None


class _Nothing(_Answer):
    pass


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Found:
    """The contacts of some e-mail addresses, and the addresses that HubSpot refuses."""

    contacts: Mapping[str, _Contact]
    refused: Mapping[str, str]

    def is_certain(self, row: Row) -> bool:
        """True when HubSpot said of all of a row's addresses whether they are there."""
        return emails_of(row).isdisjoint(self.refused)

    def ids(self, identifiers: Collection[str | None]) -> set[str]:
        """Record ids of those that there are."""
        emails = map(email_of, identifiers)
        return {self.contacts[email].id for email in emails if email and email in self.contacts}


class HubSpotContacts:
    """A client for the contacts of one account. Not safe for use by several threads."""

    def __init__(
        self,
        token: str,
        list_id: str | None = None,
        *,
        create_contacts: bool = False,
        host: str = HOST,
        timeout_seconds: float = 30.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        client = HubSpot(access_token=token, host=host, retry=NO_REPEATS)
        self._contacts = client.crm.contacts.batch_api
        self._lists = client.crm.lists.lists_api
        self._memberships = client.crm.lists.memberships_api
        self._token = token
        self._list_id = list_id
        self._create_contacts = create_contacts
        self._timeout = (timeout_seconds, timeout_seconds)
        self._now = now
        self._call = Calls(
            self._reply,
            max_retries=max_retries,
            requests_per_second=requests_per_second or REQUESTS_PER_SECOND,
            sleep=sleep,
        )
        self._has_checked_list = False
        self.address = f"{host}/crm/v3/" + (f"lists/{list_id}" if list_id else "objects/contacts")

    def close(self) -> None:
        """Close the connections."""
        for api in (self._contacts, self._lists, self._memberships):
            api.api_client.rest_client.pool_manager.clear()

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Write contacts and then the list, and answer for each row.

        Raises:
            DestinationStopped: also where the settings leave nothing to do for a row.
        """
        self._require_sense(batch.rows)
        found = self._find(batch.rows)
        errors = {
            row.entity_key: found.refused[email]
            for row in batch.rows
            for email in emails_of(row)
            if email in found.refused
        }
        self._archive([row for row in batch.rows if row.operation == "archive"], found, errors)
        members = self._write([row for row in batch.rows if row.is_upsert], found, errors)
        if self._list_id:
            rows = [row for row in batch.rows if row.operation != "archive"]
            self._change_list(rows, members, found, errors)
        return [Answer(row.entity_key, errors.get(row.entity_key)) for row in batch.rows]

    def applied(self, batch: Batch) -> Collection[str]:
        """Tell whose contact and membership are as the row wants them.

        A value that HubSpot writes differently than it was sent counts as not applied.
        """
        fields = {name for row in batch.rows for name in row.payload or ()}
        found = self._find(batch.rows, fields)
        listed = set(self._listed()) if self._list_id else set()

        def is_applied(row: Row) -> bool:
            email = email_of(row.identifier)
            if email is None or not found.is_certain(row):
                return False
            contact = found.contacts.get(email)
            if row.operation == "archive":
                return contact is None
            former = found.ids(row.former_identifiers)
            if row.operation == "remove":
                return listed.isdisjoint(found.ids(emails_of(row)))
            return (
                contact is not None
                and all(
                    (contact.properties.get(name) or "") == value
                    for name, value in _properties(row).items()
                    if name != "email"
                )
                and (self._list_id is None or contact.id in listed)
                and listed.isdisjoint(former - {contact.id})
            )

        return {row.entity_key for row in batch.rows if is_applied(row)}

    def _require_sense(self, rows: Sequence[Row]) -> None:
        if self._list_id:
            if any(row.operation != "archive" for row in rows):
                self._check_list()
            return
        if any(row.operation == "remove" for row in rows):
            raise DestinationStopped(
                "a removal takes a member off a list, and `list_id` is not set; accepted: the id "
                "of a list, or the mode upsert"
            )
        if not self._create_contacts and any(row.is_upsert and not row.payload for row in rows):
            raise DestinationStopped(
                "there is nothing to write: `list_id` is not set and no field is mapped; "
                "accepted: at least one of them"
            )

    def _check_list(self) -> None:
        if self._has_checked_list:
            return
        accepted = "the ILS id of a MANUAL or SNAPSHOT list of contacts"
        try:
            answer = self._ask(_List, {400, 404}, self._lists.get_by_id, self._list_id)
        except BatchRefused as refused:
            raise DestinationStopped(
                f"`list_id` is {self._list_id!r}, of which HubSpot says {refused}; "
                f"accepted: {accepted}"
            ) from refused
        kind = (answer.list.object_type, answer.list.processing_type)
        if kind not in ((CONTACT, "MANUAL"), (CONTACT, "SNAPSHOT")):
            raise DestinationStopped(
                f"`list_id` is {self._list_id!r}, a {kind[1]} list of objects of type {kind[0]}; "
                f"accepted: {accepted} (type {CONTACT})"
            )
        self._has_checked_list = True

    def _find(self, rows: Sequence[Row], properties: Collection[str] = ()) -> _Found:
        emails = sorted({email for row in rows for email in emails_of(row)})
        asked = sorted({"email", "hs_additional_emails", *properties})
        contacts: dict[str, _Contact] = {}
        refused: dict[str, str] = {}
        for part, answer in sifted(
            in_parts(emails, CONTACTS_IN_A_CALL), lambda part: self._read(part, asked, "email")
        ):
            if isinstance(answer, BatchRefused):
                refused[part[0]] = str(answer)
                continue
            contacts |= {email: one for one in answer.results for email in one.emails()}
            # Who is not there is an error too, but one that says all there is to know.
            errors = [one for one in answer.errors if "NOT_FOUND" not in one.category]
            if errors:
                unknown = [email for email in part if email not in contacts]
                refused |= {email: _why({email}, errors) for email in unknown}
        return _Found(contacts, refused)

    def _read(
        self, ids: Sequence[str], properties: Sequence[str], id_property: str | None = None
    ) -> _Contacts:
        body: dict[str, object] = {
            "inputs": [{"id": one} for one in ids],
            "properties": properties,
            "propertiesWithHistory": [],
        }
        if id_property:
            body["idProperty"] = id_property
        return self._ask(_Contacts, REFUSES_CONTENT, self._contacts.read, body)

    def _archive(self, rows: Sequence[Row], found: _Found, errors: dict[str, str]) -> None:
        errors |= {row.entity_key: _NO_EMAIL for row in rows if not email_of(row.identifier)}
        ids = [(row, one) for row in rows for one in found.ids([row.identifier])]

        def archive(part: Sequence[tuple[Row, str]]) -> _Nothing:
            body = {"inputs": [{"id": one} for one in sorted({one for _, one in part})]}
            return self._ask(_Nothing, REFUSES_CONTENT, self._contacts.archive, body)

        for part, answer in sifted(in_parts(ids, CONTACTS_IN_A_CALL), archive):
            if isinstance(answer, BatchRefused):
                errors[part[0][0].entity_key] = str(answer)

    def _write(
        self, rows: Sequence[Row], found: _Found, errors: dict[str, str]
    ) -> Mapping[str, str]:
        """Update and create contacts; gives the record ids of the rows that are accepted."""
        members: dict[str, str] = {}
        first: dict[str, str] = {}
        updates, creations = [], []
        for row in rows:
            if row.entity_key in errors:
                continue
            entry = self._entry(row, found)
            if isinstance(entry, str):
                errors[row.entity_key] = entry
                continue
            same = first.setdefault(entry["id"], row.entity_key)
            if same != row.entity_key:
                errors[row.entity_key] = f"HubSpot has one contact for this member and {same}"
            elif "idProperty" in entry:
                creations.append(entry)
            elif entry["properties"]:
                updates.append(entry)
            else:
                members[row.entity_key] = entry["id"]
        keys = {row.idempotency_key: row.entity_key for row in rows}
        for method, entries in (
            (self._contacts.update, updates),
            (self._contacts.upsert, creations),
        ):
            for trace, outcome in self._written(method, entries):
                if isinstance(outcome, _Contact):
                    members[keys[trace]] = outcome.id
                else:
                    errors[keys[trace]] = outcome
        return members

    def _entry(self, row: Row, found: _Found) -> dict[str, Any] | str:
        """What a batch says of a row's contact, or why it can say nothing."""
        email = email_of(row.identifier)
        if email is None:
            return _NO_EMAIL
        properties = _properties(row)
        # Sent to a contact that has this address beside another one, it would become its main one.
        if email_of(properties.pop("email", email)) != email:
            return _OTHER_EMAIL
        # The trace opens the way for partial success, and is how answers are told apart.
        entry = {"properties": properties, "objectWriteTraceId": row.idempotency_key}
        if email in found.contacts:
            return {"id": found.contacts[email].id, **entry}
        if not self._create_contacts:
            return _UNKNOWN
        properties["email"] = email
        return {"id": email, "idProperty": "email", **entry}

    def _written(
        self, method: Callable[..., Any], entries: Sequence[dict[str, Any]]
    ) -> Iterator[tuple[str, _Contact | str]]:
        """By trace: the contact as it was written, or why it was not."""

        def write(part: Sequence[dict[str, Any]]) -> _Contacts:
            return self._ask(_Contacts, REFUSES_CONTENT, method, {"inputs": part})

        for part, answer in sifted(in_parts(entries, CONTACTS_IN_A_CALL), write):
            if isinstance(answer, BatchRefused):
                yield part[0]["objectWriteTraceId"], str(answer)
                continue
            written = {
                key: one for one in answer.results for key in (one.trace, one.id, *one.emails())
            }
            for entry in part:
                names = (entry["objectWriteTraceId"], entry["id"])
                contact = next((written[name] for name in names if name in written), None)
                yield names[0], contact or _why(set(names), answer.errors)

    def _change_list(
        self,
        rows: Sequence[Row],
        members: Mapping[str, str],
        found: _Found,
        errors: dict[str, str],
    ) -> None:
        """Add who is accepted; take off who left, and former contacts of who is accepted."""
        staying = set(members.values())
        gone = {
            row.entity_key: found.ids(emails_of(row)) - staying
            for row in rows
            if row.entity_key not in errors
        }
        keys = [key for key, ids in gone.items() if ids or key in members]

        def change(part: Sequence[str]) -> _Changed:
            body = {
                "recordIdsToAdd": sorted({members[key] for key in part if key in members}),
                "recordIdsToRemove": sorted({one for key in part for one in gone[key]}),
            }
            return self._ask(
                _Changed, REFUSES_CONTENT, self._memberships.add_and_remove, self._list_id, body
            )

        for part, answer in sifted([keys] if keys else [], change):
            if isinstance(answer, BatchRefused):
                errors[part[0]] = str(answer)
                continue
            for key in part:
                if members.get(key) in answer.missing:
                    errors[key] = "HubSpot misses this contact and did not add it to the list"

    def _listed(self) -> Iterator[str]:
        """Record ids of the list's members, page by page."""
        self._check_list()
        paging: dict[str, Any] = {}
        while True:
            page = self._ask(
                _Members,
                REFUSES_CONTENT,
                self._memberships.get_page,
                self._list_id,
                limit=MEMBERS_IN_A_PAGE,
                **paging,
            )
            yield from (member.id for member in page.results)
            if page.paging is None or page.paging.next is None:
                return
            paging = {"after": page.paging.next.after}

    def _ask(
        self,
        model: type[M],
        about_rows: Collection[int],
        method: Callable[..., Any],
        *arguments: object,
        **options: object,
    ) -> M:
        return self._call(
            lambda: content(
                method(
                    *arguments, **options, _preload_content=False, _request_timeout=self._timeout
                ),
                model,
            ),
            about_rows,
        )

    def _reply(self, error: Exception) -> Reply | None:
        reply = reply_of_openapi(error, self._now, self._token)
        body = str(getattr(error, "body", ""))
        if reply is None or reply.status is None:
            return reply
        if reply.status == 400 and "PROPERTY_DOESNT_EXIST" in body:
            raise DestinationStopped(
                f"400: {reply.words}; accepted: a mapping to properties that contacts have"
            )
        if reply.status == 423:
            # Too much is written at once; HubSpot asks for a pause of two seconds or more.
            return Reply(None, f"423: {reply.words}", max(2.0, reply.wait_seconds))
        if reply.status != 429:
            return reply
        if '"DAILY"' in body:
            raise NoAnswer(f"429: {reply.words} (the account's requests of today are used up)")
        headers = getattr(error, "headers", None) or {}
        window = headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "0")
        seconds = int(window) / 1000 if window.isdecimal() else 0.0
        return Reply(429, reply.words, max(seconds, reply.wait_seconds))


class HubSpotList(HubSpotContacts):
    """A client for one list, which can also say who is on it."""

    _present: set[str] | None = None

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Tell who is on the list, or cannot be looked up. It is read once, before sending."""
        if self._present is None:
            self._present = set(self._listed())
        found = self._find(rows)
        return {
            row.entity_key
            for row in rows
            if not found.is_certain(row) or not self._present.isdisjoint(found.ids(emails_of(row)))
        }

    def held(self) -> Iterator[str]:
        """E-mail addresses of the list's members; contacts without one are left out."""
        ids: list[str] = []
        for one in self._listed():
            ids.append(one)
            if len(ids) == CONTACTS_IN_A_CALL:
                yield from self._addresses(ids)
                ids = []
        if ids:
            yield from self._addresses(ids)

    def _addresses(self, ids: Sequence[str]) -> Iterator[str]:
        for contact in self._read(ids, ["email"]).results:
            email = email_of(contact.properties.get("email"))
            if email:
                yield email


def _why(names: set[str], errors: Sequence[_Error]) -> str:
    """HubSpot's words about one contact of a batch that was done in part."""
    own = [error.message for error in errors if error.names_any(names)]
    words = own or [error.message for error in errors]
    return shortened("; ".join(words)) or "HubSpot's answer is silent about this contact"


def _properties(row: Row) -> dict[str, str]:
    return {name: _text(value) for name, value in (row.payload or {}).items()}


def _text(value: object) -> str:
    """Write a value as HubSpot reads it; the empty text clears a property."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() | Decimal():
            return format(Decimal(str(value)), "f") if math.isfinite(value) else ""
        case datetime():
            return value.isoformat(timespec="milliseconds") + ("" if value.tzinfo else "Z")
        case date():
            return value.isoformat()
    return str(value)
