"""dbt's own unit tests of the models, which need a warehouse that holds the models' parents."""

from pathlib import Path

from project import Project


def test_the_models_unit_tests_pass(demo: Project, tmp_path: Path) -> None:
    done = demo.copy(tmp_path / "units").dbt("test", "--select", "test_type:unit")
    assert done.returncode == 0, done.stdout[-5000:]
    assert "PASS=" in done.stdout
