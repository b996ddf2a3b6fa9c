"""What Dagster's definitions keep of the project, and when they read it anew."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.assets import manifest


class Parsed:
    """Stands for dbt; counts how often the project is asked for."""

    count = 0

    def __init__(self, *_: Any) -> None:
        Parsed.count += 1

    def manifest_dict(self) -> dict[str, Any]:
        return {"macros": {"long": "text"}, **{part: {} for part in manifest.READ}}

    def listed(self, select: list[str], exclude: list[str]) -> list[str]:
        return [f"model.strata.{len(select)}_{len(exclude)}"]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    monkeypatch.setattr(Parsed, "count", 0)
    monkeypatch.setattr(manifest, "Dbt", Parsed)
    monkeypatch.setattr(manifest, "TARGET_DIR", tmp_path)
    monkeypatch.setattr(manifest, "last_edited", lambda: 0.0)
    monkeypatch.setattr(manifest, "read_entries", list)
    monkeypatch.setenv("STRATA_TARGET", "duckdb")
    return manifest.load_project


def test_it_is_read_once_for_the_same_files_and_target(
    load: Callable[[], dict[str, Any]],
) -> None:
    first = load()
    assert load() == first
    assert Parsed.count == 1
    assert first["target"] == "duckdb"
    assert set(first["manifest"]) == set(manifest.READ)
    assert list(first["steps"]) == ["write", "publish", "analytics", "activate"]


def test_another_target_in_the_environment_is_seen(
    load: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    monkeypatch.setenv("STRATA_TARGET", "postgres")
    assert load()["target"] == "postgres"
    assert Parsed.count == 2


def test_an_edited_file_is_seen(
    load: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    monkeypatch.setattr(manifest, "last_edited", lambda: time.time() + 60)
    load()
    assert Parsed.count == 2


def test_steps_that_select_otherwise_are_seen(
    load: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    monkeypatch.setattr(manifest, "SELECTIONS", {"write": (["fqn:*"], [])})
    assert load()["steps"] == {"write": ["model.strata.1_0"]}
    assert Parsed.count == 2


def test_what_an_earlier_version_kept_is_not_taken(
    load: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "project.json").write_text('{"manifest": {}, "segments": []}')
    assert load()["target"] == "duckdb"


def test_no_password_is_kept() -> None:
    assert list(manifest._environment_of_target()) == ["STRATA_TARGET"]
