"""Writes tables as CSV (the committed demo) or as Parquet part files (benchmarks).

Both are byte for byte the same for the same table: fixed line ends, no clock, no file names inside.
"""

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.demo.columns import Column, Table


def csv_bytes(table: Table) -> bytes:
    """The table as CSV: `\\n` line ends, null as nothing, times as `YYYY-MM-DD HH:MM:SS`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*(cells(column) for column in table.values()), strict=True))
    return out.getvalue().encode()


def write_csv(table: Table, path: Path) -> None:
    """Writes one file."""
    path.write_bytes(csv_bytes(table))


def write_parquet(table: Table, path: Path) -> None:
    """Writes one part file; ids and labels become text, times microseconds without a zone."""
    arrays = {name: _array(column) for name, column in table.items()}
    pq.write_table(pa.table(arrays), path, compression="zstd", store_schema=False)


def cells(column: Column) -> list[str]:
    """The text of each cell, empty for null."""
    plain = _plain_cells(column)
    if column.present is None:
        return plain
    return [
        cell if there else "" for cell, there in zip(plain, column.present.tolist(), strict=True)
    ]


def _plain_cells(column: Column) -> list[str]:
    if column.kind == "key":
        return [f"{column.prefix}{value}" for value in column.data.tolist()]
    if column.kind in ("label", "decimal"):
        return [column.labels[value] or "" for value in column.data.tolist()]
    if column.kind == "flag":
        return ["true" if value else "false" for value in column.data.tolist()]
    if column.kind == "time":
        stamps = column.data.astype("datetime64[s]")
        return [value.replace("T", " ") for value in np.datetime_as_string(stamps).tolist()]
    if column.kind == "day":
        return list(np.datetime_as_string(column.data.astype("datetime64[D]")).tolist())
    return [str(value) for value in column.data.tolist()]


def _array(column: Column) -> pa.Array:
    missing = None if column.present is None else ~column.present
    if column.kind in ("label", "decimal"):
        # Parquet wants nulls in the positions, not among the labels.
        empty = np.array([one is None for one in column.labels], dtype=bool)
        absent = empty[column.data] if missing is None else empty[column.data] | missing
        positions = pa.array(column.data.astype(np.int32), mask=absent)
        labels = pa.array([one or "" for one in column.labels], pa.string())
        texts = pa.DictionaryArray.from_arrays(positions, labels)
        # Decoded, since pages written straight from a dictionary are not the same every time.
        decoded = texts.dictionary_decode()
        return decoded.cast(pa.float64()) if column.kind == "decimal" else decoded
    if column.kind == "key":
        digits = pa.array(column.data, mask=missing).cast(pa.string())
        return pc.binary_join_element_wise(pa.scalar(column.prefix), digits, "")
    if column.kind == "time":
        seconds = pa.array(column.data * 1_000_000, mask=missing)
        return seconds.cast(pa.timestamp("us"))
    if column.kind == "day":
        return pa.array(column.data.astype(np.int32), mask=missing).cast(pa.date32())
    if column.kind == "flag":
        return pa.array(column.data > 0, mask=missing)
    return pa.array(column.data, mask=missing)
