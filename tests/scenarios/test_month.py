"""A month of hourly refreshes on the demo company: 720 instants, against an independent walk.

And the same month without a fault, in which nothing may look as if it drifted.

The project's models evaluate, judge and publish every hour (`month_warehouse`). dbt itself runs
the first two hours, every fifth midnight and the hour of the new definition; in between, the SQL
that it executed is executed again for the next hour (`replay`). Each run of dbt proves that this
still is its SQL, and two hours, run both ways, that the outcome is the same. What is expected comes
from `month_walk`, which also says what happens in this month, and stands here in numbers.
"""

import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from month_walk import (
    DAY,
    HOUR,
    HOURS,
    ODD_ITEMS_MISSING,
    OUTAGE,
    REDEFINED_AT,
    RELEASED_AT,
    SEGMENTS,
    START,
    Judged,
    Raw,
    Walk,
)
from month_warehouse import DEFINITIONS, Month, run_id, segment_file
from project import edited_sources, keep_audiences
from replay import RecordingDbt

from expectations.profiles import ROWS, rule_columns, source_columns, write_profiles
from expectations.stability import Stability, Tolerance, stability
from expectations.suites import ARRIVALS, DISTRIBUTION, ROW_COUNT, DriftBounds
from orchestration.decisions import decide
from orchestration.warehouse import duckdb_engine

pytestmark = pytest.mark.slow

TOLERANCE = Tolerance(**asdict(DriftBounds()))
RUN_BOTH_WAYS = {RELEASED_AT, OUTAGE[1]}
RUN_AGAIN = {
    REDEFINED_AT + 2 * HOUR,  # a merge while the segment is held
    OUTAGE[0] + 30 * HOUR,
    datetime(2026, 6, 25, 15),  # a merge of accounts
}


@dataclass(frozen=True)
class Expected:
    """A segment's month in numbers; moves are among the entries and exits."""

    entries: dict[str, int]
    exits: dict[str, int]
    moved_in: int
    moved_out: int
    held_hours: int
    members: list[int]  # at 23:00 of each day


EXPECTED = {
    "champions": Expected(
        entries={"condition_met": 58, "definition_changed": 42, "entity_merged": 4},
        exits={"condition_no_longer_met": 4, "entity_merged": 4},
        moved_in=4,
        moved_out=4,
        held_hours=7,
        members=[
            49, 49, 49, 49, 49, 49, 49, 49, 49, 49, 49, 91, 91, 91, 92,
            92, 92, 91, 91, 92, 94, 95, 94, 94, 95, 95, 95, 95, 96, 96,
        ],
    ),
    "paying": Expected(
        entries={"condition_met": 268, "entity_merged": 17},
        exits={"condition_no_longer_met": 7, "entity_merged": 17, "preempted": 42},
        moved_in=17,
        moved_out=17,
        held_hours=7,
        members=[
            241, 241, 242, 241, 243, 243, 244, 245, 245, 246, 249, 207, 208, 208, 209,
            210, 209, 209, 209, 209, 209, 209, 210, 214, 215, 216, 217, 217, 218, 219,
        ],
    ),
    "active_users": Expected(
        entries={"condition_met": 996},
        exits={"condition_no_longer_met": 668},
        moved_in=0,
        moved_out=0,
        held_hours=44,
        members=[
            293, 291, 295, 289, 284, 278, 278, 276, 268, 275, 287, 286, 292, 290, 298,
            282, 282, 327, 318, 329, 332, 322, 318, 310, 318, 325, 321, 325, 335, 328,
        ],
    ),
    "at_risk_paying": Expected(
        entries={"condition_met": 251},
        exits={"condition_no_longer_met": 120},
        moved_in=0,
        moved_out=0,
        held_hours=46,
        members=[
            116, 115, 119, 121, 123, 120, 120, 118, 116, 113, 114, 113, 115, 113, 115,
            116, 116, 116, 116, 114, 114, 113, 114, 118, 116, 117, 117, 120, 124, 131,
        ],
    ),
    "active_champions": Expected(
        entries={"condition_met": 93, "definition_changed": 22},
        exits={"condition_no_longer_met": 73},
        moved_in=0,
        moved_out=0,
        held_hours=51,
        members=[
            21, 24, 26, 25, 25, 24, 24, 26, 24, 21, 21, 44, 44, 42, 42,
            35, 35, 44, 45, 46, 48, 45, 43, 38, 44, 42, 42, 42, 43, 42,
        ],
    ),
    "big_accounts": Expected(
        entries={"condition_met": 39, "entity_merged": 1},
        exits={"condition_no_longer_met": 2, "entity_merged": 2},
        moved_in=1,
        moved_out=2,
        held_hours=2,
        members=[
            32, 34, 34, 35, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
            34, 34, 33, 33, 34, 36, 36, 36, 36, 36, 36, 36, 36, 36, 36,
        ],
    ),
}  # fmt: skip


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Month]:
    """The demo company's warehouse, and the project with the segments of the month."""
    sources = edited_sources(tmp_path / "sources", {})
    keep_audiences(sources, "audience_champions", "audience_at_risk_paying")
    for path in (sources / "macros/segments").rglob("*.sql"):
        path.unlink()
    for name, (rule, more) in DEFINITIONS.items():
        file, text = segment_file(name, rule, more)
        (sources / file).write_text(text)
    monkeypatch.setattr("orchestration.dbt.PROJECT_DIR", sources)
    monkeypatch.setenv("DBT_TARGET_PATH", str(sources / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(sources / "logs"))
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "strata.duckdb"))
    made = Month(tmp_path, sources, RecordingDbt("duckdb", {"demo_data": False}))
    yield made
    made.warehouse.close()
    shutil.rmtree(tmp_path)


