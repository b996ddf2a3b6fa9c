"""The file destination on a disk, on S3 (moto's server), on Google Cloud Storage (an emulator) and
on SFTP (OpenSSH's)."""

import getpass
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import paramiko
import pyarrow.parquet as pq
import pytest
from gcp_storage_emulator import server as google_server
from moto.server import ThreadedMotoServer
from test_destinations_file import COLUMNS, TYPED, TYPED_ROWS, cut_short

from orchestration.activation.runner import utc_now
from orchestration.destinations.file.client import FileDestination
from orchestration.destinations.file.settings import FileSettings
from orchestration.errors import StrataError, UsageError

pytestmark = pytest.mark.slow  # servers, and many runs

MEGABYTE = "x" * 1_000_000
# The least that S3 takes for a part.
PART = 5 * 2**20
ROOT = Path(__file__).parents[2]


@dataclass
class Remote:
    """A place for files, with a look at it that does not pass through the destination."""

    path: str
    options: dict[str, Any]
    read: Callable[[], bytes]
    put: Callable[[bytes], Any]
    left_over: Callable[[], Sequence[str]]
    """What an unfinished write has left."""
    forgets: bool = True
    """Whether a later write clears that away; else the place itself does, after days."""

    def connect(self, file_format: str = "csv") -> FileDestination:
        return FileDestination(self.path, file_format, self.options)


# S3


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine, and no question to a cloud's metadata service."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    # Google's client asks a server of its own, by another protocol, of which kind a bucket is.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def s3(moto: str) -> Remote:
    options = {
        "endpoint_url": moto,
        "key": "me",
        "secret": "hush",
        "default_block_size": PART,
    }
    looking = fsspec.filesystem("s3", endpoint_url=moto, key="other", secret="x")
    bucket = f"b{os.urandom(4).hex()}"
    looking.mkdir(bucket)
    path = f"{bucket}/audiences/x"

    def uploads() -> list[str]:
        found = looking.call_s3("list_multipart_uploads", Bucket=bucket)
        return [upload["Key"] for upload in found.get("Uploads", [])]

    return Remote(
        f"s3://{path}",
        options,
        read=lambda: bytes(looking.cat(path)),
        put=lambda content: looking.pipe(path, content),
        left_over=uploads,
    )


# Google Cloud Storage


def cancel_upload(request: Any, response: Any, storage: Any) -> None:
    """Google's documented answer to the cancellation of an upload, which the emulator lacks."""
    storage.delete_resumable_file_obj(request.query["upload_id"][0])
    response.status = SimpleNamespace(value=499, phrase="Client Closed Request")


@pytest.fixture(scope="module")
def google() -> Iterator[tuple[str, Any]]:
    """Address and storage of the emulator."""
    [uploads] = [
        methods for path, methods in google_server.HANDLERS if path.startswith("^/upload/")
    ]
    uploads["DELETE"] = cancel_upload
    server = google_server.create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    host, port = server._api._httpd.server_address
    yield f"http://{host}:{port}", server._storage
    server.stop()


@pytest.fixture
def gcs(google: tuple[str, Any]) -> Remote:
    address, storage = google
    options = {"endpoint_url": address, "token": "anon", "project": "p"}
    looking = fsspec.filesystem(
        "gcs", skip_instance_cache=True, use_listings_cache=False, **options
    )
    bucket = f"b{os.urandom(4).hex()}"
    looking.mkdir(bucket)
    path = f"{bucket}/audiences/x"

    return Remote(
        f"gcs://{path}",
        options,
        read=lambda: bytes(looking.cat(path)),
        put=lambda content: looking.pipe(path, content),
        left_over=lambda: [
            upload["name"] for upload in storage.resumable.values() if upload["bucket"] == bucket
        ],
        forgets=False,
    )


# SFTP


@dataclass
class Server:
    """A private OpenSSH server."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def options(self) -> dict[str, Any]:
        return {
            "username": getpass.getuser(),
            "private_key": (self.folder / "user").read_text(),
            "known_hosts": str(self.folder / "known_hosts"),
            "timeout": 10,
        }

    def address(self, path: Path) -> str:
        return f"sftp://127.0.0.1:{self.port}{path}"

    def end_sessions(self) -> None:
        """Kill the processes that serve connections."""
        waiting = children(self.process.pid)
        assert waiting
        while waiting:
            pid = waiting.pop()
            waiting += children(pid)
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """OpenSSH's server as a process of this user, with a host key and a user key of its own."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).exists():
        pytest.skip("sshd is not installed (Debian's package openssh-server)")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user", "stranger"):
        make_key(folder / name)
    shutil.copy(folder / "user.pub", folder / "authorized")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write_known_host(folder / "known_hosts", port, folder / "host.pub")
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\n"
        f"HostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized\n"
        "Subsystem sftp internal-sftp\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    log = (folder / "log").open("wb")
    process = subprocess.Popen([program, "-D", "-e", "-f", folder / "config"], stderr=log)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.05)
    yield Server(port, folder, process)
    process.terminate()
    process.wait()
    log.close()


