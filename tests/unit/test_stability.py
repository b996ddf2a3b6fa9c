"""What is called drift, against distributions of which it is known."""

import math

import pytest

from expectations.stability import in_words, population_stability_index

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