def test_a_month_of_hours_with_all_that_happens_in_one(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = Raw()
    month.load_raw(raw)
    for hour in range(HOURS):
        now = START + hour * HOUR
        if now == REDEFINED_AT:
            month.redefine()
        if now == RELEASED_AT:
            decide(duckdb_engine(month.path), "paying", "release", reason="as meant", by="ann")
        if now in RUN_BOTH_WAYS:
            month.check_against_dbt(now, monkeypatch)
        else:
            month.refresh(now)
        if now in RUN_AGAIN:
            month.check_again(now)
    assert len(month.replayed) + len(month.by_dbt) == HOURS

    walk = Walk(raw)
    check_verdicts(month, walk)
    check_stays(month, walk)
    check_log(month, walk)
    check_membership_as_of(month, walk)
    check_reasons(month)
    assert in_numbers(month) == EXPECTED


def test_nothing_drifts_in_a_clean_month_of_hours(month: Month) -> None:
    """The control for what audits compare: weekdays, week-ends and growth as the demo's people make
    them, and no fault. That no other bound is met in a clean hour, the month above says: what it
    expects to be held is held for the faults, and nothing else is.
    """
    month.is_clean = True
    month.load_raw(Raw())
    columns = [("customer", "mrr"), ("customer", "active_days_last_7"),
               ("customer", "last_seen_at"), ("account", "mrr")]  # fmt: skip
    drifted = []
    compared = set()
    with duckdb_engine(month.path).connect() as connection:
        for hour in range(HOURS):
            now = START + hour * HOUR
            month.land(now)
            found = judged(connection, columns, now)
            for key, one in found.items():
                if not one.is_stable:
                    drifted.append((now, key, one.observed))
                if one.observed.startswith(("PSI", "against")):
                    compared.add(key)
            keep_as_passed(connection, now, list(found))
        # The same comparison does see something: what people pay, in cents.
        month.warehouse.execute("update customer_360.customer_360 set mrr = mrr * 100")
        in_cents = judged(connection, columns, START + HOURS * HOUR)
    assert not in_cents["customer_360.customer_360", "mrr"].is_stable
    assert {column for _, column in compared} >= {"mrr", "active_days_last_7", "user_id"}
    assert drifted == []


def judged(
    connection: sa.Connection, columns: list[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], Stability]:
    """What is profiled at an hour, against earlier hours."""
    profiled = [*rule_columns(connection, columns), *source_columns(connection)]
    connection.rollback()
    write_profiles(connection, profiled, run_id=run_id(now), as_of=now)
    found = stability(
        lambda query: connection.execute(query).fetchall(), run_id(now), now, TOLERANCE
    )
    # How many events land in a day is for source_volume to judge, which knows weekdays.
    del found[str(ARRIVALS), ROWS]
    return found


def keep_as_passed(connection: sa.Connection, now: datetime, keys: list[tuple[str, str]]) -> None:
    """The results of an hour, which later hours look up."""
    connection.rollback()
    with connection.begin():
        connection.execute(
            sa.text(
                "insert into operations.expectation_results (run_id, as_of, relation_name, "
                "column_name, expectation_type, is_success, severity) "
                "values (:run_id, :as_of, :relation, :column, :type, true, 'critical')"
            ),
            [
                {
                    "run_id": run_id(now),
                    "as_of": now,
                    "relation": relation,
                    "column": None if column == ROWS else column,
                    "type": ROW_COUNT if column == ROWS else DISTRIBUTION,
                }
                for relation, column in keys
            ],
        )


def check_verdicts(month: Month, walk: Walk) -> None:
    """Every verdict of every hour, with its counts."""
    found = month.rows(
        "select as_of, segment_id, verdict, member_count, published_count, previous_count, "
        "entered_count, left_count, moved_in_count, moved_out_count "
        "from segments.segment_verdicts where run_id not like '% again' order by all"
    )
    for as_of, segment, *judged in found:
        assert Judged(*judged) == walk.judged[as_of, segment], (as_of, segment)
    assert len(found) == len(walk.judged) == HOURS * len(SEGMENTS)


def check_stays(month: Month, walk: Walk) -> None:
    """Every stay; none of no length, none that overlaps another, and the open ones are current."""
    found = month.rows(
        "select segment_id, entity_id, valid_from, entry_reason, entered_at, continued_from, "
        "valid_to, exit_reason, continued_as from segments.segment_membership_history"
    )
    expected = [tuple(getattr(stay, one.name) for one in fields(stay)) for stay in walk.stays]
    assert Counter(found) == Counter(expected)

    stays: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for segment, name, valid_from, _, _, _, valid_to, *_ in found:
        stays[segment, name].append((valid_from, valid_to or datetime.max))
    for of_one in stays.values():
        times = [time for stay in sorted(of_one) for time in stay]
        assert times == sorted(times)
        assert all(valid_from < valid_to for valid_from, valid_to in of_one)

    current = month.rows(
        "select segment_id, entity_id, entered_at from segments.segment_membership"
    )
    still_open = [(one[0], one[1], one[4]) for one in found if one[6] is None]
    assert Counter(current) == Counter(still_open)


def check_log(month: Month, walk: Walk) -> None:
    """The changes, moves marked; replayed from the start they give the members of every hour."""
    log = month.rows(
        "select changed_at, segment_id, change, entity_id, reason, is_move "
        "from segments.segment_changes order by all"
    )
    expected = [
        (stay.valid_from, stay.segment, "entered", stay.entity, stay.entry_reason,
         stay.moved_from is not None)
        for stay in walk.stays
    ] + [
        (stay.valid_to, stay.segment, "exited", stay.entity, stay.exit_reason,
         stay.moved_to is not None)
        for stay in walk.stays
        if stay.valid_to is not None
    ]  # fmt: skip
    assert Counter(log) == Counter(expected)

    members: dict[str, set[str]] = {segment: set() for segment in SEGMENTS}
    position = 0
    for hour in range(HOURS):
        now = START + hour * HOUR
        while position < len(log) and log[position][0] <= now:
            _, segment, change, name, *_ = log[position]
            assert (name in members[segment]) == (change == "exited"), log[position]
            members[segment] ^= {name}
            position += 1
        for segment in SEGMENTS:
            assert members[segment] == walk.published[now, segment], (now, segment)
    assert position == len(log)
    current = month.rows("select segment_id, entity_id from segments.segment_membership")
    assert set(current) == {(one, name) for one in SEGMENTS for name in members[one]}


def check_membership_as_of(month: Month, walk: Walk) -> None:
    """The macro gives the members of any instant: those of the last hour before it."""
    seconds = random.Random(2026).sample(range(HOURS * 3600), 6)
    instants = [START + timedelta(seconds=one) for one in seconds] + [REDEFINED_AT, OUTAGE[1]]
    query = " union all ".join(
        f"select '{instant}' as instant, segment_id, entity_id "
        f"from {{{{ membership_as_of('{instant:%Y-%m-%dT%H:%M:%SZ}') }}}} as members"
        for instant in instants
    )
    found = Counter(month.rows(month.dbt.rendered(query)))
    expected = Counter(
        (f"{instant}", segment, name)
        for instant in instants
        for segment in SEGMENTS
        for name in walk.published[START + (instant - START) // HOUR * HOUR, segment]
    )
    assert found == expected


def check_reasons(month: Month) -> None:
    """What people are told of why segments waited, and who let one go."""

    def reasons(now: datetime) -> dict[str, str]:
        return dict(
            month.rows(
                "select segment_id, reasons from segments.segment_verdicts "
                f"where run_id = '{run_id(now)}' and verdict = 'hold'"
            )
        )

    tier = "paying of its priority group is held and keeps its members"
    champions = "it refers to champions, which is held"
    assert reasons(REDEFINED_AT) == {
        "paying": "0 would enter and 42 leave of 248 members, "
        "more than the largest change of 10.0%",
        "champions": tier,
        "active_champions": champions,
    }
    assert reasons(RELEASED_AT) == {}
    [(released_by, lifted)] = month.rows(
        "select released_by, lifted_reasons from segments.segment_verdicts "
        f"where run_id = '{run_id(RELEASED_AT)}' and released_by is not null"
    )
    assert released_by == "ann: as meant"
    assert lifted.endswith("more than the largest change of 10.0%")

    silent = "events is silent: no row landed in the last 6 hours, usually 63"
    stale = "events is stale: segment was last loaded 30 hours before the instant, the bound is 24"
    for hours, problem in {16: silent, 30: stale}.items():
        assert reasons(OUTAGE[0] + hours * HOUR) == {
            "active_users": problem,
            "at_risk_paying": problem,
            "active_champions": "it refers to active_users, which is held",
        }
    assert reasons(OUTAGE[1]) == {}

    assert reasons(ODD_ITEMS_MISSING[0]) == {
        "paying": "0 would enter and 107 leave of 209 members, "
        "more than the largest change of 10.0%",
        "champions": tier,
        "active_champions": champions,
        "at_risk_paying": "0 would enter and 57 leave of 115 members, "
        "more than the largest change of 30.0%",
        "big_accounts": "0 would enter and 19 leave of 36 members, "
        "more than the largest change of 30.0%",
    }
    assert reasons(ODD_ITEMS_MISSING[1]) == {}


def in_numbers(month: Month) -> dict[str, Expected]:
    """The month as the warehouse tells it."""

    def counts(sql: str) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {segment: {} for segment in SEGMENTS}
        for segment, what, count in month.rows(sql):
            found[segment][what] = count
        return found

    changes = "from segments.segment_changes where change ="
    entries = counts(f"select segment_id, reason, count(*) {changes} 'entered' group by all")
    exits = counts(f"select segment_id, reason, count(*) {changes} 'exited' group by all")
    moves = counts(
        "select segment_id, change, count(*) from segments.segment_changes "
        "where is_move group by all"
    )
    held = counts(
        "select segment_id, verdict, count(*) from segments.segment_verdicts "
        "where run_id not like '% again' group by all"
    )
    days = [f"{START + day * DAY + 23 * HOUR}" for day in range(HOURS // 24)]
    evenings = ", ".join(f"timestamp '{day}'" for day in days)
    members = counts(
        "select segment_id, cast(evening as varchar), count(*) "
        "from segments.segment_membership_history "
        f"inner join unnest([{evenings}]) as evenings (evening) "
        "on valid_from <= evening and (valid_to is null or valid_to > evening) group by all"
    )
    return {
        segment: Expected(
            entries[segment],
            exits[segment],
            moves[segment].get("entered", 0),
            moves[segment].get("exited", 0),
            held[segment].get("hold", 0),
            [members[segment][day] for day in days],
        )
        for segment in SEGMENTS
    }
