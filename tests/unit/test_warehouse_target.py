"""The name of a target, without dbt's credentials."""

import pytest

from orchestration.errors import UsageError
from orchestration.warehouse import credentials, target_name


@pytest.mark.parametrize("asked", [None, "duckdb", "postgres"])
@pytest.mark.parametrize("chosen", ["duckdb", "postgres"])
def test_it_is_the_one_that_dbt_takes(
    asked: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_TARGET", chosen)
    assert target_name(asked) == credentials(asked).target_name == (asked or chosen)


def test_one_that_is_not_there_is_named_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STRATA_TARGET", "postgre")
    with pytest.raises(UsageError, match=r"not have a target named 'postgre'.*duckdb - postgres"):
        target_name(None)


def test_a_setting_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_POSTGRES_PORT", "abc")
    with pytest.raises(UsageError, match=r"STRATA_POSTGRES_PORT.*Could not convert value 'abc'"):
        target_name("postgres")
