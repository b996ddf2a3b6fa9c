"""The demo company, run once for all tests that look at it or go on from it."""

import fcntl
import os
import shutil

import pytest
from project import Project


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after `strata demo` on DuckDB. Copy it before changing anything.

    Of several workers the first runs it, and each gets a copy.
    """
    own = tmp_path_factory.mktemp("demo") / "copy"
    shared = own.parent
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = tmp_path_factory.getbasetemp().parent / "demo"
        shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = Project(shared / "built")
        if not (built.folder / "demo.txt").exists():
            shutil.rmtree(built.folder, ignore_errors=True)
            built.folder.mkdir()
            done = built.strata("demo")
            assert done.returncode == 0, done.stdout + done.stderr
            (built.folder / "demo.txt").write_text(done.stdout)
        shutil.copytree(built.folder, own)
        said = own / "demo.txt"
        said.write_text(said.read_text().replace(str(built.folder), str(own)))
    return Project(own)


@pytest.fixture(scope="session")
def demo_on_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: dict[str, str]
) -> Project:
    """The project after `strata demo --target postgres`."""
    project = Project(tmp_path_factory.mktemp("demo_pg"), "postgres", postgres_cluster)
    done = project.strata("demo", "--target", "postgres")
    assert done.returncode == 0, done.stdout + done.stderr
    return project
