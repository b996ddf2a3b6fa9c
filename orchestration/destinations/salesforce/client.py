"""Writes records through sObject Collections, 200 in a request, each with an answer of its own.

Records are upserted by an external ID field, or found by e-mail and then updated or created.
Members who leave are taken off the campaign, or have fields of their record set.
"""

import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote_plus

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceError,
    SalesforceExpiredSession,
)
from simple_salesforce.format import quote_soql_value
from simple_salesforce.login import SalesforceLogin

from orchestration.destinations.base import (
    Answer,
    Batch,
    BatchRefused,
    DestinationStopped,
    Row,
)
from orchestration.destinations.calls import Calls, Reply, Unreadable, shortened
from orchestration.destinations.values import as_json

T = TypeVar("T")
Keyed = tuple[str, T]
"""Something of a row, with the row's entity key."""
Body = dict[str, object]
Found = dict[str, list[tuple[str, str]]]
"""Value of the match field, and id, of records; by the value in lower case, because
Salesforce compares text without regard to case."""

COLLECTION = 200
# Of an address Salesforce takes 16,384 characters with the headers.
QUERY_LENGTH = 8_000
A_LONG_TIME_SECONDS = 3_600.0
# Of one row's making; everything else that is 400 is a name or an id in the settings.
ABOUT_CONTENT = ("JSON_PARSER_ERROR",)


@dataclass(frozen=True, slots=True)
class Records:
    """Which records the members have."""

    object_name: str
    match_field: str
    """Where the identifier is."""
    is_external_id: bool
    create_missing: bool = True
    on_leave: Mapping[str, object] = field(default_factory=dict)
    campaign_id: str | None = None
    campaign_status: str | None = None


class TimedSession(requests.Session):
    """A session that waits no longer than it should; the library sets no limit."""

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        self._timeout_seconds = timeout_seconds

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Make a request; `timeout` is the session's own if none is given."""
        kwargs.setdefault("timeout", self._timeout_seconds)
        return super().request(*args, **kwargs)


