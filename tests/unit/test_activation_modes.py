"""What the settings of a sync do: modes, mapping, identifiers, shared lists, guards, leases."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from activation_kit import (
    NOON,
    Given,
    Scripted,
    Warehouse,
    make_sync,
    open_warehouse,
    to_receiver,
)

from expectations.suites import AudienceTerms, Relation
from orchestration.activation import ledger
from orchestration.activation.exposures import MappedField
from orchestration.activation.reconcile import reconcile
from orchestration.activation.runner import SYNC_LEASE, Release, plan_sync
from orchestration.demo_receiver import DemoReceiver, Fault
from orchestration.destinations.base import Answer, Batch, NoAnswer, Row
from orchestration.errors import StrataError, SyncFailed, UsageError
from orchestration.lease import holder, leases

THREE = {"a": "ann", "b": "bob", "c": "cyd"}


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    yield from open_warehouse(request, tmp_path)


@pytest.fixture
def receiver() -> Iterator[DemoReceiver]:
    with DemoReceiver() as running:
        yield running


class MailingList:
    """A list of addresses that others write to as well, and that can be asked and read."""

    address = "list"

    def __init__(self, *there: str) -> None:
        self.there: set[str] = set(there)
        self.sent: list[Row] = []
        self.loses_answers = False
        self.asked: list[str] = []

    def send(self, batch: Batch) -> Sequence[Answer]:
        for row in batch.rows:
            self.sent.append(row)
            self.there -= set(row.former_identifiers)
            if row.is_upsert:
                self.there.add(str(row.identifier))
            else:
                self.there.discard(str(row.identifier))
        if self.loses_answers:
            raise NoAnswer("the line went dead")
        return [Answer(row.entity_key) for row in batch.rows]

    def applied(self, batch: Batch) -> Collection[str]:
        self.asked += [row.entity_key for row in batch.rows]
        return [row.entity_key for row in batch.rows if row.identifier in self.there]

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        return [row.entity_key for row in rows if row.identifier in self.there]

    def held(self) -> Iterator[str]:
        yield from sorted(self.there)

    def close(self) -> None:
        """Nothing to close."""


def to_list(destination: MailingList, **changes: Any) -> Any:
    settings = Given(make=lambda: destination)
    return make_sync(settings, destination="list", identifier="email", **changes)


def mails(*names: str) -> set[str]:
    return {f"{name}@example.com" for name in names}


# Modes


def test_an_upsert_adds_and_changes_and_takes_nobody_away(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, mode="upsert")
    warehouse.audience(THREE)
    warehouse.run(sync)
    warehouse.audience({"a": "anna"})
    report = warehouse.run(sync)
    assert (report.added, report.changed, report.removed) == (0, 1, 0)
    assert sorted(receiver.members) == ["a", "b", "c"]
    warehouse.audience(THREE)
    assert warehouse.run(sync).changed == 1, "who came back as they were is there still"


def test_an_emptied_audience_is_nothing_to_stop_an_upsert(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, mode="upsert")
    warehouse.audience(THREE)
    warehouse.run(sync)
    warehouse.audience({})
    assert warehouse.run(sync).removed == 0


def test_an_insert_sends_everybody_once_until_they_leave(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, mode="insert")
    for members in (THREE, {**THREE, "a": "anna"}):
        warehouse.audience(members)
        warehouse.run(sync)
    assert len(receiver.keys_seen) == 3
    warehouse.audience({"b": "bob", "c": "cyd"})
    assert warehouse.run(sync).removed == 0
    warehouse.audience(THREE)
    assert warehouse.run(sync).added == 1
    assert list(receiver.keys_seen.values()).count("a") == 2


def test_an_insert_without_an_answer_keeps_its_key_though_the_payload_changed(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, mode="insert")
    warehouse.audience({"a": "ann"})
    receiver.faults.append(Fault(status=500, is_applied=True))
    with pytest.raises(SyncFailed):
        warehouse.run(sync)
    warehouse.audience({"a": "anna"})
    warehouse.run(sync)
    assert (receiver.repeats, list(receiver.keys_seen.values())) == (1, ["a"])


def test_archiving_sends_who_enters_and_forgets_who_leaves(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, mode="archive")
    warehouse.audience(THREE)
    assert warehouse.run(sync).added == 3
    rows = [row for delivery in receiver.deliveries for row in delivery.rows]
    assert [(row["operation"], row["payload"]) for row in rows] == [("archive", None)] * 3
    warehouse.audience({"a": "anna", "b": "bob"})
    assert warehouse.run(sync).unchanged == 2
    warehouse.audience(THREE)
    assert warehouse.run(sync).added == 1


# Fields


def test_a_mapping_names_the_fields_and_other_columns_do_not_matter(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, mapping=(MappedField("revenue", "mrr"),))
    warehouse.audience(THREE)
    warehouse.run(sync)
    assert receiver.members["a"] == {"revenue": 12.5}
    warehouse.audience({**THREE, "a": "anna"})
    assert warehouse.run(sync).unchanged == 3, "only the address changed, which is not sent"


def test_a_null_is_not_sent_unless_the_mapping_says_so(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    fields = (MappedField("email", "email"), MappedField("mrr", "mrr", is_null_sent=True))
    warehouse.audience({"a": "ann"})
    warehouse.run(to_receiver(receiver, mapping=fields))
    warehouse.do(
        "update activation.audience_champions set email = null, mrr = null, payload_hash = 'other'"
    )
    warehouse.run(to_receiver(receiver, mapping=fields))
    assert receiver.deliveries[-1].rows[0]["payload"] == {"mrr": None}
    assert receiver.members["a"] == {"email": "ann@example.com", "mrr": None}


def test_other_fields_are_told_by_the_plan_with_the_rows_they_resend(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    same = plan_sync(warehouse.engine, to_receiver(receiver))
    assert (same.fields_before, same.changed) == (None, 0)
    renamed = (MappedField("email", "email"), MappedField("revenue", "mrr"))
    other = plan_sync(warehouse.engine, to_receiver(receiver, mapping=renamed))
    assert (other.fields_before, other.fields) == (
        "email=email\nmrr=mrr",
        "email=email\nrevenue=mrr",
    )
    assert other.changed == 3


def test_another_mapping_is_seen_where_the_audience_is_as_it_was(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    revenue = to_receiver(receiver, mapping=(MappedField("revenue", "mrr"),))
    warehouse.run(revenue)
    assert plan_sync(warehouse.engine, revenue).unchanged == 3
    email = to_receiver(receiver, mapping=(MappedField("email", "email"),))
    assert plan_sync(warehouse.engine, email).changed == 3
    cleared = to_receiver(receiver, mapping=(MappedField("revenue", "mrr", is_null_sent=True),))
    assert plan_sync(warehouse.engine, cleared).changed == 3
    assert warehouse.run(email).changed == 3
    assert plan_sync(warehouse.engine, email).unchanged == 3
    assert plan_sync(warehouse.engine, revenue).changed == 3


def test_a_refused_change_that_is_taken_back_leaves_a_mapping_as_it_was(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, mapping=(MappedField("email", "email"),))
    warehouse.audience(THREE)
    warehouse.run(sync)
    warehouse.audience({**THREE, "a": "anna"})
    receiver.faults.append(Fault(status=422))
    warehouse.run(sync)
    assert warehouse.states()["a"] == "rejected"
    warehouse.audience(THREE)
    assert warehouse.run(sync).unchanged == 3
    assert warehouse.states()["a"] == "delivered"
    warehouse.audience({**THREE, "a": "anna"})
    assert warehouse.run(sync).changed == 1
    assert receiver.members["a"] == {"email": "anna@example.com"}


def test_a_file_has_the_fields_of_the_mapping(warehouse: Warehouse, tmp_path: Path) -> None:
    from orchestration.destinations.file.settings import FileSettings

    path = tmp_path / "champions.csv"
    warehouse.audience({"a": "ann"})
    settings = FileSettings(path=str(path), format="csv")
    warehouse.run(make_sync(settings, mapping=(MappedField("E-mail", "email"),)))
    assert path.read_text().splitlines() == ["entity_key,E-mail", "a,ann@example.com"]


# Identifiers


def test_another_address_takes_the_old_one_off_the_list(warehouse: Warehouse) -> None:
    destination = MailingList()
    warehouse.audience(THREE)
    warehouse.run(to_list(destination))
    warehouse.audience({**THREE, "a": "anna"})
    warehouse.run(to_list(destination))
    assert destination.there == mails("anna", "bob", "cyd")
    assert warehouse.ledger()["a"]["held_identifiers"] == "anna@example.com"


def test_no_address_is_lost_from_sight_over_lost_answers(warehouse: Warehouse) -> None:
    destination = MailingList()
    destination.loses_answers = True
    for name in ("ann", "anna", "annie"):
        warehouse.audience({"a": name})
        # What arrived is not seen, so that each stays on the list.
        destination.there |= mails("ann", "anna") if name == "annie" else set()
        with pytest.raises(SyncFailed):
            warehouse.run(to_list(destination))
    held = warehouse.ledger()["a"]["held_identifiers"].splitlines()
    assert set(held) == mails("ann", "anna", "annie")
    destination.loses_answers = False
    destination.there = mails("ann", "anna", "annie")
    warehouse.audience({"b": "bob"})
    warehouse.run(to_list(destination, max_removal_share=1.0))
    assert destination.there == mails("bob")


def test_a_removal_names_the_address_of_somebody_who_is_gone(warehouse: Warehouse) -> None:
    destination = MailingList()
    warehouse.audience(THREE)
    warehouse.run(to_list(destination))
    warehouse.audience({"b": "bob", "c": "cyd"})
    warehouse.run(to_list(destination))
    assert destination.sent[-1].identifier == "ann@example.com"
    assert warehouse.ledger()["a"]["identifier"] is None, "nobody who left is named any more"


def test_an_address_that_another_member_has_is_not_taken_from_them(warehouse: Warehouse) -> None:
    destination = MailingList()
    sync = to_list(destination, batch_size=1, max_removal_share=1.0)
    warehouse.audience({"a": "ann", "b": "bob", "twin": "ann"})
    warehouse.run(sync)
    warehouse.audience({"a": "ann", "b": "bob"})
    assert warehouse.run(sync).removed == 0
    assert destination.there == mails("ann", "bob")
    assert warehouse.states()["twin"] == "removed"
    # They exchange addresses, one after the other.
    warehouse.audience({"a": "bob", "b": "ann"})
    warehouse.run(sync)
    assert destination.there == mails("ann", "bob")
    warehouse.audience({"b": "ann"})
    assert warehouse.run(sync).removed == 1
    assert destination.there == mails("ann")


def test_a_library_that_is_not_installed_is_named(warehouse: Warehouse) -> None:
    def missing() -> Any:
        raise ModuleNotFoundError("No module named 'fax'", name="fax")

    warehouse.audience(THREE)
    with pytest.raises(UsageError, match=r"needs the library fax; install .* `destinations`"):
        warehouse.run(make_sync(Given(make=missing), destination="fax"))


# Asking


def test_what_arrived_without_an_answer_is_asked_about_and_not_sent_again(
    warehouse: Warehouse,
) -> None:
    destination = MailingList()
    warehouse.audience(THREE)
    destination.loses_answers = True
    with pytest.raises(SyncFailed, match="did not answer: the line went dead"):
        warehouse.run(to_list(destination, batch_size=3))
    destination.loses_answers = False
    destination.there.discard("cyd@example.com")
    report = warehouse.run(to_list(destination, batch_size=3))
    assert (report.added, report.confirmed) == (3, 2)
    assert [row.entity_key for row in destination.sent] == ["a", "b", "c", "c"]
    assert destination.asked == ["a", "b", "c"]
    assert set(warehouse.states().values()) == {"delivered"}


# Lists that others write to


def test_whom_others_added_stays_when_they_leave_the_audience(warehouse: Warehouse) -> None:
    destination = MailingList("ann@example.com", "zoe@example.com")
    sync = to_list(destination, shared_list=True, max_removal_share=1.0)
    warehouse.audience(THREE)
    warehouse.run(sync)
    warehouse.audience({"c": "cyd"})
    assert warehouse.run(sync).removed == 1
    assert destination.there == mails("ann", "cyd", "zoe")
    destination.there.discard("ann@example.com")
    for members in (THREE, {"c": "cyd"}):
        warehouse.audience(members)
        warehouse.run(sync)
    assert destination.there == mails("cyd", "zoe"), "this time it was we who added ann"


def test_our_own_add_without_an_answer_is_not_taken_for_somebody_elses(
    warehouse: Warehouse,
) -> None:
    destination = MailingList("zoe@example.com")
    sync = to_list(destination, shared_list=True, batch_size=3, max_removal_share=1.0)
    warehouse.audience({**THREE, "z": "zoe"})
    destination.loses_answers = True
    with pytest.raises(SyncFailed):
        warehouse.run(sync)
    destination.loses_answers = False
    warehouse.run(sync)
    warehouse.audience({"c": "cyd"})
    warehouse.run(sync)
    assert destination.there == mails("cyd", "zoe")


def test_a_destination_that_cannot_tell_who_is_there_is_no_shared_list(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    with pytest.raises(UsageError, match="cannot say who is on its list; accepted: false"):
        warehouse.run(to_receiver(receiver, shared_list=True))
    assert not receiver.deliveries


# Guards


def many(count: int, name: str = "x") -> Mapping[str, str]:
    return {f"k{n:03}": name for n in range(count)}


def test_too_much_change_stops_a_sync(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    sync = to_receiver(receiver, batch_size=500, max_change_share=0.5)
    warehouse.audience(many(100))
    warehouse.run(sync)
    warehouse.audience({**many(100), **many(51, "y")})
    with pytest.raises(SyncFailed, match=r"51 rows would be sent, 51\.0% of the 100 members"):
        warehouse.run(sync)
    warehouse.audience({**many(100), **many(50, "y")})
    assert warehouse.run(sync).changed == 50


def test_a_person_releases_a_plan_and_it_is_kept_who_and_why(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver)
    warehouse.audience(THREE)
    warehouse.run(sync)
    warehouse.audience({})
    with pytest.raises(SyncFailed, match="if it is right: strata sync sync_champions --release"):
        warehouse.run(sync)
    assert warehouse.run(sync, release=Release("ilse", "The campaign is over")).removed == 3
    run = warehouse.last_run()
    assert (run["released_by"], run["release_reason"]) == ("ilse", "The campaign is over")
    assert receiver.members == {}


def test_a_segment_that_was_never_published_is_never_sent(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    terms = AudienceTerms(
        Relation("activation", "audience_champions"), "champions", "email", "email", {}
    )
    warehouse.do("drop schema if exists segments cascade")
    warehouse.do("create schema segments")
    warehouse.do("create table segments.segment_verdicts (segment_id text, verdict text)")
    warehouse.do("insert into segments.segment_verdicts values ('champions', 'hold')")
    warehouse.audience(THREE)
    sync = to_receiver(receiver, terms=terms)
    never = r"the segment champions of .* was never published"
    with pytest.raises(StrataError, match=never):
        plan_sync(warehouse.engine, sync)
    with pytest.raises(StrataError, match=never):
        warehouse.run(sync)
    assert not receiver.deliveries


# Leases


def lease_of(warehouse: Warehouse, **values: object) -> None:
    with warehouse.engine.begin() as connection:
        connection.execute(leases.delete())
        connection.execute(
            leases.insert(),
            [{"lease_name": "sync_champions", "run_id": "other", "acquired_at": NOON,
              "holder": "elsewhere:1", **values}],
        )  # fmt: skip


def test_a_sync_that_runs_elsewhere_is_left_to_it(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    lease_of(warehouse, expires_at=NOON + SYNC_LEASE)
    with pytest.raises(
        SyncFailed, match=r"another run .* since 2026-07-01 12:00:00Z \(elsewhere:1"
    ):
        warehouse.run(to_receiver(receiver))
    assert warehouse.rows("select * from operations.sync_runs") == []
    warehouse.now = NOON + SYNC_LEASE
    assert warehouse.run(to_receiver(receiver)).added == 3


def test_the_lease_of_a_process_that_is_gone_is_taken_over(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    import os
    import subprocess
    import sys

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = holder().rpartition(":")[0]
    warehouse.audience(THREE)
    lease_of(warehouse, expires_at=NOON + SYNC_LEASE, holder=f"{here}:{os.getpid()}")
    with pytest.raises(SyncFailed, match="another run of it is going on"):
        warehouse.run(to_receiver(receiver))
    lease_of(warehouse, expires_at=NOON + timedelta(days=1), holder=f"{here}:{ended.pid}")
    assert warehouse.run(to_receiver(receiver)).added == 3


def test_a_run_whose_lease_was_taken_over_stops_before_the_next_claim(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    def lose(done: int, _total: int) -> None:
        if done == 2:
            lease_of(warehouse, expires_at=NOON + timedelta(days=1))

    warehouse.audience({f"k{n}": "x" for n in range(5)})
    with pytest.raises(SyncFailed, match="another run has taken over; this one stops"):
        warehouse.run(to_receiver(receiver, batch_size=2), progress=lose)
    assert len(receiver.deliveries) == 1
    assert sorted(warehouse.states().values()) == ["delivered", "delivered"]


def test_a_run_gives_its_lease_back_however_it_ends(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    for fault in (Fault(status=401), None):
        receiver.faults.extend([fault] if fault else [])
        with suppress(SyncFailed):
            warehouse.run(to_receiver(receiver))
        [found] = warehouse.rows("select * from operations.leases")
        assert found["expires_at"] < warehouse.now


# Parked rows


def test_parked_rows_are_shown_and_released_with_all_their_attempts(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, max_attempts=1)
    warehouse.audience(THREE)
    receiver.rejected.update({"a": "no such address", "b": "blocked"})
    assert warehouse.run(sync).parked == 2
    with warehouse.engine.begin() as connection:
        rows = ledger.parked(connection, "sync_champions")
        assert [(row.entity_key, row.last_error) for row in rows] == [
            ("a", "no such address"),
            ("b", "blocked"),
        ]
        assert ledger.parked(connection, "sync_others") == []
        assert ledger.unpark(connection, "sync_champions", ["a"]) == 1
    receiver.rejected.clear()
    assert warehouse.run(sync).added == 1
    assert warehouse.states() == {"a": "delivered", "b": "parked", "c": "delivered"}


# Reading back


def test_a_reading_tells_who_is_missing_and_whom_others_added(warehouse: Warehouse) -> None:
    warehouse.create_views()
    destination = MailingList("zoe@example.com")
    sync = to_list(destination)
    warehouse.audience(THREE)
    warehouse.run(sync)
    destination.there = {"ANN@example.com", "bob@example.com", "zoe@example.com"}
    drift = reconcile(warehouse.engine, sync, reading_id="r1", now=lambda: warehouse.now)
    assert (drift.observed, drift.acknowledged) == (3, 3)
    assert (drift.missing, drift.unexpected, drift.examples) == (1, 1, ("c",))
    assert warehouse.run(sync).added == 0, "a reading alone changes nothing"
    again = reconcile(warehouse.engine, sync, repair=True, reading_id="r2",
                      now=lambda: warehouse.now)  # fmt: skip
    assert (again.missing, again.repaired) == (1, 1)
    warehouse.now += timedelta(minutes=1)
    assert warehouse.run(sync).added == 1
    assert destination.there >= mails("cyd", "zoe")


def test_a_reading_that_is_cut_off_says_nothing(warehouse: Warehouse) -> None:
    warehouse.create_views()
    destination = MailingList()
    sync = to_list(destination)
    warehouse.audience(THREE)
    warehouse.run(sync)
    reconcile(warehouse.engine, sync, reading_id="r1", now=lambda: warehouse.now)

    def cut_off() -> Iterator[str]:
        yield "ann@example.com"
        raise NoAnswer("the line went dead")

    destination.held = cut_off  # type: ignore[method-assign]
    with pytest.raises(SyncFailed, match="the line went dead"):
        reconcile(warehouse.engine, sync, reading_id="r2", now=lambda: warehouse.now)
    assert warehouse.rows("select * from activation.sync_drift") == []


def test_what_is_delivered_after_a_reading_is_no_drift(warehouse: Warehouse) -> None:
    warehouse.create_views()
    destination = MailingList()
    sync = to_list(destination)
    warehouse.audience({"a": "ann"})
    warehouse.run(sync)
    reconcile(warehouse.engine, sync, reading_id="r1", now=lambda: warehouse.now)
    warehouse.now += timedelta(hours=1)
    warehouse.audience(THREE)
    warehouse.run(sync)
    assert warehouse.rows("select * from activation.sync_drift") == []


def test_a_destination_that_cannot_be_read_says_so(warehouse: Warehouse) -> None:
    sync = make_sync(Given(make=lambda: Scripted(lambda batch: [])), destination="scripted")
    with pytest.raises(UsageError, match="the destination scripted cannot be read back"):
        reconcile(warehouse.engine, sync, reading_id="r1")


# Ranked lists


def test_a_ranked_audience_is_delivered_in_its_order(
    warehouse: Warehouse, receiver: DemoReceiver, tmp_path: Path
) -> None:
    from orchestration.destinations.file.settings import FileSettings

    path = tmp_path / "calls.csv"
    warehouse.audience(THREE)
    for key, rank in (("a", 3), ("b", 1), ("c", 2)):
        warehouse.do(
            "update activation.audience_champions set mrr = :rank where entity_key = :key",
            rank=rank, key=key,
        )  # fmt: skip
    warehouse.run(to_receiver(receiver, rank_column="mrr", batch_size=3))
    assert [row["entity_key"] for row in receiver.deliveries[0].rows] == ["b", "c", "a"]
    settings = FileSettings(path=str(path), format="csv")
    warehouse.run(make_sync(settings, name="sync_file", rank_column="mrr"))
    assert [line[0] for line in path.read_text().splitlines()[1:]] == ["b", "c", "a"]
