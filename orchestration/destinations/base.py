"""The interface every destination has, and how their settings are checked.

A destination is one of two kinds. A `BatchDestination` is told about changes, a
batch at a time, and answers for each row. A `SnapshotDestination` always holds the
whole audience and is written as one thing. Neither knows the ledger: the runner
claims before it calls them and records what they answer.

What a destination can tell beside that makes more promises possible: `AskableDestination`
whether a change without an answer arrived, `SharedDestination` who was there before us,
`ReadableDestination` whom it holds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, ClassVar, Protocol, Self, get_args, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.destinations.secrets import from_environment

Clock = Callable[[], datetime]
"""Returns the present instant as a naive UTC datetime."""


MODES = ("mirror", "upsert", "insert", "archive")
"""What a sync may do: add, change and remove; add and change; add only; archive who enters."""


@dataclass(frozen=True, slots=True)
class Row:
    """One change to deliver: add, change, remove or archive. `payload` is None for the last two.

    A field that the payload lacks is to be left as the destination has it.
    """

    operation: str
    entity_key: str
    idempotency_key: str
    payload: Mapping[str, object] | None
    identifier: str | None = None
    """What the destination knows the member by; of a removal, what it was known by last."""
    former_identifiers: Sequence[str] = ()
    """Others by which it may still hold the member: gone when the change is accepted."""

    @property
    def is_upsert(self) -> bool:
        """True when the destination is to hold the member afterwards."""
        return self.operation in ("add", "change")


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

    def __init__(self, words: str, status: int | None = None) -> None:
        super().__init__(words)
        self.status = status
        """Of the answer, where it was HTTP."""


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


@runtime_checkable
class AskableDestination(Protocol):
    """Can say what became of changes that it never answered for."""

    def applied(self, batch: Batch) -> Collection[str]:
        """Entity keys of the rows whose change it already holds; the others are sent again."""


@runtime_checkable
class SharedDestination(Protocol):
    """A list that others write to as well, which can say who is on it."""

    def present(self, rows: Sequence[Row]) -> Collection[str]:
        """Entity keys of the rows whose member it holds before anything is sent."""


@runtime_checkable
class ReadableDestination(Protocol):
    """Can be read back."""

    def held(self) -> Iterator[str]:
        """The identifiers of all members that it holds, in any order, streamed."""


class Settings(BaseModel, ABC):
    """Settings of one destination, as written under `settings` in an exposure's meta."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    modes: ClassVar[Sequence[str]] = ("mirror", "upsert", "insert")
    """Those of `MODES` that it can do."""
    largest_batch: ClassVar[int] = 10_000
    """Most rows in one request, as its documentation says."""
    knows_members_by: ClassVar[str | None] = None
    """What a row's identifier must be, in words; None where the entity key will do."""

    def lacks(self, mode: str) -> str | None:  # noqa: ARG002 - most can do all of their modes
        """What a mode needs beside these settings, in words; None when nothing."""
        return None

    def replaced_whole(self) -> str | None:
        """What is replaced as a whole, so that it can be of one sync alone; None when nothing."""
        return None

    @abstractmethod
    def connect(self, now: Clock) -> Destination:
        """Make the client. Reads the environment variables that the settings name.

        Raises:
            UsageError: a named variable is not set, or does not hold what it should.
        """


class HttpSettings(Settings):
    """What the destinations that are spoken to over HTTP have in common."""

    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Longest wait for the connection, and for each part of the answer, in seconds."""
    max_retries: Annotated[int, Field(ge=0, le=10)] = 3
    """Times one request is repeated in a run after no usable answer."""
    requests_per_second: Annotated[float, Field(gt=0, le=1_000)] | None = None
    """At most so many requests a second; the destination's documented limit if not given."""


def problems(model: type[BaseModel], error: ValidationError, prefix: str = "") -> list[str]:
    """Say each thing that is wrong with a set of keys, and what is accepted.

    The value of an unknown key is not repeated: it may be a secret in the wrong place.
    """
    found = []
    for item in error.errors(include_url=False):
        fields = _model_at(model, item["loc"][:-1]).model_fields
        names = sorted(fields, key=lambda name: not fields[name].is_required())
        accepted = ", ".join(fields[name].alias or name for name in names)
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


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The model of the group of keys at a path, such as `limits`; the group may be optional."""
    for part in path:
        inner = model.model_fields[str(part)].annotation if part in model.model_fields else None
        for kind in (inner, *get_args(inner)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
    return model


def value_or_environment(value: str, used_for: str) -> str:
    """Return `value`, or for `env:NAME` what the environment or the secrets file says of NAME."""
    if value.startswith("env:"):
        return from_environment(value.removeprefix("env:"), used_for)
    return value