class SalesforceDestination:
    """A client for the records of one object. Not safe for use by several threads."""

    def __init__(
        self,
        credentials: Mapping[str, Any],
        records: Records,
        *,
        instance_url: str,
        timeout_seconds: float = 30.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = credentials
        self._records = records
        self._http = session or TimedSession(timeout_seconds)
        self._logged_in: Salesforce | None = None
        self._has_campaign = False
        self._call = Calls(
            _reply,
            max_retries=max_retries,
            requests_per_second=requests_per_second,
            sleep=sleep,
        )
        self.address = f"{instance_url} {records.campaign_id or records.object_name}"

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Write the rows' records, then take those off who left.

        A row is accepted when everything about it was done.
        """
        leaving = _leaving(batch.rows)
        if leaving and not (self._records.campaign_id or self._records.on_leave):
            raise DestinationStopped(
                "a member left, and the settings do not say what that means; set `campaign_id` "
                "or `on_leave`, or use mode upsert"
            )
        self._require_campaign()
        errors = {
            row.entity_key: "the row has no identifier"
            for row in batch.rows
            if not row.identifier and (row.is_upsert or not row.former_identifiers)
        }
        upserts = [row for row in batch.rows if row.is_upsert and row.identifier]
        kept = self._upserted(upserts, errors)
        if self._records.campaign_id:
            self._join_campaign(kept, errors)
        leaving = {each: key for each, key in leaving.items() if key not in errors}
        self._take_off(leaving, {record_id for _, record_id in kept}, errors)
        return [Answer(row.entity_key, errors.get(row.entity_key)) for row in batch.rows]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Records

    def _upserted(self, rows: Sequence[Row], errors: dict[str, str]) -> list[Keyed[str]]:
        """Write the records of rows and give their ids; the words of refusals are in `errors`."""
        records = self._records
        if records.is_external_id and records.create_missing:
            path = f"composite/sobjects/{records.object_name}/{records.match_field}"
            bodies = [
                (row.entity_key, self._body(row) | {records.match_field: row.identifier})
                for row in rows
            ]
            return self._written("PATCH", path, bodies, errors)
        found = self._found(row.identifier for row in rows)
        ids: list[Keyed[str]] = []
        changed: list[Keyed[Body]] = []
        created: list[Keyed[Body]] = []
        for row in rows:
            body = self._body(row)
            match self._matching(found, row.identifier):
                case [record_id] if len(body) > 1:
                    changed.append((row.entity_key, body | {"id": record_id}))
                case [record_id]:
                    ids.append((row.entity_key, record_id))
                case [] if records.create_missing:
                    body[records.match_field] = row.identifier
                    created.append((row.entity_key, body))
                case several:
                    errors[row.entity_key] = (
                        f"{len(several)} records of {records.object_name} have "
                        f"{records.match_field} {row.identifier}; accepted: one"
                    )
        ids += self._written("PATCH", "composite/sobjects", changed, errors)
        return ids + self._written("POST", "composite/sobjects", created, errors)

    def _body(self, row: Row) -> Body:
        fields = {name: as_json(value) for name, value in (row.payload or {}).items()}
        fields.pop(self._records.match_field, None)
        return {"attributes": {"type": self._records.object_name}, **fields}

    def _found(self, identifiers: Iterable[str | None]) -> Found:
        """Find the records that have one of `identifiers`."""
        match_field = self._records.match_field
        start = f"SELECT Id, {match_field} FROM {self._records.object_name} WHERE {match_field} IN "
        found: Found = {}
        for record in self._selected(start, filter(None, identifiers)):
            value = str(record[match_field])
            found.setdefault(value.lower(), []).append((value, record["Id"]))
        return found

    def _matching(self, found: Found, identifier: str | None) -> list[str]:
        """Ids of the records with this identifier."""
        each = found.get((identifier or "").lower(), [])
        # An external ID field may be one that tells A from a; of an address nothing does.
        same = [record_id for value, record_id in each if value == identifier]
        if self._records.is_external_id and same:
            return same
        return [record_id for _, record_id in each]

    # Campaign members

    def _require_campaign(self) -> None:
        """Make sure, once, that there is a campaign: without it every row would be rejected."""
        campaign_id = self._records.campaign_id
        if campaign_id is None or self._has_campaign:
            return
        if not list(self._selected("SELECT Id, Name FROM Campaign WHERE Id IN ", [campaign_id])):
            raise DestinationStopped(
                f"there is no campaign {campaign_id} (`campaign_id`) that the user may see"
            )
        self._has_campaign = True

    def _join_campaign(self, kept: Sequence[Keyed[str]], errors: dict[str, str]) -> None:
        """Add those records to the campaign that are not in it; others keep their status."""
        present = self._members(record_id for _, record_id in kept)
        body: Body = {
            "attributes": {"type": "CampaignMember"},
            "CampaignId": self._records.campaign_id,
        }
        if self._records.campaign_status:
            body["Status"] = self._records.campaign_status
        joining = [
            (key, body | {f"{self._records.object_name}Id": record_id})
            for key, record_id in kept
            if record_id not in present
        ]
        # Somebody else may have added it in the meantime.
        self._written("POST", "composite/sobjects", joining, errors, harmless="DUPLICATE_VALUE")

    def _members(self, record_ids: Iterable[str]) -> dict[str, str]:
        """Ids of campaign members by the ids of their records."""
        id_field = f"{self._records.object_name}Id"
        start = (
            f"SELECT Id, {id_field} FROM CampaignMember WHERE CampaignId = "
            f"{quote_soql_value(self._records.campaign_id)} AND {id_field} IN "
        )
        return {record[id_field]: record["Id"] for record in self._selected(start, record_ids)}

    # Leaving

    def _take_off(
        self, leaving: Mapping[str, str], kept: Collection[str], errors: dict[str, str]
    ) -> None:
        """Take off the records that only members who left had."""
        found = self._found(leaving)
        keys = {
            record_id: key
            for identifier, key in leaving.items()
            for record_id in self._matching(found, identifier)
            if record_id not in kept
        }
        if self._records.campaign_id:
            members = [
                (keys[record_id], member) for record_id, member in self._members(keys).items()
            ]
            for chunk in _chunks(members):
                ids = ",".join(member for _, member in chunk)
                path = f"composite/sobjects?ids={ids}&allOrNone=false"
                self._collected("DELETE", path, None, chunk, errors, "ENTITY_IS_DELETED")
        if self._records.on_leave:
            body: Body = {"attributes": {"type": self._records.object_name}}
            bodies = [
                (key, {**body, **self._records.on_leave, "id": record_id})
                for record_id, key in keys.items()
            ]
            self._written("PATCH", "composite/sobjects", bodies, errors, "ENTITY_IS_DELETED")

    # Requests

    def _written(
        self,
        method: str,
        path: str,
        bodies: Sequence[Keyed[Body]],
        errors: dict[str, str],
        harmless: str | None = None,
    ) -> list[Keyed[str]]:
        """Write records and give the ids of those that were; refusals go to `errors`."""
        written: list[Keyed[str]] = []
        for chunk in _chunks(bodies):
            content = {"allOrNone": False, "records": [body for _, body in chunk]}
            written += self._collected(method, path, content, chunk, errors, harmless)
        return written

    def _collected(
        self,
        method: str,
        path: str,
        content: object,
        chunk: Sequence[Keyed[Any]],
        errors: dict[str, str],
        harmless: str | None,
    ) -> list[Keyed[str]]:
        def request(salesforce: Salesforce) -> list[Mapping[str, Any]]:
            arguments: dict[str, Any] = {} if content is None else {"json": content}
            return _results(salesforce.restful(path, method=method, **arguments), len(chunk))

        try:
            results = self._asked(request)
        except BatchRefused as refused:
            if any(code in str(refused) for code in ABOUT_CONTENT):
                raise
            raise DestinationStopped(str(refused)) from refused
        written: list[Keyed[str]] = []
        for (key, _), result in zip(chunk, results, strict=True):
            said = result.get("errors") or []
            if result["success"]:
                written.append((key, str(result.get("id"))))
            elif not (harmless and any(error.get("statusCode") == harmless for error in said)):
                errors[key] = _words(said, "statusCode") or "refused without a reason"
        return written

    def _selected(self, start: str, values: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        """Select the records that have one of `values`, in as many queries as it takes."""
        quoted: list[str] = []
        length = 0
        for value in dict.fromkeys(values):
            item = quote_soql_value(value)
            if length + len(quote_plus(item)) > QUERY_LENGTH:
                yield from self._queried(f"{start}({','.join(quoted)})")
                quoted, length = [], 0
            quoted.append(item)
            length += len(quote_plus(item)) + len("%2C")
        if quoted:
            yield from self._queried(f"{start}({','.join(quoted)})")

    def _queried(self, soql: str) -> Iterator[Mapping[str, Any]]:
        page = self._asked(lambda salesforce: _page(salesforce.query(soql)), about_rows=())
        yield from page["records"]
        while not page["done"]:
            following = partial(_following, page["nextRecordsUrl"])
            page = self._asked(following, about_rows=())
            yield from page["records"]

    def _asked(self, request: Callable[[Salesforce], T], about_rows: Collection[int] = (400,)) -> T:
        """Make a request; where the session has ended, log in again, once."""

        def attempt() -> T:
            try:
                return request(self._connected())
            except SalesforceExpiredSession:
                self._logged_in = None
                return request(self._connected())

        return self._call(attempt, about_rows)

    def _connected(self) -> Salesforce:
        if self._logged_in is None:
            with warnings.catch_warnings():
                # One of the library's has the consumer key in it.
                warnings.simplefilter("ignore")
                session_id, host = SalesforceLogin(session=self._http, **self._credentials)
            self._logged_in = Salesforce(
                session_id=session_id, instance_url=f"https://{host}", session=self._http
            )
        return self._logged_in


class CampaignDestination(SalesforceDestination):
    """A client for the members of a campaign, which can say who they are."""

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Entity keys of the rows whose member is in the campaign."""
        found = self._found(row.identifier for row in rows)
        members = self._members(record_id for each in found.values() for _, record_id in each)
        return {
            row.entity_key
            for row in rows
            if any(record_id in members for record_id in self._matching(found, row.identifier))
        }

    def held(self) -> Iterator[str]:
        """The identifiers of the campaign's members that have one."""
        name = self._records.object_name
        related = f"{name}.{self._records.match_field}"
        soql = (
            f"SELECT Id, {related} FROM CampaignMember WHERE CampaignId = "
            f"{quote_soql_value(self._records.campaign_id)} AND {related} != null"
        )
        for member in self._queried(soql):
            yield str(member[name][self._records.match_field])


def _leaving(rows: Sequence[Row]) -> dict[str, str]:
    """Entity keys by the identifiers that shall be on the list no longer."""
    return {
        identifier: row.entity_key
        for row in rows
        for identifier in [*(() if row.is_upsert else (row.identifier,)), *row.former_identifiers]
        if identifier
    }


def _chunks(pairs: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(pairs), COLLECTION):
        yield pairs[first : first + COLLECTION]


def _results(answer: Any, expected: int) -> list[Mapping[str, Any]]:
    """One result for each record, in their order."""
    match answer:
        case list() if len(answer) == expected and all(
            isinstance(item, Mapping) and isinstance(item.get("success"), bool) for item in answer
        ):
            return answer
    raise Unreadable(f"200 with other than {expected} results")


def _page(answer: Any) -> Mapping[str, Any]:
    match answer:
        case {"done": True, "records": list()}:
            return dict(answer)
        case {"done": False, "records": list(), "nextRecordsUrl": str()}:
            return dict(answer)
    raise Unreadable("200 with other than a page of records")


def _following(url: str, salesforce: Salesforce) -> Mapping[str, Any]:
    return _page(salesforce.query_more(url, identifier_is_url=True))


def _reply(error: Exception) -> Reply | None:
    if isinstance(error, SalesforceAuthenticationFailed):
        is_passing = isinstance(error.code, int) and (error.code == 429 or error.code >= 500)
        words = shortened(f"login: {error.code}: {error.auth_message}")
        return Reply(None if is_passing else 401, words)
    if isinstance(error, SalesforceError):
        words = _words(error.content, "errorCode") or shortened(str(error.content))
        if "REQUEST_LIMIT_EXCEEDED" in words:
            # Too many at a time passes soon, the day's number does not.
            wait = A_LONG_TIME_SECONDS if "TotalRequests" in words else 0.0
            return Reply(None, f"{error.status}: {words}", wait)
        return Reply(error.status, words)
    if isinstance(error, requests.RequestException):
        # Its own words have the query in them, and with it people's addresses.
        return Reply(None, f"no usable answer ({type(error).__name__})")
    return None


def _words(errors: Any, code: str) -> str:
    """Salesforce's words: a list of objects with a code, a message and maybe fields."""
    said = [error for error in errors if isinstance(error, Mapping)] if errors else []
    return shortened(
        "; ".join(
            f"{error.get(code)}: {error.get('message')}"
            + (f" ({', '.join(error['fields'])})" if error.get("fields") else "")
            for error in said
        )
    )
