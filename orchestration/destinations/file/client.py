"""Writes a whole audience to one file, so that readers see the old file or the new one."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from orchestration.destinations.base import Column
from orchestration.errors import StrataError, UsageError
from orchestration.project import PROJECT_DIR

# Rows held in memory at a time: a Parquet row group, big enough to compress well.
CHUNK_ROWS = 50_000

_ARROW_TYPES: Mapping[str, Any] = {
    "text": pa.string(),
    "varchar": pa.string(),
    "character varying": pa.string(),
    "character": pa.string(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float32(),
    "double": pa.float64(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}


class FileDestination:
    """One file that always holds a whole audience."""

    def __init__(self, path: str, file_format: str) -> None:
        self._format = file_format
        if "://" not in path and not Path(path).is_absolute():
            # Wherever `strata` is called from, the file is the same one.
            path = str(PROJECT_DIR / path)
        try:
            self._files, self._path = fsspec.core.url_to_fs(path)
        except (ValueError, ImportError) as error:
            raise UsageError(f"file {_shown(path)}: {error}") from error
        self.address = _shown(path)

    def exists(self) -> bool:
        """Tell whether the file is there."""
        with self._explained():
            return bool(self._files.exists(self._path))

    def write(self, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
        """Replace the file by one of `rows`, or leave it as it is if anything fails.

        Raises:
            StrataError: the address cannot be written, or Parquet has no type for a column.
        """
        writer = _write_csv if self._format == "csv" else _parquet_writer(columns)
        with self._explained():
            if isinstance(self._files, LocalFileSystem):
                self._write_local(columns, rows, writer)
            else:
                # An object store shows an object only when its upload is completed,
                # and the transaction completes it only if nothing was raised.
                with self._files.transaction, self._files.open(self._path, "wb") as stream:
                    writer(stream, columns, rows)

    def close(self) -> None:
        """Nothing is kept open between calls."""

    def _write_local(
        self, columns: Sequence[Column], rows: Iterable[Sequence[object]], writer: "_Writer"
    ) -> None:
        target = Path(self._path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # One fixed name, so that what a killed process left is overwritten, not gathered.
        unfinished = target.with_name(f".{target.name}.unfinished")
        try:
            with unfinished.open("wb") as stream:
                writer(stream, columns, rows)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StrataError(f"file {self.address} cannot be written: {error}") from error


_Writer = Callable[[IO[bytes], Sequence[Column], Iterable[Sequence[object]]], None]


def _write_csv(
    stream: IO[bytes], columns: Sequence[Column], rows: Iterable[Sequence[object]]
) -> None:
    # RFC 4180: quotes where needed, doubled quotes inside, CRLF.
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    writer.writerows([_as_text(value) for value in row] for row in rows)
    text.flush()
    text.detach()


def _as_text(value: object) -> object:
    """Give a value the same text whichever engine it came from."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return value


def _parquet_writer(columns: Sequence[Column]) -> _Writer:
    schema = pa.schema([(column.name, _arrow_type(column)) for column in columns])

    def write(
        stream: IO[bytes], _columns: Sequence[Column], rows: Iterable[Sequence[object]]
    ) -> None:
        remaining = iter(rows)
        with pq.ParquetWriter(stream, schema) as writer:
            while chunk := list(islice(remaining, CHUNK_ROWS)):
                arrays = [
                    pa.array(values, type=field.type)
                    for values, field in zip(zip(*chunk, strict=True), schema, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    return write


def _arrow_type(column: Column) -> "pa.DataType":
    name = column.data_type.lower().split("(")[0].strip()
    if name in ("numeric", "decimal") and column.precision is not None:
        return pa.decimal128(column.precision, column.scale or 0)
    if name in _ARROW_TYPES:
        return _ARROW_TYPES[name]
    accepted = ", ".join(["numeric(p, s)", *_ARROW_TYPES])
    raise UsageError(
        f"column {column.name} has type {column.data_type}, which has no Parquet type here; "
        f"cast it in the audience model to one of: {accepted}"
    )


def _shown(path: str) -> str:
    """Give the address without credentials: `sftp://user:secret@host/x` as `sftp://host/x`."""
    if "://" not in path:
        return path
    parts = urlsplit(path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
