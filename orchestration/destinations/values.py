"""Values of the warehouse as JSON has them."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal


def as_json(value: object) -> object:
    """Convert a value to one that JSON has.

    Times are UTC and end in Z, decimals become numbers (exact to 15 digits), and what is
    not a number becomes null.
    """
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            return None
        return int(value) if value == int(value) else float(value)
    if isinstance(value, datetime):
        at = value.astimezone(UTC) if value.tzinfo else value
        return at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
