"""What every test may ask for: a PostgreSQL server, published data, and an honest count."""

import gc
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

PROJECT_DIR = Path(__file__).resolve().parent.parent
TEST_DATA = Path(os.environ.get("STRATA_TEST_DATA", PROJECT_DIR.parent / "shared" / "data"))
# Beside the data, unless it is said to be elsewhere.
TEST_SPECS = Path(os.environ.get("STRATA_TEST_SPECS", TEST_DATA.parent / "specs"))
PRISM = PROJECT_DIR / ".venv" / "prism" / "node_modules" / ".bin" / "prism"

os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"


# What is made once for each worker and takes minutes: these files go to one worker.
TOGETHER = {"test_postgres.py": "PostgreSQL", "test_people.py": "PostgreSQL"}


# The longest files, in the order in which workers take them: what is short fills up the end. The
# one that makes the demo comes first, and beside it one that does not wait for it.
LONGEST_FIRST = [
    "test_demo.py", "test_faults.py", "test_killed.py", "test_people.py", "test_postgres.py",
    "test_month.py", "test_bad_input.py", "test_dagster.py", "test_membership.py",
    "test_segment_tools.py", "test_erasure.py", "test_identity.py", "test_events.py",
    "test_backfill.py", "test_staging_interfaces.py", "test_engine.py", "test_macros.py",
    "test_operations.py",
    "test_experiments.py", "test_activation_killed.py", "test_activation_faults.py",
    "test_schedules.py", "test_sensors.py", "test_event_settings.py",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; the order within a file stays."""
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: no collection of garbage need walk through it."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Libraries report what was never freed."""
    gc.unfreeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Files are the units of work, but for those that share what is made for a worker."""
    return _ByFile(config, log)


class _ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return TOGETHER.get(Path(file).name, file)


@pytest.fixture(scope="session", autouse=True)
def parsed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where `Project` keeps what dbt parsed, for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["STRATA_TESTS_PARSED"] = str(shared / "parsed")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of published data sets, which are too large and not ours to commit."""
    if not TEST_DATA.is_dir():
        pytest.skip(f"published data sets are not at {TEST_DATA} (set STRATA_TEST_DATA)")
    return TEST_DATA


@pytest.fixture(scope="module")
def prism() -> Iterator[Callable[[str], str]]:
    """Starts servers that answer by a destination's API specification and refuse what it forbids.

    Called with the name of a file such as `hubspot.json`, it gives the server's address. A wrong
    request is answered with a 4xx of Prism's own; a `Prefer: code=429` header asks for the
    specification's example of that answer. `STRATA_TEST_SPECS` names the folder of specifications.
    """
    if not TEST_SPECS.is_dir():
        pytest.skip(f"API specifications are not at {TEST_SPECS} (set STRATA_TEST_SPECS)")
    if not PRISM.exists():
        pytest.skip(f"Prism is not installed at {PRISM} (`make test` installs it with npm)")
    running: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}

    def serve(name: str) -> str:
        if name not in running:
            running[name] = _start_prism(TEST_SPECS / name)
        return running[name][0]

    yield serve
    for _, process in running.values():
        process.terminate()
        process.wait()


def _start_prism(spec: Path) -> tuple[str, subprocess.Popen[bytes]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [PRISM, "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", spec],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"http://127.0.0.1:{port}", process
        assert process.poll() is None, f"Prism did not start with {spec}"
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"Prism did not listen within a minute with {spec}")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[dict[str, str]]:
    """A private PostgreSQL cluster on a free port, as the settings profiles.yml reads."""
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="strata-pg-"))
    runner = _as_unprivileged(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    data = folder / "data"
    subprocess.run(
        [*runner, binaries / "initdb", "-D", data, "-U", "strata", "-A", "trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run(
        [
            *runner,
            binaries / "pg_ctl",
            "-D",
            data,
            "-w",
            "-l",
            folder / "log",
            "-o",
            options,
            "start",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield {
            "STRATA_POSTGRES_HOST": "127.0.0.1",
            "STRATA_POSTGRES_PORT": port,
            "STRATA_POSTGRES_USER": "strata",
            "STRATA_POSTGRES_PASSWORD": "",
            "STRATA_POSTGRES_DATABASE": "postgres",
        }
    finally:
        subprocess.run(
            [*runner, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_cluster: dict[str, str]) -> Iterator[str]:
    """The SQLAlchemy address of an empty database of that cluster."""
    import sqlalchemy as sa

    base = f"postgresql+psycopg2://strata@127.0.0.1:{postgres_cluster['STRATA_POSTGRES_PORT']}/"
    admin = sa.create_engine(base + "postgres", isolation_level="AUTOCOMMIT")
    name = "test_" + os.urandom(4).hex()
    with admin.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    yield base + name
    with admin.connect() as connection:
        connection.execute(sa.text(f"drop database {name} with (force)"))
    admin.dispose()


def _postgres_binaries() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _as_unprivileged(folder: Path) -> list[str]:
    """The server refuses to run as root: as root, run it as the package's own user."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres", "postgres")
    return ["runuser", "-u", "postgres", "--"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI nothing may be skipped: everything it is meant to have is there."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("CI") and skipped:
        terminalreporter.write_line(f"CI skipped {len(skipped)} tests, which counts as failed")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turns a CI run with skipped tests into a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
