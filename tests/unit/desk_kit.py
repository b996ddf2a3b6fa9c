"""What the tests of Slack, Salesforce and Zendesk share: a server that plays an API and fails."""

import json
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from orchestration.demo_receiver import Fault


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered: an object is sent as JSON, bytes as they are."""

    status: int
    body: object = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes to send."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class FakeApi:
    """A server on a free port of 127.0.0.1, for as long as the `with` block lasts.

    Subclasses answer in `answer`. `faults` is for the next requests, by the end of their path.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.faults: dict[str, deque[Fault]] = {}
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def answer(self, request: Request) -> Response:
        """Apply a request."""
        raise NotImplementedError  # Each fake answers for its own API.

    def fail(self, path: str, *faults: Fault) -> None:
        """Answer the next requests whose path ends so with faults, one each."""
        self.faults.setdefault(path, deque()).extend(faults)

    def asked(self, path: str) -> list[Request]:
        """The requests whose path ended so, in their order."""
        return [request for request in self.requests if request.path.endswith(path)]

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

    def _fault(self, path: str) -> Fault | None:
        for end, faults in self.faults.items():
            if faults and path.endswith(end):
                return faults.popleft()
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                request = Request(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("Content-Length", 0))),
                )
                with api._lock:
                    api.requests.append(request)
                    fault = api._fault(request.path)
                    if fault is None or fault.is_applied:
                        response = api.answer(request)
                if fault is not None:
                    time.sleep(fault.delay_seconds)
                    response = Response(fault.status, fault.body.encode(), fault.headers)
                    if fault.is_cut_off:
                        self.close_connection = True
                        return
                self._reply(response)

            def _reply(self, response: Response) -> None:
                headers = {"Content-Type": "application/json", **response.headers}
                try:
                    self.send_response(response.status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    if "Content-Length" not in headers:
                        self.send_header("Content-Length", str(len(response.content)))
                    self.end_headers()
                    self.wfile.write(response.content)
                except OSError:
                    # The client gave up waiting.
                    self.close_connection = True
                if "Content-Length" in headers:
                    # A body that is shorter than promised: the client waits for the rest.
                    self.close_connection = True

            do_DELETE = do_GET = do_PATCH = do_POST = do_PUT = _serve  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


def failing(status: int, body: object = b"", **options: Any) -> Fault:
    """A fault; an object as the body is sent as JSON."""
    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
    return Fault(status=status, body=text, **options)