def make_key(path: Path, passphrase: str = "") -> None:
    kind = ["-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(["ssh-keygen", "-q", *kind], check=True)


def write_known_host(path: Path, port: int, public_key: Path) -> None:
    path.write_text(f"[127.0.0.1]:{port} {public_key.read_text()}")


@pytest.fixture
def sftp(sshd: Server, tmp_path: Path) -> Remote:
    folder = tmp_path / "audiences"
    return on_disk(folder, sshd.address(folder / "x"), sshd.options)


@pytest.fixture
def local(tmp_path: Path) -> Remote:
    return on_disk(tmp_path / "audiences", str(tmp_path / "audiences" / "x"), {})


def on_disk(folder: Path, address: str, options: dict[str, Any]) -> Remote:
    folder.mkdir()
    return Remote(
        address,
        options,
        read=(folder / "x").read_bytes,
        put=(folder / "x").write_bytes,
        left_over=lambda: [each.name for each in folder.iterdir() if each.name != "x"],
    )


@pytest.fixture(params=["local", "s3", "gcs", "sftp"])
def remote(request: pytest.FixtureRequest) -> Remote:
    made: Remote = request.getfixturevalue(request.param)
    return made


# On all


def test_csv(remote: Remote) -> None:
    destination = remote.connect()
    assert not destination.exists()
    destination.write(COLUMNS, [("a", 'say "hi"'), ("b", None)])
    assert destination.exists()
    assert remote.read() == b'entity_key,note\r\na,"say ""hi"""\r\nb,\r\n'
    destination.write(COLUMNS, [])
    assert remote.read() == b"entity_key,note\r\n"
    assert remote.left_over() == []


def test_parquet(remote: Remote) -> None:
    remote.connect("parquet").write(TYPED, TYPED_ROWS)
    table = pq.read_table(io.BytesIO(remote.read()))
    assert [tuple(row.values()) for row in table.to_pylist()] == TYPED_ROWS


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_same_bytes_in_every_place(remote: Remote, tmp_path: Path, file_format: str) -> None:
    rows = [(f"k{number}", os.urandom(50_000).hex()) for number in range(120)]
    remote.connect(file_format).write(COLUMNS, rows)
    FileDestination(str(tmp_path / "other"), file_format).write(COLUMNS, rows)
    assert remote.read() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_failed_write_keeps_the_old_file(remote: Remote, file_format: str) -> None:
    remote.put(b"old")
    with pytest.raises(RuntimeError, match="went away"):
        remote.connect(file_format).write(COLUMNS, cut_short())
    assert remote.read() == b"old"
    assert remote.left_over() == []


def test_nothing_is_visible_before_the_file_is_whole(remote: Remote) -> None:
    remote.put(b"old")
    seen = []

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(12):
            yield (f"k{number}", MEGABYTE)
        seen.append((remote.read(), len(remote.left_over())))

    remote.connect().write(COLUMNS, rows())
    assert seen == [(b"old", 1)]
    assert len(remote.read()) > 12_000_000
    assert remote.left_over() == []


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_readers_see_the_old_file_or_the_new_one(remote: Remote, file_format: str) -> None:
    seen: set[bytes] = set()
    is_done = threading.Event()

    def read() -> None:
        while not is_done.wait(0.005):
            seen.add(remote.read())

    # Larger than what is sent at once.
    versions: list[list[tuple[object, ...]]] = [
        [(f"k{number}", f"version {version}") for number in range(20_000)] for version in range(6)
    ]
    destination = remote.connect(file_format)
    destination.write(COLUMNS, versions[0])
    reader = threading.Thread(target=read)
    reader.start()
    for rows in versions[1:]:
        destination.write(COLUMNS, rows)
    is_done.set()
    reader.join()
    assert seen <= {in_memory(file_format, rows) for rows in versions}
    assert len(seen) > 1


def in_memory(file_format: str, rows: list[tuple[object, ...]]) -> bytes:
    FileDestination("memory://whole", file_format).write(COLUMNS, rows)
    return bytes(fsspec.filesystem("memory").cat("/whole"))


HALF = """
import sys, time
from orchestration.destinations.base import Column
from orchestration.destinations.file.client import FileDestination
path, options = eval(sys.argv[1])
def rows():
    for number in range(12):
        yield (f"k{number}", "x" * 1_000_000)
    print("half", flush=True)
    time.sleep(60)
columns = [Column("entity_key", "text"), Column("note", "text")]
FileDestination(path, "csv", options).write(columns, rows())
"""


def test_a_process_killed_in_the_middle_leaves_the_old_file(remote: Remote) -> None:
    remote.put(b"old")
    process = subprocess.Popen(
        [sys.executable, "-c", HALF, repr((remote.path, remote.options))],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert remote.read() == b"old"
    assert len(remote.left_over()) == 1
    remote.connect().write(COLUMNS, [("a", "new")])
    assert remote.read() == b"entity_key,note\r\na,new\r\n"
    assert len(remote.left_over()) == (0 if remote.forgets else 1)


# Google Cloud Storage alone


def test_a_bucket_of_googles_that_is_not_there(gcs: Remote) -> None:
    path = "gcs://nowhere-at-all/x.csv"
    with pytest.raises(StrataError, match=f"file {path} cannot be written: .*"):
        FileDestination(path, "csv", gcs.options).write(COLUMNS, [])


# S3 alone


def test_uploads_of_other_objects_are_left_alone(s3: Remote) -> None:
    looking = fsspec.filesystem("s3", **s3.options)
    bucket, key, _ = looking.split_path(s3.path)
    for other in (key, f"{key}.bak", "audiences/y"):
        looking.call_s3("create_multipart_upload", Bucket=bucket, Key=other)
    s3.connect().write(COLUMNS, [])
    assert s3.left_over() == [f"{key}.bak", "audiences/y"]


def test_listing_uploads_may_be_forbidden(s3: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = s3.connect()
    files: Any = destination._place
    call = type(files._files).call_s3

    def refuse(self: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "list_multipart_uploads":
            raise PermissionError("Access Denied")
        return call(self, method, *args, **kwargs)

    monkeypatch.setattr(type(files._files), "call_s3", refuse)
    destination.write(COLUMNS, [])
    assert s3.read() == b"entity_key,note\r\n"


def test_a_bucket_that_is_not_there(s3: Remote) -> None:
    path = "s3://nowhere-at-all/x.csv"
    with pytest.raises(StrataError, match=f"file {path} cannot be written: .*bucket"):
        FileDestination(path, "csv", s3.options).write(COLUMNS, [])


def test_an_endpoint_that_does_not_answer(s3: Remote) -> None:
    options = {
        **s3.options,
        "endpoint_url": "http://127.0.0.1:1",
        "config_kwargs": {"retries": {"total_max_attempts": 1}},
    }
    with pytest.raises(StrataError, match=r"s3://b/x.csv cannot be reached: .*127.0.0.1:1"):
        FileDestination("s3://b/x.csv", "csv", options).exists()


def test_a_profile(s3: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[profile mailing]\nregion = eu-west-1\nendpoint_url = {s3.options['endpoint_url']}\n"
        "aws_access_key_id = me\naws_secret_access_key = hush\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    FileDestination(s3.path, "csv", {"profile": "mailing"}).write(COLUMNS, [])
    assert s3.read() == b"entity_key,note\r\n"
    with pytest.raises(StrataError, match=r"profile .*nobody.* could not be found"):
        FileDestination(s3.path, "csv", {"profile": "nobody"}).exists()


# SFTP alone


def test_folders_are_made(sshd: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.csv"
    FileDestination(sshd.address(path), "csv", sshd.options).write(COLUMNS, [])
    assert path.read_bytes() == b"entity_key,note\r\n"


def test_an_open_file_stays_what_it_was(sftp: Remote, sshd: Server) -> None:
    sftp.connect().write(COLUMNS, [("a", "old")])
    with paramiko.SSHClient() as client:
        client.load_host_keys(sshd.options["known_hosts"])
        client.connect("127.0.0.1", sshd.port, pkey=paramiko.PKey.from_path(sshd.folder / "user"))
        path = sftp.path.partition(str(sshd.port))[2]
        with client.open_sftp().open(path) as reading:
            sftp.connect().write(COLUMNS, [("a", "new")])
            assert reading.read() == b"entity_key,note\r\na,old\r\n"


def refused(place: str, options: dict[str, Any], done: str = "reached") -> str:
    with pytest.raises(StrataError) as found:
        FileDestination(place, "csv", options).exists()
    message = str(found.value)
    assert message.startswith(f"file {place} cannot be {done}: ")
    return message


def test_an_unknown_server_is_refused(sftp: Remote, tmp_path: Path) -> None:
    (tmp_path / "nobody").touch()
    options = {**sftp.options, "known_hosts": str(tmp_path / "nobody")}
    assert "not found in known_hosts" in refused(sftp.path, options)
    with pytest.raises(StrataError, match="not found in known_hosts"):
        FileDestination(sftp.path, "csv", options).write(COLUMNS, [])
    assert sftp.left_over() == []


def test_the_users_own_known_hosts_are_the_default(
    sftp: Remote, sshd: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    options = {name: value for name, value in sftp.options.items() if name != "known_hosts"}
    assert "not found in known_hosts" in refused(sftp.path, options)
    (tmp_path / ".ssh").mkdir()
    shutil.copy(sshd.folder / "known_hosts", tmp_path / ".ssh" / "known_hosts")
    assert not FileDestination(sftp.path, "csv", options).exists()


def test_a_server_with_another_host_key_is_refused(
    sftp: Remote, sshd: Server, tmp_path: Path
) -> None:
    write_known_host(tmp_path / "known", sshd.port, sshd.folder / "stranger.pub")
    message = refused(sftp.path, {**sftp.options, "known_hosts": str(tmp_path / "known")})
    assert "Host key for server" in message


def test_a_known_hosts_file_that_is_not_there(sftp: Remote) -> None:
    message = refused(sftp.path, {**sftp.options, "known_hosts": "/nowhere/known_hosts"})
    assert "/nowhere/known_hosts" in message


def test_a_user_key_that_the_server_does_not_know(sftp: Remote, sshd: Server) -> None:
    key = (sshd.folder / "stranger").read_text()
    assert "Authentication failed" in refused(sftp.path, {**sftp.options, "private_key": key})


@pytest.mark.parametrize("passphrase", ["open sesame", "wrong"])
def test_a_key_with_a_passphrase_from_the_environment(
    sftp: Remote,
    sshd: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    passphrase: str,
) -> None:
    make_key(tmp_path / "key", "open sesame")
    with (sshd.folder / "authorized").open("a") as authorized:
        authorized.write((tmp_path / "key.pub").read_text())
    monkeypatch.setenv("SFTP_KEY", (tmp_path / "key").read_text())
    monkeypatch.setenv("SFTP_PASSPHRASE", passphrase)
    settings = FileSettings(
        path=sftp.path,
        format="csv",
        options={
            **sftp.options,
            "private_key": "env:SFTP_KEY",
            "passphrase": "env:SFTP_PASSPHRASE",
        },
    )
    if passphrase == "wrong":
        with pytest.raises(UsageError, match="option private_key cannot be read") as found:
            settings.connect(utc_now)
        assert "PRIVATE KEY" not in str(found.value)
    else:
        made = settings.connect(utc_now)
        assert isinstance(made, FileDestination)
        made.write(COLUMNS, [])
        assert sftp.read() == b"entity_key,note\r\n"


def test_a_connection_that_ends_in_the_middle(sftp: Remote, sshd: Server) -> None:
    sftp.put(b"old")

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(4):
            yield (f"k{number}", MEGABYTE)
        sshd.end_sessions()
        for number in range(4):
            yield (f"k{number}", MEGABYTE)

    with pytest.raises(StrataError, match=r"file sftp://.*/audiences/x cannot be written: "):
        sftp.connect().write(COLUMNS, rows())
    assert sftp.read() == b"old"
    sftp.connect().write(COLUMNS, [])
    assert sftp.left_over() == []


def test_a_server_that_is_not_there(sftp: Remote) -> None:
    assert "Unable to connect" in refused("sftp://127.0.0.1:1/x.csv", sftp.options)


class Stub(paramiko.ServerInterface):  # type: ignore[misc]  # paramiko has no types
    """A server that asks for a password, and whose SFTP has no posix-rename."""

    def check_auth_password(self, username: str, password: str) -> int:
        is_right = (username, password) == ("mail house", "hush/hush")
        return int(paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return int(paramiko.OPEN_SUCCEEDED)

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "password"


class StubFiles(paramiko.SFTPServerInterface):  # type: ignore[misc]  # paramiko has no types
    folder: Path

    def stat(self, path: str) -> Any:
        if not self._at(path).exists():
            return paramiko.SFTP_NO_SUCH_FILE
        return paramiko.SFTPAttributes.from_stat(self._at(path).stat())

    def open(self, path: str, flags: int, attr: Any) -> Any:  # noqa: ARG002
        handle = paramiko.SFTPHandle(flags)
        handle.writefile = self._at(path).open("wb")
        return handle

    def remove(self, path: str) -> int:
        self._at(path).unlink()
        return int(paramiko.SFTP_OK)

    def _at(self, path: str) -> Path:
        return self.folder / path.strip("/")


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The stub's port, and its folder; its host key is in `known_hosts` there."""
    files = tmp_path / "stub"
    files.mkdir()
    make_key(tmp_path / "host")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    write_known_host(tmp_path / "known_hosts", port, tmp_path / "host.pub")
    StubFiles.folder = files
    opened = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(paramiko.PKey.from_path(tmp_path / "host"))
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, StubFiles)
            transport.start_server(server=Stub())
            opened.append(transport)

    threading.Thread(target=serve, daemon=True).start()
    yield port, tmp_path
    listener.close()
    for transport in opened:
        transport.close()


@pytest.mark.parametrize("place", ["address", "options"])
def test_a_password(stub: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    port, folder = stub
    options: dict[str, Any] = {"known_hosts": str(folder / "known_hosts")}
    if place == "options":
        path = f"sftp://127.0.0.1:{port}/x.csv"
        options |= {"username": "mail house", "password": "env:SFTP_PASSWORD"}
        monkeypatch.setenv("SFTP_PASSWORD", "hush/hush")
    else:
        path = "env:SFTP_ADDRESS"
        address = f"sftp://mail%20house:hush%2Fhush@127.0.0.1:{port}/x.csv"
        monkeypatch.setenv("SFTP_ADDRESS", address)
    made = FileSettings(path=path, format="csv", options=options).connect(utc_now)
    assert isinstance(made, FileDestination)
    assert made.address == f"sftp://127.0.0.1:{port}/x.csv"
    assert not made.exists()


def test_a_wrong_password(stub: tuple[int, Path]) -> None:
    port, folder = stub
    options = {
        "known_hosts": str(folder / "known_hosts"),
        "username": "mail house",
        "password": "not-the-password",
    }
    message = refused(f"sftp://127.0.0.1:{port}/x.csv", options)
    assert "Authentication failed" in message
    assert "not-the-password" not in message


def test_a_server_without_posix_rename(stub: tuple[int, Path]) -> None:
    port, folder = stub
    options = {
        "known_hosts": str(folder / "known_hosts"),
        "username": "mail house",
        "password": "hush/hush",
    }
    (folder / "stub" / "x.csv").write_text("old")
    with pytest.raises(StrataError, match="does not offer posix-rename@openssh"):
        FileDestination(f"sftp://127.0.0.1:{port}/x.csv", "csv", options).write(COLUMNS, [])
    assert [each.name for each in (folder / "stub").iterdir()] == ["x.csv"]
    assert (folder / "stub" / "x.csv").read_text() == "old"


# Settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host_key_policy": "auto_add"}, "unknown option host_key_policy; accepted: username, "),
        ({"timeout": "soon"}, "option timeout is 'soon'; accepted: seconds, above 0"),
        ({"timeout": 0}, "option timeout is 0; accepted: seconds"),
        ({"private_key": "env:SFTP_KEY"}, "option private_key cannot be read; accepted: an Ed"),
        ({"password": "hush"}, "`options.password` is a credential written out; accepted: env:N"),
        ({"password": "env:NOT_SET"}, "variable NOT_SET is not set; it holds the value of options"),
    ],
)
def test_options_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object], message: str
) -> None:
    monkeypatch.setenv("SFTP_KEY", "hush")
    settings = FileSettings(path="sftp://host/x.csv", format="csv", options=options)
    with pytest.raises(UsageError, match=message) as found:
        settings.connect(utc_now)
    assert "hush" not in str(found.value)


def test_options_are_read_from_the_environment_at_any_depth(
    s3: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_ENDPOINT", s3.options["endpoint_url"])
    monkeypatch.setenv("S3_SECRET", "hush")
    options = {
        "key": "me",
        "secret": "env:S3_SECRET",
        "client_kwargs": {"endpoint_url": "env:S3_ENDPOINT", "region_name": "eu-west-1"},
    }
    made = FileSettings(path=s3.path, format="csv", options=options).connect(utc_now)
    assert isinstance(made, FileDestination)
    made.write(COLUMNS, [])
    assert s3.read() == b"entity_key,note\r\n"
    options["client_kwargs"] = {"aws_secret_access_key": "hush"}
    with pytest.raises(UsageError, match=r"options\.client_kwargs\.aws_secret_access_key` is a"):
        FileSettings(path=s3.path, format="csv", options=options).connect(utc_now)


def test_a_local_file_has_no_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a local file has no options; found: profile"):
        FileDestination(str(tmp_path / "x"), "csv", {"profile": "x"})
