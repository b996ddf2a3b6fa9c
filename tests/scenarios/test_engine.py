"""The segment engine alone, over tables of a few people, stepped through time.

The 360s, identities, manual lists and the state of the sources are written here as a refresh
would leave them; from the evaluation on, the project's own models run.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from project import edited_sources, keep_audiences

from orchestration.dbt import Dbt
from orchestration.decisions import decide
from orchestration.errors import StrataError, UsageError
from orchestration.findings import read_findings
from orchestration.warehouse import duckdb_engine

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2)
MODELS = ["path:models/segments", "segment_decisions", "source_volume"]
SOURCES = {"crm": "generic", "billing": "generic", "events": "generic", "support": "none"}
SEGMENT = """
{{% macro segment__{name}() %}}
    {{{{- return(segment(
        label='{name}', description='Test.', type='value', owner='ann@shop.example',
        conditions={{'rule': "{rule}"}}, {more}
    )) -}}}}
{{% endmacro %}}
"""
SEGMENTS = {
    "gold": ("c.mrr >= 100", "priority_group='tier', priority=1, min_size=0"),
    "silver": ("c.mrr >= 50", "priority_group='tier', priority=2, max_change=0.5"),
    "active": ("c.active_days_last_7 > 0", "requires=['events'], min_size=0"),
    "busy": ("c.active_days_last_7 > 0 and c.mrr >= 0", "review_by='2026-02-20', min_size=0"),
    "big": ("a.mrr >= 100", "entity='account', min_size=0"),
    # The two whose audiences are kept.
    "champions": ("c.mrr > 10000", "min_size=0"),
    "at_risk_paying": ("c.mrr > 20000", "min_size=0"),
    "elite": ("\" ~ in_segment('gold') ~ \"", "min_size=0"),
}
TABLES = {
    "customer_360.customer_360": "customer_id varchar, account_id varchar, mrr decimal(18, 2), "
    "active_days_last_7 integer",
    "customer_360.account_360": "account_id varchar, mrr decimal(18, 2)",
    "customer_360.customer_accounts": "customer_id varchar, account_id varchar, source varchar, "
    "valid_to timestamp",
    "identity.identity_assignments": "node varchar, identifier_type varchar, customer_id varchar, "
    "valid_from timestamp, valid_to timestamp, end_reason varchar",
    "identity.int_identity__merges": "object varchar, merged_id varchar, surviving_id varchar, "
    "merged_at timestamp",
    "identity.customer_identifiers": "identifier_type varchar, identifier_value varchar, "
    "customer_id varchar",
    "staging.stg_crm__manual_overrides": "segment_id varchar, entity_id varchar, email varchar, "
    'action varchar, "by" varchar, reason varchar, until timestamp',
    "operations.source_freshness": "source_system varchar, table_name varchar, "
    "hours_behind decimal(18, 2), error_after_hours integer, status varchar",
    "reference.learned_bounds": "segment_id varchar, weekday integer, hour integer, "
    "fewest bigint, most bigint",
    "operations.expectation_results": "run_id varchar, suite varchar, segment_id varchar, "
    "relation_name varchar, expectation_type varchar, column_name varchar, is_success boolean, "
    "severity varchar, expected varchar, observed_value varchar, exception_message varchar, "
    "affects varchar",
    "staging.stg_events__arrivals": "arrived_at timestamp",
    "customer_360.fct_daily_activity": "customer_id varchar",
    "customer_360.fct_customer_events": "customer_id varchar",
    "staging.stg_crm__contacts": "loaded_at timestamp",
    "staging.stg_billing__invoices": "loaded_at timestamp",
    "staging.stg_support__tickets": "loaded_at timestamp",
    "staging.stg_survey__responses": "loaded_at timestamp",
}


@dataclass
class World:
    """People by id, in a warehouse whose segments are refreshed as the people change."""

    path: Path
    dbt: Dbt
    now: datetime = START
    mrr: dict[str, float] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    accounts: dict[str, float] = field(default_factory=dict)
    belongs: dict[str, str] = field(default_factory=dict)
    overrides: list[tuple[Any, ...]] = field(default_factory=list)
    assignments: dict[str, list[list[Any]]] = field(default_factory=dict)
    account_merges: list[tuple[Any, ...]] = field(default_factory=list)
    events_hours_behind: float = 1
    events_today: int = 200
    runs: int = 0

    def customer(self, name: str, mrr: float) -> None:
        """A customer, known by one identifier of the same name."""
        self.mrr[name] = mrr
        self.assignments.setdefault(name, [[name, self.now, None, None]])

    def give(self, node: str, to: str, reason: str) -> None:
        """An identifier goes to another customer at this instant."""
        stay = self.assignments[node][-1]
        stay[2:] = [self.now, reason]
        self.assignments[node].append([to, self.now, None, None])

    def merge(self, gone: str, into: str) -> None:
        """A customer becomes part of another."""
        for node, stays in self.assignments.items():
            if stays[-1][0] == gone:
                self.give(node, into, "merged")
        del self.mrr[gone]

    def run(self, later: timedelta = HOUR) -> None:
        """One refresh, `later` than the one before."""
        self.now += later
        self.land()
        self.runs += 1
        self.dbt.run("run", select=MODELS, as_of=f"{self.now}", run_id=f"run {self.runs:03}")

    def again(self) -> None:
        """Another refresh of the same instant."""
        self.run(timedelta(0))

    def land(self) -> None:
        rows: dict[str, list[tuple[Any, ...]]] = {
            "customer_360.customer_360": [
                (name, self.belongs.get(name), mrr, int(name in self.active))
                for name, mrr in self.mrr.items()
            ],
            "customer_360.account_360": list(self.accounts.items()),
            "customer_360.customer_accounts": [
                (name, account, source, None)
                for name, account in self.belongs.items()
                for source in ("crm", "billing")
            ],
            "identity.identity_assignments": [
                (f"user_id:{node}", "user_id", *stay)
                for node, stays in self.assignments.items()
                for stay in stays
            ],
            "identity.int_identity__merges": self.account_merges,
            "identity.customer_identifiers": [
                ("email", f"{node}@shop.example", stays[-1][0])
                for node, stays in self.assignments.items()
            ],
            "staging.stg_crm__manual_overrides": self.overrides,
            "operations.source_freshness": [
                (
                    "generic", "events", self.events_hours_behind, 72,
                    "error" if self.events_hours_behind > 72 else "pass",
                )
            ],
        }  # fmt: skip
        with duckdb.connect(str(self.path)) as connection:
            for table, columns in TABLES.items():
                connection.execute(f"create schema if not exists {table.split('.')[0]}")
                connection.execute(f"create or replace table {table} ({columns})")
                if found := rows.get(table):
                    marks = ", ".join("?" for _ in found[0])
                    connection.executemany(f"insert into {table} values ({marks})", found)
            connection.execute(
                "insert into staging.stg_events__arrivals "
                "select $1::timestamp - to_days(day) - interval 1 second "
                "from range(0, 20) as days (day) cross join range(0, 200) as events (n) "
                "where day > 0 or n < $2",
                [self.now, self.events_today],
            )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def members(self, segment: str) -> set[str]:
        found = self.rows(
            f"select entity_id from segments.segment_membership where segment_id = '{segment}'"
        )
        return {name for (name,) in found}

    def stays(self, segment: str, name: str) -> list[tuple[Any, ...]]:
        """From and to in hours since the start, entry and exit reason."""
        return self.rows(
            f"select date_diff('hour', timestamp '{START}', valid_from), "
            f"date_diff('hour', timestamp '{START}', valid_to), entry_reason, exit_reason "
            "from segments.segment_membership_history "
            f"where segment_id = '{segment}' and entity_id = '{name}' order by valid_from"
        )

    def changes(self, segment: str) -> list[tuple[Any, ...]]:
        """Who entered and exited at this instant, moves of identities marked."""
        return self.rows(
            "select entity_id, change, reason, is_move from segments.segment_changes "
            f"where segment_id = '{segment}' and changed_at = timestamp '{self.now}' order by all"
        )

    def verdict(self, segment: str) -> tuple[Any, ...]:
        [row] = self.rows(
            "select verdict, reasons from segments.segment_verdicts "
            f"where segment_id = '{segment}' and run_id = 'run {self.runs:03}'"
        )
        return row

    def state(self) -> list[tuple[Any, ...]]:
        return self.rows("select * from segments.segment_membership_history order by all")


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dbt]:
    """The project with the segments above, parsed once."""
    sources = edited_sources(tmp_path_factory.mktemp("engine") / "sources", {})
    keep_audiences(sources, "audience_champions", "audience_at_risk_paying")
    for path in (sources / "macros/segments").rglob("*.sql"):
        path.unlink()
    for name, (rule, more) in SEGMENTS.items():
        text = SEGMENT.format(name=name, rule=rule, more=more)
        (sources / "macros/segments/value" / f"{name}.sql").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestration.dbt.PROJECT_DIR", sources)
        patch.setenv("DBT_TARGET_PATH", str(sources / "target"))
        patch.setenv("DBT_LOG_PATH", str(sources / "logs"))
        patch.setenv("STRATA_DUCKDB_PATH", str(sources / "strata.duckdb"))
        notes: list[str] = []
        made = Dbt("duckdb", {"strata_sources": SOURCES, "demo_data": False}, on_note=notes.append)
        _ = made.manifest
        yield made
        assert any("busy" in note and "2026-02-20" in note for note in notes), notes
    shutil.rmtree(sources)


@pytest.fixture
def world(dbt: Dbt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "strata.duckdb"))
    return World(tmp_path / "strata.duckdb", dbt)


def test_an_entity_is_in_the_highest_segment_of_its_group_and_hand_made_lists_count(
    world: World,
) -> None:
    for i, mrr in enumerate([120, 100, 60, 50, 10, 10, 10, 10]):
        world.customer(f"c{i}", mrr)
    world.run()
    assert world.members("gold") == {"c0", "c1"} == world.members("elite")
    assert world.members("silver") == {"c2", "c3"}

    # c2 pays more now; c1 less.
    world.mrr |= {"c2": 100, "c1": 60}
    world.run()
    assert world.members("gold") == {"c0", "c2"} == world.members("elite")
    assert world.members("silver") == {"c1", "c3"}
    assert world.stays("silver", "c2") == [(1, 2, "condition_met", "preempted")]
    assert world.stays("silver", "c1") == [(2, None, "condition_met", None)]
    assert world.stays("gold", "c1") == [(1, 2, "condition_met", "condition_no_longer_met")]

    # By hand: c0 into silver although gold would win, c4 into silver for two hours, c3 out of it.
    # Two lines lead nowhere.
    world.overrides = [
        ("silver", "c0", None, "include", "ann", "pilot", None),
        ("silver", None, "C4@shop.example", "include", "ann", "trial", world.now + 3 * HOUR),
        ("silver", "c3", None, "exclude", "ann", "asked us to", None),
        ("silver", "c9", None, "include", "ann", "mistyped", None),
        ("bronze", "c3", None, "include", "ann", "mistyped", None),
    ]
    world.run()
    assert world.members("gold") == {"c2"} == world.members("elite")
    assert world.members("silver") == {"c0", "c1", "c4"}
    assert world.stays("gold", "c0") == [(1, 3, "condition_met", "preempted")]
    assert world.stays("silver", "c0") == [(3, None, "manual", None)]
    assert world.stays("silver", "c3") == [(1, 3, "condition_met", "manual")]
    assert world.stays("silver", "c4") == [(3, None, "manual", None)]
    unused = world.rows(
        "select segment_id, detail from segments.segment_findings "
        "where finding = 'override_not_used' order by 1"
    )
    assert [segment for segment, _ in unused] == ["bronze", "silver"]
    assert "there is no segment bronze" in unused[0][1]
    assert "there is no customer c9" in unused[1][1]

    world.run(2 * HOUR)
    assert "c4" in world.members("silver"), "still counts at its last instant"
    world.run()
    assert world.stays("silver", "c4") == [(3, 6, "manual", "manual")]

    before = world.state()
    world.again()
    assert world.state() == before


def test_a_membership_follows_a_person_whose_identity_is_merged_or_split(world: World) -> None:
    for name, mrr in {"a": 120, "b": 10, "d": 120, "e": 130, "f": 120, "g": 10}.items():
        world.customer(name, mrr)
    # One customer with two identifiers.
    world.customer("h", 150)
    world.assignments["h2"] = [["h", world.now, None, None]]
    world.accounts = {"big1": 200, "big2": 10}
    world.belongs = {"a": "big1", "b": "big1", "e": "big2"}
    world.run()
    assert world.members("gold") == {"a", "d", "e", "f", "h"}
    assert world.members("big") == {"big1"}
    people = world.rows("select account_id, customer_id from segments.segment_people order by all")
    assert people == [("big1", "a"), ("big1", "b")]
    accounts = world.rows(
        "select account_id, member_count from segments.segment_accounts "
        "where segment_id = 'gold' order by all"
    )
    assert accounts == [("big1", 1), ("big2", 1)]

    # a becomes part of b, who was no member; d part of e, who was; f part of g, who does not
    # meet the condition; h is split in two, and the new part has what made h a member.
    world.now += HOUR
    world.mrr["b"] = 130
    world.merge("a", "b")
    world.merge("d", "e")
    world.merge("f", "g")
    world.give("h2", "h2", "split")
    world.mrr |= {"h": 10, "h2": 150}
    world.account_merges = [("account", "big1", "big2", world.now)]
    world.accounts = {"big2": 210}
    world.run(timedelta(0))
    assert world.members("gold") == {"b", "e", "h2"}
    assert world.changes("gold") == [
        ("a", "exited", "entity_merged", True),
        ("b", "entered", "entity_merged", True),
        ("d", "exited", "entity_merged", True),
        ("f", "exited", "entity_merged", False),
        ("h", "exited", "entity_merged", True),
        ("h2", "entered", "entity_merged", True),
    ]
    assert world.members("big") == {"big2"}
    assert {is_move for *_, is_move in world.changes("big")} == {True}
    counts = world.rows(
        "select entered_count, left_count, moved_in_count, moved_out_count "
        "from segments.segment_verdicts where segment_id = 'gold' and run_id = 'run 002'"
    )
    assert counts == [(0, 1, 2, 3)]
    entered = world.rows(
        "select distinct entered_at from segments.segment_membership where segment_id = 'gold'"
    )
    assert entered == [(START + HOUR,)], "who moved has been a member since the beginning"

    before = world.state()
    world.again()
    assert world.state() == before

    # The same instant over corrected data: a and b are two people after all.
    world.assignments |= {"a": [["a", START, None, None]]}
    world.mrr |= {"a": 120, "b": 10}
    world.again()
    assert world.stays("gold", "a") == [(1, None, "condition_met", None)]
    assert ("b", "entered") not in {(name, change) for name, change, *_ in world.changes("gold")}

    # Deleted outright.
    del world.mrr["e"], world.assignments["e"], world.assignments["d"]
    world.run()
    assert world.stays("gold", "e") == [(1, 3, "condition_met", "entity_gone")]


def test_a_person_may_hold_a_segment_or_release_it_for_one_run(world: World) -> None:
    with pytest.raises(StrataError, match="strata refresh"):
        decide(duckdb_engine(world.path), "silver", "hold", reason="x", by="ann")
    for i in range(40):
        world.customer(f"c{i}", 50 if i < 12 else 200 if i < 14 else 10)
    world.run()
    assert len(world.members("silver")) == 12
    warehouse = duckdb_engine(world.path)
    with pytest.raises(UsageError, match="silver"):
        decide(warehouse, "silvr", "hold", reason="x", by="ann")
    with pytest.raises(UsageError, match="is not held"):
        decide(warehouse, "silver", "release", reason="x", by="ann")
    with pytest.raises(UsageError, match="reason"):
        decide(warehouse, "silver", "hold", reason=" ", by="ann")

    # Too many enter at once. gold, of the same group, waits with it, and elite for gold.
    world.mrr |= {f"c{i}": 50 for i in range(14, 26)} | {"c13": 50, "c26": 200}
    world.run()
    verdict, reasons = world.verdict("silver")
    assert verdict == "hold"
    assert "13 would enter and 0 leave of 12 members" in reasons
    held = "silver of its priority group is held and keeps its members"
    assert world.verdict("gold") == ("hold", held)
    assert world.verdict("elite") == ("hold", "it refers to gold, which is held")
    assert world.members("gold") == {"c12", "c13"} == world.members("elite")
    assert len(world.members("silver")) == 12

    decide(warehouse, "silver", "release", reason="campaign", by="ann")
    world.again()
    assert world.verdict("silver") == ("publish", "")
    assert world.verdict("gold") == ("publish", "") == world.verdict("elite")
    assert len(world.members("silver")) == 25
    released = world.rows(
        "select released_by, lifted_reasons like '13 would enter%' "
        "from segments.segment_verdicts where segment_id = 'silver' and run_id = 'run 003'"
    )
    assert released == [("ann: campaign", True)]
    before = world.state()
    world.again()
    assert world.state() == before, "the release counts for the instant, run again"

    # It is used up; and the bounds count again.
    world.mrr |= {f"c{i}": 10 for i in range(0, 20)}
    world.run()
    assert world.verdict("silver")[0] == "hold"
    decide(warehouse, "silver", "release", reason="season is over", by="ann")
    world.run()
    assert world.verdict("silver") == ("publish", "")

    decide(warehouse, "active", "hold", reason="checking the tracker", by="bob")
    world.active = {"c1", "c2"}
    world.run()
    assert world.verdict("active") == ("hold", "held by bob: checking the tracker")
    assert world.members("active") == set()
    world.run()
    assert world.verdict("active")[0] == "hold"
    decide(warehouse, "active", "release", reason="fine", by="bob")
    world.run()
    assert world.members("active") == {"c1", "c2"}


def test_a_segment_is_held_while_a_domain_it_requires_is_stale_or_incomplete(world: World) -> None:
    for i in range(30):
        world.customer(f"c{i}", 10)
    world.active = {f"c{i}" for i in range(15)}
    world.run()
    assert len(world.members("active")) == 15

    # The tracker has not been loaded for days: nobody seems to be active.
    world.active, world.events_hours_behind = set(), 80
    world.run()
    assert world.verdict("active") == (
        "hold",
        "events is stale: generic was last loaded 80 hours before the instant, the bound is 72",
    )
    assert len(world.members("active")) == 15
    assert world.verdict("gold")[0] == "publish", "it does not require events"

    # It runs again, but brings a part of the events only.
    world.active, world.events_hours_behind, world.events_today = {"c1"}, 1, 90
    world.run()
    assert world.verdict("active") == (
        "hold",
        "events is incomplete: 90 rows landed in the 24 hours before the instant, usually 200, "
        "the bound is 50.0%",
    )
    world.events_today = 110
    world.run()
    assert world.members("active") == {"c1"}

    world.active = {f"c{i}" for i in range(11)}
    world.run()
    found = {
        (finding.segment_id, finding.finding, finding.other_segment_id)
        for finding in read_findings(duckdb_engine(world.path))
    }
    assert {
        ("active", "nearly_identical", "busy"),
        ("busy", "nearly_identical", "active"),
        ("busy", "review_due", None),
        ("silver", "too_small", None),
        ("silver", "never_published", None),
        ("active", "unused", None),
    } <= found
    assert ("champions", "unused", None) not in found
    assert ("active", "never_published", None) not in found
