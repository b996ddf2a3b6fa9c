"""What a step of Dagster does when it fails."""

from types import SimpleNamespace

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from orchestration.assets.steps import in_words
from orchestration.dbt import _node_result
from orchestration.errors import StrataError


@pytest.mark.parametrize(
    ("error", "shown", "recorded"),
    [
        (StrataError("no such table"), dg.Failure, "no such table"),
        (ZeroDivisionError("division by zero"), ZeroDivisionError, "division by zero"),
        (KeyboardInterrupt(), KeyboardInterrupt, "KeyboardInterrupt"),
    ],
)
def test_whatever_ends_a_step_ends_the_run_with_its_reason(
    error: BaseException, shown: type[BaseException], recorded: str
) -> None:
    records = []

    def record(state: str, reason: str) -> None:
        records.append((state, reason))

    with pytest.raises(shown), in_words(record):
        raise error
    assert records == [("failed", recorded)]


def test_a_warehouse_that_fails_twice_says_so_once() -> None:
    def record(state: str, reason: str) -> None:
        raise OperationalError(f"update runs set state = '{state}'", {}, Exception(reason))

    with pytest.raises(dg.Failure, match="the disk is full"), in_words(record):
        raise StrataError("the disk is full")


def test_a_node_that_was_skipped_took_no_seconds_and_can_be_shown() -> None:
    node = SimpleNamespace(unique_id="model.strata.x", name="x", resource_type="model")
    skipped = SimpleNamespace(
        node=node, status="skipped", message=None, execution_time=0, failures=None,
        adapter_response={}, timing=[],
    )  # fmt: skip  # as dbt makes it, with a whole number
    assert dg.MetadataValue.float(_node_result(skipped).seconds).value == 0.0
