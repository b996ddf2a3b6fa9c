"""Credentials: from the environment, or from a secrets file that only its owner can read."""

import re
from os import environ
from pathlib import Path

from dotenv import dotenv_values

from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR

SECRETS_FILE = "STRATA_SECRETS_FILE"
"""The environment variable that names the file: lines of NAME=value."""
_READABLE_BY_OTHERS = 0o077
_SHORTEST_MASKED = 6
"""Shorter values are no secrets, and masking them would take words out of messages."""
_given: set[str] = set()
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def from_environment(name: str, used_for: str) -> str:
    """Read `name` from the environment, else from the secrets file.

    Raises:
        UsageError: it is in neither or empty, or the file is missing or others may read it.
    """
    if not _NAME.fullmatch(name):
        # Not repeated: it is probably the secret itself.
        raise UsageError(
            f"the setting that names the environment variable with the {used_for} holds no name; "
            "accepted: letters, digits and underscores, such as MY_SECRET"
        )
    value = environ.get(name, "").strip() or _in_file(name)
    if not value:
        raise UsageError(
            f"environment variable {name} is not set; it holds the {used_for} "
            f"(it may also be a line of the file that {SECRETS_FILE} names)"
        )
    if len(value) >= _SHORTEST_MASKED:
        _given.add(value)
    return value


def without_secrets(text: str) -> str:
    """The text without any value that `from_environment` gave to somebody in this process."""
    for value in sorted(_given, key=len, reverse=True):
        text = text.replace(value, "<secret>")
    return text


def _in_file(name: str) -> str:
    named = environ.get(SECRETS_FILE, "").strip()
    if not named:
        return ""
    path = Path(named) if Path(named).is_absolute() else PROJECT_DIR / named
    if not path.is_file():
        raise UsageError(f"{SECRETS_FILE} names {path}, and there is no such file")
    mode = path.stat().st_mode & 0o777
    if mode & _READABLE_BY_OTHERS:
        raise UsageError(
            f"the secrets file {path} can be read by others (mode {mode:03o}); "
            f"accepted: mode 600, `chmod 600 {path}`"
        )
    return (dotenv_values(path, interpolate=False).get(name) or "").strip()
