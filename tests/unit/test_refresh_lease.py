"""Two refreshes never overlap, and a run that was cut off is told by the next."""

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from orchestration import lease as leases_of_runs
from orchestration import run_records
from orchestration.dbt import NodeResult
from orchestration.errors import RefreshFailed
from orchestration.lease import leases
from orchestration.progress import Silent
from orchestration.refresh import Refresh
from orchestration.warehouse import engine

AS_OF = datetime(2026, 7, 1)


@pytest.fixture(autouse=True)
def _warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "w.duckdb"))


def run(run_id: str) -> Refresh:
    dbt = SimpleNamespace(target="duckdb", variables={"strata_sources": {}}, on_result=None)
    return Refresh(cast(Any, dbt), AS_OF, run_id, Silent())


def as_if_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this process is on another host."""
    monkeypatch.setattr(leases_of_runs, "holder", lambda: "other-host:1")


def states() -> dict[str, tuple[str, str | None]]:
    with engine("duckdb").connect() as connection:
        found = connection.execute(sa.select(run_records.RUNS)).all()
    return {row.run_id: (row.state, row.error) for row in found}


def test_a_second_refresh_is_told_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    as_if_elsewhere(monkeypatch)
    first = run("first")
    first.begin()
    with pytest.raises(RefreshFailed, match=r"refresh: another run .*\(other-host:1\); wait"):
        run("second").begin()
    assert states() == {"first": ("running", None)}
    first.end("succeeded")
    run("second").begin()
    assert states() == {"first": ("succeeded", None), "second": ("running", None)}


def test_a_run_goes_on_with_the_lease_that_it_has() -> None:
    first = run("first")
    first.begin()
    first.end("failed", "the warehouse is full")
    again = run("first")
    again.begin()
    again.end("succeeded")
    assert states() == {"first": ("succeeded", None)}


def test_an_expired_lease_is_taken_over_and_its_run_publishes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_if_elsewhere(monkeypatch)
    slow = run("slow")
    slow.begin()
    with engine("duckdb").begin() as connection:
        connection.execute(sa.update(leases).values(expires_at=datetime(2026, 1, 1)))
    run("next").begin()
    assert states()["slow"] == ("failed", "the process ended before the run did")
    with pytest.raises(RefreshFailed, match="another run has taken over; this one stops"):
        slow.publish()
    slow.end("failed", "taken over")
    with engine("duckdb").connect() as connection:
        assert connection.execute(sa.select(leases.c.run_id)).scalar_one() == "next"


def test_a_process_that_is_gone_is_taken_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    here = leases_of_runs.holder().rpartition(":")[0]
    with monkeypatch.context() as patch:
        patch.setattr(leases_of_runs, "holder", lambda: f"{here}:{2**22 - 1}")
        run("killed").begin()
    run("next").begin()
    assert states()["killed"][0] == "failed"


def test_the_lease_is_renewed_while_models_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    first = run("first")
    first.begin()
    with engine("duckdb").begin() as connection:
        soon: datetime = connection.execute(sa.select(leases.c.expires_at)).scalar_one()
        connection.execute(sa.update(leases).values(expires_at=soon - timedelta(minutes=20)))
    built = NodeResult("model.x", "x", "model", "success", "", 1.0, None)
    monkeypatch.setattr("orchestration.refresh.RENEWED_EVERY_SECONDS", -1.0)
    first._on_result(built)
    with engine("duckdb").connect() as connection:
        assert connection.execute(sa.select(leases.c.expires_at)).scalar_one() >= soon


def test_tables_of_an_earlier_version_are_given_what_they_lack() -> None:
    with engine("duckdb").begin() as connection:
        connection.execute(sa.text("create schema operations"))
        connection.execute(
            sa.text(
                "create table operations.runs (run_id text, as_of timestamp, target text, "
                "state text, started_at timestamp, ended_at timestamp, error text)"
            )
        )
        connection.execute(sa.text("insert into operations.runs (run_id) values ('of before')"))
    run("first").begin()
    with engine("duckdb").connect() as connection:
        rows = connection.execute(sa.select(run_records.RUNS)).all()
    assert {(row.run_id, row.step) for row in rows} == {("of before", None), ("first", "write")}
