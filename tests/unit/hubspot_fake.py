"""HubSpot as far as its destination needs it: contacts, one list, and its odd ways."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from fake_api import FakeApi, Reply, Request, Response

TOKEN = "pat-eu1-hush-hush"
AT = "2026-07-01T12:00:00.000Z"
KNOWN = {"email", "hs_additional_emails", "firstname", "lastname", "mrr", "since", "vip"}


class HubSpotFake(FakeApi):
    routes = (
        ("list", "GET", r"/crm/v3/lists/(\d+)"),
        ("memberships", "GET", r"/crm/v3/lists/(\d+)/memberships"),
        ("add_and_remove", "PUT", r"/crm/v3/lists/(\d+)/memberships/add-and-remove"),
        ("read", "POST", r"/crm/v3/objects/contacts/batch/read"),
        ("update", "POST", r"/crm/v3/objects/contacts/batch/update"),
        ("upsert", "POST", r"/crm/v3/objects/contacts/batch/upsert"),
        ("archive", "POST", r"/crm/v3/objects/contacts/batch/archive"),
    )

    def __init__(self, specification: httpx.Client | None = None) -> None:
        super().__init__(specification)
        self.contacts: dict[str, dict[str, str]] = {}
        self.members: set[str] = set()
        self.kind = ("0-1", "MANUAL")
        self.gone_from_lists: set[str] = set()
        """Contacts that the lists do not know, deleted in between for example."""

    def have(self, email: str, *, is_listed: bool = False, **properties: str) -> str:
        number = str(101 + len(self.contacts))
        self.contacts[number] = {"email": email, **properties}
        if is_listed:
            self.members.add(number)
        return number

    def listed(self) -> set[str]:
        return {self.contacts[one]["email"] for one in self.members}

    def properties_of(self, email: str) -> dict[str, str]:
        (found,) = [one for one in self.contacts.values() if one["email"] == email]
        return {name: value for name, value in found.items() if name != "email"}

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") == f"Bearer {TOKEN}":
            return super().answer(request)
        words = "Authentication credentials not found"
        return Response(401, _error(words, "INVALID_AUTHENTICATION"))

    def list(self, _: Request, list_id: str) -> Reply:
        if list_id != "42":
            return 404, _error(f"List does not exist with ID {list_id}.", "OBJECT_NOT_FOUND")
        described = {
            "listId": list_id,
            "listVersion": 1,
            "name": "Champions",
            "objectTypeId": self.kind[0],
            "processingStatus": "COMPLETE",
            "processingType": self.kind[1],
        }
        return 200, {"list": described}

    def memberships(self, request: Request, _: str) -> Reply:
        limit = int(request.query["limit"])
        assert limit <= 250
        rest = [one for one in sorted(self.members) if one > request.query.get("after", "")]
        page: dict[str, Any] = {
            "results": [{"recordId": one, "membershipTimestamp": AT} for one in rest[:limit]]
        }
        if len(rest) > limit:
            page["paging"] = {"next": {"after": rest[limit - 1], "link": "?"}}
        return 200, page

    def add_and_remove(self, request: Request, _: str) -> Reply:
        add, remove = request.body["recordIdsToAdd"], request.body["recordIdsToRemove"]
        assert set(add).isdisjoint(remove)
        known = self.contacts.keys() - self.gone_from_lists
        missing = [one for one in add + remove if one not in known]
        added = [one for one in add if one in known and one not in self.members]
        removed = [one for one in remove if one in known and one in self.members]
        self.members = (self.members | set(added)) - set(removed)
        return 200, {
            "recordsIdsAdded": added,
            "recordIdsRemoved": removed,
            "recordIdsMissing": missing,
        }

    def read(self, request: Request) -> Reply:
        inputs = [one["id"] for one in request.body["inputs"]]
        if refused := _too_many(inputs):
            return refused
        names = {"hs_object_id", *request.body["properties"]}
        found, missing = [], []
        for one in inputs:
            number = self._by_email(one) if "idProperty" in request.body else one
            if number in self.contacts:
                held = self.contacts[number]
                found.append(
                    _contact(number, {name: held.get(name) for name in names if name in KNOWN})
                )
            else:
                missing.append(one)
        unique = list({one["id"]: one for one in found}.values())
        if not missing:
            return 200, _batch(unique)
        message = "Could not get some CONTACT objects, they may be deleted or not exist."
        return 207, _batch(unique, [_row_error(message, "OBJECT_NOT_FOUND", ids=missing)])

    def update(self, request: Request) -> Reply:
        """In part if every input has a trace; who is not there is passed over without a word."""
        inputs = request.body["inputs"]
        if refused := _too_many([one["id"] for one in inputs]):
            return refused
        if any("idProperty" in one for one in inputs):
            return 400, _error("Unable to perform update/upsert by non-unique 0-1 property")
        wrong = {
            one["objectWriteTraceId"]: words
            for one in inputs
            for words in _wrong(one["properties"])
        }
        if unknown := [one for one in wrong.values() if "PROPERTY_DOESNT_EXIST" in one]:
            return 400, _error(f"Property values were not valid: {unknown[0]}")
        done = []
        for one in inputs:
            if one["objectWriteTraceId"] not in wrong and one["id"] in self.contacts:
                self.contacts[one["id"]] |= one["properties"]
                trace = {"objectWriteTraceId": one["objectWriteTraceId"]}
                done.append(_contact(one["id"], one["properties"]) | trace)
        if not wrong:
            return 200, _batch(done)
        errors = [
            _row_error(words, "VALIDATION_ERROR", objectWriteTraceId=[trace])
            for trace, words in wrong.items()
        ]
        return 207, _batch(done, errors)

    def upsert(self, request: Request) -> Reply:
        """By e-mail address: all or nothing."""
        inputs = request.body["inputs"]
        if refused := _too_many([one["id"] for one in inputs]):
            return refused
        assert all(one["idProperty"] == "email" for one in inputs)
        wrong = [words for one in inputs for words in _wrong(one["properties"])]
        if wrong:
            return 400, _error(f"Property values were not valid: {wrong}")
        done = []
        for one in inputs:
            number = self._by_email(one["id"])
            is_new = number is None
            if number is None:
                number = self.have(one["id"])
            self.contacts[number] |= one["properties"]
            done.append(_contact(number, self.contacts[number]) | {"new": is_new})
        return 200, _batch(done)

    def archive(self, request: Request) -> Reply:
        inputs = [one["id"] for one in request.body["inputs"]]
        if refused := _too_many(inputs):
            return refused
        for one in inputs:
            self.contacts.pop(one, None)
            self.members.discard(one)
        return 204, None

    def _by_email(self, email: str) -> str | None:
        return next(
            (
                number
                for number, held in self.contacts.items()
                if email in (held["email"], *held.get("hs_additional_emails", "").split(";"))
            ),
            None,
        )


def _wrong(properties: dict[str, str]) -> Iterator[str]:
    for name, value in properties.items():
        if name not in KNOWN:
            yield f'[{{"error":"PROPERTY_DOESNT_EXIST","message":"\\"{name}\\" does not exist"}}]'
        elif name == "mrr" and value and not value.replace(".", "").isdigit():
            yield f"{value} was not a valid number"
        elif name == "email" and value.endswith(".invalid"):
            yield f"Email address {value} is invalid"


def _too_many(ids: Sequence[str]) -> Reply | None:
    if len(ids) > 100:
        return 400, _error("The maximum number of inputs supported in a batch request is 100.")
    if len(set(ids)) < len(ids):
        return 400, _error("Duplicate IDs found in batch input.")
    return None


def _contact(number: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "properties": properties, "createdAt": AT, "updatedAt": AT}


def _batch(results: list[Any], errors: list[Any] | None = None) -> dict[str, Any]:
    batch: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": AT,
        "completedAt": AT,
    }
    return batch if errors is None else {**batch, "numErrors": len(errors), "errors": errors}


def _row_error(message: str, category: str, **context: list[str]) -> dict[str, Any]:
    return {"status": "error", "category": category, "message": message, "context": context}


def _error(message: str, category: str = "VALIDATION_ERROR") -> dict[str, str]:
    return {"status": "error", "message": message, "correlationId": "c0", "category": category}
