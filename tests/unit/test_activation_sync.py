"""What a sync does to a destination and to the ledger, on every engine."""

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from activation_kit import (
    NOON,
    Given,
    Scripted,
    Warehouse,
    expected,
    make_sync,
    open_warehouse,
    to_receiver,
)

from orchestration.activation.ledger import retry_at
from orchestration.activation.runner import plan_sync
from orchestration.demo_receiver import DemoReceiver, Fault
from orchestration.destinations.base import Answer, Batch, Column
from orchestration.destinations.file.client import FileDestination
from orchestration.destinations.file.settings import FileSettings
from orchestration.errors import StrataError, SyncFailed, UsageError

THREE = {"a": "ann", "b": "bob", "c": "cyd"}
LOST_ANSWER = Fault(status=500, is_applied=True)


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    yield from open_warehouse(request, tmp_path)


@pytest.fixture
def receiver() -> Iterator[DemoReceiver]:
    with DemoReceiver() as running:
        yield running


def keys_of(receiver: DemoReceiver, member: str) -> list[str]:
    return [key for key, owner in receiver.keys_seen.items() if owner == member]


# Mirroring


def test_a_first_sync_adds_every_member(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience(THREE)
    report = warehouse.run(to_receiver(receiver))
    assert receiver.members == expected(THREE)
    assert (report.added, report.changed, report.removed, report.unchanged) == (3, 0, 0, 0)
    assert set(warehouse.states().values()) == {"delivered"}
    assert all(
        row["acknowledged_hash"] == row["payload_hash"] for row in warehouse.ledger().values()
    )


def test_a_run_is_recorded(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience(THREE)
    report = warehouse.run(to_receiver(receiver))
    run = warehouse.last_run()
    assert (run["sync_run_id"], run["state"], run["added"]) == (report.sync_run_id, "succeeded", 3)
    assert (run["run_id"], run["as_of"], run["started_at"]) == ("r1", NOON, NOON)
    assert run["ended_at"] == NOON
    assert run["error"] is None


def test_nothing_is_sent_when_nothing_changed(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    receiver.deliveries.clear()
    report = warehouse.run(to_receiver(receiver))
    assert not receiver.deliveries
    assert (report.added, report.changed, report.removed, report.unchanged) == (0, 0, 0, 3)


def test_adds_changes_and_removals_are_mirrored(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    now = {"a": "ann", "b": "robert", "d": "dan"}
    warehouse.audience(now)
    report = warehouse.run(to_receiver(receiver))
    assert receiver.members == expected(now)
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 1)
    assert warehouse.states()["c"] == "removed"
    assert warehouse.ledger()["c"]["acknowledged_hash"] is None


def test_batches_hold_no_more_than_batch_size(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience({f"k{n:02}": "x" for n in range(11)})
    progress: list[tuple[int, int]] = []
    warehouse.run(to_receiver(receiver, batch_size=4), progress=lambda *done: progress.append(done))
    assert [len(delivery.rows) for delivery in receiver.deliveries] == [4, 4, 3]
    assert progress == [(0, 11), (4, 11), (8, 11), (11, 11)]


def test_removals_are_sent_first(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience({**THREE, "z": "zoe"})
    warehouse.run(to_receiver(receiver))
    receiver.deliveries.clear()
    warehouse.audience({**THREE, "a": "anna", "d": "dan"})
    warehouse.run(to_receiver(receiver, batch_size=10))
    operations = [row["operation"] for row in receiver.deliveries[0].rows]
    assert operations == ["remove", "add", "change"]


def test_leaving_and_coming_back_between_two_syncs_sends_nothing(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    warehouse.audience({"a": "ann"})
    warehouse.audience(THREE)
    assert warehouse.run(to_receiver(receiver)).unchanged == 3


def test_coming_back_after_a_removal_is_a_new_change_with_its_own_key(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    for members in (THREE, {"a": "ann", "b": "bob"}, THREE):
        warehouse.audience(members)
        warehouse.run(to_receiver(receiver))
    assert receiver.members == expected(THREE)
    assert len(keys_of(receiver, "c")) == 3
    assert warehouse.ledger()["c"]["generation"] == 3


def test_syncs_of_one_audience_do_not_see_each_other(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    with DemoReceiver() as other:
        assert warehouse.run(to_receiver(other, name="sync_other")).added == 3
        assert other.members == receiver.members


# The plan


def test_a_plan_counts_and_names_examples(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    sync = to_receiver(receiver)
    warehouse.audience(THREE)
    warehouse.run(sync)
    warehouse.audience({"a": "ann", "b": "robert", "d": "dan"})
    summary = plan_sync(warehouse.engine, sync)
    assert (summary.added, summary.changed, summary.removed) == (1, 1, 1)
    assert (summary.unchanged, summary.audience, summary.acknowledged) == (1, 3, 3)
    assert summary.examples == {"add": ["d"], "change": ["b"], "remove": ["c"]}
    assert summary.stopped_by is None


def test_a_plan_changes_nothing(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience(THREE)
    plan_sync(warehouse.engine, to_receiver(receiver))
    assert not receiver.deliveries
    assert warehouse.ledger() == {}
    assert warehouse.rows("select * from operations.sync_runs") == []


def test_a_plan_says_what_would_stop_it(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    warehouse.audience({"a": "ann"})
    summary = plan_sync(warehouse.engine, to_receiver(receiver))
    assert "2 of 3 members would be removed (66.7%)" in str(summary.stopped_by)


# Guards


def test_too_many_removals_stop_a_sync_before_anything_is_sent(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    receiver.deliveries.clear()
    warehouse.audience({"a": "anna"})
    with pytest.raises(SyncFailed, match=r"at most 50\.0% \(max_removal_share\)"):
        warehouse.run(to_receiver(receiver))
    assert not receiver.deliveries
    assert warehouse.last_run()["state"] == "stopped_by_guard"
    assert "66.7%" in warehouse.last_run()["error"]


def test_removals_at_the_bound_are_sent(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    warehouse.audience({**THREE, "d": "dan"})
    warehouse.run(to_receiver(receiver))
    warehouse.audience({"a": "ann", "b": "bob"})
    assert warehouse.run(to_receiver(receiver)).removed == 2


def test_an_empty_audience_is_never_mirrored(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    sync = to_receiver(receiver, max_removal_share=1.0)
    warehouse.audience(THREE)
    warehouse.run(sync)
    warehouse.audience({})
    with pytest.raises(SyncFailed, match=r"activation\.audience_champions is empty"):
        warehouse.run(sync)
    assert receiver.members == expected(THREE)


def test_an_empty_audience_that_was_never_delivered_is_fine(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    assert warehouse.run(to_receiver(receiver)).added == 0


# Rejections


def test_a_rejected_row_keeps_the_destinations_words_and_delays_nobody(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    receiver.rejected["a"] = "no such address"
    report = warehouse.run(to_receiver(receiver))
    assert (report.added, report.rejected, report.parked) == (2, 1, 0)
    assert sorted(receiver.members) == ["b", "c"]
    row = warehouse.ledger()["a"]
    assert (row["state"], row["last_error"]) == ("rejected", "no such address")
    assert row["next_attempt_at"] == NOON + timedelta(minutes=15)


def test_a_poison_row_is_found_and_the_rest_of_its_batch_delivered(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    members = {f"k{n}": "x" for n in range(9)}
    warehouse.audience(members)
    receiver.poisonous["k4"] = "cannot read k4"
    report = warehouse.run(to_receiver(receiver, batch_size=9))
    assert (report.added, report.rejected) == (8, 1)
    assert set(receiver.members) == set(members) - {"k4"}
    assert "cannot read k4" in warehouse.ledger()["k4"]["last_error"]


def test_a_rejected_row_waits_until_it_is_due_then_goes_with_the_same_key(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver)
    warehouse.audience(THREE)
    receiver.rejected["a"] = "not now"
    warehouse.run(sync)
    key = warehouse.ledger()["a"]["idempotency_key"]
    warehouse.now = NOON + timedelta(minutes=14)
    assert plan_sync(warehouse.engine, sync, now=lambda: warehouse.now).waiting == 1
    assert warehouse.run(sync).added == 0
    receiver.rejected.clear()
    assert warehouse.run(sync).added == 1
    assert keys_of(receiver, "a") == [key]
    row = warehouse.ledger()["a"]
    assert (row["attempts"], row["last_error"], row["next_attempt_at"]) == (2, None, None)


def test_a_row_rejected_too_often_is_parked_and_left_alone(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, max_attempts=2)
    warehouse.audience({"a": "ann"})
    receiver.rejected["a"] = "no"
    assert warehouse.run(sync).parked == 0
    assert warehouse.run(sync).parked == 1
    assert warehouse.states() == {"a": "parked"}
    receiver.rejected.clear()
    assert warehouse.run(sync).added == 0
    assert receiver.members == {}
    assert plan_sync(warehouse.engine, sync).parked == 1


def test_a_parked_row_is_sent_again_when_its_payload_changes(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, max_attempts=1)
    warehouse.audience({"a": "ann"})
    receiver.rejected["a"] = "no"
    warehouse.run(sync)
    receiver.rejected.clear()
    warehouse.audience({"a": "anna"})
    assert warehouse.run(sync).added == 1
    assert warehouse.ledger()["a"]["attempts"] == 1


def test_a_changed_payload_has_all_its_attempts_before_it(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    receiver.rejected["a"] = "no"
    for name in ("ann", "anna"):
        warehouse.audience({"a": name})
        assert warehouse.run(to_receiver(receiver, max_attempts=2)).rejected == 1
    assert warehouse.states() == {"a": "rejected"}


def test_a_person_releases_a_parked_row_by_making_it_rejected_and_due(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    sync = to_receiver(receiver, max_attempts=1)
    warehouse.audience({"a": "ann"})
    receiver.rejected["a"] = "no"
    warehouse.run(sync)
    receiver.rejected.clear()
    warehouse.do("update activation.sync_ledger set state = 'rejected' where state = 'parked'")
    assert warehouse.run(sync).added == 1


def test_a_rejected_member_who_leaves_needs_no_removal(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    receiver.rejected["a"] = "no"
    warehouse.run(to_receiver(receiver))
    receiver.deliveries.clear()
    warehouse.audience({"b": "bob", "c": "cyd"})
    assert warehouse.run(to_receiver(receiver)).removed == 0
    assert not receiver.deliveries
    assert warehouse.states()["a"] == "removed"


def test_a_rejected_change_that_is_undone_counts_as_delivered(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver))
    warehouse.audience({**THREE, "a": "anna"})
    receiver.rejected["a"] = "no"
    warehouse.run(to_receiver(receiver))
    warehouse.audience(THREE)
    assert warehouse.run(to_receiver(receiver)).unchanged == 3
    row = warehouse.ledger()["a"]
    assert (row["state"], row["payload_hash"]) == ("delivered", row["acknowledged_hash"])


def test_many_rejections_with_different_words(warehouse: Warehouse, receiver: DemoReceiver) -> None:
    members = {f"k{n:04}": "x" for n in range(1_000)}
    warehouse.audience(members)
    receiver.rejected.update({key: f"no {key}" for key in members})
    assert warehouse.run(to_receiver(receiver, batch_size=500)).rejected == 1_000
    assert all(row["last_error"] == f"no {key}" for key, row in warehouse.ledger().items())


def test_the_wait_doubles_up_to_a_day() -> None:
    minutes = [(retry_at(NOON, count) - NOON) // timedelta(minutes=1) for count in range(1, 10)]
    assert minutes == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    assert retry_at(NOON, 10_000) == NOON + timedelta(days=1)


# Failures


def test_a_refused_credential_stops_the_sync_and_loses_nothing(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    receiver.faults.append(Fault(status=401, body="key revoked"))
    with pytest.raises(SyncFailed, match="does not take deliveries: 401: key revoked"):
        warehouse.run(to_receiver(receiver))
    assert len(receiver.deliveries) == 1
    assert warehouse.last_run()["state"] == "failed"
    warehouse.run(to_receiver(receiver))
    assert receiver.members == expected(THREE)


def test_rows_with_a_lost_answer_are_sent_again_with_the_same_keys(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience(THREE)
    receiver.faults.append(LOST_ANSWER)
    with pytest.raises(SyncFailed, match="did not answer: 500"):
        warehouse.run(to_receiver(receiver))
    assert warehouse.states() == {"a": "claimed", "b": "claimed"}
    warehouse.run(to_receiver(receiver))
    assert receiver.repeats == 2
    assert sorted(receiver.keys_seen.values()) == ["a", "b", "c"]
    first, again = list(receiver.deliveries)[:2]
    assert first.headers["webhook-id"] == again.headers["webhook-id"]


def test_a_member_who_left_after_a_lost_answer_is_removed(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience({"a": "ann", "b": "bob"})
    receiver.faults.append(LOST_ANSWER)
    with pytest.raises(SyncFailed):
        warehouse.run(to_receiver(receiver))
    warehouse.audience({"b": "bob"})
    assert warehouse.run(to_receiver(receiver)).removed == 1
    assert receiver.members == expected({"b": "bob"})


def test_a_payload_that_goes_and_comes_back_over_lost_answers_arrives(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    for name in ("ann", "anna"):
        warehouse.audience({"a": name})
        receiver.faults.append(LOST_ANSWER)
        with pytest.raises(SyncFailed):
            warehouse.run(to_receiver(receiver))
    assert receiver.members == expected({"a": "anna"})
    warehouse.audience({"a": "ann"})
    warehouse.run(to_receiver(receiver))
    assert receiver.members == expected({"a": "ann"})


def test_a_row_that_is_rejected_after_a_lost_answer_is_still_removed_later(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    warehouse.audience({"a": "ann", "b": "bob"})
    receiver.faults.append(LOST_ANSWER)
    with pytest.raises(SyncFailed):
        warehouse.run(to_receiver(receiver))
    receiver.rejected["a"] = "exists already"
    warehouse.run(to_receiver(receiver))
    assert warehouse.ledger()["a"]["acknowledged_hash"] == "unknown"
    receiver.rejected.clear()
    warehouse.audience({"b": "bob"})
    warehouse.run(to_receiver(receiver))
    assert receiver.members == expected({"b": "bob"})


def test_rows_without_an_answer_fail_the_sync_and_stay_claimed(warehouse: Warehouse) -> None:
    def answer_first(batch: Batch) -> list[Answer]:
        return [Answer(batch.rows[0].entity_key), Answer("somebody else")]

    warehouse.audience(THREE)
    sync = make_sync(Given(make=lambda: Scripted(answer_first)), batch_size=3)
    with pytest.raises(SyncFailed, match="gave no answer for 2 rows"):
        warehouse.run(sync)
    assert warehouse.states() == {"a": "delivered", "b": "claimed", "c": "claimed"}


def test_an_interrupted_run_says_so(warehouse: Warehouse) -> None:
    def interrupt(_batch: Batch) -> list[Answer]:
        raise KeyboardInterrupt

    warehouse.audience(THREE)
    with pytest.raises(KeyboardInterrupt):
        warehouse.run(make_sync(Given(make=lambda: Scripted(interrupt))))
    assert (warehouse.last_run()["state"], warehouse.last_run()["error"]) == (
        "failed",
        "KeyboardInterrupt",
    )


def test_a_setting_that_cannot_be_used_is_recorded(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_PATH", raising=False)
    settings = FileSettings(path="env:NO_SUCH_PATH", format="csv")
    with pytest.raises(UsageError, match="environment variable NO_SUCH_PATH is not set"):
        warehouse.run(make_sync(settings))
    assert warehouse.last_run()["state"] == "failed"


def test_an_audience_replaced_during_a_sync_is_never_sent_under_the_wrong_key(
    warehouse: Warehouse, receiver: DemoReceiver
) -> None:
    def replace_audience(done: int, _total: int) -> None:
        if done == 0:
            warehouse.audience({"a": "anna", "b": "bob", "d": "dan"})

    warehouse.audience(THREE)
    warehouse.run(to_receiver(receiver), progress=replace_audience)
    assert receiver.members == expected({"b": "bob"})
    warehouse.run(to_receiver(receiver))
    assert receiver.members == expected({"a": "anna", "b": "bob", "d": "dan"})


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_any_history_of_changes_and_faults_ends_in_the_audience(
    warehouse: Warehouse, receiver: DemoReceiver, seed: int
) -> None:
    chance = random.Random(seed)
    sync = to_receiver(receiver, batch_size=3, max_removal_share=1.0, max_attempts=100)
    faults = [LOST_ANSWER, Fault(status=503), Fault(status=401), Fault(is_cut_off=True)]
    for _ in range(12):
        warehouse.audience(
            {key: chance.choice("xyz") for key in "abcdefgh" if chance.random() < 0.6}
        )
        receiver.faults.extend(chance.sample(faults, chance.choice([0, 0, 1])))
        receiver.rejected = {key: "no" for key in "abcdefgh" if chance.random() < 0.1}
        with suppress(SyncFailed):
            warehouse.run(sync)
        warehouse.now += timedelta(hours=chance.choice([0, 30]))
    receiver.faults.clear()
    receiver.rejected.clear()
    final = {"a": "x", "c": "y", "k": "z"}
    warehouse.audience(final)
    warehouse.now += timedelta(days=2)
    warehouse.run(sync)
    assert receiver.members == expected(final)
    assert set(warehouse.states().values()) <= {"delivered", "removed"}


# What has to be there


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        ("drop table activation.audience_champions", "audience_champions .* does not exist"),
        ("drop table activation.sync_ledger", "sync_ledger does not exist; run `strata refresh`"),
        ("drop table operations.sync_runs", "sync_runs does not exist; run `strata refresh`"),
        (
            "alter table activation.sync_ledger drop column generation",
            "sync_ledger has no column generation",
        ),
        (
            "alter table activation.audience_champions drop column payload_hash",
            "has no column payload_hash; found: entity_key, email, mrr",
        ),
        (
            "insert into activation.audience_champions values ('a', 'h', null, null)",
            "1 rows whose entity_key another row has",
        ),
        (
            "insert into activation.audience_champions values (null, 'h', null, null)",
            "1 rows without entity_key",
        ),
        (
            "insert into activation.audience_champions values ('z', null, null, null)",
            "1 rows without payload_hash",
        ),
    ],
)
def test_unusable_tables_stop_a_sync(
    warehouse: Warehouse, receiver: DemoReceiver, breakage: str, message: str
) -> None:
    warehouse.audience(THREE)
    warehouse.do(breakage)
    with pytest.raises(StrataError, match=message):
        warehouse.run(to_receiver(receiver))
    with pytest.raises(StrataError, match=message):
        plan_sync(warehouse.engine, to_receiver(receiver))
    assert not receiver.deliveries


# Files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deliveries" / "champions.csv"


def to_file(path: Path) -> FileSettings:
    return FileSettings(path=str(path), format="csv")


def test_a_file_holds_the_audience(warehouse: Warehouse, path: Path) -> None:
    warehouse.audience({"b": "bob", "B": "Bea", "a": "ann"})
    report = warehouse.run(make_sync(to_file(path)))
    assert path.read_text().splitlines() == [
        "entity_key,email,mrr",
        "B,Bea@example.com,12.50",
        "a,ann@example.com,12.50",
        "b,bob@example.com,12.50",
    ]
    assert (report.added, set(warehouse.states().values())) == (3, {"delivered"})


def test_a_file_follows_the_audience(warehouse: Warehouse, path: Path) -> None:
    warehouse.audience(THREE)
    warehouse.run(make_sync(to_file(path)))
    warehouse.audience({"a": "anna", "b": "bob", "d": "dan"})
    report = warehouse.run(make_sync(to_file(path)))
    assert (report.added, report.changed, report.removed) == (1, 1, 1)
    assert [line.split("@")[0] for line in path.read_text().splitlines()[1:]] == [
        "a,anna",
        "b,bob",
        "d,dan",
    ]
    assert warehouse.states()["c"] == "removed"


def test_a_file_is_not_written_when_nothing_changed(warehouse: Warehouse, path: Path) -> None:
    warehouse.audience(THREE)
    warehouse.run(make_sync(to_file(path)))
    before = path.stat()
    assert warehouse.run(make_sync(to_file(path))).unchanged == 3
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_that_disappeared_is_written_again(warehouse: Warehouse, path: Path) -> None:
    warehouse.audience(THREE)
    warehouse.run(make_sync(to_file(path)))
    before = path.read_bytes()
    path.unlink()
    assert warehouse.run(make_sync(to_file(path))).added == 0
    assert path.read_bytes() == before


def test_an_emptied_audience_keeps_the_file(warehouse: Warehouse, path: Path) -> None:
    warehouse.audience(THREE)
    warehouse.run(make_sync(to_file(path)))
    before = path.read_bytes()
    warehouse.audience({})
    with pytest.raises(SyncFailed, match="is empty"):
        warehouse.run(make_sync(to_file(path)))
    assert path.read_bytes() == before


def test_an_audience_replaced_while_a_file_is_written_keeps_the_old_file(
    warehouse: Warehouse, path: Path
) -> None:
    warehouse.audience(THREE)
    warehouse.run(make_sync(to_file(path)))
    before = path.read_bytes()
    warehouse.audience({**THREE, "a": "anna"})
    with pytest.raises(SyncFailed, match="changed while it was written"):
        warehouse.run(
            make_sync(to_file(path)),
            progress=lambda *_: warehouse.audience({**THREE, "a": "other"}),
        )
    assert path.read_bytes() == before
    warehouse.run(make_sync(to_file(path)))
    assert "other@example.com" in path.read_text()


def test_a_file_that_cannot_be_written_leaves_its_rows_to_the_next_run(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is needed")
    sync = make_sync(to_file(blocked / "champions.csv"))
    warehouse.audience(THREE)
    with pytest.raises(StrataError, match="cannot be written"):
        warehouse.run(sync)
    assert set(warehouse.states().values()) == {"claimed"}
    warehouse.run(replace(sync, settings=to_file(tmp_path / "champions.csv")))
    assert set(warehouse.states().values()) == {"delivered"}


def test_parquet_has_the_types_of_the_warehouse(warehouse: Warehouse, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    warehouse.audience(THREE)
    path = tmp_path / "champions.parquet"
    warehouse.run(make_sync(FileSettings(path=str(path), format="parquet")))
    table = pq.read_table(path)
    assert [str(field.type) for field in table.schema] == ["string", "string", "decimal128(18, 2)"]
    assert table["entity_key"].to_pylist() == ["a", "b", "c"]


def test_a_column_without_a_parquet_type_is_named(tmp_path: Path) -> None:
    destination = FileDestination(str(tmp_path / "x.parquet"), "parquet")
    with pytest.raises(UsageError, match="column tags has type VARCHAR\\[\\]"):
        destination.write([Column("tags", "VARCHAR[]")], [])
