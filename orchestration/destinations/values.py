"""Values: of the warehouse as JSON has them, of settings as they must look."""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal

from pydantic import AfterValidator


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


def shaped(pattern: str, words: str) -> AfterValidator:
    """Accept a text that matches the whole of a pattern; `words` say what that is."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)
