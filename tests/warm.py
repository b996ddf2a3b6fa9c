"""Runs `strata` or dbt in a fork of a process that has the libraries imported: six seconds less.

Strata itself is imported in the fork, as `python -m orchestration.cli` does, and reads the
environment it is given. The forks share nothing that one of them changes.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

LIBRARIES = [
    "dagster",
    "dagster_dbt",
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "dbt.adapters.postgres",
    "great_expectations",
    "great_expectations.render.view",
    "psycopg2",
    "duckdb_engine",
    "rich.table",
    "typer",
    "warm_macros",
]


@dataclass(frozen=True)
class Started:
    """A command that goes on, and the files of what it says."""

    process: BaseProcess
    out: Path
    err: Path


_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(LIBRARIES)


def _start() -> None:
    """Starts the process that is forked. It finds modules by the environment alone."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextmanager
def started(
    name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[Started]:
    """`python -m name arguments` in that folder and environment, going on."""
    _start()
    with tempfile.TemporaryDirectory() as said:
        files = [Path(said) / "out", Path(said) / "err"]
        for file in files:
            file.touch()
        fork = _forks.Process(
            target=_run, args=(name, list(arguments), folder, dict(environment), files)
        )
        fork.start()
        try:
            yield Started(fork, *files)
        finally:
            fork.kill()
            fork.join()


def run_module(
    name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What `python -m name arguments` gives in that folder and environment."""
    with started(name, arguments, folder, environment) as running:
        running.process.join()
        code = running.process.exitcode
        assert code is not None
        return subprocess.CompletedProcess(
            [name, *arguments], code, running.out.read_text(), running.err.read_text()
        )


def _run(
    name: str, arguments: list[str], folder: Path, environment: dict[str, str], files: list[Path]
) -> None:
    for stream, file in zip((sys.stdout, sys.stderr), files, strict=True):
        with file.open("w") as written:
            os.dup2(written.fileno(), stream.fileno())
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    paths = environment["PYTHONPATH"].split(os.pathsep)
    sys.path[:0] = paths
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
