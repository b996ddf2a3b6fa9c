"""What is called drift, against distributions of which it is known."""

import math
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from expectations.profiles import COLUMN_PROFILES
from expectations.results import EXPECTATION_RESULTS
from expectations.stability import Tolerance, in_words, population_stability_index, stability
from expectations.suites import CUSTOMERS, DISTRIBUTION

EVEN = {"a": 5000, "b": 5000}


def test_the_index_is_that_of_the_textbook_less_what_chance_gives() -> None:
    """0.6 and 0.4 instead of a half each: 0.1 ln 1.2 + -0.1 ln 0.8."""
    textbook = 0.1 * math.log(0.6 / 0.5) - 0.1 * math.log(0.4 / 0.5)
    chance = (2 - 1) * (1 / 10000 + 1 / 10000)
    found = population_stability_index({"a": 6000, "b": 4000}, EVEN)
    assert found == pytest.approx(textbook - chance)


def test_no_change_is_zero_and_a_size_alone_is_none() -> None:
    assert population_stability_index(EVEN, EVEN) == 0
    assert population_stability_index({"a": 50, "b": 50}, EVEN) == 0


def test_what_was_never_there_is_finite_and_large() -> None:
    assert 0.25 < population_stability_index({"c": 10000}, EVEN) < 20


@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        ("+24", "from 8 to 8.724"),
        ("+-8", "from 0.5 to 0.5453"),
        ("-24", "from -8.724 to -8"),
        ("0", "0"),
        ("days 24", "7 to 7.72 days ago"),
        ("(empty)", "no value"),
        ("promoter", "promoter"),
        ("+49 30", "+49 30"),
    ],
)
def test_buckets_are_said_in_words(bucket: str, words: str) -> None:
    assert in_words(bucket) == words


@pytest.mark.parametrize(("released_by", "is_stable"), [("ann: it is real", True), (None, False)])
def test_what_a_person_released_is_compared_with_and_what_only_failed_is_not(
    released_by: str | None, is_stable: bool
) -> None:
    """Prices rise at one o'clock, which fails; at two they are as at one."""
    midnight = datetime(2026, 7, 1)
    engine = sa.create_engine("duckdb:///:memory:")
    with engine.connect() as connection:
        for statement in (
            "create schema operations",
            "create schema segments",
            "create table segments.segment_registry as "
            "select 'payers' as segment_id, ',customer.mrr,' as columns_used",
            "create table segments.segment_verdicts (run_id text, as_of timestamp, "
            "segment_id text, verdict text, released_by text)",
        ):
            connection.execute(sa.text(statement))
        COLUMN_PROFILES.create(connection)
        EXPECTATION_RESULTS.create(connection)
        for hour, (bucket, is_success) in enumerate([("+24", True), ("+48", False), ("+48", None)]):
            run = {"run_id": f"run {hour}", "as_of": midnight + timedelta(hours=hour)}
            mrr = {**run, "relation_name": str(CUSTOMERS), "column_name": "mrr"}
            connection.execute(
                sa.insert(COLUMN_PROFILES).values(**mrr, bucket=bucket, row_count=1000)
            )
            if is_success is not None:
                connection.execute(
                    sa.insert(EXPECTATION_RESULTS).values(
                        **mrr, expectation_type=DISTRIBUTION, is_success=is_success
                    )
                )
        connection.execute(
            sa.text(
                "insert into segments.segment_verdicts values "
                "('run 1', timestamp '2026-07-01 01:00:00', 'payers', 'publish', :by)"
            ),
            {"by": released_by},
        )
        found = stability(
            lambda query: connection.execute(query).fetchall(),
            "run 2",
            midnight + timedelta(hours=2),
            Tolerance(0.25, 0.05, 0.8, 0.01, 100),
        )
    assert found[str(CUSTOMERS), "mrr"].is_stable is is_stable
