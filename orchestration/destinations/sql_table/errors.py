"""What a database's error means: the content, a person's turn, or a failure that passes.

Its words go into the ledger, so they are shown without the members' values, which
databases like to repeat: `Key (email)=(ann@example.com) already exists.`
"""

import re
from collections.abc import Collection, Iterable

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)

from orchestration.destinations.base import BatchRefused, DestinationStopped
from orchestration.destinations.calls import shortened

# Beginnings of SQLSTATEs (ISO 9075; PostgreSQL's appendix of error codes). 22 data, 23
# integrity, 44 check option, 21 cardinality, 54 too large, P0 raised by a trigger.
_REFUSED_STATES = ("21", "22", "23", "44", "54", "P0")
# 28 authorization, 42 access or syntax, 3D and 3F no such database or schema, 25 read only,
# 0A not supported, 0L and 0P grantor and role.
_STOPPED_STATES = ("0A", "0L", "0P", "25", "28", "3D", "3F", "42")
# Of which nothing follows.
_GENERAL_ERROR = "HY000"
# MySQL's violated check constraint, which its drivers call an operational error.
_REFUSED_NUMBERS = (3819,)
# Errors without a SQLSTATE: while libpq connects, of SQLite, and of MySQL's drivers.
_STOPPED_WORDS = (
    "access denied",
    "authentication failed",
    "command denied",
    "does not exist",
    "no password supplied",
    "no pg_hba.conf entry",
    "no such column",
    "no such table",
    "not permitted to log in",
    "readonly database",
    "unable to open database file",
    "unknown database",
)
_QUOTED = re.compile(r'(?<!\w)"[^"]*"|(?<!\w)\'[^\']*\'')
_HIDDEN = "…"
# Shorter values identify nobody, and taking them out would make the words unreadable.
_SHORTEST_VALUE = 3


class Unusable(Exception):
    """A value that the driver cannot send, such as a text with a NUL character."""


class Passing(Exception):
    """A failure that another try may not meet; nobody can say whether the last was committed."""


def explained(
    error: SQLAlchemyError | Unusable,
    *,
    values: Iterable[object],
    names: Collection[str],
    secret: str,
) -> Exception:
    """Give what to raise instead of a database's error, with its words but without its data.

    Args:
        error: as SQLAlchemy raised it; it holds parameters, so it must not be chained to.
        values: what the statement carried of members.
        names: of the table and its columns, which may be shown.
        secret: the password, in case the driver repeats it.
    """
    cause = error.orig if isinstance(error, StatementError) else None
    if not isinstance(error, DBAPIError) or cause is None:
        # A value that the driver cannot send fails before the database sees it.
        is_value = cause is not None or isinstance(error, Unusable)
        return BatchRefused(_words(cause or error, values, names, secret)) if is_value else error
    state = _sqlstate(cause)
    if _is_refused(error, cause, state):
        return BatchRefused(_words(cause, values, names, secret))
    said = _without(_said(cause), [secret, *values])
    text = shortened(f"{state}: {said}" if state else said)
    is_stopped = (
        state.startswith(_STOPPED_STATES)
        if state
        else isinstance(error, ProgrammingError | NotSupportedError)
        or any(part in said.lower() for part in _STOPPED_WORDS)
    )
    return DestinationStopped(text) if is_stopped else Passing(text)


def _words(
    cause: BaseException, values: Iterable[object], names: Collection[str], secret: str
) -> str:
    said = _without(_said(cause), [secret, *values]).strip()
    first_line = said.splitlines()[0] if said else type(cause).__name__
    diag = getattr(cause, "diag", None)
    shown = {
        *names,
        *(getattr(diag, f"{kind}_name", None) for kind in ("column", "constraint", "table")),
    }

    def only_names(match: re.Match[str]) -> str:
        quoted = match.group()
        return quoted if quoted[1:-1] in shown else f"{quoted[0]}{_HIDDEN}{quoted[-1]}"

    state = _sqlstate(cause)
    text = _QUOTED.sub(only_names, first_line)
    return shortened(f"{state}: {text}" if state else text)


def _is_refused(error: DBAPIError, cause: BaseException, state: str) -> bool:
    if cause.args[:1] and cause.args[0] in _REFUSED_NUMBERS:
        return True
    if state:
        return state.startswith(_REFUSED_STATES)
    return isinstance(error, IntegrityError | DataError)


def _sqlstate(cause: BaseException) -> str:
    # psycopg and MySQL's drivers say `sqlstate`, psycopg2 `pgcode`.
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
    return "" if state == _GENERAL_ERROR else str(state)


def _said(cause: BaseException) -> str:
    # PostgreSQL's primary message; its details and hints repeat whole rows.
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    match cause.args:
        case (int(number), str(message)) if not primary:
            return f"{number}: {message}"
    return str(primary or cause)


def _without(text: str, values: Iterable[object]) -> str:
    found = {str(value) for value in values if value is not None and not isinstance(value, bool)}
    # Longest first, or a part of a value would leave its rest.
    for value in sorted(found, key=len, reverse=True):
        if len(value) >= _SHORTEST_VALUE and value in text:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _HIDDEN, text)
    return text
