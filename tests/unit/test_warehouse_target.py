"""The name of a target, and its credentials."""

from pathlib import Path

import pytest

from orchestration import warehouse
from orchestration.errors import UsageError
from orchestration.warehouse import target_name


@pytest.mark.parametrize("asked", [None, "duckdb", "postgres"])
@pytest.mark.parametrize("chosen", ["duckdb", "postgres"])
def test_it_is_the_one_asked_for_or_the_profiles_own(
    asked: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_TARGET", chosen)
    assert target_name(asked) == (asked or chosen)


def test_one_that_is_not_there_is_named_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STRATA_TARGET", "postgre")
    with pytest.raises(UsageError, match=r"not have a target named 'postgre'.*duckdb - postgres"):
        target_name(None)


@pytest.mark.parametrize("text", [None, "another:\n  target: duckdb\n  outputs: {}\n"])
def test_a_profile_that_is_not_there_is_named(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: strata\nprofile: strata\n")
    if text:
        (tmp_path / "profiles.yml").write_text(text)
    monkeypatch.setattr(warehouse, "PROJECT_DIR", tmp_path)
    with pytest.raises(UsageError, match="Could not find profile named 'strata'"):
        target_name(None)


def test_a_setting_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_POSTGRES_PORT", "abc")
    with pytest.raises(UsageError, match=r"STRATA_POSTGRES_PORT.*Could not convert value 'abc'"):
        target_name("postgres")
