"""Which group the tickets of a member go to."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Route(BaseModel):
    """Members whose columns have these values, and the group for their tickets."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    when: Annotated[dict[str, str | int | bool], Field(min_length=1)]
    group_id: Annotated[int, Field(gt=0)]

    def matches(self, payload: Mapping[str, object]) -> bool:
        """Tell whether a member's columns have all the values."""
        return all(_text(payload.get(name)) == _text(value) for name, value in self.when.items())

    def covers(self, other: "Route") -> bool:
        """Tell whether it matches every member that `other` does."""
        return all(
            name in other.when and _text(other.when[name]) == _text(value)
            for name, value in self.when.items()
        )

    def __str__(self) -> str:
        conditions = ", ".join(f"{name}: {_text(value)}" for name, value in self.when.items())
        return f"{{{conditions}}} to group {self.group_id}"


def unreachable(routes: Sequence[Route]) -> list[str]:
    """Name each route that is never taken, and the earlier one that is taken instead."""
    return [
        f"route {place} ({route}) is never taken: route {earlier_place} ({earlier}) comes first "
        "and matches all that it does"
        for place, route in enumerate(routes, 1)
        for earlier_place, earlier in enumerate(routes[: place - 1], 1)
        if earlier.covers(route)
    ]


def _text(value: object) -> str | None:
    """A value such that 3, 3.00 and "3" are the same, and so are true and "true"."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return format(Decimal(str(value)).normalize(), "f")
    return str(value)
