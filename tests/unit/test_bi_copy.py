"""The copy that BI tools read: whole at any time, and never in the way of a refresh."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration import bi_copy
from orchestration.errors import UsageError


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        for schema in ("raw_crm", "segments", "analytics"):
            connection.execute(f"create schema {schema}")
        connection.execute("create table raw_crm.people as select 'ann@example.com' as email")
        connection.execute("create table segments.history as select 'champions' as segment_id")
        connection.execute("create table segments.int_moves as select 1 as moved")
        connection.execute("create view segments.membership as from segments.history")
        connection.execute(
            "create view analytics.trend as select count(*) as n from segments.history"
        )
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(path))
    monkeypatch.setenv("STRATA_BI_COPY", str(tmp_path / "bi" / "published.duckdb"))
    yield path


def copied() -> Path:
    place = bi_copy.publish_copy(None)
    assert place is not None
    return place


@pytest.mark.usefixtures("warehouse")
def test_what_is_published_is_copied_as_tables() -> None:
    place = copied()
    with duckdb.connect(str(place), read_only=True) as connection:
        found = connection.execute(
            "select table_schema || '.' || table_name, table_type from information_schema.tables "
            "order by 1"
        ).fetchall()
        assert connection.execute("select n from analytics.trend").fetchall() == [(1,)]
    assert found == [
        ("analytics.trend", "BASE TABLE"),
        ("segments.history", "BASE TABLE"),
        ("segments.membership", "BASE TABLE"),
    ]
    assert [path.name for path in place.parent.iterdir()] == ["published.duckdb"]


def test_a_reader_keeps_the_old_copy_and_nobody_waits(warehouse: Path) -> None:
    place = copied()
    reading = (
        "import duckdb, sys\n"
        f"c = duckdb.connect({str(place)!r}, read_only=True)\n"
        "query = 'select n from analytics.trend'\n"
        "print(c.execute(query).fetchone()[0], flush=True)\n"
        "sys.stdin.readline()\n"
        "print(c.execute(query).fetchone()[0], flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reading], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert reader.stdout.readline() == "1\n"
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("insert into segments.history values ('at_risk')")
        bi_copy.publish_copy(None)
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "1\n", "what it had open"
    with duckdb.connect(str(place), read_only=True) as connection:
        assert connection.execute("select n from analytics.trend").fetchall() == [(2,)]


def test_a_copy_that_fails_leaves_the_old_one(warehouse: Path) -> None:
    place = copied()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create view analytics.zz_broken as "
            "select cast(segment_id as integer) as number from segments.history"
        )
    with pytest.raises(duckdb.Error, match="champions"):
        bi_copy.publish_copy(None)
    with duckdb.connect(str(place), read_only=True) as connection:
        assert connection.execute("select n from analytics.trend").fetchall() == [(1,)]
    with duckdb.connect(str(warehouse)) as connection:  # and nothing holds it
        connection.execute("drop view analytics.zz_broken")
    bi_copy.publish_copy(None)


@pytest.mark.parametrize("given", [5, "  ", True])
def test_a_wrong_path_is_told(monkeypatch: pytest.MonkeyPatch, given: object) -> None:
    monkeypatch.delenv("STRATA_BI_COPY", raising=False)
    monkeypatch.setattr(bi_copy, "project_vars", lambda: {"bi_copy": given})
    with pytest.raises(UsageError, match=r"bi_copy is .* It takes the path of a file"):
        bi_copy.place_of_copy(None)


def test_the_warehouse_is_no_copy_of_itself(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_BI_COPY", str(warehouse))
    with pytest.raises(UsageError, match="the warehouse itself"):
        bi_copy.publish_copy(None)


@pytest.mark.usefixtures("warehouse")
def test_a_server_needs_no_copy() -> None:
    with pytest.raises(UsageError, match="target is of type 'postgres'"):
        bi_copy.publish_copy("postgres")


def test_no_copy_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRATA_BI_COPY", raising=False)
    assert bi_copy.publish_copy(None) is None
