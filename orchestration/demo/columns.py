"""Columns of a raw table as NumPy arrays, before anything is turned into text.

A table is a dict of columns of one length. Text never exists per row: an id is a number
with a prefix, and a label is a position in a list, so that sixty million events stay cheap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

Kind = Literal["key", "label", "time", "day", "int", "decimal", "flag"]


@dataclass(frozen=True)
class Column:
    """One column. `data` holds numbers, seconds since 1970 UTC, days, or positions in `labels`."""

    kind: Kind
    data: Ints
    present: Flags | None = None
    prefix: str = ""
    labels: Sequence[str | None] = ()


Table = dict[str, Column]


def key(prefix: str, numbers: Ints, present: Flags | None = None) -> Column:
    """Ids: the prefix followed by the number."""
    return Column("key", numbers, present, prefix=prefix)


def label(labels: Sequence[str | None], positions: Ints, present: Flags | None = None) -> Column:
    """Text picked from `labels` by position; a `None` in the list is null."""
    return Column("label", positions, present, labels=labels)


def text(values: Sequence[str | None]) -> Column:
    """One text for each row."""
    return label(values, np.arange(len(values), dtype=np.int64))


def constant(value: str | None, rows: int) -> Column:
    """The same text, or null, in every row."""
    return label([value], np.zeros(rows, dtype=np.int64))


def time(seconds: Ints, present: Flags | None = None) -> Column:
    """Timestamps, UTC, to the second."""
    return Column("time", seconds, present)


def day(days: Ints, present: Flags | None = None) -> Column:
    """Dates as days since 1970-01-01."""
    return Column("day", days, present)


def number(values: Ints, present: Flags | None = None) -> Column:
    """Whole numbers."""
    return Column("int", values, present)


def decimal(labels: Sequence[str], positions: Ints) -> Column:
    """Decimal numbers picked from a short list of literals."""
    return Column("decimal", positions, labels=labels)


def flag(values: Flags) -> Column:
    """Booleans."""
    return Column("flag", values.astype(np.int64))


def rows_of(table: Table) -> int:
    """Number of rows; raises ValueError when the columns differ in length."""
    lengths = {len(column.data) for column in table.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    return lengths.pop()


def take(table: Table, rows: Ints) -> Table:
    """The given rows of a table, in the given order; a row may be taken twice."""
    return {
        name: Column(
            column.kind,
            column.data[rows],
            None if column.present is None else column.present[rows],
            column.prefix,
            column.labels,
        )
        for name, column in table.items()
    }
