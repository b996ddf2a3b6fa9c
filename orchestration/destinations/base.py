"""The interface every destination has, and how their settings are checked.

A destination is one of two kinds. A `BatchDestination` is told about changes, a
batch at a time, and answers for each row. A `SnapshotDestination` always holds the
whole audience and is written as one thing. Neither knows the ledger: the runner
claims before it calls them and records what they answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from os import environ
from typing import Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.errors import UsageError

Clock = Callable[[], datetime]
"""Returns the present instant as a naive UTC datetime."""


@dataclass(frozen=True, slots=True)
class Row:
    """One change to deliver: add, change or remove. `payload` is None for a removal."""

    operation: str
    entity_key: str
    idempotency_key: str
    payload: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are sent together; `batch_id` depends on the rows' keys alone."""

    sync_name: str
    batch_id: str
    rows: Sequence[Row]

    @classmethod
    def of(cls, sync_name: str, rows: Sequence[Row]) -> Self:
        """Make a batch; the same rows in any order give the same `batch_id`."""
        keys = "|".join(sorted(row.idempotency_key for row in rows))
        return cls(sync_name, sha256(keys.encode()).hexdigest(), rows)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Split in two, to find the row that a destination refuses a whole batch for."""
        middle = len(self.rows) // 2
        return (
            Batch.of(self.sync_name, self.rows[:middle]),
            Batch.of(self.sync_name, self.rows[middle:]),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the destination said about one row: accepted, or rejected with its words."""

    entity_key: str
    error: str | None = None

    @property
    def is_accepted(self) -> bool:
        """True when the destination holds the change."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an audience table as the warehouse's information schema describes it."""

    name: str
    data_type: str
    precision: int | None = None
    scale: int | None = None


class BatchRefused(Exception):
    """The destination applied nothing of this batch because something in it is wrong."""


class DestinationStopped(Exception):
    """Nothing more can be sent until a person acts: no access, no such address."""


class NoAnswer(Exception):
    """No usable answer: the batch may have been applied, or not."""


class Destination(Protocol):
    """What both kinds have in common."""

    @property
    def address(self) -> str:
        """Where it delivers, in a form that may be shown: no credentials, no query."""

    def close(self) -> None:
        """Release connections."""


@runtime_checkable
class BatchDestination(Destination, Protocol):
    """Takes changes in batches. Adds and changes are upserts; removing what is absent is fine."""

    def send(self, batch: Batch) -> Sequence[Answer]:
        """Deliver a batch and answer for its rows.

        A row without an answer counts as unknown and is sent again, with the same
        idempotency key, by the next run.

        Raises:
            BatchRefused: nothing was applied; the rows may be sent in smaller batches.
            DestinationStopped: a person has to act first.
            NoAnswer: the outcome is unknown, retries included.
        """


@runtime_checkable
class SnapshotDestination(Destination, Protocol):
    """Holds the whole audience as one object that is replaced as a whole."""

    def exists(self) -> bool:
        """Tell whether the destination holds anything at all."""

    def write(self, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
        """Replace what is held by `rows`; if `rows` raises, keep what was held before."""


class Settings(BaseModel, ABC):
    """Settings of one destination, as written under `settings` in an exposure's meta."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @abstractmethod
    def connect(self, now: Clock) -> Destination:
        """Make the client. Reads the environment variables that the settings name.

        Raises:
            UsageError: a named variable is not set, or does not hold what it should.
        """


def problems(model: type[BaseModel], error: ValidationError, prefix: str = "") -> list[str]:
    """Say each thing that is wrong with a set of keys, and what is accepted.

    The value of an unknown key is not repeated: it may be a secret in the wrong place.
    """
    accepted = ", ".join(model.model_fields)
    found = []
    for item in error.errors(include_url=False):
        key = prefix + ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            found.append(f"unknown key `{key}`; accepted: {accepted}")
        elif item["type"] == "missing":
            found.append(f"missing key `{key}`; accepted: {accepted}")
        elif item["type"] == "literal_error":
            expected = item["ctx"]["expected"]
            found.append(f"`{key}` is {item['input']!r}; accepted: {expected}")
        else:
            why = item["msg"].removeprefix("Value error, ")
            found.append(f"`{key}` is {item['input']!r}; accepted: {why[:1].lower()}{why[1:]}")
    return found


def from_environment(name: str, used_for: str) -> str:
    """Read the environment variable `name`.

    Raises:
        UsageError: it is not set or empty.
    """
    value = environ.get(name, "").strip()
    if not value:
        raise UsageError(f"environment variable {name} is not set; it holds the {used_for}")
    return value


def value_or_environment(value: str, used_for: str) -> str:
    """Return `value`, or for `env:NAME` what the environment variable NAME holds."""
    if value.startswith("env:"):
        return from_environment(value.removeprefix("env:"), used_for)
    return value
