"""Writes profiles of Klaviyo by e-mail address, and keeps the members of a list.

Many profiles are imported by a job, which is waited for and whose errors are read. A job
cannot clear a field, and is not made for few: those profiles are written one by one.
API: https://developers.klaviyo.com/en/reference/api_overview, at the client's revision.
"""

import json
import math
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from klaviyo_api import KlaviyoAPI  # type: ignore[import-untyped]  # the library has no types
from pydantic import BaseModel, field_validator
from urllib3 import BaseHTTPResponse

from orchestration.destinations.base import (
    Answer,
    Batch,
    BatchRefused,
    Clock,
    DestinationStopped,
    NoAnswer,
    Row,
)
from orchestration.destinations.calls import REFUSES_CONTENT, Calls, Unreadable, shortened
from orchestration.destinations.openapi import (
    NO_REPEATS,
    content,
    email_of,
    emails_of,
    in_parts,
    reply_of_openapi,
    sifted,
)

HOST = "https://a.klaviyo.com"
# By the documented limits a minute: 750 reads and single profiles, 150 of everything else.
QUICK_PER_SECOND = 12.5
SLOW_PER_SECOND = 2.5
PROFILES_IN_A_JOB = 10_000
BYTES_IN_A_JOB = 4_500_000
"""Of 5 MB that are accepted; the rest is for what is around the profiles."""
FEW = 10
"""Up to so many profiles are written one by one: a job takes three requests and some seconds."""
IDS_IN_A_CALL = 1_000
SUPPRESSIONS_IN_A_JOB = 100
PAGE = 100
EMAILS_IN_A_FILTER = 50
"""A filter is in the address; so many fit into 8 KB but for very long ones, which are halved."""
POLLS = 15
"""After 1, 2, 4, … seconds, at most 60: a job is waited for ten minutes."""

ATTRIBUTES = (
    "phone_number",
    "external_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
)
LOCATION = (
    "address1",
    "address2",
    "city",
    "country",
    "region",
    "zip",
    "timezone",
    "ip",
    "latitude",
    "longitude",
)

_NO_EMAIL = "the member's identifier is no e-mail address"
_OTHER_EMAIL = (
    "the field `email` is not the member's identifier, by which Klaviyo knows the profile; "
    "accepted: a mapping without `email`, or with the column that is the identifier"
)
_POINTER = re.compile(r"/data/attributes/profiles/data/(\d+)(/|$)")


class _Links(BaseModel):
    next: str | None = None

    @field_validator("next")
    @classmethod
    def _only_the_cursor(cls, address: str | None) -> str | None:
        if address is None:
            return None
        cursors = parse_qs(urlsplit(address).query).get("page[cursor]")
        if not cursors:
            raise ValueError("the next page without its cursor")
        return cursors[0]


class _Profile(BaseModel):
    id: str
    attributes: dict[str, Any] = {}

    @property
    def email(self) -> str | None:
        """In lower case."""
        return email_of(self.attributes.get("email"))


class _One(BaseModel):
    data: _Profile


class _Profiles(BaseModel):
    data: list[_Profile]
    links: _Links = _Links()


class _JobStatus(BaseModel):
    status: str
    failed_count: int | None = None
    skipped_count: int | None = None


class _JobData(BaseModel):
    id: str
    attributes: _JobStatus


class _Job(BaseModel):
    data: _JobData


class _ImportError(BaseModel):
    title: str = ""
    detail: str
    original_payload: object = None


class _ImportErrorData(BaseModel):
    attributes: _ImportError


class _ImportErrors(BaseModel):
    data: list[_ImportErrorData]
    links: _Links = _Links()


class _Source(BaseModel):
    pointer: str = ""


class _Fault(BaseModel):
    detail: str
    source: _Source = _Source()


class _Faults(BaseModel):
    errors: list[_Fault]


class _Nothing(BaseModel):
    pass


M = TypeVar("M", bound=BaseModel)
P = TypeVar("P", _Profiles, _ImportErrors)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row's profile as Klaviyo is told of it."""

    key: str
    email: str
    profile: Mapping[str, Any]
    clears: bool


@dataclass(frozen=True, slots=True)
class _Imported:
    """How a job ended: whose profile it refused, and those of whom that is not known."""

    refused: Mapping[str, str]
    in_doubt: Sequence[_Entry] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """The profiles of some e-mail addresses, and the addresses that Klaviyo refuses."""

    profiles: Mapping[str, _Profile]
    refused: Mapping[str, str]

    def has_any(self, emails: Collection[str]) -> bool:
        """True when one of these is there, or nobody knows whether it is."""
        return any(email in self.profiles or email in self.refused for email in emails)


