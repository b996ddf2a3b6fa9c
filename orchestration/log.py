"""What runs do, as JSON lines for machines: STRATA_LOG_FORMAT=json.

In the other format, `text`, people see the progress and the messages of the commands, and
nothing of this. E-mail addresses and the values of secrets are never written.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging import ERROR, INFO, WARNING
from os import environ

from orchestration.destinations.secrets import without_secrets
from orchestration.errors import StrataError, UsageError
from orchestration.traces import span

__all__ = ["ERROR", "INFO", "WARNING", "bound", "configure", "emit", "is_json", "redacted", "work"]

FORMAT = "STRATA_LOG_FORMAT"
FORMATS = ("text", "json")
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:]+")

_logger = logging.getLogger("strata")
_logger.setLevel(INFO)
_logger.propagate = False
_logger.addHandler(logging.NullHandler())
_context: ContextVar[dict[str, object] | None] = ContextVar("strata_log", default=None)


def is_json() -> bool:
    """Whether JSON is asked for. Raises UsageError for a format that there is not."""
    chosen = environ.get(FORMAT, "").strip() or FORMATS[0]
    if chosen not in FORMATS:
        raise UsageError(f"{FORMAT} is '{chosen}'. Accepted: {', '.join(FORMATS)}.")
    return chosen == "json"


def configure(*, libraries: bool = True) -> None:
    """Writes to stderr what is emitted from now on, if JSON is asked for.

    With `libraries` their warnings are written in the same way, instead of as text among it.
    """
    if not is_json():
        return
    handler = _Stderr()
    handler.setFormatter(_JsonLines())
    _logger.handlers = [handler]
    if libraries:
        logging.basicConfig(handlers=[handler], level=WARNING, force=True)
        logging.captureWarnings(True)


def emit(level: int, event: str, **fields: object) -> None:
    """One line: what happened, and what is known of it beside what is bound."""
    _logger.log(level, event, extra={"fields": {**(_context.get() or {}), **fields}})


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Every line that is emitted within has these fields."""
    token = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


@contextmanager
def work(what: str, **names: object) -> Iterator[dict[str, object]]:
    """A piece of work: a line when it begins and one when it ends, and a span.

    The names are of every line within; what is put into the dictionary, such as counts, is
    of the last line and the span.
    """
    told: dict[str, object] = {}
    started = time.monotonic()
    with bound(**names), span(what, **names) as note:
        emit(INFO, f"{what} started")
        try:
            yield told
        except BaseException as error:
            said = redacted(str(error) or type(error).__name__)
            note(said, **told)
            emit(ERROR, f"{what} failed", seconds=_since(started), error=said, **told)
            raise
        note(None, **told)
        emit(INFO, f"{what} ended", seconds=_since(started), **told)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def redacted(text: str) -> str:
    """The text without e-mail addresses and without the value of any secret that was read."""
    return _ADDRESS.sub("<e-mail address>", without_secrets(text))


def as_text(value: object) -> object:
    """A value as lines and spans have it: instants in ISO 8601, no secrets in texts."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    return value if isinstance(value, bool | int | float | None) else redacted(str(value))


class _Stderr(logging.Handler):
    """Writes to what stderr is at the time: steps of Dagster have their own."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a reader that went away stops no run."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One object on one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": as_text(record.getMessage()),
        }
        if record.name != _logger.name:
            line["logger"] = record.name
        line |= {name: as_text(one) for name, one in getattr(record, "fields", {}).items()}
        if record.exc_info:
            line["traceback"] = as_text(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def stopped(error: Exception) -> None:
    """The error that ends a command; one that nobody foresaw with where it happened."""
    foreseen = isinstance(error, StrataError)
    fields = {
        "error": str(error),
        "kind": type(error).__name__,
        "exit_code": error.exit_code if isinstance(error, StrataError) else 1,
    }
    _logger.error(
        "command failed",
        extra={"fields": {**(_context.get() or {}), **fields}},
        exc_info=None if foreseen else error,
    )
