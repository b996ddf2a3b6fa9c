"""An audience at Mailchimp, as far as a sync changes it."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import httpx
from fake_api import FakeApi, Reply, Request, Response

LIST = "a1b2c3d4e5"
AT = f"/lists/{LIST}"
MEMBER, SEGMENT = AT + r"/members/([0-9a-f]{32})", AT + r"/segments/(\d+)"
KEY = "0123456789abcdef-us6"
ACTIVE = ("subscribed", "pending", "transactional")


class FakeMailchimp(FakeApi):
    """Members by the hash of their address, and tags by number."""

    base_path = "/3.0"
    routes: Sequence[tuple[str, str, str]] = (
        ("audience", "GET", AT),
        ("batch", "POST", AT),
        ("list_all", "GET", f"{AT}/members"),
        ("get", "GET", MEMBER),
        ("put", "PUT", MEMBER),
        ("archive", "DELETE", MEMBER),
        ("tags_of", "GET", f"{MEMBER}/tags"),
        ("tag", "POST", f"{MEMBER}/tags"),
        ("search_tags", "GET", f"{AT}/tag-search"),
        ("make_tag", "POST", f"{AT}/segments"),
        ("batch_tag", "POST", SEGMENT),
        ("list_tagged", "GET", f"{SEGMENT}/members"),
    )

    def __init__(self, specification: httpx.Client | None = None) -> None:
        super().__init__(specification)
        self.members: dict[str, dict[str, Any]] = {}
        self.tags: dict[int, str] = {}
        self.in_compliance_state: set[str] = set()
        """Who unsubscribed through Mailchimp and can come back only through it."""
        self.page_size = 1_000

    # What tests look at

    def add(self, email: str, status: str = "subscribed", *tags: str, **fields: Any) -> None:
        self.members[hash_of(email)] = {
            "email_address": email,
            "status": status,
            "merge_fields": fields,
            "tags": set(tags),
        }
        for tag in tags:
            self._number(tag)

    def state(self) -> dict[str, tuple[str, dict[str, Any], set[str]]]:
        return {
            item["email_address"]: (item["status"], item["merge_fields"], item["tags"])
            for item in self.members.values()
        }

    # The API

    def answer(self, request: Request) -> Response:
        expected = "Basic " + base64.b64encode(f"strata:{KEY}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return Response(*problem(401, "API Key Invalid", "Your API key may be invalid."))
        return super().answer(request)

    def audience(self, _request: Request) -> Reply:
        return 200, {"id": LIST}

    def batch(self, request: Request) -> Reply:
        body = request.body
        assert len(body["members"]) <= 500
        new, updated, errors = [], [], []
        for sent in body["members"]:
            email = sent["email_address"]
            known = self.members.get(hash_of(email))
            if "@" not in email:
                errors.append(batch_error(email, "Please provide a valid email address."))
            elif known and not body.get("update_existing"):
                errors.append(batch_error(email, f"{email} is already a list member", exists=True))
            elif sent["merge_fields"].get("AGE") == "old":
                wrong = {"field": "AGE", "field_message": "Please enter a number"}
                errors.append(batch_error(email, "Your merge fields were invalid.") | wrong)
            elif known:
                known["merge_fields"].update(sent["merge_fields"])
                known["status"] = sent.get("status", known["status"])
                updated.append(self._shown(known))
            elif "status" not in sent:
                errors.append(batch_error(email, "A status is needed."))
            else:
                self.add(email, sent["status"], **sent["merge_fields"])
                new.append(self._shown(self.members[hash_of(email)]))
        return 200, {"new_members": new, "updated_members": updated, "errors": errors}

    def list_all(self, request: Request) -> Reply:
        return self._page(request, [m for m in self.members.values() if m["status"] != "archived"])

    def list_tagged(self, request: Request, number: str) -> Reply:
        statuses = {"subscribed", "pending"} | {
            status
            for status in ("cleaned", "transactional", "unsubscribed")
            if request.query.get(f"include_{status}") == "true"
        }
        tag = self.tags[int(number)]
        tagged = [m for m in self.members.values() if tag in m["tags"] and m["status"] in statuses]
        return self._page(request, tagged)

    def _page(self, request: Request, found: list[dict[str, Any]]) -> Reply:
        first, count = int(request.query["offset"]), int(request.query["count"])
        page = found[first : first + min(count, self.page_size)]
        return 200, {"members": [self._shown(m) for m in page], "total_items": len(found)}

    def get(self, _request: Request, key: str) -> Reply:
        return (200, self._shown(self.members[key])) if key in self.members else not_found()

    def put(self, request: Request, key: str) -> Reply:
        member = self.members[key]
        if member["email_address"] in self.in_compliance_state:
            return problem(400, "Member In Compliance State", "They have to come back themselves.")
        member["status"] = request.body["status"]
        return 200, self._shown(member)

    def archive(self, _request: Request, key: str) -> Reply:
        if key not in self.members:
            return not_found()
        if self.members[key]["status"] == "archived":
            return problem(405, "Method Not Allowed", "This list member cannot be removed.")
        self.members[key]["status"] = "archived"
        return 204, None

    def tags_of(self, _request: Request, key: str) -> Reply:
        return 200, {"tags": [{"name": tag} for tag in self.members[key]["tags"]]}

    def tag(self, request: Request, key: str) -> Reply:
        if key not in self.members:
            return not_found()
        for change in request.body["tags"]:
            self._number(change["name"])
            tags = self.members[key]["tags"]
            (tags.add if change["status"] == "active" else tags.discard)(change["name"])
        return 204, None

    def search_tags(self, request: Request) -> Reply:
        found = [
            {"id": number, "name": name}
            for number, name in self.tags.items()
            if name.lower().startswith(request.query["name"].lower())
        ]
        return 200, {"tags": found, "total_items": len(found)}

    def make_tag(self, request: Request) -> Reply:
        assert request.body["static_segment"] == []
        return 200, {"id": self._number(request.body["name"])}

    def batch_tag(self, request: Request, number: str) -> Reply:
        tag = self.tags[int(number)]
        added, removed, errors = [], [], []
        for email in request.body["members_to_add"]:
            member = self.members.get(hash_of(email))
            if member and member["status"] not in ACTIVE:
                errors.append({"email_addresses": [email], "error": "Not subscribed."})
            elif member and tag not in member["tags"]:
                member["tags"].add(tag)
                added.append(self._shown(member))
        for email in request.body["members_to_remove"]:
            member = self.members.get(hash_of(email))
            if member and tag in member["tags"]:
                member["tags"].discard(tag)
                removed.append(self._shown(member))
        return 200, {"members_added": added, "members_removed": removed, "errors": errors}

    def _number(self, tag: str) -> int:
        for number, name in self.tags.items():
            if name == tag:
                return number
        self.tags[len(self.tags) + 1] = tag
        return len(self.tags)

    @staticmethod
    def _shown(member: dict[str, Any]) -> dict[str, Any]:
        """As Mailchimp gives a member, with the first 50 of its tags."""
        tags = [{"name": tag} for tag in sorted(member["tags"])]
        return member | {"tags": tags[:50], "tags_count": len(tags)}


def hash_of(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def batch_error(email: str, words: str, *, exists: bool = False) -> dict[str, str]:
    code = "ERROR_CONTACT_EXISTS" if exists else "ERROR_GENERIC"
    return {"email_address": email, "error": words, "error_code": code}


def problem(status: int, title: str, detail: str) -> Reply:
    return status, {"type": "…", "title": title, "status": status, "detail": detail, "instance": ""}


def not_found() -> Reply:
    return problem(404, "Resource Not Found", "The requested resource could not be found.")
