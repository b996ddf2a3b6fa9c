"""Runs `strata` in a fork of a process that has the libraries imported: six seconds less a command.

Strata itself is imported in the fork, as `python -m orchestration.cli` does, and reads the
environment it is given. The forks share nothing that one of them changes.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = [
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "dbt.adapters.postgres",
    "great_expectations",
    "great_expectations.render.view",
    "psycopg2",
    "duckdb_engine",
    "rich.table",
    "typer",
]
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(LIBRARIES)


def run_module(
    name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What `python -m name arguments` gives in that folder and environment."""
    with tempfile.TemporaryDirectory() as said:
        files = [Path(said) / "out", Path(said) / "err"]
        fork = _forks.Process(
            target=_run, args=(name, list(arguments), folder, dict(environment), files)
        )
        fork.start()
        fork.join()
        out, err = (file.read_text() for file in files)
    assert fork.exitcode is not None
    return subprocess.CompletedProcess([name, *arguments], fork.exitcode, out, err)


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
