"""Random segments over random customers: the engine finds those that a plain evaluator finds.

The evaluator looks at one customer or account at a time, in Python, with the three truth
values of SQL; it shares nothing with the macros. The runs go on from each other, so that
history and log are checked against what was published.
"""

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from project import edited_sources, keep_audiences

from orchestration.dbt import Dbt

pytestmark = pytest.mark.slow

SEED = 20260701
SEGMENTS = 60
SOURCES = {
    "crm": "none",
    "billing": "none",
    "events": "generic",
    "support": "none",
    "survey": "none",
}
MODELS = ["path:models/segments", "segment_decisions", "source_volume"]
START = datetime(2026, 6, 1)
INSTANTS = [START, START + timedelta(hours=31), START + timedelta(days=9)]
EVENTS = ("a", "b", "c")
NUMBERS = {"c": ("mrr", "health_score"), "a": ("mrr", "health_score")}
Truth = bool | None


@dataclass
class World:
    """Everything there is at an instant."""

    as_of: datetime = START
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[str, str, datetime]] = field(default_factory=list)
    segments: dict[str, "Segment"] = field(default_factory=dict)
    # What was published before the instant, by segment: (entity, from, to).
    stays: dict[str, list[tuple[str, datetime, datetime | None]]] = field(default_factory=dict)

    def people(self, entity: str, key: str) -> set[str]:
        """The customer, or the people of the account."""
        if entity == "customer":
            return {key}
        return {one for one, row in self.customers.items() if row["account_id"] == key}

    def done(self, entity: str, key: str, names: tuple[str, ...]) -> list[datetime]:
        """When they did one of these, up to the instant."""
        people = self.people(entity, key)
        return sorted(
            at
            for who, name, at in self.events
            if who in people and name in names and at <= self.as_of
        )

    def days(self, entity: str, key: str, names: tuple[str, ...]) -> list[int]:
        """How many days before the last whole or begun day they did one of these, for each time."""
        last = (self.as_of - timedelta(seconds=1)).date()
        found = [(last - at.date()).days for at in self.done(entity, key, names)]
        return [days for days in found if days >= 0]

    def rows(self, entity: str) -> dict[str, dict[str, Any]]:
        return self.customers if entity == "customer" else self.accounts

    def members(self, segment: str) -> set[str]:
        """Who satisfies all the conditions of a segment."""
        entity = self.segments[segment].entity
        return {key for key in self.rows(entity) if self.segments[segment].holds(self, key)}

    def related(self, entity: str, key: str, other: str) -> set[str]:
        """The keys of the other entity that stand for this one."""
        if entity == other:
            return {key}
        if other == "account":
            return {self.customers[key]["account_id"]} - {None}
        return self.people("account", key)


Holds = Callable[[World, str, str], Truth]


@dataclass
class Condition:
    """A condition: how it is written in a segment's file, and what it means."""

    text: str
    holds: Holds
    refers_to: set[str] = field(default_factory=set)


@dataclass
class Segment:
    entity: str
    conditions: list[Condition]

    def holds(self, world: World, key: str) -> bool:
        return all(one.holds(world, self.entity, key) is True for one in self.conditions)


def names_text(names: tuple[str, ...]) -> str:
    return f"'{names[0]}'" if len(names) == 1 else str(list(names))


def opposite(value: Truth) -> Truth:
    return None if value is None else not value


def either(one: Truth, other: Truth) -> Truth:
    if one is True or other is True:
        return True
    return None if None in (one, other) else False


