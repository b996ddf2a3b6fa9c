"""What a check found, and what the checks share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from orchestration.activation.exposures import Sync

T = TypeVar("T")


class Status(IntEnum):
    """How bad it is; the larger the worse."""

    OK = 0
    WARNING = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found about one thing."""

    check: str
    status: Status
    found: str
    todo: str = ""
    """What a person should do; empty where nothing."""

    def as_json(self) -> dict[str, str]:
        """The result as `strata doctor --json` writes it."""
        return {
            "check": self.check,
            "status": self.status.name.lower(),
            "found": self.found,
            "todo": self.todo,
        }


def ok(check: str, found: str) -> Result:
    """Nothing to do."""
    return Result(check, Status.OK, found)


def warning(check: str, found: str, todo: str) -> Result:
    """Something that a person should look at, though work goes on."""
    return Result(check, Status.WARNING, found, todo)


def failed(check: str, found: str, todo: str) -> Result:
    """Something that keeps a part of Strata from working."""
    return Result(check, Status.FAILED, found, todo)


class NotLookedAt(Exception):
    """A check needs something that an earlier one did not find usable."""


class Installation:
    """What is looked at. Each part is set by the check that finds it usable."""

    def __init__(self, target: str | None) -> None:
        self.target = target
        self._profile: Any = None
        self._manifest: Mapping[str, Any] | None = None
        self._syncs: Sequence[Sync] | None = None
        self._warehouse: sa.Engine | None = None

    @property
    def profile(self) -> Any:
        """dbt's profile of the target."""
        return _usable(self._profile, "profiles.yml has no such target")

    @profile.setter
    def profile(self, profile: Any) -> None:
        self._profile = profile

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The parsed project."""
        return _usable(self._manifest, "the project does not parse")

    @manifest.setter
    def manifest(self, manifest: Mapping[str, Any]) -> None:
        self._manifest = manifest

    @property
    def syncs(self) -> Sequence[Sync]:
        """The project's syncs."""
        return _usable(self._syncs, "the syncs cannot be read")

    @syncs.setter
    def syncs(self, syncs: Sequence[Sync]) -> None:
        self._syncs = syncs

    @property
    def warehouse(self) -> sa.Engine:
        """The warehouse, for reading only."""
        return _usable(self._warehouse, "the warehouse does not open")

    @warehouse.setter
    def warehouse(self, warehouse: sa.Engine) -> None:
        self._warehouse = warehouse


def _usable(part: T | None, otherwise: str) -> T:
    if part is None:
        raise NotLookedAt(otherwise)
    return part


def some(names: Sequence[str], most: int = 8) -> str:
    """Names in a row; of many only the first."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
