"""What goes wrong at destinations and between runners, counted at the receiver."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from activation_kit import Client, Given, Warehouse, expected, make_sync, open_warehouse

from orchestration.activation.exposures import Sync
from orchestration.activation.runner import SYNC_LEASE
from orchestration.demo_receiver import DemoReceiver, Fault
from orchestration.destinations.base import Answer, Batch
from orchestration.errors import SyncFailed

pytestmark = pytest.mark.slow  # servers, and many runs

MEMBERS = {f"k{n:02}": f"name{n}" for n in range(20)}


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    yield from open_warehouse(request, tmp_path)


@pytest.fixture
def receiver() -> Iterator[DemoReceiver]:
    with DemoReceiver() as running:
        yield running


def sync_to(receiver: DemoReceiver, max_retries: int = 2, **changes: object) -> Sync:
    settings = Given(make=lambda: Client(receiver, max_retries))
    return make_sync(settings, destination="webhook", batch_size=4, **changes)


def assert_whole(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    """The receiver holds the audience, and had no row under two keys."""
    assert receiver.members == expected(MEMBERS)
    assert sorted(receiver.keys_seen.values()) == sorted(MEMBERS)
    assert set(warehouse.states().values()) == {"delivered"}


def run_until_done(warehouse: Warehouse, sync: Sync, at_most: int) -> int:
    """Run again after every failure, as the hourly schedule does; how many runs it took."""
    for number in range(1, at_most + 1):
        with suppress(SyncFailed):
            warehouse.run(sync)
            return number
    raise AssertionError(f"not done after {at_most} runs")


STORMS = {
    "too many requests": [Fault(status=429, headers={"Retry-After": "7"})] * 40,
    "out of order": [Fault(status=503)] * 40,
    "applied, then an error": [Fault(status=500, is_applied=True)] * 40,
    "applied, no answer": [Fault(is_applied=True, is_cut_off=True)] * 40,
    "applied, half an answer": [Fault(200, '{"results": [', is_applied=True, is_truncated=True)]
    * 40,
    "applied, no JSON": [Fault(200, "<html>Welcome</html>", is_applied=True)] * 40,
    "applied, other words": [Fault(200, '{"results": {"ok": 1}}', is_applied=True)] * 40,
    "now this, now that": [Fault(429), Fault(500, is_applied=True), Fault(is_cut_off=True)] * 12,
}


@pytest.mark.parametrize("storm", STORMS)
def test_a_storm_passes_and_everything_is_there_once(
    warehouse: Warehouse, receiver: DemoReceiver, storm: str
) -> None:
    warehouse.audience(MEMBERS)
    receiver.faults.extend(STORMS[storm])
    runs = run_until_done(warehouse, sync_to(receiver), at_most=20)
    assert runs > 5, "the storm was felt"
    assert not receiver.faults
    assert_whole(warehouse, receiver)


def test_answers_that_come_too_late_were_applied_once(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    def hasty() -> Client:
        client = Client(receiver, max_retries=0)
        client._http.timeout = 0.2
        return client

    warehouse.audience(MEMBERS)
    receiver.faults.extend([Fault(200, "{}", is_applied=True, delay_seconds=0.5)] * 3)
    sync = make_sync(Given(make=hasty), destination="webhook", batch_size=4)
    assert run_until_done(warehouse, sync, at_most=6) == 4
    assert_whole(warehouse, receiver)
    assert receiver.repeats > 0


def test_part_of_every_batch_is_refused_and_the_rest_is_there(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(MEMBERS)
    refused = [key for number, key in enumerate(sorted(MEMBERS)) if number % 4 == 1]
    receiver.rejected.update(dict.fromkeys(refused, "no"))
    report = warehouse.run(sync_to(receiver))
    assert (report.added, report.rejected) == (15, 5)
    receiver.rejected.clear()
    assert warehouse.run(sync_to(receiver)).added == 5
    assert_whole(warehouse, receiver)


def test_ten_thousand_refused_rows_are_kept_and_sent_again(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.do(
        "insert into activation.audience_champions"
        " select 'k' || n, md5('h' || n), 'x' || n || '@example.com', 1"
        " from generate_series(1, 10000) as numbers (n)"
    )
    keys = [f"k{n}" for n in range(1, 10_001)]
    receiver.rejected.update({key: f"no {key}" for key in keys})
    settings = Given(make=lambda: Client(receiver))
    sync = make_sync(settings, destination="webhook", batch_size=1_000)
    assert warehouse.run(sync).rejected == 10_000
    [found] = warehouse.rows(
        "select count(*) as rows, count(case when last_error = 'no ' || entity_key then 1 end)"
        " as with_their_words from activation.sync_ledger where state = 'rejected'"
    )
    assert found == {"rows": 10_000, "with_their_words": 10_000}
    receiver.rejected.clear()
    assert warehouse.run(sync).added == 10_000
    assert len(receiver.members) == len(receiver.keys_seen) == 10_000


# Two at once


class Slow:
    """Delivers to a receiver, but not before it is allowed to."""

    address = "slow"

    def __init__(self, receiver: DemoReceiver) -> None:
        self._inner = Client(receiver)
        self.reached, self.go_on = Event(), Event()

    def send(self, batch: Batch) -> list[Answer]:
        self.reached.set()
        assert self.go_on.wait(timeout=30)
        return list(self._inner.send(batch))

    def close(self) -> None:
        self._inner.close()


def run_slowly(warehouse: Warehouse, slow: Slow, failures: list[str]) -> Thread:
    """Start a run in a thread, and return when it has claimed its first batch."""

    def run() -> None:
        try:
            # Its own clock: the warehouse's is moved while this run goes on.
            warehouse.run(make_sync(Given(make=lambda: slow), destination="webhook", batch_size=4))
        except SyncFailed as error:
            failures.append(str(error))

    thread = Thread(target=run)
    thread.start()
    assert slow.reached.wait(timeout=30)
    return thread


def test_two_runners_at_once_and_one_delivers(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience(MEMBERS)
    slow, failures = Slow(receiver), list[str]()
    thread = run_slowly(warehouse, slow, failures)
    with pytest.raises(SyncFailed, match="another run of it is going on"):
        warehouse.run(sync_to(receiver))
    warehouse.now -= timedelta(hours=1)
    assert not receiver.deliveries
    slow.go_on.set()
    thread.join(timeout=60)
    assert failures == []
    assert_whole(warehouse, receiver)
    assert receiver.repeats == 0


def test_a_runner_that_was_given_up_does_no_harm_when_it_wakes(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(MEMBERS)
    slow, failures = Slow(receiver), list[str]()
    thread = run_slowly(warehouse, slow, failures)
    warehouse.now += SYNC_LEASE + timedelta(seconds=1)
    assert warehouse.run(sync_to(receiver)).added == 20
    slow.go_on.set()
    thread.join(timeout=60)
    assert failures == ["sync_champions: its lease expired and another run has taken over; "
                        "this one stops"]  # fmt: skip
    assert receiver.repeats == 4, "its one batch came again, under the same keys"
    assert_whole(warehouse, receiver)
