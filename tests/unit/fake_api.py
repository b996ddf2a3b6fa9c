"""A server that plays a vendor's HTTP API in tests: it remembers requests, and it fails.

Where it is given a server that knows the vendor's specification (Prism), each request is shown
to that too, and what it refuses is in `violations`.
"""

import json
import re
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from orchestration.demo_receiver import Fault

Reply = tuple[int, Any]
AS_IT_SHOULD = Fault(status=0)
"""A fault of status 0 leaves the right answer, which may be late or truncated."""


class Specified(Fault):
    """A fault whose answer is the specification's example of its status."""


def failing(status: int, body: object = b"", **options: Any) -> Fault:
    """A fault with bytes, or with an object as JSON."""
    text = body.decode(errors="surrogateescape") if isinstance(body, bytes) else json.dumps(body)
    return Fault(status=status, body=text, **options)


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    operation: str
    arguments: Sequence[str]
    """What the groups of the operation's path matched."""
    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.content.decode()))


@dataclass(frozen=True)
class Response:
    """What is answered: bytes are sent as they are, anything else as JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


class FakeApi:
    """A server on a free port of 127.0.0.1, for as long as the `with` block lasts.

    A subclass has a method for each operation of `routes`, which takes the request and the groups
    of its path, and gives a status and a body. Or it has an `answer` of its own.
    """

    base_path = ""
    routes: Sequence[tuple[str, str, str]] = ()
    """Operation, method, and pattern of the whole path."""
    undocumented: Collection[tuple[str, int]] = ()
    """Operations and statuses that the API has and its specification lacks."""

    def __init__(
        self, specification: httpx.Client | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.specification = specification
        self.requests: list[Request] = []
        self.faults: list[tuple[str, Fault]] = []
        self.violations: list[str] = []
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_path}"

    def answer(self, request: Request) -> Response:
        """Apply a request."""
        if not request.operation:
            return Response(405, {"message": f"nothing at {request.method} {request.path}"})
        return Response(*getattr(self, request.operation)(request, *request.arguments))

    def example(self, content: bytes) -> bytes:
        """What is passed on of an example from the specification."""
        return content

    def fail(self, about: str, *faults: Fault) -> None:
        """Answer the next requests about something (see `_is_about`) with faults, one each."""
        self.faults.extend((about, fault) for fault in faults)

    def asked(self, about: str) -> list[Request]:
        """The requests about something (see `_is_about`), in their order."""
        return [request for request in self.requests if self._is_about(about, request)]

    def operations(self) -> list[str]:
        """The operations that were asked for, in their order."""
        return [request.operation for request in self.requests]

    def _is_about(self, about: str, request: Request) -> bool:
        """Whether it is this operation, or else has this pattern in its method and path."""
        if any(about == operation for operation, _, _ in self.routes):
            return about == request.operation
        return re.search(about, f"{request.method} {request.path}") is not None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else the second part of an answer waits 40 ms for the first to be acknowledged.
            disable_nagle_algorithm = True

            def _take(self) -> None:
                api._handle(self)

            do_DELETE = do_GET = do_PATCH = do_POST = do_PUT = _take  # noqa: N815 - http.server's

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        request = self._read(handler)
        with self._lock:
            self.requests.append(request)
            faults = (one for one in self.faults if self._is_about(one[0], request))
            if found := next(faults, None):
                self.faults.remove(found)
            fault = found[1] if found else AS_IT_SHOULD
            if fault.is_applied or not fault.status:
                response = self.answer(request)
            if fault.status:
                text = fault.body.encode(errors="surrogateescape")
                response = Response(fault.status, text, fault.headers)
        if self.specification:
            said = self._show(self.specification, request, response.status)
            if isinstance(fault, Specified):
                assert said.status_code == fault.status, said.text
                headers = {name: said.headers[name] for name in said.headers if name[:2] == "x-"}
                response = Response(fault.status, self.example(said.content), headers)
        time.sleep(fault.delay_seconds)
        if not fault.is_cut_off:
            self._write(handler, response, missing=int(fault.is_truncated))
        handler.close_connection |= fault.is_cut_off or fault.is_truncated

    def _read(self, handler: BaseHTTPRequestHandler) -> Request:
        method, target = handler.command, handler.path.removeprefix(self.base_path)
        operation, arguments = "", []
        for name, its_method, pattern in self.routes:
            match = re.fullmatch(pattern, urlsplit(target).path)
            if method == its_method and match:
                operation, arguments = name, [unquote(part) for part in match.groups()]
                break
        headers = {name.lower(): value for name, value in handler.headers.items()}
        content = handler.rfile.read(int(headers.get("content-length", 0)))
        return Request(operation, arguments, method, target, headers, content)

    def _show(self, specification: httpx.Client, request: Request, status: int) -> httpx.Response:
        """Show a request to the specification's server, which has to know the status too."""
        own = ("host", "content-length", "connection", "accept-encoding")
        headers = {name: value for name, value in request.headers.items() if name not in own}
        if (request.operation, status) not in self.undocumented:
            headers["prefer"] = f"code={status}"
        said = specification.request(
            request.method, request.target, headers=headers, content=request.content
        )
        if problem := refused_by_prism(said):
            self.violations.append(f"{request.method} {request.target}: {problem}")
        return said

    @staticmethod
    def _write(handler: BaseHTTPRequestHandler, response: Response, missing: int) -> None:
        """Write an answer, which is truncated where it promises more than it has."""
        length = str(len(response.content) + missing)
        sent = {"Content-Type": "application/json", "Content-Length": length, **response.headers}
        try:
            handler.send_response(response.status)
            for name, value in sent.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(response.content)
        except OSError:
            handler.close_connection = True  # The client did not wait.


def refused_by_prism(response: httpx.Response) -> str:
    """What Prism has against a request. Its status does not say: a specified 400 is used for it."""
    found: str = response.headers.get("sl-violations", "")
    return found or (response.text if "stoplight.io/prism/errors" in response.text else "")
