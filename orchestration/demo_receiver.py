"""A small webhook receiver on this machine: what a tool on the other end would do.

It verifies signatures, applies rows to a dictionary and ignores a row whose idempotency
key it has seen. It can be told to fail in the ways that real receivers fail.
"""

import hmac
import json
import secrets
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from orchestration.destinations.webhook.client import decode_secret, sign

LARGEST_CLOCK_DIFFERENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """How one request is answered instead of well."""

    status: int = 500
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    is_applied: bool = False
    """True applies the batch before failing, as when only the answer is lost."""
    is_cut_off: bool = False
    """True closes the connection without any answer."""
    is_truncated: bool = False
    """True closes it in the middle of the answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came in."""

    headers: Mapping[str, str]
    body: bytes
    status: int

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the batch."""
        rows: list[dict[str, Any]] = json.loads(self.body)["rows"]
        return rows


class DemoReceiver:
    """A receiver on a free port of 127.0.0.1, for as long as the `with` block lasts.

    Args:
        secret: the signing secret, `whsec_<base64>`; a new random one by default.
        on_applied: called with the rows of each batch after they are applied, before the
            answer; tests end the sender here.
        keep_deliveries: how many of the last requests stay readable in `deliveries`.
    """

    def __init__(
        self,
        secret: str | None = None,
        *,
        on_applied: Callable[[Sequence[Mapping[str, Any]]], None] | None = None,
        keep_deliveries: int = 1_000,
    ) -> None:
        self.secret = secret or f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
        key = decode_secret(self.secret)
        if key is None:
            raise ValueError("the secret is not base64")
        self._key = key
        self._on_applied = on_applied
        self._lock = Lock()
        self.members: dict[str, dict[str, Any]] = {}
        """What the receiver holds: payload by entity key."""
        self.keys_seen: dict[str, str] = {}
        """Entity key by the idempotency keys of applied rows."""
        self.repeats = 0
        """Rows ignored because their idempotency key was seen."""
        self.deliveries: deque[Delivery] = deque(maxlen=keep_deliveries)
        self.faults: deque[Fault] = deque()
        """Faults for the next requests, one each, first in first out."""
        self.rejected: dict[str, str] = {}
        """Entity keys rejected one by one, with the reason."""
        self.poisonous: dict[str, str] = {}
        """Entity keys for which a whole batch is refused with 422, with the reason."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The address to post to."""
        return f"http://127.0.0.1:{self._server.server_port}/hooks/strata"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, object]:
        """Apply one signed request; return the status and the JSON to answer with."""
        if not self._is_signed(headers, body):
            return 401, {"error": "the signature does not match"}
        batch = json.loads(body)
        for row in batch["rows"]:
            if row["entity_key"] in self.poisonous:
                return 422, {"error": self.poisonous[row["entity_key"]]}
        with self._lock:
            results = [self._apply(row) for row in batch["rows"]]
        if self._on_applied is not None:
            self._on_applied(batch["rows"])
        return 200, {"results": results}

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not (message_id and stamp.isdecimal()):
            return False
        if abs(time.time() - int(stamp)) > LARGEST_CLOCK_DIFFERENCE_SECONDS:
            return False
        expected = sign(self._key, message_id, int(stamp), body)
        offered = headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(expected.encode(), each.encode()) for each in offered)

    def _apply(self, row: Mapping[str, Any]) -> dict[str, str]:
        key, idempotency_key = row["entity_key"], row["idempotency_key"]
        if key in self.rejected:
            return {"entity_key": key, "status": "rejected", "error": self.rejected[key]}
        if idempotency_key in self.keys_seen:
            self.repeats += 1
        elif row["payload"] is None:
            self.members.pop(key, None)
            self.keys_seen[idempotency_key] = key
        else:
            # A field that is not sent keeps its value.
            self.members[key] = {**self.members.get(key, {}), **row["payload"]}
            self.keys_seen[idempotency_key] = key
        return {"entity_key": key, "status": "accepted"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            # Keeps the connection open between batches, as real receivers do.
            protocol_version = "HTTP/1.1"
            # Headers and body are two writes; without this the second waits 40 ms
            # for the client's delayed acknowledgement.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fault = receiver.faults.popleft() if receiver.faults else None
                if fault is None:
                    status, answer = receiver.answer(headers, body)
                    text = json.dumps(answer)
                else:
                    if fault.is_applied:
                        receiver.answer(headers, body)
                    time.sleep(fault.delay_seconds)
                    status, text = fault.status, fault.body
                receiver.deliveries.append(Delivery(headers, body, status))
                if fault is not None and fault.is_cut_off:
                    self.close_connection = True
                    return
                extra = dict(fault.headers) if fault is not None else {}
                if fault is not None and fault.is_truncated:
                    extra["Content-Length"] = str(len(text) + 1)
                    self.close_connection = True
                self._reply(status, {"Content-Type": "application/json", **extra}, text.encode())

            def _reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                try:
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    # The sender gave up waiting, or was killed.
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: a terminal shows the sync's own progress."""

        return Handler
