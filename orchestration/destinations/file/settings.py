"""Settings of the file destination."""

from typing import Literal

from pydantic import field_validator

from orchestration.destinations.base import Clock, Destination, Settings, value_or_environment


class FileSettings(Settings):
    """Where the file is written and how."""

    modes = ("mirror",)

    path: str
    """A local path or an fsspec address (`s3://…`), or `env:NAME`."""
    format: Literal["csv", "parquet"]

    @field_validator("path")
    @classmethod
    def _names_a_file(cls, path: str) -> str:
        if not path.strip() or path.endswith("/"):
            raise ValueError("the address of one file, not of a folder")
        return path

    def connect(self, now: Clock) -> Destination:  # noqa: ARG002 - a file needs no clock
        """Make the client; nothing is opened until it is used."""
        # Here because an installation that sends no files need not load pyarrow.
        from orchestration.destinations.file.client import FileDestination

        return FileDestination(value_or_environment(self.path, "path of the file"), self.format)
