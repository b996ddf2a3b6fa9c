"""Random segments over random customers: the engine finds those that a plain evaluator finds.

The evaluator looks at one customer or account at a time, in Python, with the three truth
values of SQL; it shares nothing with the macros. The runs go on from each other, so that
history and log are checked against what was published.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import ONLY_BILLING, PROJECT_DIR, Project, edited_sources

pytestmark = pytest.mark.slow

SEED = 20260701
SEGMENTS = 60
SOURCES = "{" + ONLY_BILLING.replace("=", ": ").replace("events: none", "events: generic") + "}"
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
            at for who, name, at in self.events if who in people and name in names and at <= self.as_of
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

    def __init__(self, chance: random.Random, entity: str, before: list[str], every: list[str]):
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
            self.compared, self.between, self.top, self.performed, self.not_performed, self.in_order,
            self.regularly, self.stopped, self.again, self.first, self.entered,
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
            return not any(
                within is None or day < within for day in world.days(entity, key, names)
            )

        return Condition(
            f"not_performed({names_text(names)}, within={str(within).lower()})", holds
        )

    def in_order(self) -> Condition:
        steps = [self.names() for _ in range(self.chance.choice((2, 2, 3, 4)))]
        within = self.within()

        def follows(world: World, entity: str, key: str, left: list[tuple[str, ...]], after: datetime) -> bool:
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
        names, within, before = self.names(), self.chance.choice((1, 5, 20)), self.chance.choice((2, 15))

        def holds(world: World, entity: str, key: str) -> Truth:
            days = world.days(entity, key, names)
            return not any(day < within for day in days) and any(
                within <= day < within + before for day in days
            )

        return Condition(
            f"stopped_performing({names_text(names)}, within={within}, before={before})", holds
        )

    def again(self) -> Condition:
        names, within, pause = self.names(), self.chance.choice((1, 5, 20)), self.chance.choice((1, 3, 10))

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
            return any(one in world.rows(other.entity) and other.holds(world, one) for one in keys) is wanted

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


def files(made: dict[str, Segment]) -> Iterator[tuple[str, str]]:
    for name, segment in made.items():
        conditions = ", ".join(f"'{i}': {one.text}" for i, one in enumerate(segment.conditions))
        yield (
            f"macros/segments/behavioural/{name}.sql",
            f"{{% macro segment__{name}() %}}{{{{ return(segment(label='x', description='x', "
            f"type='behavioural', owner='a@b.example', entity='{segment.entity}', "
            f"requires=['events'], conditions={{{conditions}}})) }}}}{{% endmacro %}}\n",
        )


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


def columns(entity: str) -> list[tuple[str, str]]:
    """The contract of a 360."""
    path = PROJECT_DIR / "models" / "customer_360" / "_customer_360__models.yml"
    (model,) = (
        one
        for one in yaml.safe_load(path.read_text())["models"]
        if one["name"] == f"{entity}_360"
    )
    return [(one["name"], one["data_type"]) for one in model["columns"]]


def literal(value: Any) -> str:
    return "null" if value is None else f"'{value}'"


def insert(table: str, names: list[str], rows: list[list[Any]]) -> str:
    values = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows)
    return f"insert into customer_360.{table} ({', '.join(names)}) values {values}"


def load(project: Project, world: World) -> None:
    """Puts the world into the tables that rules read."""
    statements = ["create schema if not exists customer_360"]
    for entity in ("customer", "account"):
        declared = ", ".join(f"{name} {type_}" for name, type_ in columns(entity))
        statements += [
            f"create or replace table customer_360.{entity}_360 ({declared})",
        ]
    known = [event for event in world.events if event[2] <= world.as_of]
    days: dict[tuple[Any, ...], int] = {}
    for who, name, at in known:
        days[who, at.date(), name] = days.get((who, at.date(), name), 0) + 1
    statements += [
        "create or replace table customer_360.fct_daily_activity "
        "(customer_id varchar, activity_on date, event_name varchar, event_count bigint)",
        "create or replace table customer_360.fct_customer_events "
        "(customer_id varchar, event_name varchar, occurred_at timestamp)",
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
        insert("fct_customer_events", ["customer_id", "event_name", "occurred_at"], [list(e) for e in known]),
    ]
    project.execute(statements)


def run(project: Project, as_of: datetime) -> None:
    done = project.dbt(
        "run", "--select", "path:models/segments", "path:models/operations/expectation_results.sql",
        "--vars", f"{{as_of: '{as_of}', demo_data: false, strata_sources: {SOURCES}}}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def members(project: Project, table: str) -> dict[str, set[str]]:
    """The members that a table of segments holds of the random ones, by segment."""
    found: dict[str, set[str]] = {f"random_{i}": set() for i in range(SEGMENTS)}
    rows = project.rows(
        f"select segment_id, entity_id from {table} where segment_id like 'random%'"
    )
    for segment, entity in rows:
        assert entity not in found[segment], "a member occurs once"
        found[segment].add(entity)
    return found


def test_random_rules_have_the_members_a_plain_evaluator_finds(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    world = World(segments=segments(chance))
    project = Project(tmp_path, sources=edited_sources(tmp_path / "sources", dict(files(world.segments))))
    published: dict[str, set[str]] = {name: set() for name in world.segments}
    sizes = []
    for as_of in INSTANTS:
        happen(world, chance, as_of)
        load(project, world)
        run(project, as_of)

        expected = {name: world.members(name) for name in world.segments}
        found = members(project, "segments.segment_candidates")
        wrong = {
            name: (segment.entity, [one.text for one in segment.conditions], found[name] ^ expected[name])
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
            project.rows(
                "select segment_id, verdict from segments.segment_verdicts "
                "where as_of = :as_of and segment_id like 'random%'",
                as_of=as_of,
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
        assert members(project, "segments.segment_membership") == published
        check_history(project, world, published)

    # The random rules are neither all empty nor all full.
    assert sum(1 for size in sizes if 0.05 < size < 0.95) > len(sizes) / 3

    # The same instant again finds and changes nothing.
    before = project.rows("select * from segments.segment_membership_history order by stay_id")
    run(project, INSTANTS[-1])
    assert members(project, "segments.segment_candidates") == expected
    after = project.rows("select * from segments.segment_membership_history order by stay_id")
    assert before == after


def check_history(project: Project, world: World, published: dict[str, set[str]]) -> None:
    """Stays are those that happened and do not overlap; the log, replayed, gives the members."""
    found: dict[str, list[tuple[str, datetime, datetime | None]]] = {}
    for segment, entity, since, until in project.rows(
        "select segment_id, entity_id, valid_from, valid_to from segments.segment_membership_history "
        "where segment_id like 'random%' order by 1, 2, 3"
    ):
        found.setdefault(segment, []).append((entity, since, until))
    assert found == {name: sorted(stays) for name, stays in world.stays.items() if stays}
    for stays in found.values():
        for (one, _, until), (other, since, _) in zip(stays, stays[1:], strict=False):
            assert one != other or (until is not None and until <= since)
    current: dict[str, set[str]] = {name: set() for name in published}
    for segment, entity, change in project.rows(
        "select segment_id, entity_id, change from segments.segment_changes "
        "where segment_id like 'random%' order by changed_at, change desc"
    ):
        if change == "entered":
            assert entity not in current[segment]
            current[segment].add(entity)
        else:
            current[segment].remove(entity)
    assert current == published