class Maker:
    """Makes random conditions for a segment of an entity that may refer to some segments."""

    def __init__(
        self, chance: random.Random, entity: str, before: list[str], every: list[str]
    ) -> None:
        self.chance, self.entity, self.before, self.every = chance, entity, before, every

    def condition(self, depth: int = 2) -> Condition:
        kind = self.chance.random()
        if depth and kind < 0.15:
            one, other = self.condition(depth - 1), self.condition(depth - 1)
            return Condition(
                f"'(' ~ {one.text} ~ ' or ' ~ {other.text} ~ ')'",
                lambda *row: either(one.holds(*row), other.holds(*row)),
                one.refers_to | other.refers_to,
            )
        if depth and kind < 0.25:
            one = self.condition(depth - 1)
            return Condition(
                f"'not (' ~ {one.text} ~ ')'", lambda *row: opposite(one.holds(*row)), one.refers_to
            )
        makers = [
            self.compared, self.between, self.top, self.performed, self.not_performed,
            self.in_order, self.regularly, self.stopped, self.again, self.first, self.entered,
        ]  # fmt: skip
        if self.before:
            makers += [self.member] * 2
        return self.chance.choice(makers)()

    def names(self) -> tuple[str, ...]:
        return tuple(self.chance.sample(EVENTS, self.chance.choice((1, 1, 2))))

    def within(self) -> int | None:
        return self.chance.choice((None, 1, 2, 7, 30))

    def column(self) -> tuple[str, str, Callable[[World, str, str], Any]]:
        alias = self.chance.choice("ca" if self.entity == "customer" else "a")
        name = self.chance.choice(NUMBERS[alias])

        def value(world: World, entity: str, key: str) -> Any:
            if alias == "c" or entity == "account":
                return world.rows(entity)[key][name]
            account = world.customers[key]["account_id"]
            return None if account is None else world.accounts[account][name]

        return f"{alias}.{name}", "customer" if alias == "c" else "account", value

    def compared(self) -> Condition:
        column, _, value = self.column()
        bound = self.chance.randrange(10)

        def holds(*row: Any) -> Truth:
            found = value(*row)
            return None if found is None else found >= bound

        return Condition(f"'{column} >= {bound}'", holds)

    def between(self) -> Condition:
        column, _, value = self.column()
        low = self.chance.randrange(8)
        high = low + self.chance.randrange(4)

        def holds(*row: Any) -> Truth:
            found = value(*row)
            return None if found is None else low <= found <= high

        return Condition(f"score_between('{column}', {low}, {high})", holds)

    def top(self) -> Condition:
        column, population, value = self.column()
        share = self.chance.choice(("0.05", "0.1", "0.33", "0.5", "1"))
        name = column[2:]

        def holds(world: World, entity: str, key: str) -> Truth:
            found = value(world, entity, key)
            if found is None:
                return None
            known = [row[name] for row in world.rows(population).values() if row[name] is not None]
            larger = sum(1 for other in known if other > found)
            return Fraction(larger, len(known)) < Fraction(share)

        return Condition(f"top_share('{column}', {share})", holds)

    def performed(self) -> Condition:
        names, within, least = self.names(), self.within(), self.chance.choice((1, 1, 2, 4))

        def holds(world: World, entity: str, key: str) -> Truth:
            days = world.days(entity, key, names)
            return sum(1 for day in days if within is None or day < within) >= least

        return Condition(
            f"performed({names_text(names)}, at_least={least}, within={str(within).lower()})", holds
        )

    def not_performed(self) -> Condition:
        names, within = self.names(), self.within()

        def holds(world: World, entity: str, key: str) -> Truth:
            return not any(within is None or day < within for day in world.days(entity, key, names))

        return Condition(f"not_performed({names_text(names)}, within={str(within).lower()})", holds)

    def in_order(self) -> Condition:
        steps = [self.names() for _ in range(self.chance.choice((2, 2, 3, 4)))]
        within = self.within()

        def follows(
            world: World, entity: str, key: str, left: list[tuple[str, ...]], after: datetime
        ) -> bool:
            if not left:
                return True
            return any(
                follows(world, entity, key, left[1:], at)
                for at in world.done(entity, key, left[0])
                if at > after
            )

        def holds(world: World, entity: str, key: str) -> Truth:
            start = datetime.min if within is None else world.as_of - timedelta(days=within)
            return follows(world, entity, key, steps, start)

        text = ", ".join(names_text(step) for step in steps)
        return Condition(f"performed_in_order([{text}], within={str(within).lower()})", holds)

    def regularly(self) -> Condition:
        names = self.names()
        of = self.chance.randrange(1, 6)
        periods = self.chance.randrange(1, of + 1)
        unit, length = self.chance.choice((("day", 1), ("week", 7), ("month", 30)))

        def holds(world: World, entity: str, key: str) -> Truth:
            days = world.days(entity, key, names)
            return len({day // length for day in days if day < of * length}) >= periods

        return Condition(
            f"performed_regularly({names_text(names)}, {periods}, {of}, unit='{unit}')", holds
        )

    def stopped(self) -> Condition:
        names, within, before = (
            self.names(),
            self.chance.choice((1, 5, 20)),
            self.chance.choice((2, 15)),
        )

        def holds(world: World, entity: str, key: str) -> Truth:
            days = world.days(entity, key, names)
            return not any(day < within for day in days) and any(
                within <= day < within + before for day in days
            )

        return Condition(
            f"stopped_performing({names_text(names)}, within={within}, before={before})", holds
        )

    def again(self) -> Condition:
        names, within, pause = (
            self.names(),
            self.chance.choice((1, 5, 20)),
            self.chance.choice((1, 3, 10)),
        )

        def holds(world: World, entity: str, key: str) -> Truth:
            days = set(world.days(entity, key, names))
            return any(
                not any(day + gap in days for gap in range(1, pause + 1))
                and any(other > day for other in days)
                for day in days
                if day < within
            )

        return Condition(
            f"started_again({names_text(names)}, within={within}, pause={pause})", holds
        )

    def first(self) -> Condition:
        names, within = self.names(), self.chance.choice((1, 7, 30))

        def holds(world: World, entity: str, key: str) -> Truth:
            days = world.days(entity, key, names)
            return bool(days) and max(days) < within

        return Condition(f"first_time({names_text(names)}, within={within})", holds)

    def entered(self) -> Condition:
        segment, days = self.chance.choice(self.every), self.chance.choice((1, 7, 40))

        def holds(world: World, entity: str, key: str) -> Truth:
            keys = world.related(entity, key, world.segments[segment].entity)
            return any(
                who in keys and world.as_of - timedelta(days=days) < since < world.as_of
                for who, since, _ in world.stays.get(segment, [])
            )

        return Condition(f"entered_within('{segment}', {days})", holds)

    def member(self) -> Condition:
        segment, wanted = self.chance.choice(self.before), self.chance.random() < 0.6

        def holds(world: World, entity: str, key: str) -> Truth:
            other = world.segments[segment]
            keys = world.related(entity, key, other.entity)
            return (
                any(one in world.rows(other.entity) and other.holds(world, one) for one in keys)
                is wanted
            )

        helper = "in_segment" if wanted else "not_in_segment"
        return Condition(f"{helper}('{segment}')", holds, {segment})


def segments(chance: random.Random) -> dict[str, Segment]:
    """Random segments; their order of evaluation is not that of their names."""
    every = [f"random_{i}" for i in range(SEGMENTS)]
    order = chance.sample(every, len(every))
    made = {}
    for position, name in enumerate(order):
        entity = chance.choice(("customer", "customer", "account"))
        maker = Maker(chance, entity, order[:position], every)
        made[name] = Segment(entity, [maker.condition() for _ in range(chance.choice((1, 2)))])
    return made


def file(name: str, entity: str, conditions: str) -> tuple[str, str]:
    return (
        f"macros/segments/behavioural/{name}.sql",
        f"{{% macro segment__{name}() %}}{{{{ return(segment(label='x', description='x', "
        f"type='behavioural', owner='a@b.example', entity='{entity}', "
        f"requires=['events'], conditions={{{conditions}}})) }}}}{{% endmacro %}}\n",
    )


# The two whose audiences are kept.
AUDIENCES = [
    file(name, "customer", "'never': 'c.mrr < 0'") for name in ("champions", "at_risk_paying")
]


def files(made: dict[str, Segment]) -> Iterator[tuple[str, str]]:
    for name, segment in made.items():
        conditions = ", ".join(f"'{i}': {one.text}" for i, one in enumerate(segment.conditions))
        yield file(name, segment.entity, conditions)


def happen(world: World, chance: random.Random, until: datetime) -> None:
    """People come and go, change, and do things up to the instant, some at its very second."""
    since, world.as_of = world.as_of - timedelta(days=40 if not world.customers else 0), until
    for key in list(world.customers):
        if chance.random() < 0.03:
            del world.customers[key]
    for _ in range(30 if not world.customers else 3):
        world.customers[f"c{chance.randrange(10**6)}"] = {"account_id": None}
    for i in range(9):
        world.accounts.setdefault(f"acc{i}", {})
    for row in (*world.customers.values(), *world.accounts.values()):
        if len(row) < 2 or chance.random() < 0.3:
            for name in NUMBERS["c"]:
                number = Decimal(chance.randrange(0, 20)) / 2
                row[name] = None if chance.random() < 0.2 else number
    for row in world.customers.values():
        if row["account_id"] is None or chance.random() < 0.1:
            row["account_id"] = chance.choice([None, *world.accounts])
    seconds = int((until - since).total_seconds())
    for key in world.customers:
        for _ in range(chance.randrange(8)):
            at = until - timedelta(seconds=chance.randrange(seconds))
            edge = chance.choice((until, until - timedelta(days=7), until - timedelta(seconds=1)))
            midnight = at.replace(hour=0, minute=0, second=0)
            at = chance.choice((at, at, edge, max(midnight, since)))
            world.events.append((key, chance.choice(EVENTS), at))


def like(name: str) -> str:
    """The type of a column whose YAML does not say it."""
    if name.startswith(("valid_", "is_")) or name.endswith("_at"):
        return "boolean" if name.startswith("is_") else "timestamp"
    return "bigint" if name.endswith(("_count", "_hours", "_behind")) else "varchar"


def created(dbt: Dbt) -> Iterator[str]:
    """Statements that make, without rows, every table that the segments' models read."""
    nodes: dict[str, Any] = dict(dbt.manifest.nodes)
    segments = {
        key for key, node in nodes.items()
        if node.resource_type == "model" and (node.schema == "segments" or node.name in MODELS)
    }  # fmt: skip
    for key in {one for each in segments for one in nodes[each].depends_on.nodes} - segments:
        if key in nodes:
            columns = nodes[key].columns.values()
            declared = ", ".join(
                f'"{one.name}" {one.data_type or like(one.name)}' for one in columns
            )
            yield f"create schema if not exists {nodes[key].schema}"
            yield f"create or replace table {nodes[key].schema}.{nodes[key].name} ({declared})"


@dataclass
class Warehouse:
    """A DuckDB file and the project that fills it."""

    path: Path
    dbt: Dbt

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def execute(self, statements: Iterable[str]) -> None:
        with duckdb.connect(str(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)

    def run(self, as_of: datetime) -> None:
        self.dbt.run("run", select=MODELS, as_of=f"{as_of}", run_id=f"run of {as_of}")


def literal(value: Any) -> str:
    return "null" if value is None else f"'{value}'"


def insert(table: str, names: list[str], rows: list[list[Any]]) -> str:
    values = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows)
    return f"insert into customer_360.{table} ({', '.join(names)}) values {values}"


def load(warehouse: Warehouse, world: World) -> None:
    """Puts the world into the tables that rules read."""
    known = [event for event in world.events if event[2] <= world.as_of]
    days: dict[tuple[Any, ...], int] = {}
    for who, name, at in known:
        days[who, at.date(), name] = days.get((who, at.date(), name), 0) + 1
    statements = [
        *created(warehouse.dbt),
        insert(
            "customer_360",
            ["customer_id", "account_id", "mrr", "health_score"],
            [
                [key, row["account_id"], row["mrr"], row["health_score"]]
                for key, row in world.customers.items()
            ],
        ),
        insert(
            "account_360",
            ["account_id", "mrr", "health_score"],
            [[key, row["mrr"], row["health_score"]] for key, row in world.accounts.items()],
        ),
        insert(
            "fct_daily_activity",
            ["customer_id", "activity_on", "event_name", "event_count"],
            [[*key, count] for key, count in days.items()],
        ),
        insert(
            "fct_customer_events",
            ["customer_id", "event_name", "occurred_at"],
            [list(e) for e in known],
        ),
    ]
    warehouse.execute(statements)


def members(warehouse: Warehouse, table: str) -> dict[str, set[str]]:
    """The members that a table of segments holds of the random ones, by segment."""
    found: dict[str, set[str]] = {f"random_{i}": set() for i in range(SEGMENTS)}
    rows = warehouse.rows(
        f"select segment_id, entity_id from {table} where segment_id like 'random%'"
    )
    for segment, entity in rows:
        assert entity not in found[segment], "a member occurs once"
        found[segment].add(entity)
    return found


def test_random_rules_have_the_members_a_plain_evaluator_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    world = World(segments=segments(chance))
    sources = edited_sources(tmp_path / "sources", {})
    keep_audiences(sources, "audience_champions", "audience_at_risk_paying")
    shutil.rmtree(sources / "macros" / "segments")
    for name, text in [*files(world.segments), *AUDIENCES]:
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_text(text)
    monkeypatch.setattr("orchestration.dbt.PROJECT_DIR", sources)
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "strata.duckdb"))
    dbt = Dbt("duckdb", {"strata_sources": SOURCES, "demo_data": False})
    warehouse = Warehouse(tmp_path / "strata.duckdb", dbt)
    published: dict[str, set[str]] = {name: set() for name in world.segments}
    sizes = []
    for as_of in INSTANTS:
        happen(world, chance, as_of)
        load(warehouse, world)
        warehouse.run(as_of)

        expected = {name: world.members(name) for name in world.segments}
        found = members(warehouse, "segments.segment_candidates")
        wrong = {
            name: (
                segment.entity,
                [one.text for one in segment.conditions],
                found[name] ^ expected[name],
            )
            for name, segment in world.segments.items()
            if found[name] != expected[name]
        }
        assert wrong == {}, f"seed {SEED}, as of {as_of}"
        sizes += [
            len(entities) / len(world.rows(world.segments[name].entity))
            for name, entities in expected.items()
        ]

        # A held segment keeps its members; another has those found.
        verdicts = dict(
            warehouse.rows(
                "select segment_id, verdict from segments.segment_verdicts "
                f"where as_of = timestamp '{as_of}' and segment_id like 'random%'"
            )
        )
        assert set(verdicts) == set(world.segments)
        for name, verdict in verdicts.items():
            now = expected[name] if verdict == "publish" else published[name]
            stays = world.stays.setdefault(name, [])
            world.stays[name] = [
                (who, since, as_of if until is None and who not in now else until)
                for who, since, until in stays
            ] + [(who, as_of, None) for who in sorted(now - published[name])]
            published[name] = now
        assert members(warehouse, "segments.segment_membership") == published
        check_history(warehouse, world, published)

    # The random rules are neither all empty nor all full.
    assert sum(1 for size in sizes if 0.05 < size < 0.95) > len(sizes) / 3

    # The same instant again finds and changes nothing.
    before = warehouse.rows("select * from segments.segment_membership_history order by stay_id")
    warehouse.run(INSTANTS[-1])
    assert members(warehouse, "segments.segment_candidates") == expected
    after = warehouse.rows("select * from segments.segment_membership_history order by stay_id")
    assert before == after


def check_history(warehouse: Warehouse, world: World, published: dict[str, set[str]]) -> None:
    """Stays are those that happened and do not overlap; the log, replayed, gives the members."""
    found: dict[str, list[tuple[str, datetime, datetime | None]]] = {}
    for segment, entity, since, until in warehouse.rows(
        "select segment_id, entity_id, valid_from, valid_to "
        "from segments.segment_membership_history where segment_id like 'random%' order by 1, 2, 3"
    ):
        found.setdefault(segment, []).append((entity, since, until))
    assert found == {name: sorted(stays) for name, stays in world.stays.items() if stays}
    for stays in found.values():
        for (one, _, until), (other, since, _) in pairwise(stays):
            assert one != other or (until is not None and until <= since)
    current: dict[str, set[str]] = {name: set() for name in published}
    for segment, entity, change in warehouse.rows(
        "select segment_id, entity_id, change from segments.segment_changes "
        "where segment_id like 'random%' order by changed_at, change desc"
    ):
        if change == "entered":
            assert entity not in current[segment]
            current[segment].add(entity)
        else:
            current[segment].remove(entity)
    assert current == published
