"""A wrong setting of events stops before anything runs and says what is accepted."""

from typing import Any

import pytest

from orchestration.dbt import Dbt
from orchestration.errors import UsageError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (
            {"look_back": 3},
            "The variable events has the unknown setting 'look_back'. Settings: lookback_days, "
            "max_days_late, max_days_before_customer, sign_up_event, value_event, bookkeeping, "
            "not_features, flows.",
        ),
        (
            {"lookback_days": None},
            "events.lookback_days is 'None'. Accepted: a whole number of days.",
        ),
        (
            {"bookkeeping": "identified"},
            "events.bookkeeping is 'identified'. Accepted: a list of event names.",
        ),
        (
            {"flows": {"checkout": {"start": "checkout_started"}}},
            "events.flows is '{'checkout': {'start': 'checkout_started'}}'. Accepted: flows by "
            "name, each with the event that starts it and the one that finishes it, such as "
            "{checkout: {start: checkout_started, finish: checkout_completed}}.",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_accepted(
    events: dict[str, Any], message: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    settings = {"demo_data": False, "strata_sources": {"events": "generic"}, "events": events}
    with pytest.raises(UsageError) as refused:
        _ = Dbt(target="duckdb", variables=settings).manifest
    assert str(refused.value).splitlines()[0] == message
