"""A small server that stands for a vendor's API in tests: it keeps state, and has faults.

Where it is given the address of a server that knows the vendor's specification (Prism), it
shows each request to that server first and notes what it refuses.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Fault:
    """What is answered instead of the right answer, once."""

    status: int = 503
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    """Only for requests whose method and path match this pattern."""
    is_applied: bool = False
    """The request takes effect all the same."""
    delay_seconds: float = 0.0
    is_cut_off: bool = False


class FakeApi:
    """Answers by the methods that are registered as `(method, pattern of path)` in `routes`."""

    base_path = ""

    def __init__(self, specification: str | None = None) -> None:
        self.specification = specification
        self.refused: list[str] = []
        """Requests that the specification forbids, with its words."""
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.routes: dict[tuple[str, str], Callable[..., tuple[int, Any]]] = {}
        self._validator = httpx.Client(base_url=specification or "http://127.0.0.1", timeout=30)

    def __enter__(self) -> Self:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # One write an answer: two would wait for each other 40 ms.

            def log_message(self, *_args: Any) -> None: ...

            def _answer(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api._handle(self, content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.01), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}{self.base_path}"
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._validator.close()

    def asked(self, pattern: str = "") -> list[Request]:
        """The requests whose method and path match a pattern."""
        return [item for item in self.requests if re.search(pattern, f"{item.method} {item.path}")]

    def operations(self) -> set[tuple[str, str]]:
        """The operations that were asked for, by the patterns of `routes`."""
        return {
            route
            for route in self.routes
            for item in self.requests
            if item.method == route[0] and re.fullmatch(route[1], item.path)
        }

    def _handle(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        parts = urlsplit(handler.path)
        path = parts.path.removeprefix(self.base_path)
        request = Request(
            handler.command,
            path,
            dict(parse_qsl(parts.query)),
            json.loads(content) if content else None,
            {name.lower(): value for name, value in handler.headers.items()},
        )
        self.requests.append(request)
        self._validate(request, f"{path}?{parts.query}" if parts.query else path, content)
        fault = next(
            (f for f in self.faults if re.search(f.about, f"{request.method} {path}")), None
        )
        if fault:
            self.faults.remove(fault)
            if fault.is_applied:
                self._route(request)
            time.sleep(fault.delay_seconds)
            if fault.is_cut_off:
                handler.close_connection = True
                return
            self._write(handler, fault.status, fault.body.encode(), fault.headers)
            return
        status, answer = self._route(request)
        written = b"" if answer is None else json.dumps(answer).encode()
        self._write(handler, status, written, {"Content-Type": "application/json"})

    def _route(self, request: Request) -> tuple[int, Any]:
        for (method, pattern), answer in self.routes.items():
            found = re.fullmatch(pattern, request.path)
            if method == request.method and found:
                return answer(request, *(unquote(part) for part in found.groups()))
        return 405, {"message": f"nothing at {request.method} {request.path}"}

    def _validate(self, request: Request, target: str, content: bytes) -> None:
        if self.specification is None:
            return
        kept = ("authorization", "content-type", "intercom-version")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        said = self._validator.request(request.method, target, headers=headers, content=content)
        if said.status_code >= 400:
            self.refused.append(f"{request.method} {target}: {said.status_code} {said.text}")

    @staticmethod
    def _write(
        handler: BaseHTTPRequestHandler, status: int, content: bytes, headers: Mapping[str, str]
    ) -> None:
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            if status != 204:
                handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            if status != 204:
                handler.wfile.write(content)
            handler.wfile.flush()
        except OSError:
            handler.close_connection = True  # The client did not wait.
