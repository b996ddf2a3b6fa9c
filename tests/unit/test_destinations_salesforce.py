"""The Salesforce client against an org of its own, over TLS: the library knows no other way."""

import base64
import itertools
import json
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from fake_api import FakeApi, Request, Response, failing
from pydantic import ValidationError

from orchestration.demo_receiver import Fault
from orchestration.destinations.base import (
    Batch,
    BatchDestination,
    BatchRefused,
    DestinationStopped,
    NoAnswer,
    ReadableDestination,
    Row,
    SharedDestination,
)
from orchestration.destinations.registry import DESTINATIONS
from orchestration.destinations.salesforce.client import (
    CampaignDestination,
    Records,
    SalesforceDestination,
    TimedSession,
)
from orchestration.destinations.salesforce.settings import SalesforceSettings
from orchestration.errors import UsageError

HOST = "acme.my.salesforce.com"
DATA = "/services/data/v59.0/"
CAMPAIGN = "701000000000001AAA"
KEY, SECRET = "3MVG9hush", "hush-hush"
CREDENTIALS = {"consumer_key": KEY, "consumer_secret": SECRET, "domain": "acme.my"}
BY_ID = Records("Contact", "Customer_Id__c", is_external_id=True)
BY_EMAIL = Records("Contact", "Email", is_external_id=False)
IN_CAMPAIGN = replace(BY_ID, campaign_id=CAMPAIGN)
ON_LEAVE = {"Segment__c": None, "In_Segment__c": False}


# An org


