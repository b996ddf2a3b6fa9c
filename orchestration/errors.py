"""Errors that a person at a terminal reads: one message, one exit code, no traceback."""


class StrataError(Exception):
    """Something the user can act on. `exit_code` is the process's exit code."""

    exit_code = 1


class UsageError(StrataError):
    """A setting or an argument is wrong: the message names it and what is accepted."""

    exit_code = 2


class NotReadable(UsageError):
    """A destination was asked whom it holds and has no way of saying so."""


class WarehouseUnavailable(StrataError):
    """The warehouse cannot be opened: another process holds it, or the server does not answer."""

    exit_code = 3


class RefreshFailed(StrataError):
    """A step of the refresh failed; nothing of that step was published."""

    exit_code = 4


class SyncFailed(StrataError):
    """A sync stopped before every row had an answer; the ledger knows where it stopped."""

    exit_code = 5


class DriftFound(StrataError):
    """A destination does not hold what it confirmed, and nothing was repaired."""

    exit_code = 7


class ChangeAboveBound(StrataError):
    """A segment would change more than the person who asked allows."""

    exit_code = 6


class AlertsOpen(StrataError):
    """An alert of severity error is open."""

    exit_code = 8
