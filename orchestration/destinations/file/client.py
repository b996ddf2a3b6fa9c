"""Writes a whole audience to one file, so that readers see the old file or the new one."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.destinations.base import Column
from orchestration.destinations.file.places import place, shown
from orchestration.errors import StrataError, UsageError

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


# Packages whose errors are the place's failures; their own kinds of OSError are not all.
_LIBRARIES = frozenset(
    {"adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google", "paramiko"}
)


class FileDestination:
    """One file that always holds a whole audience."""

    def __init__(
        self, path: str, file_format: str, options: Mapping[str, object] | None = None
    ) -> None:
        self._format = file_format
        self._place = place(path, options or {})
        self.address = shown(path)

    def exists(self) -> bool:
        """Tell whether the file is there.

        Raises:
            StrataError: the address cannot be reached.
        """
        with self._explained("reached"):
            return self._place.exists()

    def write(self, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
        """Replace the file by one of `rows`, or leave it as it is if anything fails.

        Raises:
            StrataError: the address cannot be written, or Parquet has no type for a column.
        """
        writer = _write_csv if self._format == "csv" else _parquet_writer(columns)
        with self._explained("written"), self._place.replacement() as stream:
            writer(stream, columns, rows)

    def close(self) -> None:
        """Nothing is kept open between calls."""

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            library = type(error).__module__.partition(".")[0]
            if not isinstance(error, OSError | EOFError) and library not in _LIBRARIES:
                raise
            why = str(error) or type(error).__name__
            raise StrataError(f"file {self.address} cannot be {done}: {why}") from error


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
