"""A sync killed anywhere, and started again, ends as one that was never disturbed.

Each test runs the sync in a process of its own and ends it with SIGKILL at one boundary
between plan, claim, send and record.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import activation_kit
import pytest
from activation_kit import (
    SECRET,
    SECRET_VARIABLE,
    Warehouse,
    expected,
    make_sync,
    open_warehouse,
    to_receiver,
)

from orchestration.activation.exposures import Sync
from orchestration.demo_receiver import DemoReceiver
from orchestration.destinations.file.settings import FileSettings

pytestmark = pytest.mark.slow

BEFORE = {"a": "ann", "b": "bob", "c": "cyd", "d": "dan"}
# One change of each kind in the first batch of two and in later ones.
AFTER = {"a": "anna", "b": "bob", "d": "daniel", "e": "eve", "f": "fay"}
CHANGES_PER_MEMBER = {"a": 2, "b": 1, "c": 2, "d": 2, "e": 1, "f": 1}

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    yield from open_warehouse(request, tmp_path)


def start(warehouse: Warehouse, kind: str, address: str, boundary: str, survive: int) -> Any:
    url = warehouse.engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, activation_kit.__file__, url, kind, address, boundary, str(survive)],
        env={**os.environ, SECRET_VARIABLE: SECRET, "PYTHONPATH": str(ROOT)},
    )


def kill_at(warehouse: Warehouse, kind: str, address: str, boundary: str, survive: int) -> None:
    process = start(warehouse, kind, address, boundary, survive)
    assert process.wait(timeout=60) == -signal.SIGKILL


def changes_per_member(receiver: DemoReceiver) -> dict[str, int]:
    owners = list(receiver.keys_seen.values())
    return {owner: owners.count(owner) for owner in sorted(set(owners))}


def outcome(warehouse: Warehouse) -> dict[str, Any]:
    kept = ("state", "payload_hash", "acknowledged_hash", "operation", "generation", "last_error")
    return {
        key: {name: row[name] for name in kept} for key, row in sorted(warehouse.ledger().items())
    }


def undisturbed(warehouse: Warehouse, sync: Sync) -> dict[str, Any]:
    """The ledger after the same two audiences without a kill, under another sync's name."""
    for members in (BEFORE, AFTER):
        warehouse.audience(members)
        warehouse.run(sync)
    reached = outcome(warehouse)
    warehouse.do("delete from activation.sync_ledger")
    return reached


@pytest.mark.parametrize(
    ("boundary", "survive"),
    [
        ("plan written, not committed", 0),
        ("plan committed", 0),
        ("settled, not committed", 0),
        ("claimed, not committed", 0),
        ("claimed, not committed", 1),
        ("claimed, not sent", 0),
        ("claimed, not sent", 2),
        ("answered, not recorded", 0),
        ("answered, not recorded", 1),
        ("recorded, not committed", 0),
        ("recorded, not committed", 2),
        ("between two batches", 0),
        ("everything sent", 0),
    ],
)
def test_a_webhook_sync_killed_and_started_again(
    warehouse: Warehouse, boundary: str, survive: int
) -> None:
    with DemoReceiver(SECRET) as other:
        reached = undisturbed(warehouse, to_receiver(other))
    with DemoReceiver(SECRET) as receiver:
        sync = to_receiver(receiver)
        warehouse.audience(BEFORE)
        warehouse.run(sync)
        warehouse.audience(AFTER)
        kill_at(warehouse, "webhook", receiver.url, boundary, survive)
        warehouse.run(sync)
        assert receiver.members == expected(AFTER)
        assert changes_per_member(receiver) == CHANGES_PER_MEMBER
        assert outcome(warehouse) == reached
        states = [row["state"] for row in warehouse.rows("select * from operations.sync_runs")]
        assert sorted(set(states)) == ["failed", "succeeded"]


def test_a_sync_killed_while_the_receiver_answers(warehouse: Warehouse) -> None:
    processes: list[Any] = []

    def kill(_rows: object) -> None:
        if processes:
            processes.pop().kill()

    with DemoReceiver(SECRET, on_applied=kill) as receiver:
        sync = to_receiver(receiver)
        warehouse.audience(BEFORE)
        warehouse.run(sync)
        warehouse.audience(AFTER)
        process = start(warehouse, "webhook", receiver.url, "none", 0)
        processes.append(process)
        assert process.wait(timeout=60) == -signal.SIGKILL
        warehouse.run(sync)
        assert receiver.repeats == 2
        assert receiver.members == expected(AFTER)
        assert changes_per_member(receiver) == CHANGES_PER_MEMBER


def test_one_audience_killed_over_and_over(warehouse: Warehouse) -> None:
    with DemoReceiver(SECRET) as receiver:
        warehouse.audience(BEFORE)
        warehouse.run(to_receiver(receiver))
        warehouse.audience(AFTER)
        for boundary in ("answered, not recorded", "claimed, not sent", "answered, not recorded"):
            kill_at(warehouse, "webhook", receiver.url, boundary, 0)
        for boundary in ("claimed, not committed", "recorded, not committed"):
            kill_at(warehouse, "webhook", receiver.url, boundary, 1)
        warehouse.run(to_receiver(receiver))
        assert receiver.members == expected(AFTER)
        assert changes_per_member(receiver) == CHANGES_PER_MEMBER


def test_an_audience_that_changes_after_the_kill(warehouse: Warehouse) -> None:
    later: Mapping[str, str] = {"a": "ann", "b": "bob", "c": "cyd", "e": "eve"}
    with DemoReceiver(SECRET) as receiver:
        warehouse.audience(BEFORE)
        warehouse.run(to_receiver(receiver))
        warehouse.audience(AFTER)
        kill_at(warehouse, "webhook", receiver.url, "answered, not recorded", 1)
        warehouse.audience(later)
        warehouse.run(to_receiver(receiver))
        assert receiver.members == expected(later)


@pytest.mark.parametrize(
    "boundary",
    [
        "plan committed",
        "claimed, not committed",
        "file written, not in place",
        "file in place, not recorded",
        "recorded, not committed",
        "everything sent",
    ],
)
def test_a_file_sync_killed_and_started_again(
    warehouse: Warehouse, tmp_path: Path, boundary: str
) -> None:
    sync = make_sync(FileSettings(path=str(tmp_path / "undisturbed.csv"), format="csv"))
    reached = undisturbed(warehouse, sync)
    path = tmp_path / "champions.csv"
    sync = make_sync(FileSettings(path=str(path), format="csv"))
    warehouse.audience(BEFORE)
    warehouse.run(sync)
    before = path.read_bytes()
    warehouse.audience(AFTER)
    kill_at(warehouse, "file", str(path), boundary, 0)
    after = (tmp_path / "undisturbed.csv").read_bytes()
    assert path.read_bytes() in (before, after)
    warehouse.run(sync)
    assert path.read_bytes() == after
    assert outcome(warehouse) == reached
    assert not list(tmp_path.glob("*.unfinished"))
