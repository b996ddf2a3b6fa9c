"""Posts batches as JSON, signed by the Standard Webhooks scheme.

Scheme: https://www.standardwebhooks.com, headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`; the signature is base64(HMAC-SHA256(secret, id.timestamp.body)).
"""

import base64
import binascii
import hmac
import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import urlsplit

import httpx

from orchestration.destinations.base import Answer, Batch, Clock, Row
from orchestration.destinations.calls import WORDS_LENGTH, Calls, Unreadable, reply_of_httpx


class WebhookDestination:
    """A client for one address. Not safe for use by several threads."""

    def __init__(
        self,
        url: str,
        secret: bytes,
        *,
        timeout_seconds: float = 30.0,
        max_retries: int = 3,
        requests_per_second: float | None = None,
        headers: Mapping[str, str] | None = None,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # httpx logs each request's full address at INFO, with any token in its query.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._url = url
        self._secret = secret
        self._now = now
        self._call = Calls(
            lambda error: reply_of_httpx(error, now),
            max_retries=max_retries,
            requests_per_second=requests_per_second,
            sleep=sleep,
        )
        self._http = httpx.Client(timeout=timeout_seconds, headers=dict(headers or {}))
        self.address = shown(url)

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Post a batch until it is answered or the retries are used up.

        Every attempt carries the same `webhook-id` and `Idempotency-Key`; the
        timestamp and with it the signature are new each time.
        """
        body = encode(batch)
        return self._call(lambda: answers(batch, self._post(batch.batch_id, body)))

    def post(self, message_id: str, body: bytes) -> None:
        """Post a signed message that has no rows to answer for; raises as `send` does."""
        self._call(lambda: self._post(message_id, body))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _post(self, message_id: str, body: bytes) -> httpx.Response:
        timestamp = int(self._now().replace(tzinfo=UTC).timestamp())
        response = self._http.post(
            self._url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": message_id,
                "webhook-id": message_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": sign(self._secret, message_id, timestamp, body),
            },
        )
        # A redirect is no success either: what was posted did not arrive.
        if not response.is_success:
            raise httpx.HTTPStatusError("refused", request=response.request, response=response)
        return response


def decode_secret(text: str) -> bytes | None:
    """Decode `whsec_<base64>` or `<base64>`; None when it is neither."""
    encoded = text.removeprefix("whsec_")
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        return base64.b64decode(padded, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Sign by Standard Webhooks, version 1; `timestamp` is in seconds since 1970 UTC."""
    content = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret, content, "sha256").digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def encode(batch: Batch) -> bytes:
    """Write a batch as JSON. The same batch gives the same bytes."""
    body = {
        "sync": batch.sync_name,
        "batch_id": batch.batch_id,
        "rows": [_row(row) for row in batch.rows],
    }
    text = json.dumps(body, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def _row(row: Row) -> dict[str, object]:
    payload = row.payload and {name: _finite(value) for name, value in row.payload.items()}
    return {
        "operation": row.operation,
        "entity_key": row.entity_key,
        "idempotency_key": row.idempotency_key,
        "payload": payload,
    }


def _finite(value: object) -> object:
    # JSON has no NaN and no infinity.
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return None
    return value


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        # Warehouse timestamps are naive UTC; a reader needs to be told so.
        return value.isoformat() + ("" if value.tzinfo else "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def answers(batch: Batch, response: httpx.Response) -> list[Answer]:
    """Read a success as one answer per row.

    A success accepts the whole batch; a JSON body with `results` says otherwise for the
    rows it names.

    Raises:
        Unreadable: the body claims to be JSON and cannot be understood, so nobody can
            say what was accepted.
    """
    status = response.status_code
    if "json" not in response.headers.get("Content-Type", "") or not response.content.strip():
        return [Answer(row.entity_key) for row in batch.rows]
    try:
        body = response.json()
    except ValueError as error:
        raise Unreadable(f"{status} with a body that is not JSON") from error
    match body:
        case {"results": list(results)}:
            pass
        case {"results": _}:
            raise Unreadable(f"{status} with `results` that is not a list")
        case _:
            results = []
    said = {row.entity_key: Answer(row.entity_key) for row in batch.rows}
    for result in results:
        match result:
            case {"entity_key": str(key), "status": "accepted"} if key in said:
                pass
            case {"entity_key": str(key), "status": "rejected"} if key in said:
                reason = str(result.get("error") or "rejected without a reason")
                said[key] = Answer(key, reason[:WORDS_LENGTH])
            case _:
                raise Unreadable(
                    f"{status} with a result that is not understood: {result!r:.200}; accepted: "
                    "an entity_key of the batch and a status that is accepted or rejected"
                )
    return list(said.values())


def shown(url: str) -> str:
    """Give the address without credentials, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
