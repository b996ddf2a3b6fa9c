"""Where a file can be: each place replaces it as a whole, or leaves it as it was."""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR


class Place(Protocol):
    """One address at which there is a file or not."""

    def exists(self) -> bool:
        """Tell whether the file is there."""

    def replacement(self) -> AbstractContextManager[IO[bytes]]:
        """Open a new file that takes the old one's place if nothing is raised meanwhile."""


def place(path: str, options: Mapping[str, object]) -> Place:
    """Find the place of an address; nothing is opened.

    Raises:
        UsageError: its library is not installed, or it takes no such options.
    """
    if urlsplit(path).scheme in ("sftp", "ssh"):
        # Here because paramiko takes a while to load.
        from orchestration.destinations.file.sftp import SftpPlace

        return SftpPlace(path, options)
    if "://" not in path and not Path(path).is_absolute():
        # Wherever `strata` is called from, the file is the same one.
        path = str(PROJECT_DIR / path)
    try:
        files, inner = fsspec.core.url_to_fs(path, **options)
    except (TypeError, ValueError, ImportError) as error:
        raise UsageError(f"file {shown(path)}: {error}") from error
    if isinstance(files, LocalFileSystem):
        if options:
            raise UsageError(
                f"file {shown(path)}: a local file has no options; found: {', '.join(options)}"
            )
        return LocalPlace(Path(inner))
    return ObjectPlace(files, inner)


class LocalPlace:
    """A file on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        """Tell whether the file is there."""
        return self._path.exists()

    @contextmanager
    def replacement(self) -> Iterator[IO[bytes]]:
        """Write beside the file and move over it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_name(unfinished_name(self._path.name))
        try:
            with unfinished.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(self._path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


class ObjectPlace:
    """An object in a store, which shows it only when its upload is completed."""

    def __init__(self, files: Any, path: str) -> None:
        self._files = files
        self._path = path

    def exists(self) -> bool:
        """Tell whether the object is there."""
        return bool(self._files.exists(self._path))

    @contextmanager
    def replacement(self) -> Iterator[IO[bytes]]:
        """Upload in a transaction, which completes the upload only if nothing was raised."""
        self._abandon_uploads()
        try:
            with self._files.transaction, self._files.open(self._path, "wb") as stream:
                yield stream
        except BaseException:
            with suppress(Exception):
                self._abandon_uploads()
            raise

    def _abandon_uploads(self) -> None:
        """Abandon what killed processes left on S3: invisible parts, which are paid for."""
        if "s3" not in self._files.protocol:
            return
        bucket, key, _ = self._files.split_path(self._path)
        # A right that not everybody has; a rule of the bucket can do the same.
        with suppress(PermissionError):
            found = self._files.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key)
            for upload in found.get("Uploads", []):
                if upload["Key"] == key:
                    self._files.abort_mpu(bucket, key, upload["UploadId"])


def unfinished_name(name: str) -> str:
    """Of the file beside; always the same, so that what a killed process left is overwritten."""
    return f".{name}.unfinished"


def shown(path: str) -> str:
    """Give the address without credentials: `sftp://user:secret@host/x` as `sftp://host/x`."""
    if "://" not in path:
        return path
    parts = urlsplit(path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
