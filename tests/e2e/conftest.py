"""The demo company, run once for all tests that look at it or go on from it."""

import pytest
from project import Project


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after `strata demo` on DuckDB. Copy it before changing anything."""
    project = Project(tmp_path_factory.mktemp("demo"))
    done = project.strata("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    (project.folder / "demo.txt").write_text(done.stdout)
    return project


@pytest.fixture(scope="session")
def demo_on_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: dict[str, str]
) -> Project:
    """The project after `strata demo --target postgres`."""
    project = Project(tmp_path_factory.mktemp("demo_pg"), "postgres", postgres_cluster)
    done = project.strata("demo", "--target", "postgres")
    assert done.returncode == 0, done.stdout + done.stderr
    return project