class Org(FakeApi):
    """Records by id, campaign members among them, and a token endpoint."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(tls=tls)
        self.records: dict[str, dict[str, Any]] = {}
        self.sessions: set[str] = set()
        self.secret = SECRET
        self.public_key: Any = None
        self.page = 3
        self.locked: set[str] = set()
        self.records[CAMPAIGN] = {"type": "Campaign", "Name": "Champions"}
        self._ids = itertools.count(1)

    def add(self, kind: str, **fields: Any) -> str:
        """Make a record."""
        prefix = {"Contact": "003", "Lead": "00Q", "CampaignMember": "00v"}.get(kind, "a00")
        record_id = f"{prefix}{next(self._ids):012d}AAA"
        self.records[record_id] = {"type": kind, **fields}
        return record_id

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The records of one object, without their type."""
        return [
            {name: value for name, value in record.items() if name != "type"}
            for record in self.records.values()
            if record["type"] == kind
        ]

    def members(self, status: str | None = None) -> set[str]:
        """The customers in the campaign."""
        return {
            self.records[member["ContactId"]]["Customer_Id__c"]
            for member in self.all("CampaignMember")
            if member["CampaignId"] == CAMPAIGN and status in (None, member.get("Status"))
        }

    def answer(self, request: Request) -> Response:
        if request.path == "/services/oauth2/token":
            return self._log_in(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.sessions:
            return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        assert request.path.startswith(DATA)
        path = request.path.removeprefix(DATA)
        if path == "query/":
            return Response(200, self._page(self._select(request.query["q"]), 0))
        if path.startswith("query/"):
            first, _, soql = base64.urlsafe_b64decode(path[6:]).decode().partition("|")
            return Response(200, self._page(self._select(soql), int(first), soql))
        assert path.startswith("composite/sobjects")
        if request.method == "DELETE":
            ids = request.query["ids"].split(",")
            assert len(ids) <= 200
            return Response(200, [self._delete(record_id) for record_id in ids])
        assert request.body["allOrNone"] is False
        assert 0 < len(request.body["records"]) <= 200
        by = path.removeprefix("composite/sobjects").strip("/").split("/")
        for record in request.body["records"]:
            if any(str(value) == "not a date" for value in record.values()):
                return refusal(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of date")
            if "Nonsense__c" in record:
                return refusal(400, "INVALID_FIELD", "No such column 'Nonsense__c' on Contact")
        write = {"PATCH": self._update, "POST": self._create}[request.method]
        if len(by) == 2:
            kind, field = by
            return Response(200, [self._upsert(r, kind, field) for r in request.body["records"]])
        return Response(200, [write(record) for record in request.body["records"]])

    def _log_in(self, request: Request) -> Response:
        form = request.form
        if form["grant_type"] == "client_credentials":
            basic = base64.b64encode(f"{KEY}:{self.secret}".encode()).decode()
            is_right = request.headers["authorization"] == f"Basic {basic}"
        else:
            claims = jwt.decode(
                form["assertion"],
                self.public_key,
                algorithms=["RS256"],
                audience="https://login.salesforce.com",
            )
            is_right = (claims["iss"], claims["sub"]) == (KEY, "sync@acme.com")
        if not is_right:
            return Response(
                400, {"error": "invalid_client", "error_description": "invalid client credentials"}
            )
        session = f"session-{len(self.sessions)}-hush"
        self.sessions = {session}
        return Response(200, {"access_token": session, "instance_url": f"https://{HOST}"})

    def _select(self, soql: str) -> list[dict[str, Any]]:
        match = re.fullmatch(r"SELECT Id, (\S+) FROM (\w+) WHERE (.*)", soql)
        assert match is not None, soql
        name, kind, condition = match.groups()
        campaign = re.match(r"CampaignId = '(\w+)' AND ", condition)
        found = [(i, {"Id": i, **r}) for i, r in self.records.items() if r["type"] == kind]
        if kind == "Campaign":
            return [{"Id": i, name: r[name]} for i, r in found if f"'{i}'" in condition]
        if campaign:
            found = [(i, r) for i, r in found if r["CampaignId"] == campaign[1]]
            condition = condition[campaign.end() :]
        if condition.endswith("!= null"):
            related, field = name.split(".")
            joined = [(i, self.records.get(r.get(f"{related}Id", ""), {})) for i, r in found]
            return [{"Id": i, related: {field: r[field]}} for i, r in joined if r.get(field)]
        wanted = re.fullmatch(rf"{name} IN \((.*)\)", condition)
        assert wanted is not None, soql
        values = {
            re.sub(r"\\(.)", r"\1", value).lower()
            for value in re.findall(r"'((?:[^'\\]|\\.)*)'", wanted[1])
        }
        return [{"Id": i, name: r[name]} for i, r in found if str(r.get(name)).lower() in values]

    def _page(self, rows: list[Any], first: int, soql: str = "") -> dict[str, Any]:
        last = first + self.page
        page = {"totalSize": len(rows), "done": last >= len(rows), "records": rows[first:last]}
        if not page["done"]:
            query = soql or self.requests[-1].query["q"]
            place = base64.urlsafe_b64encode(f"{last}|{query}".encode()).decode()
            page["nextRecordsUrl"] = f"{DATA}query/{place}"
        return page

    def _upsert(self, record: dict[str, Any], kind: str, field: str) -> dict[str, Any]:
        assert "id" not in record
        assert record["attributes"] == {"type": kind}
        found = [
            i
            for i, r in self.records.items()
            if r["type"] == kind and r.get(field) == record[field]
        ]
        if len(found) > 1:
            return failed("MULTIPLE", "more than one")
        return self._update({**record, "id": found[0]}) if found else self._create(record)

    def _create(self, record: dict[str, Any]) -> dict[str, Any]:
        fields = {name: value for name, value in record.items() if name != "attributes"}
        kind = record["attributes"]["type"]
        if kind == "CampaignMember" and any(
            member["ContactId"] == fields["ContactId"] for member in self.all(kind)
        ):
            return failed("DUPLICATE_VALUE", "Already a campaign member.")
        if kind == "Contact" and not fields.get("LastName"):
            return failed("REQUIRED_FIELD_MISSING", "Required fields are missing", ["LastName"])
        return {"id": self.add(kind, **fields), "success": True, "errors": [], "created": True}

    def _update(self, record: dict[str, Any]) -> dict[str, Any]:
        fields = {n: value for n, value in record.items() if n not in ("attributes", "id")}
        if record["id"] in self.locked:
            return failed("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")
        self.records[record["id"]].update(fields)
        return {"id": record["id"], "success": True, "errors": []}

    def _delete(self, record_id: str) -> dict[str, Any]:
        if self.records.pop(record_id, None) is None:
            return failed("ENTITY_IS_DELETED", "entity is deleted")
        return {"id": record_id, "success": True, "errors": []}


def failed(code: str, message: str, fields: list[str] | None = None) -> dict[str, Any]:
    error = {"statusCode": code, "message": message, "fields": fields or []}
    return {"success": False, "errors": [error]}


def refusal(status: int, code: str, message: str = "no") -> Response:
    return Response(status, [{"message": message, "errorCode": code}])


def fault(status: int, code: str, message: str = "no", **options: Any) -> Fault:
    return failing(status, [{"message": message, "errorCode": code}], **options)


# A certificate authority


def _signed(
    name: str, issuer: str, key: Any, issuer_key: Any, *extensions: Any
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        key.public_key(),
        x509.random_serial_number(),
        now - timedelta(days=1),
        now + timedelta(days=1),
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(key: Any) -> bytes:
    return bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """The authority's certificate, and what a server of HOST needs."""
    folder = tmp_path_factory.mktemp("tls")
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    own_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    ca = _signed(
        "Test authority",
        "Test authority",
        ca_key,
        ca_key,
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (usage, True),
        (own_id, False),
    )
    names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    certificate = _signed(HOST, "Test authority", key, ca_key, (names, False), (issuer_id, False))
    ca_file, server_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    server_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + _pem(key))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(server_file)
    return ca_file, tls


@pytest.fixture
def org(authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> Iterator[Org]:
    """An org that HOST's name leads to; no other name leads anywhere."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)  # they would go before the session's own
    with Org(authority[1]) as running:

        def connected(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
            if address != (HOST, 443):
                raise OSError(f"nobody should go to {address}")
            connection = socket.create_connection(("127.0.0.1", running.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection

        monkeypatch.setattr("urllib3.util.connection.create_connection", connected)
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


Connect = Callable[..., SalesforceDestination]


@pytest.fixture
def connect(org: Org, authority: tuple[Path, ssl.SSLContext], waits: list[float]) -> Connect:
    assert org.port

    def make(records: Records = BY_ID, timeout_seconds: float = 10, **options: Any) -> Any:
        session = TimedSession(timeout_seconds)
        session.verify = str(authority[0])
        kind = CampaignDestination if records.campaign_id else SalesforceDestination
        return kind(
            options.pop("credentials", CREDENTIALS),
            records,
            instance_url=f"https://{HOST}",
            session=session,
            sleep=waits.append,
            **options,
        )

    return make


def add(
    key: str, identifier: str | None = None, former: tuple[str, ...] = (), **payload: Any
) -> Row:
    fields = {"LastName": key.upper(), **payload}
    return Row("add", key, f"k-{key}", fields, identifier or key, former)


def remove(key: str, identifier: str | None = None, former: tuple[str, ...] = ()) -> Row:
    return Row("remove", key, f"r-{key}", None, identifier or key, former)


def send(destination: SalesforceDestination, *rows: Row) -> dict[str, str | None]:
    answers = destination.send(Batch.of("sync_champions", rows))
    return {answer.entity_key: answer.error for answer in answers}


# Upserts by external id


def test_records_are_upserted_by_an_external_id(org: Org, connect: Connect) -> None:
    org.add("Contact", Customer_Id__c="ann", LastName="Old", Phone="1", Fax="2")
    said = send(connect(), add("ann", Phone=None), add("ben", MRR__c=Decimal("12.50")))
    assert said == {"ann": None, "ben": None}
    assert org.all("Contact") == [
        {"Customer_Id__c": "ann", "LastName": "ANN", "Phone": None, "Fax": "2"},
        {"Customer_Id__c": "ben", "LastName": "BEN", "MRR__c": 12.5},
    ]
    (written,) = org.asked("/composite/sobjects/Contact/Customer_Id__c")
    assert (written.method, len(org.requests)) == ("PATCH", 2)


def test_values_become_what_the_api_has(org: Org, connect: Connect) -> None:
    payload: dict[str, Any] = {
        "On__c": date(2026, 7, 1),
        "At__c": datetime(2026, 7, 1, 12, 30),
        "Whole__c": Decimal("3.00"),
        "None__c": float("nan"),
        "Is__c": True,
        "Customer_Id__c": "not this",
    }
    send(connect(), add("ann", **payload))
    assert org.all("Contact") == [
        {
            "LastName": "ANN",
            "On__c": "2026-07-01",
            "At__c": "2026-07-01T12:30:00Z",
            "Whole__c": 3,
            "None__c": None,
            "Is__c": True,
            "Customer_Id__c": "ann",
        }
    ]


def test_sending_twice_changes_nothing(org: Org, connect: Connect) -> None:
    destination = connect(IN_CAMPAIGN)
    rows = [add("ann"), add("ben"), remove("eve")]
    assert send(destination, *rows) == send(destination, *rows)
    assert len(org.all("Contact")) == len(org.all("CampaignMember")) == 2


def test_refusals_are_of_single_rows(org: Org, connect: Connect) -> None:
    locked = org.add("Contact", Customer_Id__c="eve", LastName="Eve")
    org.locked.add(locked)
    said = send(connect(IN_CAMPAIGN), add("ann"), add("ben", LastName=None), add("eve"))
    assert said == {
        "ann": None,
        "ben": "REQUIRED_FIELD_MISSING: Required fields are missing (LastName)",
        "eve": "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access",
    }
    assert org.members() == {"ann"}


def test_a_row_without_an_identifier(connect: Connect) -> None:
    rows = [replace(add("ann"), identifier=None), replace(remove("ben"), identifier=None)]
    for records in (IN_CAMPAIGN, replace(BY_EMAIL, campaign_id=CAMPAIGN)):
        said = send(connect(records), *rows, add("eve", "eve@example.com"))
        assert said == {**dict.fromkeys(("ann", "ben"), "the row has no identifier"), "eve": None}


# By e-mail


def test_records_are_found_by_email(org: Org, connect: Connect) -> None:
    org.add("Contact", Email="Ann@Example.com", LastName="Old", Fax="2")
    said = send(connect(BY_EMAIL), add("ann", "ann@example.com"), add("o'x", "o'x@example.com"))
    assert said == {"ann": None, "o'x": None}
    assert org.all("Contact") == [
        {"Email": "Ann@Example.com", "LastName": "ANN", "Fax": "2"},
        {"LastName": "O'X", "Email": "o'x@example.com"},
    ]
    again = add("o'x", "o'x@example.com", LastName="O' \\ \" %")
    assert send(connect(BY_EMAIL), again) == {"o'x": None}
    assert org.all("Contact")[1]["LastName"] == "O' \\ \" %"


def test_a_quote_in_a_value_stays_a_value(org: Org, connect: Connect) -> None:
    org.add("Contact", Email="eve@example.com", LastName="Eve")
    evil = "x') OR Email IN ('eve@example.com"
    send(connect(replace(BY_EMAIL, on_leave=ON_LEAVE)), remove("evil", evil), remove("b", "\\"))
    assert org.all("Contact") == [{"Email": "eve@example.com", "LastName": "Eve"}]
    assert r"x\') OR Email IN (\'eve@example.com" in org.asked("/query/$")[0].query["q"]


def test_two_records_with_one_address_are_not_guessed(org: Org, connect: Connect) -> None:
    for _ in range(2):
        org.add("Contact", Email="ann@example.com", LastName="Ann")
    said = send(connect(BY_EMAIL), add("ann", "ann@example.com"), add("ben", "ben@example.com"))
    assert said["ann"] == "2 records of Contact have Email ann@example.com; accepted: one"
    assert said["ben"] is None


def test_an_address_is_the_same_in_any_case_and_an_id_is_not(org: Org, connect: Connect) -> None:
    for value in ("ann", "ANN"):
        org.add("Contact", Email=value, Customer_Id__c=value, LastName=value)
    said = send(connect(BY_EMAIL), add("ann"))
    assert said == {"ann": "2 records of Contact have Email ann; accepted: one"}
    assert send(connect(replace(BY_ID, create_missing=False)), add("ann")) == {"ann": None}


@pytest.mark.parametrize("records", [BY_ID, BY_EMAIL])
def test_nobody_is_created_where_only_existing_records_are_wanted(
    org: Org, connect: Connect, records: Records
) -> None:
    org.add("Contact", Email="ann", Customer_Id__c="ann", LastName="Old")
    said = send(connect(replace(records, create_missing=False)), add("ann"), add("ben"))
    assert said["ann"] is None
    assert str(said["ben"]).startswith("0 records of Contact have ")
    assert [record["LastName"] for record in org.all("Contact")] == ["ANN"]


def test_a_record_that_needs_no_change_is_not_written(org: Org, connect: Connect) -> None:
    org.add("Contact", Email="ann", Customer_Id__c="ann", LastName="Old")
    row = Row("add", "ann", "k", {}, "ann")
    assert send(connect(replace(BY_EMAIL, campaign_id=CAMPAIGN)), row) == {"ann": None}
    assert org.members() == {"ann"}
    assert {request.method for request in org.asked("/composite/sobjects$")} == {"POST"}


def test_long_lists_take_several_queries(org: Org, connect: Connect) -> None:
    names = [f"{n:03d}-{'x' * 90}@example.com" for n in range(200)]
    for name in names:
        org.add("Contact", Email=name, LastName="Old")
    said = send(connect(BY_EMAIL), *(add(f"c{n}", name) for n, name in enumerate(names)))
    assert set(said.values()) == {None}
    queries = org.asked("/query/$")
    assert len(queries) == 3
    assert {record["LastName"][0] for record in org.all("Contact")} == {"C"}


# Campaigns


def test_members_join_and_leave_a_campaign(org: Org, connect: Connect) -> None:
    destination = connect(replace(IN_CAMPAIGN, campaign_status="Sent"))
    send(destination, *(add(key) for key in ("ann", "ben", "eve")))
    assert org.members("Sent") == {"ann", "ben", "eve"}
    said = send(destination, remove("ann"), remove("nobody"), add("dan"))
    assert set(said.values()) == {None}
    assert org.members("Sent") == {"ben", "eve", "dan"}
    assert {record["Customer_Id__c"] for record in org.all("Contact")} >= {"ann"}


def test_a_campaign_that_is_gone_stops(org: Org, connect: Connect) -> None:
    del org.records[CAMPAIGN]
    with pytest.raises(DestinationStopped, match=f"no campaign {CAMPAIGN} "):
        send(connect(IN_CAMPAIGN), add("ann"))
    assert org.all("Contact") == []


def test_a_members_own_status_is_kept(org: Org, connect: Connect) -> None:
    ann = org.add("Contact", Customer_Id__c="ann", LastName="Ann")
    org.add("CampaignMember", CampaignId=CAMPAIGN, ContactId=ann, Status="Responded")
    send(connect(replace(IN_CAMPAIGN, campaign_status="Sent")), add("ann"))
    assert org.members("Responded") == {"ann"}


def test_another_campaign_is_left_alone(org: Org, connect: Connect) -> None:
    ann = org.add("Contact", Customer_Id__c="ann", LastName="Ann")
    org.add("CampaignMember", CampaignId="701000000000002AAA", ContactId=ann)
    send(connect(IN_CAMPAIGN), remove("ann"))
    assert len(org.all("CampaignMember")) == 1


def test_somebody_else_may_add_or_remove_in_the_meantime(org: Org, connect: Connect) -> None:
    destination = connect(IN_CAMPAIGN)
    send(destination, add("ann"), add("ben"))
    nobody: dict[str, Any] = {"totalSize": 0, "done": True, "records": []}
    org.fail("/query/$", failing(200, nobody))
    assert send(destination, add("ann")) == {"ann": None}
    assert org.members() == {"ann", "ben"}
    org.fail("/composite/sobjects$", failing(200, [failed("ENTITY_IS_DELETED", "gone")]))
    assert send(destination, remove("ben")) == {"ben": None}


def test_a_campaign_that_does_not_take_a_member(org: Org, connect: Connect) -> None:
    ok = {"id": "x", "success": True, "errors": []}
    org.fail("/composite/sobjects$", failing(200, [failed("FIELD_CUSTOM", "no more seats"), ok]))
    said = send(connect(IN_CAMPAIGN), add("ann"), add("ben"))
    assert said == {"ann": "FIELD_CUSTOM: no more seats", "ben": None}


def test_who_is_in_the_campaign_is_told(org: Org, connect: Connect) -> None:
    destination = connect(IN_CAMPAIGN)
    assert isinstance(destination, CampaignDestination)
    rows = [add(f"c{n}") for n in range(7)]
    send(destination, *rows[:5])
    org.add("Contact", Customer_Id__c="c6", LastName="Not a member")
    assert destination.present(rows) == {"c0", "c1", "c2", "c3", "c4"}
    assert sorted(destination.held()) == ["c0", "c1", "c2", "c3", "c4"]
    assert len(org.requests) > 8, "the campaign was read in pages"


# Leaving


def test_fields_are_set_when_a_member_leaves(org: Org, connect: Connect) -> None:
    destination = connect(replace(BY_ID, on_leave=ON_LEAVE))
    send(destination, add("ann", Segment__c="Champions", In_Segment__c=True))
    assert send(destination, remove("ann"), remove("nobody")) == {"ann": None, "nobody": None}
    assert org.all("Contact") == [
        {"LastName": "ANN", "Customer_Id__c": "ann", "Segment__c": None, "In_Segment__c": False}
    ]
    org.locked.add(list(org.records)[-1])
    assert "UNABLE_TO_LOCK_ROW" in str(send(destination, remove("ann"))["ann"])


def test_settings_that_know_no_leaving_stop_before_anything_is_written(
    org: Org, connect: Connect
) -> None:
    with pytest.raises(DestinationStopped, match="set `campaign_id` or `on_leave`, or use mode"):
        send(connect(), add("ann"), remove("ben"))
    assert org.requests == []


def test_a_former_identifier_is_taken_off(org: Org, connect: Connect) -> None:
    records = replace(BY_EMAIL, campaign_id=CAMPAIGN, on_leave={"Title": None})
    destination = connect(records)
    send(destination, add("ann", "old@example.com", Title="x"), add("ben", "ben@example.com"))
    for record in org.records.values():
        record.setdefault("Customer_Id__c", record.get("Email"))
    said = send(
        destination,
        add("ann", "ann@example.com", former=("old@example.com", "older@example.com"), Title="x"),
        remove("ben", "ben@example.com", former=("benny@example.com",)),
    )
    assert said == {"ann": None, "ben": None}
    titles = {record["Email"]: record.get("Title") for record in org.all("Contact")}
    assert titles == {"old@example.com": None, "ben@example.com": None, "ann@example.com": "x"}
    assert len(org.all("CampaignMember")) == 1


def test_a_former_identifier_stays_while_the_new_one_is_refused(org: Org, connect: Connect) -> None:
    destination = connect(replace(BY_EMAIL, campaign_id=CAMPAIGN))
    send(destination, add("ann", "old@example.com"))
    row = add("ann", "new@example.com", former=("old@example.com",), LastName=None)
    assert str(send(destination, row)["ann"]).startswith("REQUIRED_FIELD_MISSING")
    assert len(org.all("CampaignMember")) == 1


def test_an_identifier_that_another_member_has_now_is_not_taken_off(
    org: Org, connect: Connect
) -> None:
    destination = connect(replace(BY_EMAIL, campaign_id=CAMPAIGN))
    send(destination, add("ann", "shared@example.com"))
    send(
        destination,
        add("ann", "ann@example.com", former=("shared@example.com",)),
        add("ben", "Shared@example.com"),
    )
    assert len(org.all("CampaignMember")) == 2


# Sessions


def test_an_ended_session_is_renewed_once(org: Org, connect: Connect) -> None:
    destination = connect()
    send(destination, add("ann"))
    org.sessions.clear()
    assert send(destination, add("ben")) == {"ben": None}
    assert len(org.asked("/token")) == 2
    org.fail("/Customer_Id__c", *[fault(401, "INVALID_SESSION_ID")] * 2)
    with pytest.raises(DestinationStopped, match=r"^401: INVALID_SESSION_ID: no$"):
        send(destination, add("eve"))
    assert len(org.asked("/token")) == 3


def test_revoked_credentials_stop(org: Org, connect: Connect) -> None:
    destination = connect()
    send(destination, add("ann"))
    org.sessions.clear()
    org.secret = "another"
    with pytest.raises(
        DestinationStopped, match=r"^401: login: invalid_client: invalid client cre"
    ):
        send(destination, add("ben"))
    assert len(org.asked("/token")) == 2


def test_a_login_that_does_not_answer_is_repeated(
    org: Org, connect: Connect, waits: list[float]
) -> None:
    org.fail("/token", failing(503, b"<html>"), failing(500, b""), Fault(is_cut_off=True))
    assert send(connect(), add("ann")) == {"ann": None}
    assert waits == [1.0, 2.0, 4.0]


def test_a_login_by_a_private_key(org: Org, connect: Connect) -> None:
    private_key = rsa.generate_private_key(65_537, 2_048)
    org.public_key = private_key.public_key()
    credentials = {
        "consumer_key": KEY,
        "username": "sync@acme.com",
        "privatekey": _pem(private_key).decode(),
        "domain": "login",
        "instance_url": "acme.my",
    }
    assert send(connect(credentials=credentials), add("ann")) == {"ann": None}


def test_the_certificate_is_checked(connect: Connect) -> None:
    destination = connect(max_retries=0)
    destination._http.verify = True
    with pytest.raises(NoAnswer, match="SSLError"):
        send(destination, add("ann"))


# Refusals


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_FIELD"),
        (400, "INVALID_TYPE"),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY"),
        (403, "API_DISABLED_FOR_ORG"),
        (404, "NOT_FOUND"),
    ],
)
def test_what_needs_a_person(org: Org, connect: Connect, status: int, code: str) -> None:
    org.fail("/Customer_Id__c", fault(status, code))
    with pytest.raises(DestinationStopped, match=f"^{status}: {code}: no$"):
        send(connect(), add("ann"))
    org.fail("/query/$", fault(status, code))
    with pytest.raises(DestinationStopped, match=f"^{status}: {code}: no$"):
        send(connect(BY_EMAIL), add("ann"))


def test_a_field_that_does_not_exist_stops(connect: Connect) -> None:
    with pytest.raises(DestinationStopped, match=r"INVALID_FIELD: No such column 'Nonsense__c'"):
        send(connect(), add("ann", Nonsense__c=1))


def test_a_value_that_cannot_be_read_refuses_the_batch(org: Org, connect: Connect) -> None:
    with pytest.raises(BatchRefused, match=r"^400: JSON_PARSER_ERROR: Cannot deserialize"):
        send(connect(), add("ann"), add("ben", Birthdate="not a date"))
    assert org.all("Contact") == []


def test_the_days_limit_is_left_to_a_later_run(
    org: Org, connect: Connect, waits: list[float]
) -> None:
    org.fail(
        "/Customer_Id__c", fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    )
    with pytest.raises(NoAnswer, match=r"^403: REQUEST_LIMIT_EXCEEDED: TotalRequests.*3600 s$"):
        send(connect(), add("ann"))
    assert waits == []


def test_too_many_at_a_time_is_waited_for(org: Org, connect: Connect, waits: list[float]) -> None:
    words = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    org.fail("/Customer_Id__c", fault(403, "REQUEST_LIMIT_EXCEEDED", words))
    assert send(connect(), add("ann")) == {"ann": None}
    assert waits == [1.0]


@pytest.mark.parametrize(
    "passing",
    [
        fault(500, "UNKNOWN_EXCEPTION"),
        fault(503, "SERVER_UNAVAILABLE", is_applied=True),
        failing(502, b"<html>Bad gateway"),
        failing(429, b""),
        failing(200, b'[{"success": tr', is_applied=True),
        failing(200, b"[]", is_applied=True),
        failing(200, b"{}", is_applied=True),
        failing(200, [{"id": "1"}], is_applied=True),
        failing(200, [{"success": True}] * 2, is_applied=True),
        Fault(is_cut_off=True, is_applied=True),
    ],
)
@pytest.mark.parametrize("path", ["/Customer_Id__c", "/query/$", "/composite/sobjects$"])
def test_a_passing_failure_is_repeated(
    org: Org, connect: Connect, waits: list[float], passing: Fault, path: str
) -> None:
    org.fail(path, passing)
    assert send(connect(IN_CAMPAIGN), add("ann"), remove("ben")) == {"ann": None, "ben": None}
    assert waits == [1.0]
    assert org.members() == {"ann"}
    assert len(org.all("Contact")) == 1


def test_a_storm_ends(org: Org, connect: Connect) -> None:
    org.fail("/Customer_Id__c", *[fault(503, "SERVER_UNAVAILABLE")] * 9)
    with pytest.raises(NoAnswer, match=r"^503: SERVER_UNAVAILABLE: no \(tried 4 times\)$"):
        send(connect(), add("ann"))


def test_a_slow_answer_is_no_answer_and_sending_again_is_harmless(
    org: Org, connect: Connect
) -> None:
    org.fail("/composite/sobjects$", Fault(delay_seconds=1.0, is_applied=True))
    with pytest.raises(NoAnswer, match="ReadTimeout"):
        send(connect(IN_CAMPAIGN, timeout_seconds=0.3, max_retries=0), add("ann"))
    assert send(connect(IN_CAMPAIGN), add("ann")) == {"ann": None}
    assert (len(org.all("Contact")), len(org.all("CampaignMember"))) == (1, 1)


def test_a_query_that_fails_names_nobody(org: Org, connect: Connect) -> None:
    org.fail("/query/$", Fault(is_cut_off=True))
    with pytest.raises(NoAnswer) as silence:
        send(connect(BY_EMAIL, max_retries=0), add("ann", "ann@example.com"))
    assert "ann" not in str(silence.value)


def test_nothing_secret_is_logged_or_said(
    org: Org, connect: Connect, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    org.fail(
        "/token",
        failing(400, {"error": "x", "error_description": "user hasn't approved this consumer"}),
    )
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(DestinationStopped) as stopped:
            send(connect(), add("ann"))
        send(connect(), add("ann"))
    said = [str(warning.message) for warning in recwarn]
    assert "hush" not in json.dumps(said) + caplog.text + str(stopped.value)


# Settings


def settings(**changes: Any) -> SalesforceSettings:
    values = {
        "instance_url": f"https://{HOST}",
        "object": "Contact",
        "consumer_key_env": "SF_KEY",
        "consumer_secret_env": "SF_SECRET",
        **changes,
    }
    return SalesforceSettings(
        **{name: value for name, value in values.items() if value is not None}
    )


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SF_KEY", KEY), ("SF_SECRET", SECRET), ("SF_PEM", "a\\nb")):
        monkeypatch.setenv(name, value)
    assert DESTINATIONS["salesforce"] is SalesforceSettings
    plain = settings(external_id_field="Customer_Id__c").connect(datetime.now)
    assert type(plain) is SalesforceDestination
    assert isinstance(plain, BatchDestination)
    assert not isinstance(plain, SharedDestination | ReadableDestination)
    assert plain.address == f"https://{HOST} Contact"
    assert plain._credentials == CREDENTIALS
    campaign = settings(campaign_id=CAMPAIGN).connect(datetime.now)
    assert isinstance(campaign, SharedDestination)
    assert isinstance(campaign, ReadableDestination)
    assert campaign.address == f"https://{HOST} {CAMPAIGN}"
    by_key = settings(
        consumer_secret_env=None,
        private_key_env="SF_PEM",
        username="sync@acme.com",
        instance_url="https://acme--dev.sandbox.my.salesforce.com",
    ).connect(datetime.now)
    assert isinstance(by_key, SalesforceDestination)
    assert by_key._credentials == {
        "consumer_key": KEY,
        "username": "sync@acme.com",
        "privatekey": "a\nb",
        "domain": "test",
        "instance_url": "acme--dev.sandbox.my",
    }
    monkeypatch.delenv("SF_SECRET")
    with pytest.raises(UsageError, match="SF_SECRET is not set; it holds the consumer secret"):
        settings().connect(datetime.now)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_url": "http://acme.my.salesforce.com"}, "instance_url"),
        ({"instance_url": "https://login.salesforce.com"}, "instance_url"),
        ({"object": "Contact WHERE"}, "object"),
        ({"external_id_field": "a'b"}, "external_id_field"),
        ({"on_leave": {"a b": 1}}, "on_leave"),
        ({"campaign_id": "003000000000001AAA"}, "campaign_id"),
        ({"campaign_id": CAMPAIGN, "object": "Account"}, "for `object` Contact or Lead alone"),
        ({"campaign_status": "Sent"}, "only together with `campaign_id`"),
        ({"consumer_secret_env": None}, "either `consumer_secret_env`, or `username` and"),
        ({"username": "x"}, "either `consumer_secret_env`, or `username` and"),
        ({"username": "x", "private_key_env": "X"}, "either `consumer_secret_env`, or"),
        ({"consumer_secret_env": None, "username": "x"}, "either `consumer_secret_env`, or"),
    ],
)
def test_what_settings_may_say(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
