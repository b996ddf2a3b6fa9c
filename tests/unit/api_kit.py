"""A JSON service for tests: it remembers requests, has faults, and is checked by a specification.

A subclass has one method for each operation, named in `routes`; it takes the request and the
groups of the path and gives a status and a body. With `prism`, every request is also put to its
server, and what that refuses is in `violations`.
"""

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx

F = TypeVar("F", bound="FakeService")
Reply = tuple[int, Any]


@dataclass(frozen=True)
class Request:
    operation: str
    method: str
    target: str
    headers: dict[str, str]
    body: Any

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass(frozen=True)
class Fault:
    """Instead of the next answer of `at`, or of any operation."""

    at: str = ""
    status: int = 0
    """0: the answer itself, late or cut off."""
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_applied: bool = False
    is_cut_off: bool = False
    delay_seconds: float = 0.0
    is_from_prism: bool = False
    """The specification's example of `status` is the answer."""


class FakeService:
    routes: ClassVar[Sequence[tuple[str, str, str]]] = ()
    """Operation, method, and pattern of the whole path."""

    def __init__(self, prism: httpx.Client | None = None) -> None:
        self.prism = prism
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.violations: list[str] = []
        self.url = ""

    def operations(self) -> list[str]:
        return [request.operation for request in self.requests]

    def refuses(self, request: Request) -> Reply | None:
        """Before any operation: credentials and headers."""
        raise NotImplementedError  # Each fake has its own credentials.

    def example(self, content: bytes) -> bytes:
        """What is passed on of an example from the specification."""
        return content

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(size)
        path = urlsplit(handler.path).path
        operation, groups = next(
            (operation, match.groups())
            for operation, method, pattern in self.routes
            if method == handler.command and (match := re.fullmatch(pattern, path))
        )
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = json.loads(raw) if raw else None
        request = Request(operation, handler.command, handler.path, headers, body)
        self.requests.append(request)
        at = next((n for n, one in enumerate(self.faults) if one.at in ("", operation)), None)
        fault = Fault() if at is None else self.faults.pop(at)
        if fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        status, answer = fault.status, fault.body
        sent = dict(fault.headers)
        if not status or fault.is_applied:
            known = self.refuses(request) or getattr(self, operation)(request, *groups)
            if not fault.status:
                status, answer = known[0], "" if known[1] is None else json.dumps(known[1])
        if self.prism:
            by_spec = self._by_specification(request, raw, status)
            if fault.is_from_prism:
                assert by_spec.status_code == status, by_spec.text
                answer = self.example(by_spec.content)
                sent = {name: by_spec.headers[name] for name in by_spec.headers if name[:2] == "x-"}
        content = answer if isinstance(answer, bytes) else answer.encode()
        handler.send_response(status)
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.send_header("Content-Type", headers.get("accept", "application/json"))
        # One that is cut off promises more than it has.
        handler.send_header("Content-Length", str(len(content) + fault.is_cut_off))
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = fault.is_cut_off

    def _by_specification(self, request: Request, raw: bytes, status: int) -> httpx.Response:
        assert self.prism
        passed_on = {
            name: value
            for name, value in request.headers.items()
            if name not in ("host", "content-length", "connection", "accept-encoding")
        }
        response = self.prism.request(
            request.method,
            request.target,
            content=raw,
            headers={**passed_on, "prefer": f"code={status}"},
        )
        if problem := refused_by_prism(response):
            self.violations.append(f"{request.method} {request.target}: {problem}")
        return response


def refused_by_prism(response: httpx.Response) -> str:
    """What Prism has against a request. Its status does not say: a specified 400 is used for it."""
    found: str = response.headers.get("sl-violations", "")
    return found or (response.text if "stoplight.io/prism/errors" in response.text else "")


@contextmanager
def serving(fake: F) -> Iterator[F]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else the second part of an answer waits 40 ms for the first to be acknowledged.
        disable_nagle_algorithm = True

        def _take(self) -> None:
            fake._handle(self)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _take  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
