"""Settings of the file destination."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from orchestration.destinations.base import Clock, Destination, Settings, value_or_environment
from orchestration.errors import UsageError

# Options that hold a credential, by the names that the file systems' libraries give them.
_CREDENTIAL = re.compile(r"connection_string|passphrase|password|secret|token|_key$", re.IGNORECASE)


class FileSettings(Settings):
    """Where the file is written and how."""

    modes = ("mirror",)

    path: str
    """A local path or an fsspec address (`s3://…`), or `env:NAME`."""
    format: Literal["csv", "parquet"]
    options: dict[str, Any] = Field(default_factory=dict)
    """For the file system's library; a text, at any depth, may be `env:NAME`."""

    @field_validator("path")
    @classmethod
    def _names_a_file(cls, path: str) -> str:
        if not path.strip() or path.endswith("/"):
            raise ValueError("the address of one file, not of a folder")
        return path

    def replaced_whole(self) -> str:
        """The file's address."""
        return self.path

    def connect(self, now: Clock) -> Destination:  # noqa: ARG002 - a file needs no clock
        """Make the client; nothing is opened until it is used.

        Raises:
            UsageError: a variable is not set, a credential is written out, or the address or
                an option cannot be used.
        """
        # Here because an installation that sends no files need not load pyarrow.
        from orchestration.destinations.file.client import FileDestination

        return FileDestination(
            value_or_environment(self.path, "path of the file"),
            self.format,
            _from_environment(self.options, "options"),
        )


def _from_environment(options: Mapping[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        here = f"{path}.{name}"
        if isinstance(value, Mapping):
            found[name] = _from_environment(value, here)
            continue
        is_named = isinstance(value, str) and value.startswith("env:")
        if not is_named and _CREDENTIAL.search(name):
            raise UsageError(
                f"`{here}` is a credential written out; accepted: env:NAME, where the "
                "environment variable NAME holds it"
            )
        found[name] = value_or_environment(value, f"value of {here}") if is_named else value
    return found
