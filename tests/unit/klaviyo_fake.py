"""Klaviyo as far as its destination needs it: profiles, one list, suppressions, and slow jobs."""

import json
from typing import Any
from urllib.parse import quote

import httpx
from fake_api import FakeApi, Reply, Request, Response

KEY = "pk_hush_hush"
AT = "2026-07-01T12:00:00+00:00"
LONGEST_TARGET = 8_000
_LINK = {"self": "https://a.klaviyo.com/api/x"}


class KlaviyoFake(FakeApi):
    routes = (
        ("list", "GET", r"/api/lists/([^/]+)"),
        ("members", "GET", r"/api/lists/([^/]+)/profiles"),
        ("add", "POST", r"/api/lists/([^/]+)/relationships/profiles"),
        ("remove", "DELETE", r"/api/lists/([^/]+)/relationships/profiles"),
        ("profiles", "GET", r"/api/profiles"),
        ("write_one", "POST", r"/api/profile-import"),
        ("start_import", "POST", r"/api/profile-bulk-import-jobs"),
        ("import_job", "GET", r"/api/profile-bulk-import-jobs/([^/]+)"),
        ("import_errors", "GET", r"/api/profile-bulk-import-jobs/([^/]+)/import-errors"),
        ("start_suppression", "POST", r"/api/profile-suppression-bulk-create-jobs"),
        ("suppression_job", "GET", r"/api/profile-suppression-bulk-create-jobs/([^/]+)"),
    )

    def __init__(self, specification: httpx.Client | None = None) -> None:
        super().__init__(specification)
        self.people: dict[str, dict[str, Any]] = {}
        self.on_list: set[str] = set()
        self.suppressed: set[str] = set()
        self.cannot_be_suppressed: set[str] = set()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.polls_until_done = 2
        self.ends_as = "complete"
        self.quotes_payload = True
        """Whether an import's error repeats the profile that it is about."""

    def have(self, email: str, *, is_listed: bool = False, **attributes: Any) -> str:
        number = f"P{len(self.people):04}"
        self.people[number] = {"email": email, "properties": {}, **attributes}
        if is_listed:
            self.on_list.add(number)
        return number

    def listed(self) -> set[str]:
        return {self.people[one]["email"] for one in self.on_list}

    def attributes_of(self, email: str) -> dict[str, Any]:
        (found,) = [one for one in self.people.values() if one["email"] == email]
        return {name: value for name, value in found.items() if name != "email"}

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Klaviyo-API-Key {KEY}":
            return Response(401, _error("Missing or invalid private key."))
        if not request.headers.get("revision"):
            return Response(400, _error("A revision header is required."))
        return super().answer(request)

    def example(self, content: bytes) -> bytes:
        """Without the specification's next page, `http://example.com`."""
        body = json.loads(content or b"{}")
        body.get("links", {}).pop("next", None)
        return json.dumps(body).encode() if content else content

    def list(self, _: Request, list_id: str) -> Reply:
        if list_id != "Y6nRLr":
            return 404, _error(f"A list with id {list_id} does not exist.")
        described = {"name": "Champions", "created": AT, "updated": AT}
        return 200, {
            "data": {"type": "list", "id": list_id, "attributes": described, "links": _LINK}
        }

    def members(self, request: Request, _: str) -> Reply:
        return self._search(request, sorted(self.on_list))

    def profiles(self, request: Request) -> Reply:
        return self._search(request, sorted(self.people))

    def _search(self, request: Request, numbers: Any) -> Reply:
        if len(request.target) > LONGEST_TARGET:
            return 414, _error("Request-URI Too Large")
        if condition := request.query.get("filter"):
            emails = json.loads(condition.removeprefix("any(email,").removesuffix(")"))
            numbers = [
                one
                for one in numbers
                if {self.people[one]["email"], self.people[one].get("second")} & set(emails)
            ]
        found = [self._profile(one, request) for one in numbers]
        return 200, _page(request, found)

    def _profile(self, number: str, request: Request) -> dict[str, Any]:
        held = self.people[number]
        attributes = {name: value for name, value in held.items() if name != "second"}
        if "fields[profile]" in request.query:
            attributes = {"email": held["email"]}
        if "additional-fields[profile]" in request.query:
            is_suppressed = held["email"] in self.suppressed
            reasons = [{"reason": "USER_SUPPRESSED", "timestamp": AT}] if is_suppressed else []
            attributes["subscriptions"] = {"email": {"marketing": {"suppression": reasons}}}
        attributes["joined_group_at"] = AT
        return {"type": "profile", "id": number, "attributes": attributes, "links": _LINK}

    def add(self, request: Request, _: str) -> Reply:
        numbers = [one["id"] for one in request.body["data"]]
        assert len(numbers) <= 1_000
        if unknown := [one for one in numbers if one not in self.people]:
            return 400, _error(f"no profile {unknown[0]}")
        self.on_list |= set(numbers)
        return 204, None

    def remove(self, request: Request, _: str) -> Reply:
        numbers = [one["id"] for one in request.body["data"]]
        assert len(numbers) <= 1_000
        self.on_list -= set(numbers)
        return 204, None

    def write_one(self, request: Request) -> Reply:
        wanted = request.body["data"]
        if wrong := self._wrong(wanted):
            return 409 if "phone_number" in wrong else 400, _error(wrong)
        number, is_new = self._upsert(wanted, clears=True)
        return 201 if is_new else 200, {"data": self._profile(number, request)}

    def _wrong(self, wanted: dict[str, Any]) -> str | None:
        attributes = wanted["attributes"]
        phone = attributes.get("phone_number")
        if phone and not phone.startswith("+"):
            return f"{phone} is not a number in E.164 format"
        for held in self.people.values():
            if phone and held.get("phone_number") == phone and held["email"] != attributes["email"]:
                return "A profile already exists with the phone_number."
        return None

    def _upsert(self, wanted: dict[str, Any], *, clears: bool) -> tuple[str, bool]:
        attributes = dict(wanted["attributes"])
        email = attributes.pop("email")
        numbers = [one for one, held in self.people.items() if held["email"] == email]
        number = numbers[0] if numbers else self.have(email)
        held = self.people[number]
        for name in ("properties", "location"):
            held[name] = {**held.get(name, {}), **attributes.pop(name, {})}
        held |= attributes
        unset = wanted.get("meta", {}).get("patch_properties", {}).get("unset", [])
        if not clears:
            assert None not in attributes.values(), "a job does not clear fields"
            assert not unset, "a job does not clear properties"
        for name in unset:
            held["properties"].pop(name, None)
        return number, not numbers

    def start_import(self, request: Request) -> Reply:
        wanted = request.body["data"]["attributes"]["profiles"]["data"]
        assert len(wanted) <= 10_000
        assert len(json.dumps(request.body)) <= 5_000_000
        lists = request.body["data"].get("relationships", {}).get("lists", {}).get("data", [])
        faults = [
            _fault("Invalid email address", f"/data/attributes/profiles/data/{place}/attributes")
            for place, one in enumerate(wanted)
            if one["attributes"]["email"].endswith(".invalid")
        ]
        if faults:
            return 400, {"errors": faults}
        job = {"polls": 0, "profiles": wanted, "is_for_list": bool(lists), "errors": []}
        return self._start("profile-bulk-import-job", job)

    def _start(self, kind: str, job: dict[str, Any]) -> Reply:
        job |= {"type": kind, "id": f"J{len(self.jobs)}", "total": len(job["profiles"])}
        self.jobs[job["id"]] = job
        return 202, _job(job, "queued")

    def import_job(self, _: Request, job_id: str) -> Reply:
        job = self.jobs[job_id]
        job["polls"] += 1
        if job["polls"] < self.polls_until_done:
            return 200, _job(job, "processing")
        if job["polls"] == self.polls_until_done and self.ends_as == "complete":
            for wanted in job["profiles"]:
                if wrong := self._wrong(wanted):
                    quoted = wanted["attributes"] if self.quotes_payload else None
                    job["errors"].append((wrong, quoted))
                    continue
                number, _is_new = self._upsert(wanted, clears=False)
                if job["is_for_list"]:
                    self.on_list.add(number)
        return 200, _job(job, self.ends_as, failed_count=len(job["errors"]))

    def import_errors(self, request: Request, job_id: str) -> Reply:
        found = [
            {
                "type": "import-error",
                "id": f"E{number}",
                "attributes": {
                    "code": "invalid",
                    "title": "Invalid input",
                    "detail": words,
                    "source": {"pointer": "/data"},
                    "original_payload": quoted,
                },
                "links": _LINK,
            }
            for number, (words, quoted) in enumerate(self.jobs[job_id]["errors"])
        ]
        return 200, _page(request, found)

    def start_suppression(self, request: Request) -> Reply:
        wanted = request.body["data"]["attributes"]["profiles"]["data"]
        assert len(wanted) <= 100
        emails = [one["attributes"]["email"] for one in wanted]
        if wrong := [one for one in emails if one.endswith(".invalid")]:
            return 400, _error(f"{wrong[0]} is no address")
        skipped = [one for one in emails if one in self.suppressed | self.cannot_be_suppressed]
        for email in emails:
            if email not in skipped:
                self.suppressed.add(email)
                if all(held["email"] != email for held in self.people.values()):
                    self.have(email)
        job = {"polls": 0, "profiles": wanted, "skipped": len(skipped)}
        return self._start("profile-suppression-bulk-create-job", job)

    def suppression_job(self, _: Request, job_id: str) -> Reply:
        job = self.jobs[job_id]
        job["polls"] += 1
        is_done = job["polls"] >= self.polls_until_done
        status = self.ends_as if is_done else "queued"
        return 200, _job(job, status, skipped_count=job["skipped"] if is_done else None)


def _page(request: Request, found: Any) -> dict[str, Any]:
    size, first = (
        int(request.query["page[size]"]),
        int(request.query.get("page[cursor]", "0=")[:-1]),
    )
    assert size <= 100
    links = {**_LINK}
    if len(found) > first + size:
        # A cursor has characters that mean something in an address.
        cursor = quote(f"{first + size}=")
        links["next"] = f"https://a.klaviyo.com/api/x?page%5Bcursor%5D={cursor}"
    return {"data": found[first : first + size], "links": links}


def _job(job: dict[str, Any], status: str, **counts: int | None) -> dict[str, Any]:
    attributes = {"status": status, "created_at": AT, "total_count": job["total"], **counts}
    kind = {"type": job["type"], "id": job["id"]}
    return {"data": {**kind, "attributes": attributes, "links": _LINK}}


def _fault(detail: str, pointer: str) -> dict[str, Any]:
    names = {"id": "x", "code": "invalid", "title": "Invalid input."}
    return {**names, "detail": detail, "source": {"pointer": pointer}}


def _error(detail: str) -> dict[str, Any]:
    return {"errors": [_fault(detail, "/data")]}
