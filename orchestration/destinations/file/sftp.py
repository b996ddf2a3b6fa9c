"""A file on an SFTP server, replaced as one on a POSIX disk is: written beside, renamed over.

fsspec's file system for SFTP is not used: it trusts whatever host key it is shown, and
moves the finished file by a rename that fails where there is one already.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import paramiko

from orchestration.destinations.file.places import shown, unfinished_name
from orchestration.errors import UsageError

OPTIONS = ("username", "password", "private_key", "passphrase", "known_hosts", "timeout")
DEFAULT_TIMEOUT_SECONDS = 60.0
BUFFER_BYTES = 256 * 1024
_KEY_TYPES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class SftpPlace:
    """A file on an SFTP server; each use has a connection of its own."""

    def __init__(self, address: str, options: Mapping[str, object]) -> None:
        self._shown = shown(address)
        if unknown := [name for name in options if name not in OPTIONS]:
            raise UsageError(
                f"file {self._shown}: unknown option {', '.join(unknown)}; "
                f"accepted: {', '.join(OPTIONS)}"
            )
        parts = urlsplit(address)
        self._path = PurePosixPath(parts.path)
        self._known_hosts = options.get("known_hosts")
        self._timeout = self._seconds(options.get("timeout", DEFAULT_TIMEOUT_SECONDS))
        password = options.get("password") or (unquote(parts.password) if parts.password else None)
        key = self._private_key(options)
        self._connection: dict[str, Any] = {
            "hostname": parts.hostname or "",
            "port": parts.port or 22,
            "username": options.get("username")
            or (unquote(parts.username) if parts.username else None),
            "password": password,
            "pkey": key,
            # After a few wrong keys a server would hang up before the right one is tried.
            "look_for_keys": not (password or key),
            "allow_agent": not (password or key),
            **dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), self._timeout),
        }

    def exists(self) -> bool:
        """Tell whether the file is there."""
        with self._session() as sftp:
            return _exists(sftp, self._path)

    @contextmanager
    def replacement(self) -> Iterator[IO[bytes]]:
        """Write beside the file and rename over it, which readers see as one step."""
        unfinished = str(self._path.with_name(unfinished_name(self._path.name)))
        with self._session() as sftp:
            _make_folder(sftp, self._path.parent)
            try:
                with closing(sftp.open(unfinished, "wb")) as file:
                    # Not waiting for the answer to each 32 KB; what was refused shows below.
                    file.set_pipelined(True)
                    with io.BufferedWriter(_Raw(file), BUFFER_BYTES) as stream:
                        yield stream
                        stream.flush()
                        written = stream.tell()
                self._put_in_place(sftp, unfinished, written)
            except BaseException:
                with suppress(Exception):
                    sftp.remove(unfinished)
                raise

    def _put_in_place(self, sftp: Any, unfinished: str, written: int) -> None:
        arrived = sftp.stat(unfinished).st_size
        if arrived != written:
            raise OSError(f"{arrived} of {written} bytes arrived")
        try:
            sftp.posix_rename(unfinished, str(self._path))
        except OSError as error:
            if "unsupported" not in str(error).lower():
                raise
            # The plain rename of SFTP refuses to replace a file, and a removal before it
            # would leave readers without one.
            raise OSError(
                "the server does not offer posix-rename@openssh.com, without which a file "
                "cannot be replaced in one step"
            ) from error

    @contextmanager
    def _session(self) -> Iterator[Any]:
        with closing(paramiko.SSHClient()) as client:
            # None: the user's own, ~/.ssh/known_hosts.
            client.load_system_host_keys(self._known_hosts)
            client.set_missing_host_key_policy(paramiko.RejectPolicy())
            client.connect(**self._connection)
            with closing(client.open_sftp()) as sftp:
                sftp.get_channel().settimeout(self._timeout)
                yield sftp

    def _seconds(self, timeout: object) -> float:
        if isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0:
            return float(timeout)
        raise UsageError(
            f"file {self._shown}: option timeout is {timeout!r}; accepted: seconds, above 0"
        )

    def _private_key(self, options: Mapping[str, object]) -> paramiko.PKey | None:
        text = options.get("private_key")
        if text is None:
            return None
        for kind in _KEY_TYPES:
            # Surrounding white space is lost in the environment; the last line needs its end.
            with suppress(paramiko.SSHException, ValueError):
                return kind.from_private_key(io.StringIO(f"{text}\n"), options.get("passphrase"))
        accepted = "an Ed25519, ECDSA or RSA key in OpenSSH's or PEM's form"
        raise UsageError(
            f"file {self._shown}: option private_key cannot be read; accepted: {accepted}, "
            "with the option passphrase where it has one"
        )


class _Raw(io.RawIOBase):
    """paramiko's file as Python's io knows files."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        content = bytes(data)
        self._file.write(content)
        self._written += len(content)
        return len(content)

    def tell(self) -> int:
        return self._written


def _make_folder(sftp: Any, folder: PurePosixPath) -> None:
    for part in reversed([folder, *folder.parents]):
        if not _exists(sftp, part):
            sftp.mkdir(str(part))


def _exists(sftp: Any, path: PurePosixPath) -> bool:
    try:
        sftp.stat(str(path))
    except FileNotFoundError:
        return False
    return True
