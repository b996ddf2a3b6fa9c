"""A workspace at Intercom, as far as a sync changes it."""

from typing import Any

import httpx
from fake_api import FakeApi, Reply, Request, Response

TOKEN = "dG9rOjEyMw=="
CONTACT = r"/contacts/([0-9a-f]+)"
ATTRIBUTES = ("plan", "mrr", "seats", "is_paying", "since", "renews_at")


class FakeIntercom(FakeApi):
    """Contacts and tags by id."""

    routes = (
        ("search", "POST", "/contacts/search"),
        ("by_external_id", "GET", "/contacts/find_by_external_id/([^/]+)"),
        ("create", "POST", "/contacts"),
        ("get", "GET", CONTACT),
        ("update", "PUT", CONTACT),
        ("archive", "POST", f"{CONTACT}/archive"),
        ("tags_of", "GET", f"{CONTACT}/tags"),
        ("attach", "POST", f"{CONTACT}/tags"),
        ("detach", "DELETE", CONTACT + r"/tags/(\d+)"),
        ("all_tags", "GET", "/tags"),
        ("make_tag", "POST", "/tags"),
    )
    undocumented = (("by_external_id", 404), ("create", 409))

    def __init__(self, specification: httpx.Client | None = None) -> None:
        super().__init__(specification)
        self.contacts: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, str] = {}
        self.not_in_search: set[str] = set()
        """Contacts that are too new for search to know them."""
        self.page_size = 150

    # What tests look at

    def add(self, email: str | None, *tags: str, **fields: Any) -> str:
        key = f"{len(self.contacts) + 1:024x}"
        self.contacts[key] = {
            "type": "contact",
            "id": key,
            "external_id": None,
            "email": email and email.lower(),
            "role": "user",
            "name": None,
            "phone": None,
            "created_at": 1_700_000_000 + len(self.contacts),
            "custom_attributes": {},
            "archived": False,
            "tag_ids": {self._id_of(tag) for tag in tags},
            **fields,
        }
        return key

    def tagged(self) -> dict[str, set[str]]:
        """The tags of each contact that has any, by e-mail address."""
        return {
            item["email"]: {self.tags[tag] for tag in item["tag_ids"]}
            for item in self.contacts.values()
            if item["tag_ids"]
        }

    def named(self, email: str) -> dict[str, Any]:
        return next(item for item in self.contacts.values() if item["email"] == email)

    # The API

    def answer(self, request: Request) -> Response:
        assert request.headers["intercom-version"] == "2.16"
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(*error(401, "unauthorized", "Access Token Invalid"))
        return super().answer(request)

    def search(self, request: Request) -> Reply:
        query, paging = request.body["query"], request.body["pagination"]
        found = [
            item
            for item in self.contacts.values()
            if not item["archived"] and item["id"] not in self.not_in_search
        ]
        if query["field"] == "tag_id":
            assert query["operator"] == "="
            found = [item for item in found if query["value"] in item["tag_ids"]]
        else:
            assert query["operator"] == "IN" and len(query["value"]) <= 15
            found = [item for item in found if item[query["field"]] in query["value"]]
        first = int(paging.get("starting_after") or 0)
        last = first + min(paging["per_page"], self.page_size)
        following = {"per_page": self.page_size, "starting_after": str(last)}
        pages = {"type": "pages", "next": following} if last < len(found) else {"type": "pages"}
        return 200, listed(map(shown, found[first:last])) | {"pages": pages}

    def by_external_id(self, _request: Request, name: str) -> Reply:
        for item in self.contacts.values():
            if item["external_id"] == name and not item["archived"]:
                return 200, shown(item)
        return error(404, "not_found", "User Not Found")

    def create(self, request: Request) -> Reply:
        sent = request.body
        for item in self.contacts.values():
            if any(sent.get(name) == item[name] is not None for name in ("email", "external_id")):
                which = "An archived" if item["archived"] else "A"
                words = (
                    f"{which} contact matching those details already exists with id={item['id']}"
                )
                return error(409, "conflict", words)
        if "@" not in sent.get("email", "@"):
            return error(400, "parameter_invalid", "email is invalid")
        if unknown := self._unknown(sent):
            return unknown
        fields = {name: value for name, value in sent.items() if name != "email"}
        return 200, shown(self.contacts[self.add(sent.get("email"), **fields)])

    def get(self, _request: Request, key: str) -> Reply:
        return (200, shown(self.contacts[key])) if key in self.contacts else no_contact()

    def update(self, request: Request, key: str) -> Reply:
        if key not in self.contacts:
            return no_contact()
        if unknown := self._unknown(request.body):
            return unknown
        custom = self.contacts[key]["custom_attributes"] | request.body.get("custom_attributes", {})
        self.contacts[key] |= request.body | {"custom_attributes": custom}
        return 200, shown(self.contacts[key])

    def archive(self, _request: Request, key: str) -> Reply:
        if key not in self.contacts:
            return no_contact()
        self.contacts[key]["archived"] = True
        return 200, {"type": "contact", "id": key, "archived": True}

    def tags_of(self, _request: Request, key: str) -> Reply:
        if key not in self.contacts:
            return no_contact()
        return 200, listed(map(self._tag, self.contacts[key]["tag_ids"]))

    def attach(self, request: Request, key: str) -> Reply:
        if key not in self.contacts or request.body["id"] not in self.tags:
            return no_contact()
        self.contacts[key]["tag_ids"].add(request.body["id"])
        return 200, self._tag(request.body["id"])

    def detach(self, _request: Request, key: str, tag: str) -> Reply:
        if key not in self.contacts or tag not in self.contacts[key]["tag_ids"]:
            return error(404, "not_found", "Resource Not Found")
        self.contacts[key]["tag_ids"].discard(tag)
        return 200, self._tag(tag)

    def all_tags(self, _request: Request) -> Reply:
        return 200, listed(map(self._tag, self.tags))

    def make_tag(self, request: Request) -> Reply:
        return 200, self._tag(self._id_of(request.body["name"]))

    def _tag(self, key: str) -> dict[str, str]:
        return {"type": "tag", "id": key, "name": self.tags[key]}

    def _id_of(self, tag: str) -> str:
        for key, name in self.tags.items():
            if name.lower() == tag.lower():
                return key
        key = str(9_000 + len(self.tags))
        self.tags[key] = tag
        return key

    @staticmethod
    def _unknown(sent: dict[str, Any]) -> Reply | None:
        for name in sent.get("custom_attributes") or {}:
            if name not in ATTRIBUTES:
                words = f"Custom attribute '{name}' does not exist"
                return error(400, "parameter_invalid", words)
        return None


def shown(item: dict[str, Any]) -> dict[str, Any]:
    """As Intercom gives a contact, with the first 10 of its tags."""
    kept = {name: value for name, value in item.items() if name not in ("archived", "tag_ids")}
    tags = [{"type": "tag", "id": key} for key in sorted(item["tag_ids"])]
    return kept | {"tags": listed(tags[:10]) | {"has_more": len(tags) > 10}}


def listed(items: Any) -> dict[str, Any]:
    return {"type": "list", "data": list(items)}


def error(status: int, code: str, message: str) -> Reply:
    return status, {"type": "error.list", "errors": [{"code": code, "message": message}]}


def no_contact() -> Reply:
    return error(404, "not_found", "User Not Found")
