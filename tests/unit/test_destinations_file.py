"""The file destination: what is in the file, and that it is whole or not there."""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import fsspec
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from orchestration.activation.runner import utc_now
from orchestration.destinations.base import Column
from orchestration.destinations.file.client import FileDestination
from orchestration.destinations.file.settings import FileSettings
from orchestration.errors import StrataError, UsageError

COLUMNS = [Column("entity_key", "text"), Column("note", "text")]
TYPED = [
    Column("entity_key", "VARCHAR"),
    Column("mrr", "numeric", 18, 2),
    Column("seats", "bigint"),
    Column("score", "double precision"),
    Column("is_paying", "boolean"),
    Column("seen_at", "timestamp without time zone"),
    Column("renews_on", "date"),
]
AT = datetime(2026, 7, 1, 12, 30, 0, 250_000)
TYPED_ROWS: list[tuple[object, ...]] = [
    ("a", Decimal("12.50"), 3, 0.25, True, AT, date(2026, 8, 1)),
    ("b", None, None, None, None, None, None),
]


def cut_short() -> Iterator[tuple[object, ...]]:
    yield ("a", "first")
    raise RuntimeError("the warehouse went away")


def test_csv_quotes_what_needs_quotes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    FileDestination(str(path), "csv").write(COLUMNS, [("a", 'say "hi", \nbye'), ("b", None)])
    assert path.read_bytes() == (b'entity_key,note\r\na,"say ""hi"", \nbye"\r\nb,\r\n')


def test_csv_is_read_back_by_others(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [("a", 'Zoë "Z", O\'Neil'), ("b", "two\r\nlines"), ("c", " spaces ")]
    FileDestination(str(path), "csv").write(COLUMNS, rows)
    with path.open(newline="", encoding="utf-8") as stream:
        assert [tuple(row) for row in csv.reader(stream)][1:] == rows
    query = f"select * from read_csv('{path}', header = true, all_varchar = true)"
    assert duckdb.connect().execute(query).fetchall() == rows


def test_csv_writes_every_type_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    FileDestination(str(path), "csv").write(TYPED, TYPED_ROWS)
    assert path.read_text().splitlines()[1:] == [
        "a,12.50,3,0.25,true,2026-07-01 12:30:00.250000,2026-08-01",
        "b,,,,,,",
    ]


def test_an_empty_audience_has_a_header(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    FileDestination(str(path), "csv").write(COLUMNS, [])
    assert path.read_bytes() == b"entity_key,note\r\n"


def test_parquet_keeps_types_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    FileDestination(str(path), "parquet").write(TYPED, TYPED_ROWS)
    table = pq.read_table(path)
    assert [str(field.type) for field in table.schema] == [
        "string",
        "decimal128(18, 2)",
        "int64",
        "double",
        "bool",
        "timestamp[us]",
        "date32[day]",
    ]
    assert [tuple(row.values()) for row in table.to_pylist()] == TYPED_ROWS


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, file_format: str) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        FileDestination(str(path), file_format).write(TYPED, TYPED_ROWS)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_failed_write_keeps_the_old_file(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="went away"):
        FileDestination(str(path), file_format).write(COLUMNS, cut_short())
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    old_file = path.stat().st_ino
    seen = []

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(100_000):
            yield (f"k{number}", "x")
        seen.append(path.read_text())

    FileDestination(str(path), "csv").write(COLUMNS, rows())
    assert seen == ["old"]
    assert path.stat().st_ino != old_file
    assert len(path.read_text().splitlines()) == 100_001


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_another_file_system(memory: fsspec.AbstractFileSystem, file_format: str) -> None:
    destination = FileDestination("memory://audiences/x", file_format)
    assert not destination.exists()
    destination.write(COLUMNS, [("a", "x")])
    assert destination.exists()
    assert memory.size("/audiences/x") > 0


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_failed_write_to_another_file_system_keeps_the_old_file(
    memory: fsspec.AbstractFileSystem, file_format: str
) -> None:
    memory.pipe("/audiences/x", b"old")
    with pytest.raises(RuntimeError, match="went away"):
        FileDestination("memory://audiences/x", file_format).write(COLUMNS, cut_short())
    assert memory.cat("/audiences/x") == b"old"


def test_folders_are_made(tmp_path: Path) -> None:
    FileDestination(str(tmp_path / "new" / "folder" / "x.csv"), "csv").write(COLUMNS, [])
    assert (tmp_path / "new" / "folder" / "x.csv").exists()


def test_an_address_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(StrataError, match=r"file .*/x/y\.csv cannot be written"):
        FileDestination(str(tmp_path / "x" / "y.csv"), "csv").write(COLUMNS, [])


def test_an_unknown_file_system_is_named() -> None:
    with pytest.raises(UsageError, match=r"file carrier-pigeon://x/y: .*carrier-pigeon"):
        FileDestination("carrier-pigeon://x/y", "csv")


def test_an_address_is_shown_without_credentials() -> None:
    with pytest.raises(UsageError) as refused:
        FileDestination("carrier-pigeon://me:hush@loft/x.csv", "csv")
    assert "carrier-pigeon://loft/x.csv" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_the_path_may_be_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCE_PATH", str(tmp_path / "x.csv"))
    destination = FileSettings(path="env:AUDIENCE_PATH", format="csv").connect(utc_now)
    assert destination.address == str(tmp_path / "x.csv")


@pytest.mark.parametrize("path", ["", " ", "deliveries/"])
def test_a_path_names_a_file(path: str) -> None:
    with pytest.raises(ValidationError, match="the address of one file"):
        FileSettings(path=path, format="csv")
