"""Bounds learned from sizes, against sizes of which it is known what they should give."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestration.bounds import Bound, merged, propose, read_seed, write_seed
from orchestration.errors import StrataError

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 6, 1)


def hourly(weeks: float, size: object) -> list[tuple[datetime, int]]:
    instants = [MONDAY + number * HOUR for number in range(int(weeks * 168))]
    return [(at, size(at) if callable(size) else int(str(size))) for at in instants]


def test_a_size_without_a_rhythm_gets_one_bound() -> None:
    [bound] = propose({"steady": hourly(8, 1000)})
    assert (bound.weekday, bound.hour, bound.observations) == (None, None, 8 * 168)
    assert (bound.fewest, bound.most) == (900, 1100)
    assert bound.learned_until == MONDAY + (8 * 168 - 1) * HOUR
    assert bound.when == "any time"


def test_a_size_that_follows_the_hour_gets_a_bound_for_each() -> None:
    bounds = propose({"daytime": hourly(8, lambda at: 1000 if 8 <= at.hour < 20 else 200)})
    by_slot = {(one.weekday, one.hour): (one.fewest, one.most) for one in bounds}
    assert by_slot[1, 9] == (900, 1100)
    assert by_slot[7, 3] == (180, 220)
    assert len(by_slot) == 168


def test_two_weeks_are_enough_for_hours_but_not_for_weekdays() -> None:
    bounds = propose({"daytime": hourly(2, lambda at: 1000 if 8 <= at.hour < 20 else 200)})
    assert {one.weekday for one in bounds} == {None}
    assert [one.hour for one in bounds] == list(range(24))
    assert bounds[9].when == "09:00 UTC"


def test_one_odd_run_is_within_and_does_not_widen_the_others() -> None:
    runs = hourly(8, 1000)
    runs[100] = (runs[100][0], 1500)
    [bound] = propose({"odd": runs})
    assert (bound.fewest, bound.most) == (900, 1500)


def test_too_few_runs_give_no_bound() -> None:
    assert propose({"new": hourly(8, 1000)[:19]}) == []


def test_the_seed_is_read_as_it_was_written_and_keeps_what_is_not_proposed(tmp_path: Path) -> None:
    kept = Bound("other", 1, 9, 5, 50, 8, MONDAY)
    old = Bound("steady", None, None, 1, 2, 20, MONDAY)
    [new] = propose({"steady": hourly(8, 1000)})
    path = tmp_path / "learned_bounds.csv"
    write_seed(merged([kept, old], [new]), path)
    assert read_seed(path) == [kept, new]
    assert kept.when == "Mon 09:00 UTC"


def test_a_line_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "learned_bounds.csv"
    write_seed([Bound("steady", None, None, 1, 2, 20, MONDAY)], path)
    path.write_text(path.read_text().replace(",1,2,", ",one,2,"))
    with pytest.raises(StrataError, match=r"learned_bounds.csv, line 2: .*'one'"):
        read_seed(path)