class KlaviyoProfiles:
    """A client for the profiles of one account. Not safe for use by several threads."""

    def __init__(
        self,
        api_key: str,
        list_id: str | None = None,
        *,
        host: str = HOST,
        timeout_seconds: float = 30.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # Its own repeats are around the methods with models, none of which is used here.
        client = KlaviyoAPI(api_key, test_host=host)
        self._pools = client.api_client.rest_client.pool_manager
        self._pools.connection_pool_kw["retries"] = NO_REPEATS
        self._profiles = client.Profiles
        self._lists = client.Lists
        self._list_id = list_id
        self._timeout = (float(timeout_seconds), float(timeout_seconds))
        self._has_checked_list = False

        def calls(max_retries: int, requests_per_second: float | None) -> Calls:
            return Calls(
                lambda error: reply_of_openapi(error, now, api_key),
                max_retries=max_retries,
                requests_per_second=requests_per_second,
                sleep=sleep,
            )

        self._quick = calls(max_retries, requests_per_second or QUICK_PER_SECOND)
        self._slow = calls(max_retries, requests_per_second or SLOW_PER_SECOND)
        self._poll = calls(POLLS, requests_per_second or SLOW_PER_SECOND)
        self.address = f"{host}/api/" + (f"lists/{list_id}" if list_id else "profiles")

    def close(self) -> None:
        """Close the connections."""
        self._pools.clear()

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Write profiles, put them on the list, take others off, and answer for each row.

        Raises:
            DestinationStopped: also where the settings leave nothing to do for a row.
        """
        self._require_sense(batch.rows)
        errors: dict[str, str] = {}
        self._suppress([row for row in batch.rows if row.operation == "archive"], errors)
        self._import([row for row in batch.rows if row.is_upsert], errors)
        if self._list_id:
            self._take_off([row for row in batch.rows if row.operation != "archive"], errors)
        return [Answer(row.entity_key, errors.get(row.entity_key)) for row in batch.rows]

    def applied(self, batch: Batch) -> Collection[str]:
        """Tell whose profile, membership and suppression are as the row wants them."""
        archived = [row for row in batch.rows if row.operation == "archive"]
        others = [row for row in batch.rows if row.operation != "archive"]
        suppressed = self._suppressed(_all_emails(archived))
        listed = self._listed(_all_emails(others))
        held = self._find(_all_emails([row for row in others if row.is_upsert]))

        def is_applied(row: Row) -> bool:
            if row.operation == "archive":
                return email_of(row.identifier) in suppressed
            if row.operation == "remove":
                return not listed.has_any(emails_of(row))
            entry = _entry(row)
            return (
                isinstance(entry, _Entry)
                and entry.email in held.profiles
                and _is_as(entry.profile, held.profiles[entry.email].attributes)
                and (self._list_id is None or entry.email in listed.profiles)
                and not listed.has_any(emails_of(row) - {entry.email})
            )

        return {row.entity_key for row in batch.rows if is_applied(row)}

    def _require_sense(self, rows: Sequence[Row]) -> None:
        if self._list_id:
            if any(row.operation != "archive" for row in rows):
                self._check_list()
        elif any(row.operation == "remove" for row in rows):
            raise DestinationStopped(
                "a removal takes a member off a list, and `list_id` is not set; accepted: the id "
                "of a list, or the mode upsert"
            )

    def _check_list(self) -> None:
        if self._has_checked_list:
            return
        get_list = self._lists.get_list_without_preload_content
        try:
            self._ask(self._quick, _One, get_list, self._list_id, about_rows={400, 404})
        except BatchRefused as refused:
            raise DestinationStopped(
                f"`list_id` is {self._list_id!r}, of which Klaviyo says {refused}; "
                "accepted: the id of a list (not of a segment)"
            ) from refused
        self._has_checked_list = True

    def _suppress(self, rows: Sequence[Row], errors: dict[str, str]) -> None:
        keys: dict[str, list[str]] = {}
        for row in rows:
            email = email_of(row.identifier)
            if email:
                keys.setdefault(email, []).append(row.entity_key)
            else:
                errors[row.entity_key] = _NO_EMAIL

        def suppress(emails: Sequence[str]) -> Mapping[str, str]:
            profiles = [{"type": "profile", "attributes": {"email": email}} for email in emails]
            body = {
                "type": "profile-suppression-bulk-create-job",
                "attributes": {"profiles": {"data": profiles}},
            }
            start = self._profiles.bulk_suppress_profiles_without_preload_content
            job = self._ask(self._quick, _Job, start, {"data": body})
            done = self._finished(
                self._profiles.get_bulk_suppress_profiles_job_without_preload_content, job.data.id
            )
            if not done.skipped_count:
                return {}
            # Skipped is who was suppressed before, and who cannot be.
            suppressed = self._suppressed(emails)
            return {
                email: "Klaviyo skipped this profile, and it is not suppressed"
                for email in emails
                if email not in suppressed
            }

        for part, answer in sifted(in_parts(sorted(keys), SUPPRESSIONS_IN_A_JOB), suppress):
            refused = {part[0]: str(answer)} if isinstance(answer, BatchRefused) else answer
            for email, words in refused.items():
                errors |= dict.fromkeys(keys[email], words)

    def _import(self, rows: Sequence[Row], errors: dict[str, str]) -> None:
        """Create and update profiles, and put those that are accepted on the list."""
        entries: dict[str, _Entry] = {}
        for row in rows:
            entry = _entry(row)
            if isinstance(entry, str):
                errors[row.entity_key] = entry
            elif entry.email in entries:
                same = entries[entry.email].key
                errors[row.entity_key] = f"Klaviyo has one profile for this member and {same}"
            else:
                entries[entry.email] = entry
        are_few = len(entries) <= FEW
        alone = [entry for entry in entries.values() if are_few or entry.clears]
        together = [entry for entry in entries.values() if not (are_few or entry.clears)]
        for part, answer in sifted(_job_sizes(together), self._import_together):
            if isinstance(answer, BatchRefused):
                errors[part[0].key] = str(answer)
            else:
                errors |= answer.refused
                alone += answer.in_doubt
        ids = []
        for entry in alone:
            try:
                ids.append((entry, self._import_alone(entry)))
            except BatchRefused as refused:
                errors[entry.key] = str(refused)
        if not self._list_id:
            return

        def add(part: Sequence[tuple[_Entry, str]]) -> _Nothing:
            body = {"data": [{"type": "profile", "id": one} for _, one in part]}
            add_profiles = self._lists.add_profiles_to_list_without_preload_content
            return self._ask(self._slow, _Nothing, add_profiles, self._list_id, body)

        for added, outcome in sifted(in_parts(ids, IDS_IN_A_CALL), add):
            if isinstance(outcome, BatchRefused):
                errors[added[0][0].key] = str(outcome)

    def _import_alone(self, entry: _Entry) -> str:
        """Create or update one profile; gives its id."""
        answer = self._ask(
            self._quick,
            _One,
            self._profiles.create_or_update_profile_without_preload_content,
            {"data": entry.profile},
            # 409: another profile has its phone number or external id.
            about_rows=REFUSES_CONTENT | {409},
        )
        return answer.data.id

    def _import_together(self, entries: Sequence[_Entry]) -> _Imported:
        """Create or update profiles by a job that also puts them on the list."""
        refused: dict[str, str] = {}
        job: _Job | None = None
        while entries and job is None:
            started = self._start_import(entries)
            if isinstance(started, _Job):
                job = started
            else:
                # Nothing was imported because of these.
                refused |= {entries[index].key: words for index, words in started.items()}
                entries = [entry for entry in entries if entry.key not in refused]
        if job is None:
            return _Imported(refused)
        done = self._finished(
            self._profiles.get_bulk_import_profiles_job_without_preload_content, job.data.id
        )
        keys = {entry.email: entry.key for entry in entries}
        count = known = 0
        for page in self._pages(
            _ImportErrors,
            self._slow,
            self._profiles.get_errors_for_bulk_import_profiles_job_without_preload_content,
            job.data.id,
        ):
            for error in (one.attributes for one in page.data):
                count += 1
                key = keys.get(_email_in(error.original_payload) or "")
                if key is not None:
                    known += 1
                    refused[key] = shortened(error.detail or error.title)
        if known == count and count >= (done.failed_count or 0):
            return _Imported(refused)
        return _Imported(refused, [entry for entry in entries if entry.key not in refused])

    def _start_import(self, entries: Sequence[_Entry]) -> _Job | Mapping[int, str]:
        """Start a job; or give what is wrong with which of the profiles, if that is said."""
        body: dict[str, Any] = {
            "type": "profile-bulk-import-job",
            "attributes": {"profiles": {"data": [entry.profile for entry in entries]}},
        }
        if self._list_id:
            body["relationships"] = {"lists": {"data": [{"type": "list", "id": self._list_id}]}}

        def start() -> _Job | Mapping[int, str]:
            response = self._profiles.bulk_import_profiles_without_preload_content(
                {"data": body}, _request_timeout=self._timeout
            )
            return _faults(response, len(entries)) or content(response, _Job)

        return self._slow(start)

    def _take_off(self, rows: Sequence[Row], errors: dict[str, str]) -> None:
        """Take off the list who left, and former addresses of who is accepted."""
        rows = [row for row in rows if row.entity_key not in errors]
        staying = {email_of(row.identifier) for row in rows if row.is_upsert}
        leaving = {row.entity_key: emails_of(row) - staying for row in rows}
        going = self._listed({email for emails in leaving.values() for email in emails})
        # A profile may have several addresses, and be found by a former one and by its own.
        moved = [row for row in rows if row.is_upsert and leaving[row.entity_key]]
        remaining = self._listed(_all_emails(moved) & staying)
        for key, emails in leaving.items():
            for email in emails & going.refused.keys():
                errors[key] = going.refused[email]
        ids = {profile.id: email for email, profile in going.profiles.items()}
        for profile in remaining.profiles.values():
            ids.pop(profile.id, None)

        def remove(part: Sequence[str]) -> _Nothing:
            body = {"data": [{"type": "profile", "id": one} for one in part]}
            remove_profiles = self._lists.remove_profiles_from_list_without_preload_content
            return self._ask(self._slow, _Nothing, remove_profiles, self._list_id, body)

        for part, answer in sifted(in_parts(list(ids), IDS_IN_A_CALL), remove):
            if isinstance(answer, BatchRefused):
                concerned = [key for key, emails in leaving.items() if ids[part[0]] in emails]
                errors |= dict.fromkeys(concerned or leaving, str(answer))

    def _listed(self, emails: Collection[str]) -> _Found:
        """Those of the addresses that are on the list; nobody is where there is no list."""
        if not self._list_id:
            return _Found({}, {})
        method = self._lists.get_profiles_for_list_without_preload_content
        return self._look_up(emails, method, self._list_id, fields_profile=["email"])

    def _find(self, emails: Collection[str]) -> _Found:
        """Those of the addresses that have a profile."""
        return self._look_up(emails, self._profiles.get_profiles_without_preload_content)

    def _suppressed(self, emails: Collection[str]) -> Collection[str]:
        """Those of the addresses that are sent no e-mail, for whatever reason."""
        method = self._profiles.get_profiles_without_preload_content
        found = self._look_up(emails, method, additional_fields_profile=["subscriptions"])
        return {
            email
            for email, profile in found.profiles.items()
            if _inside(profile.attributes, "subscriptions", "email", "marketing", "suppression")
        }

    def _look_up(
        self,
        emails: Collection[str],
        method: Callable[..., Any],
        *arguments: object,
        **options: object,
    ) -> _Found:
        def look_up(part: Sequence[str]) -> list[_Profile]:
            # The addresses hold no quotes and no backslashes.
            quoted = ",".join(f'"{email}"' for email in part)
            pages = self._pages(
                _Profiles,
                self._quick,
                method,
                *arguments,
                **options,
                filter=f"any(email,[{quoted}])",
            )
            return [profile for page in pages for profile in page.data]

        profiles: dict[str, _Profile] = {}
        refused: dict[str, str] = {}
        for part, answer in sifted(in_parts(sorted(emails), EMAILS_IN_A_FILTER), look_up):
            if isinstance(answer, BatchRefused):
                refused[part[0]] = str(answer)
            else:
                profiles |= {profile.email: profile for profile in answer if profile.email}
        return _Found(profiles, refused)

    def _pages(
        self,
        model: type[P],
        calls: Calls,
        method: Callable[..., Any],
        *arguments: object,
        **options: object,
    ) -> Iterator[P]:
        cursor = None
        while True:
            page = self._ask(
                calls,
                model,
                method,
                *arguments,
                page_size=PAGE,
                page_cursor=cursor,
                # 414: the filter makes too long an address.
                about_rows=REFUSES_CONTENT | {414},
                **options,
            )
            yield page
            cursor = page.links.next
            if cursor is None:
                return

    def _finished(self, method: Callable[..., Any], job_id: str) -> _JobStatus:
        """Wait for a job.

        Raises:
            NoAnswer: it took too long, or was cancelled.
        """

        def look() -> _JobStatus:
            job = content(method(job_id, _request_timeout=self._timeout), _Job)
            if job.data.attributes.status in ("queued", "processing"):
                raise Unreadable(f"job {job_id} of Klaviyo is {job.data.attributes.status}")
            return job.data.attributes

        done = self._poll(look)
        if done.status != "complete":
            raise NoAnswer(f"job {job_id} of Klaviyo ended as {done.status}")
        return done

    def _ask(
        self,
        calls: Calls,
        model: type[M],
        method: Callable[..., Any],
        *arguments: object,
        about_rows: Collection[int] = REFUSES_CONTENT,
        **options: object,
    ) -> M:
        return calls(
            lambda: content(method(*arguments, **options, _request_timeout=self._timeout), model),
            about_rows,
        )


class KlaviyoList(KlaviyoProfiles):
    """A client for one list, which can also say who is on it."""

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Tell who is on the list, or cannot be looked up there."""
        listed = self._listed(_all_emails(rows))
        return {row.entity_key for row in rows if listed.has_any(emails_of(row))}

    def held(self) -> Iterator[str]:
        """E-mail addresses of the list's members; profiles without one are left out."""
        for page in self._pages(
            _Profiles,
            self._quick,
            self._lists.get_profiles_for_list_without_preload_content,
            self._list_id,
            fields_profile=["email"],
        ):
            yield from (profile.email for profile in page.data if profile.email)


def _all_emails(rows: Sequence[Row]) -> set[str]:
    return {email for row in rows for email in emails_of(row)}


def _job_sizes(entries: Sequence[_Entry]) -> Iterator[Sequence[_Entry]]:
    """Cut into parts that one job takes."""
    part: list[_Entry] = []
    size = 0
    for entry in entries:
        more = len(json.dumps(entry.profile)) + 2
        if part and (len(part) == PROFILES_IN_A_JOB or size + more > BYTES_IN_A_JOB):
            yield part
            part, size = [], 0
        part.append(entry)
        size += more
    if part:
        yield part


def _entry(row: Row) -> _Entry | str:
    """What Klaviyo is told of a row's profile, or why it can be told nothing."""
    email = email_of(row.identifier)
    if email is None:
        return _NO_EMAIL
    attributes: dict[str, Any] = {"email": email}
    location: dict[str, str | None] = {}
    properties: dict[str, object] = {}
    unset: list[str] = []
    for name, value in (row.payload or {}).items():
        plain = _plain(value)
        part = name.removeprefix("location.")
        if name == "email":
            if email_of(str(plain)) != email:
                return _OTHER_EMAIL
        elif name in ATTRIBUTES:
            attributes[name] = None if plain is None else str(plain)
        elif part != name and part in LOCATION:
            location[part] = None if plain is None else str(plain)
        elif plain is None:
            unset.append(name)
        else:
            properties[name] = plain
    profile: dict[str, Any] = {"type": "profile", "attributes": attributes}
    clears = None in [*attributes.values(), *location.values()] or bool(unset)
    if location:
        attributes["location"] = location
    if properties:
        attributes["properties"] = properties
    if unset:
        profile["meta"] = {"patch_properties": {"unset": unset}}
    return _Entry(row.entity_key, email, profile, clears)


def _plain(value: object) -> object:
    """A value as JSON has it; a number that is none is no value."""
    match value:
        case float() | Decimal() if not math.isfinite(value):
            return None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return value.isoformat() + ("" if value.tzinfo else "+00:00")
        case date():
            return value.isoformat()
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def _is_as(profile: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    """Tell whether Klaviyo's attributes are as a profile wants them."""

    def agrees(wanted: Mapping[str, Any], there: object) -> bool:
        return isinstance(there, Mapping) and all(
            agrees(value, there.get(name))
            if isinstance(value, Mapping)
            # Klaviyo leaves out what has no value.
            else there.get(name) == value
            for name, value in wanted.items()
        )

    wanted = {name: value for name, value in profile["attributes"].items() if name != "email"}
    unset = _inside(profile, "meta", "patch_properties", "unset") or []
    properties = held.get("properties") or {}
    return agrees(wanted, held) and all(properties.get(name) is None for name in unset)


def _inside(value: object, *names: str) -> Any:
    """What is under these names, one inside the other; None where one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _email_in(payload: object) -> str | None:
    """The address in what Klaviyo quotes of a profile, whichever part of it that is."""
    match payload:
        case {"email": str(email)}:
            return email_of(email)
        case {"attributes": inner} | {"data": inner}:
            return _email_in(inner)
    return None


def _faults(response: BaseHTTPResponse, size: int) -> Mapping[int, str]:
    """What a refusal of a job says of its profiles by their place; empty if it says nothing."""
    if response.status != 400:
        return {}
    try:
        faults = _Faults.model_validate_json(response.data).errors
    except ValueError:
        return {}
    said: dict[int, str] = {}
    for fault in faults:
        place = _POINTER.match(fault.source.pointer)
        if place and int(place[1]) < size:
            said[int(place[1])] = f"400: {shortened(fault.detail)}"
    return said
