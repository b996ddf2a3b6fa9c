"""The webhook client against a receiver with faults, and against the scheme's own library."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from orchestration.activation.runner import utc_now
from orchestration.demo_receiver import DemoReceiver, Fault
from orchestration.destinations.base import Batch, BatchRefused, DestinationStopped, NoAnswer, Row
from orchestration.destinations.webhook.client import WebhookDestination, decode_secret, encode
from orchestration.destinations.webhook.settings import WebhookSettings
from orchestration.errors import UsageError

BATCH = Batch.of(
    "sync_champions",
    [
        Row("add", "a", "key-a", {"email": "ann@example.com", "mrr": Decimal("12.50")}),
        Row("remove", "b", "key-b", None),
    ],
)
Connect = Callable[..., WebhookDestination]


@pytest.fixture
def receiver() -> Iterator[DemoReceiver]:
    with DemoReceiver() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect(receiver: DemoReceiver, waits: list[float]) -> Connect:
    def make(url: str = receiver.url, **options: Any) -> WebhookDestination:
        key = decode_secret(receiver.secret)
        assert key is not None
        return WebhookDestination(url, key, now=utc_now, sleep=waits.append, **options)

    return make


# The request


def test_the_standard_librarys_verifier_accepts_a_request(
    receiver: DemoReceiver, connect: Connect
) -> None:
    connect().send(BATCH)
    (delivery,) = receiver.deliveries
    body = Webhook(receiver.secret).verify(delivery.body, dict(delivery.headers))
    assert body == {
        "sync": "sync_champions",
        "batch_id": BATCH.batch_id,
        "rows": [
            {
                "operation": "add",
                "entity_key": "a",
                "idempotency_key": "key-a",
                "payload": {"email": "ann@example.com", "mrr": 12.5},
            },
            {"operation": "remove", "entity_key": "b", "idempotency_key": "key-b", "payload": None},
        ],
    }


def test_the_verifier_refuses_a_changed_body(receiver: DemoReceiver, connect: Connect) -> None:
    connect().send(BATCH)
    (delivery,) = receiver.deliveries
    changed = delivery.body.replace(b"ann@", b"eve@")
    with pytest.raises(WebhookVerificationError):
        Webhook(receiver.secret).verify(changed, dict(delivery.headers))


def test_the_receiver_refuses_what_another_secret_signed(receiver: DemoReceiver) -> None:
    wrong = WebhookDestination(receiver.url, b"another secret", now=utc_now)
    with pytest.raises(DestinationStopped, match=r"401: .*signature does not match"):
        wrong.send(BATCH)


def test_both_names_of_the_idempotency_key_are_sent(
    receiver: DemoReceiver, connect: Connect
) -> None:
    connect(headers={"X-Team": "growth"}).send(BATCH)
    headers = receiver.deliveries[0].headers
    assert headers["webhook-id"] == headers["idempotency-key"] == BATCH.batch_id
    assert (headers["content-type"], headers["x-team"]) == ("application/json", "growth")


def test_a_batch_of_the_same_rows_has_the_same_id_in_any_order() -> None:
    again = Batch.of("sync_champions", list(reversed(BATCH.rows)))
    assert again.batch_id == BATCH.batch_id
    assert Batch.of("sync_champions", BATCH.rows[:1]).batch_id != BATCH.batch_id


def test_values_become_json_that_any_reader_understands() -> None:
    payload = {
        "whole": Decimal("120.00"),
        "part": Decimal("0.1"),
        "at": datetime(2026, 7, 1, 12, 30),
        "on": date(2026, 7, 1),
        "no_number": float("nan"),
        "no_decimal": Decimal("NaN"),
        "is_paying": True,
        "name": "Zoë",
        "nothing": None,
    }
    body = json.loads(encode(Batch.of("s", [Row("add", "a", "k", payload)])))
    assert body["rows"][0]["payload"] == {
        "whole": 120,
        "part": 0.1,
        "at": "2026-07-01T12:30:00Z",
        "on": "2026-07-01",
        "no_number": None,
        "no_decimal": None,
        "is_paying": True,
        "name": "Zoë",
        "nothing": None,
    }


# Answers


def answered(connect: Connect, receiver: DemoReceiver, body: str, **headers: str) -> dict[str, Any]:
    receiver.faults.append(Fault(status=200, body=body, headers=headers))
    return {answer.entity_key: answer.error for answer in connect(max_retries=0).send(BATCH)}


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"ok": true}', '{"results": []}'])
def test_a_success_accepts_every_row(connect: Connect, receiver: DemoReceiver, body: str) -> None:
    assert answered(connect, receiver, body) == {"a": None, "b": None}


def test_results_decide_row_by_row(connect: Connect, receiver: DemoReceiver) -> None:
    body = '{"results": [{"entity_key": "b", "status": "rejected", "error": "unknown member"}]}'
    assert answered(connect, receiver, body) == {"a": None, "b": "unknown member"}


def test_a_rejection_without_a_reason_is_still_one(
    connect: Connect, receiver: DemoReceiver
) -> None:
    body = '{"results": [{"entity_key": "b", "status": "rejected"}]}'
    assert answered(connect, receiver, body)["b"] == "rejected without a reason"


@pytest.mark.parametrize(
    "body",
    [
        '{"results": [{"entity_key": "a", "sta',
        '{"results": "all fine"}',
        '{"results": [{"entity_key": "a"}]}',
        '{"results": [{"entity_key": "a", "status": "maybe"}]}',
        '{"results": [{"entity_key": "zzz", "status": "accepted"}]}',
        '{"results": ["a"]}',
    ],
)
def test_an_answer_that_cannot_be_understood_is_no_answer(
    connect: Connect, receiver: DemoReceiver, body: str
) -> None:
    with pytest.raises(NoAnswer, match=r"^200 with "):
        answered(connect, receiver, body)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch(connect: Connect, receiver: DemoReceiver, status: int) -> None:
    receiver.faults.append(Fault(status=status, body="too\n  odd"))
    with pytest.raises(BatchRefused, match=f"^{status}: too odd$"):
        connect().send(BATCH)
    assert len(receiver.deliveries) == 1


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 410])
def test_an_answer_that_needs_a_person(
    connect: Connect, receiver: DemoReceiver, status: int
) -> None:
    receiver.faults.append(Fault(status=status, headers={"Location": "/elsewhere"}))
    with pytest.raises(DestinationStopped, match=f"^{status}: "):
        connect().send(BATCH)
    assert len(receiver.deliveries) == 1


def test_long_words_are_cut(connect: Connect, receiver: DemoReceiver) -> None:
    receiver.faults.append(Fault(status=400, body="x" * 10_000))
    with pytest.raises(BatchRefused) as refused:
        connect().send(BATCH)
    assert len(str(refused.value)) == len("400: ") + 500


# Retries


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_with_the_same_id(
    connect: Connect, receiver: DemoReceiver, waits: list[float], status: int
) -> None:
    receiver.faults.extend([Fault(status=status), Fault(status=status)])
    assert len(connect().send(BATCH)) == 2
    assert len({delivery.headers["webhook-id"] for delivery in receiver.deliveries}) == 1
    assert waits == [1.0, 2.0]


def test_retries_end(connect: Connect, receiver: DemoReceiver, waits: list[float]) -> None:
    receiver.faults.extend([Fault(status=503, body="busy")] * 9)
    with pytest.raises(NoAnswer, match=r"503: busy \(tried 4 times\)"):
        connect(max_retries=3).send(BATCH)
    assert waits == [1.0, 2.0, 4.0]


def test_retry_after_in_seconds_is_honoured(
    connect: Connect, receiver: DemoReceiver, waits: list[float]
) -> None:
    receiver.faults.append(Fault(status=429, headers={"Retry-After": "17"}))
    connect().send(BATCH)
    assert waits == [17]


def test_retry_after_as_a_date_is_honoured(
    connect: Connect, receiver: DemoReceiver, waits: list[float]
) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    receiver.faults.append(Fault(status=503, headers={"Retry-After": at}))
    connect().send(BATCH)
    assert 25 <= waits[0] <= 30


def test_a_retry_after_that_means_nothing_is_ignored(
    connect: Connect, receiver: DemoReceiver, waits: list[float]
) -> None:
    receiver.faults.append(Fault(status=503, headers={"Retry-After": "soon"}))
    connect().send(BATCH)
    assert waits == [1.0]


def test_a_long_wait_is_left_to_the_next_run(
    connect: Connect, receiver: DemoReceiver, waits: list[float]
) -> None:
    receiver.faults.append(Fault(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(NoAnswer, match="asks to wait 3600 s"):
        connect().send(BATCH)
    assert waits == []


def test_a_slow_answer_is_no_answer(connect: Connect, receiver: DemoReceiver) -> None:
    receiver.faults.append(Fault(delay_seconds=0.5, is_applied=True))
    with pytest.raises(NoAnswer, match="timed out"):
        connect(timeout_seconds=0.1, max_retries=0).send(BATCH)


def test_a_connection_cut_off_is_tried_again(connect: Connect, receiver: DemoReceiver) -> None:
    receiver.faults.append(Fault(is_cut_off=True, is_applied=True))
    assert len(connect().send(BATCH)) == 2
    assert receiver.repeats == 2


def test_nobody_listening(connect: Connect) -> None:
    with pytest.raises(NoAnswer, match="refused"):
        connect("http://127.0.0.1:1/", max_retries=0).send(BATCH)


# Secrets


def test_the_address_is_shown_without_credentials_and_query() -> None:
    made = WebhookDestination("https://me:hush@example.com:8443/in?token=hush#x", b"s", now=utc_now)
    assert made.address == "https://example.com:8443/in"


def test_nothing_secret_is_logged(
    receiver: DemoReceiver, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        connect(receiver.url + "?token=hush").send(BATCH)
    assert "hush" not in caplog.text
    assert receiver.secret.removeprefix("whsec_") not in caplog.text


# Settings


def settings(**changes: Any) -> WebhookSettings:
    return WebhookSettings(**{"url": "env:HOOK_URL", "secret_env": "HOOK_SECRET", **changes})


def test_address_secret_and_headers_come_from_the_environment(
    receiver: DemoReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", receiver.url)
    monkeypatch.setenv("HOOK_SECRET", receiver.secret)
    monkeypatch.setenv("HOOK_TOKEN", "Bearer 1")
    destination = settings(headers={"Authorization": "env:HOOK_TOKEN"}).connect(utc_now)
    assert isinstance(destination, WebhookDestination)
    assert len(destination.send(BATCH)) == 2
    assert receiver.deliveries[0].headers["authorization"] == "Bearer 1"


@pytest.mark.parametrize(
    ("url", "secret", "message"),
    [
        (None, "c2VjcmV0", "environment variable HOOK_URL is not set; it holds the address"),
        ("https://example.com", None, "environment variable HOOK_SECRET is not set"),
        ("https://example.com", "not base64!", "HOOK_SECRET does not hold a signing secret"),
        ("https://example.com", "whsec_", "HOOK_SECRET does not hold a signing secret"),
        ("example.com/hook", "c2VjcmV0", "`url` is 'env:HOOK_URL', which does not hold an http"),
    ],
)
def test_an_environment_that_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, url: str | None, secret: str | None, message: str
) -> None:
    for name, value in (("HOOK_URL", url), ("HOOK_SECRET", secret)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message) as refused:
        settings().connect(utc_now)
    assert secret is None or secret == "whsec_" or secret not in str(refused.value)


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "https://", "env:"])
def test_an_address_is_http_or_named(url: str) -> None:
    with pytest.raises(ValidationError, match="an http:// or https:// address"):
        settings(url=url)


@pytest.mark.parametrize("header", ["Webhook-Signature", "idempotency-key", "Content-Type"])
def test_the_clients_own_headers_cannot_be_set(header: str) -> None:
    with pytest.raises(ValidationError, match="headers other than"):
        settings(headers={header: "x"})
