"""docs/destinations/drt.md: what the page shows delivers an audience, and what it says drt does not
do is so."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pytest
from project import PROJECT_DIR

pytest.importorskip(
    "drt", reason="drt is not installed (the optional extra: pip install -e '.[drt]')"
)
pytestmark = pytest.mark.slow

PAGE = (PROJECT_DIR / "docs" / "destinations" / "drt.md").read_text()
SYNC = "reverse_etl/syncs/champions_to_loyalty.yml"
INCREMENTAL = {
    "payload_hash,": "payload_hash, entered_at,",
    "mode: full": "mode: incremental\n  cursor_field: entered_at",
}
DEAD_LETTERS = {"mode: full": "mode: full\n  dlq: {enabled: true}"}
NO_DECIMAL = {", lifetime_revenue": ""}
ANN, BOB, CAT, DAN = "c_1", "c_2", "c_3", "c_4"


class Loyalty:
    """An endpoint of a tool on this machine: what came, and who is refused."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        """Authorization, idempotency key and body of each request."""
        self.other_requests: list[str] = []
        self.refused: set[str] = set()
        self.on_request: Callable[[], None] = lambda: None

    def take(self) -> list[str]:
        """The members that came since the last look."""
        members = [body["entity_key"] for _, _, body in self.requests]
        self.requests.clear()
        return members

    def keys(self) -> list[str]:
        """The idempotency keys since the last look."""
        keys = [key for _, key, _ in self.requests]
        self.requests.clear()
        return keys


@pytest.fixture
def loyalty() -> Iterator[tuple[Loyalty, str]]:
    """The endpoint, and its address."""
    endpoint = Loyalty()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/members":
                endpoint.other_requests.append(self.path)
            else:
                seen = (self.headers["Authorization"], self.headers["Idempotency-Key"], body)
                endpoint.requests.append(seen)
                endpoint.on_request()
            is_refused = body.get("entity_key") in endpoint.refused
            self.send_response(422 if is_refused else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield endpoint, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Drt:
    """The files of the page in a folder of their own, and `drt` as people run it."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.duckdb = folder / "strata.duckdb"
        self.queue = folder / "reverse_etl" / ".drt" / "dlq" / "champions_to_loyalty.jsonl"
        self.process: subprocess.Popen[str] | None = None
        for name, text in re.findall(r"^`([^`]+\.yml)`:\n\n```yaml\n(.*?)^```", PAGE, re.M | re.S):
            file = folder / name.replace("~", "home")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "DO_NOT_TRACK": "1",
            # If drt told anybody of its runs, it would be this test.
            "DRT_TELEMETRY_ENDPOINT": f"{address}/telemetry",
            "LOYALTY_URL": f"{address}/members",
            "LOYALTY_TOKEN": "s3cret",
        }
        with duckdb.connect(str(self.duckdb)) as connection:
            connection.execute("create schema activation")
        self.audience(ANN, BOB)

    def audience(self, *members: str, content: str = "h") -> None:
        """Replaces the audience by these members, who entered in this order."""
        with duckdb.connect(str(self.duckdb)) as connection:
            connection.execute(
                "create or replace table activation.audience_champions as "
                "select 'c_' || n as entity_key, ? || n as payload_hash, "
                "'c_' || n || '@example.com' as email, 'Ann' as first_name, "
                "cast(1250.5 as decimal(18, 2)) as lifetime_revenue, "
                "timestamp '2026-07-01' + to_hours(n) as entered_at "
                "from range(1, 5) as r(n) where list_contains(?, 'c_' || n) order by n",
                [content, list(members)],
            )

    def edit(self, changes: dict[str, str]) -> None:
        """Changes the page's sync."""
        file = self.folder / SYNC
        for old, new in changes.items():
            text = file.read_text()
            assert old in text, old
            file.write_text(text.replace(old, new))

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Runs `drt` in the folder; exit code and what it printed."""
        command = [str(Path(sys.executable).parent / "drt"), *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=self.folder / "reverse_etl",
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, " ".join(output.split())


@pytest.fixture
def drt(tmp_path: Path, loyalty: tuple[Loyalty, str]) -> Drt:
    return Drt(tmp_path, loyalty[1])


@pytest.fixture
def received(loyalty: tuple[Loyalty, str]) -> Loyalty:
    return loyalty[0]


def test_the_page_delivers_an_audience_and_tells_nobody_who_left(
    drt: Drt, received: Loyalty
) -> None:
    assert drt("run")[0] == 0
    assert received.requests == [
        (
            "Bearer s3cret",
            f"{member}:h{member[-1]}",
            {
                "entity_key": member,
                "payload_hash": f"h{member[-1]}",
                "email": f"{member}@example.com",
                "first_name": "Ann",
                "lifetime_revenue": "1250.50",
            },
        )
        for member in (ANN, BOB)
    ]
    received.requests.clear()
    drt.audience(ANN)
    assert drt("run")[0] == 0
    assert received.keys() == ["c_1:h1"], "everybody again and under the same keys; nothing of Bob"
    assert received.other_requests == [], "telemetry"


def test_an_incremental_run_passes_over_refused_changed_and_late_rows(
    drt: Drt, received: Loyalty
) -> None:
    drt.edit(INCREMENTAL)
    drt.audience(BOB, CAT)
    received.refused = {BOB}
    code, output = drt("run")
    assert (code, received.take()) == (1, [BOB, CAT]), output
    received.refused = set()
    # Ann entered the segment first and agreed to be told after the run; Cat has other columns.
    drt.audience(ANN, BOB, CAT, DAN, content="changed")
    assert drt("run")[0] == 0
    assert received.take() == [DAN]


def test_a_refused_row_that_is_not_skipped_stops_the_rows_after_it(
    drt: Drt, received: Loyalty
) -> None:
    drt.edit(DEAD_LETTERS | {"on_error: skip": "on_error: fail"})
    received.refused = {ANN}
    code, output = drt("run")
    assert (code, received.take()) == (1, [ANN])
    assert "Decimal is not JSON serializable" in output
    assert not drt.queue.exists(), "a row with a decimal is not queued"


def test_the_queue_of_refused_rows_is_sent_to_whoever_left_since(
    drt: Drt, received: Loyalty
) -> None:
    drt.edit(DEAD_LETTERS | NO_DECIMAL)
    received.refused = {BOB}
    assert drt("run")[0] == 1
    assert "c_2@example.com" in drt.queue.read_text()
    received.refused = set()
    received.take()
    drt.audience(ANN)
    assert drt("retry", "champions_to_loyalty")[0] == 0
    assert received.take() == [BOB]


def test_a_killed_run_is_sent_again_from_its_start(drt: Drt, received: Loyalty) -> None:
    drt.edit(INCREMENTAL)

    def kill_at_the_second() -> None:
        if len(received.requests) == 2 and drt.process is not None:
            drt.process.send_signal(signal.SIGKILL)

    received.on_request = kill_at_the_second
    assert drt("run")[0] == -signal.SIGKILL
    keys = received.keys()
    received.on_request = lambda: None
    assert drt("run")[0] == 0
    assert received.keys() == keys


def test_the_warehouse_file_is_locked_for_as_long_as_a_run_takes(
    drt: Drt, received: Loyalty
) -> None:
    refusals: list[str] = []

    def look() -> None:
        try:
            duckdb.connect(str(drt.duckdb), read_only=True).close()
        except duckdb.IOException as error:
            refusals.append(str(error))

    drt.edit({"mode: full": "mode: full\n  batch_size: 1"})
    received.on_request = look
    assert drt("run")[0] == 0
    assert len(refusals) == 2
    assert all("lock" in refusal for refusal in refusals)


def test_an_empty_audience_is_a_success(drt: Drt, received: Loyalty) -> None:
    drt.audience()
    assert drt("run")[0] == 0
    assert received.requests == []


def test_an_endpoint_cannot_be_mirrored(drt: Drt, received: Loyalty) -> None:
    drt.edit({"mode: full": "mode: mirror"})
    code, output = drt("run")
    assert code == 1
    assert "mirror is not supported by RestApiDestination" in output
    assert received.requests == []
