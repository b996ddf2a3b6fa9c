"""What `strata prune` deletes, and what it keeps."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration import retention
from orchestration.activation.ledger import sync_runs
from orchestration.errors import UsageError
from orchestration.run_records import RUNS, make_tables
from orchestration.warehouse import duckdb_engine

NOW = datetime(2026, 7, 1)
OLD, YOUNG = NOW - timedelta(days=401), NOW - timedelta(days=399)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = duckdb_engine(tmp_path / "w.duckdb")
    with engine.begin() as connection:
        make_tables(connection)
        sync_runs.create(connection)
        for at in (OLD, YOUNG):
            connection.execute(
                sa.insert(RUNS).values(run_id=str(at), state="succeeded", started_at=at)
            )
    yield engine
    engine.dispose()


def test_records_older_than_the_setting_go(warehouse: sa.Engine) -> None:
    deleted = retention.prune(warehouse, NOW)
    assert deleted == {
        "operations.run_nodes": 0,
        "operations.run_steps": 0,
        "operations.runs": 1,
        "operations.sync_runs": 0,
    }
    with warehouse.connect() as connection:
        assert connection.execute(sa.select(RUNS.c.started_at)).scalars().all() == [YOUNG]
    assert set(retention.prune(warehouse, NOW).values()) == {0}


def test_what_a_sync_sent_last_is_kept_however_old(warehouse: sa.Engine) -> None:
    runs = [
        ("sent before", OLD - timedelta(days=2), "email=email"),
        ("sent last", OLD - timedelta(days=1), "email=email"),
        ("stopped", OLD, None),
    ]
    with warehouse.begin() as connection:
        for name, at, fields in runs:
            connection.execute(
                sa.insert(sync_runs).values(
                    sync_run_id=name, sync_name="sync_x", started_at=at, fields=fields
                )
            )
    assert retention.prune(warehouse, NOW)["operations.sync_runs"] == 2
    with warehouse.connect() as connection:
        kept: str = connection.execute(sa.select(sync_runs.c.sync_run_id)).scalar_one()
    assert kept == "sent last"


@pytest.mark.parametrize("given", [29, "400", 30.5, True, None])
def test_a_wrong_number_of_days_is_told(monkeypatch: pytest.MonkeyPatch, given: object) -> None:
    monkeypatch.setattr(retention, "project_vars", lambda: {"keep_run_records_days": given})
    with pytest.raises(UsageError, match=r"keep_run_records_days is .* from 30 on"):
        retention.keep_days()
