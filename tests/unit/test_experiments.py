"""Experiments on DuckDB and PostgreSQL: who is in which arm, and what the arms did, against SciPy
and statsmodels. The macros and models are the project's own, over tables that are made here."""

import hashlib
import math
import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from orchestration.dbt import Dbt, NodesFailed
from orchestration.warehouse import engine

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 7, 1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
SOURCES = dict.fromkeys(("crm", "billing", "events", "support", "survey"), "generic")
MODELS = ("experiment_members", "experiment_lift")
TABLES = {
    "reference.experiments": {
        "experiment_id": "text", "description": "text", "owner": "text", "salt": "text",
        "starts_at": "timestamp", "ends_at": "timestamp", "conversion_event": "text",
        "conversion_metric": "text", "conversion_days": "integer",
    },
    "reference.experiment_arms": {
        "experiment_id": "text", "arm": "text", "share": "decimal(9, 6)", "is_control": "boolean",
        "is_delivered": "boolean",
    },
    "reference.product_features": {"event_name": "text"},
    "reference.onboarding_steps": {"event_name": "text"},
    "activation.experiment_assignments": {
        "experiment_id": "text", "audience_name": "text", "entity_key": "text", "arm": "text",
        "assigned_at": "timestamp", "run_id": "text",
    },
    "segments.int_segments__successors": {
        "entity": "text", "from_entity_id": "text", "to_entity_id": "text", "is_gone": "boolean",
        "position": "bigint",
    },
    "customer_360.fct_daily_activity": {
        "customer_id": "text", "activity_on": "date", "event_name": "text",
        "first_at": "timestamp", "last_at": "timestamp",
    },
    "customer_360.fct_invoices": {
        "customer_id": "text", "issued_at": "timestamp", "revenue": "decimal(18, 2)",
    },
    "customer_360.fct_refunds": {
        "customer_id": "text", "refunded_at": "timestamp", "amount": "decimal(18, 2)",
    },
    "customer_360.fct_orders": {"customer_id": "text", "ordered_at": "timestamp"},
    "customer_360.fct_sessions": {"customer_id": "text", "started_at": "timestamp"},
}  # fmt: skip


@dataclass
class Warehouse:
    """A database, and the project compiled for it."""

    dbt: Dbt
    engine: sa.Engine
    compiled: dict[str, dict[str, str]] = field(default_factory=dict)

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def rows(self, query: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.exec_driver_sql(query))

    def answers(self, template: str) -> list[Any]:
        """The rows of a query with macros of the project in it."""
        return self.rows(self.dbt.rendered(template))

    def create(self) -> None:
        """The empty tables that experiments are computed from."""
        for schema in sorted({name.split(".")[0] for name in TABLES} | {"analytics"}):
            self.execute(f"create schema {schema}")
        for name, columns in TABLES.items():
            declared = ", ".join(f"{column} {type_}" for column, type_ in columns.items())
            self.execute(f"create table {name} ({declared})")

    def land(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replaces the rows of a table."""
        columns = TABLES[table]
        values = [f"({', '.join(literal(row.get(name)) for name in columns)})" for row in rows]
        self.execute(f"delete from {table}")
        for start in range(0, len(values), 5000):
            chunk = ", ".join(values[start : start + 5000])
            self.execute(f"insert into {table} ({', '.join(columns)}) values {chunk}")

    def lift(self, **variables: Any) -> dict[tuple[str, str], Any]:
        """The rows of experiment_lift, as the project's models compute them."""
        known = self.compiled
        if repr(variables) not in known:
            known[repr(variables)] = self.dbt.compiled(MODELS, as_of=AS_OF.isoformat(), **variables)
        for model in MODELS:
            query = known[repr(variables)][f"model.strata.{model}"]
            self.execute(f"create or replace view analytics.{model} as {query}")
        found = self.rows("select * from analytics.experiment_lift")
        return {(row.experiment_id, row.arm): row for row in found}


def literal(value: Any) -> str:
    """A value as SQL."""
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, int | float | Decimal):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


ENGINES = ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module", params=ENGINES)
def warehouse(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """An empty warehouse with the tables that experiments are computed from."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_DUCKDB_PATH", str(folder / "strata.duckdb"))
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))
        if request.param == "postgres":
            for name, value in request.getfixturevalue("postgres_cluster").items():
                patch.setenv(name, value)
            name = "test_" + os.urandom(4).hex()
            admin = engine("postgres").execution_options(isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.exec_driver_sql(f"create database {name}")
            patch.setenv("STRATA_POSTGRES_DATABASE", name)
        made = Warehouse(Dbt(request.param, {"strata_sources": SOURCES}), engine(request.param))
        made.create()
        yield made


# The distributions


def column(numbers: Iterable[float]) -> str:
    """A table of one column x as SQL."""
    values = ", ".join(f"({number!r})" for number in numbers)
    return f"(select {{{{ as_double('v') }}}} as x from (values {values}) as given (v)) as given"


def test_the_normal_distribution_is_scipys(warehouse: Warehouse) -> None:
    chance = random.Random(1)
    grid = [n / 50 for n in range(-2000, 2001)]
    grid += [chance.gauss(0, 3) for _ in range(2000)] + [-7.0710678118654755, 7.0710678118654755]
    found = warehouse.answers(f"select x, {{{{ normal_cdf('x') }}}} from {column(grid)}")
    x, ours = np.array(found, dtype=float).T
    theirs = stats.norm.cdf(x)
    assert len(x) == len(grid)
    assert np.max(np.abs(ours - theirs)) < 1e-14
    tail = (x < 0) & (x > -37)
    assert np.max(np.abs(ours[tail] / theirs[tail] - 1)) < 1e-8
    assert np.max(ours[x <= -37]) < 1e-299


def test_the_chi_square_distribution_is_scipys(warehouse: Warehouse) -> None:
    grid = [0.0, 1e-12, 1e-6, *(n / 20 for n in range(1, 2000)), 300.0, 1000.0, 1399.0, 5e6]
    answers = ", ".join(f"{{{{ chi_square_p_value('x', '{n}') }}}} as of_{n}" for n in range(1, 10))
    x, *ours = np.array(warehouse.answers(f"select x, {answers} from {column(grid)}"), float).T
    usual = x <= 1000
    assert len(x) == len(grid)
    for degrees, found in enumerate(ours, start=1):
        theirs = stats.chi2.sf(x, degrees)
        assert np.max(np.abs(found - theirs)) < 1e-13
        assert np.max(np.abs(found[usual] / theirs[usual] - 1)) < 1e-8


# Who is in which arm

KEYS = 20_000
MANY = f"(select 'cus_' || n as customer_id from generate_series(1, {KEYS}) as numbers (n))"


def uniform(text: str) -> float:
    """What uniform_hash promises."""
    return (int(hashlib.md5(text.encode()).hexdigest()[:13], 16) + 0.5) / 2**52  # noqa: S324


def drawn(salt: str, shares: Mapping[str, float], key: str) -> str | None:
    """The arm by weighted rendezvous hashing; None for outside of the experiment."""
    shares = {arm: share for arm, share in shares.items() if share}
    rest = 1 - sum(shares.values())
    weights = {**shares, **({"": rest} if rest > 1e-9 else {})}
    arm = min(weights, key=lambda one: -math.log(uniform(f"{salt}|{one}|{key}")) / weights[one])
    return arm or None


# Experiments by id: a salt, and the arms' shares.
DRAWS: dict[str, tuple[str, dict[str, float]]] = {
    "half": ("s", {"a": 0.5, "b": 0.5}),
    "other salt": ("t", {"a": 0.5, "b": 0.5}),
    "thirds": ("s", {"a": 0.2, "b": 0.3, "c": 0.1}),
    "a grows": ("s", {"a": 0.4, "b": 0.3, "c": 0.1}),
    "a takes from all": ("s", {"a": 0.36, "b": 0.24, "c": 0.08}),
    "all grow": ("s", {"a": 0.3, "b": 0.45, "c": 0.15}),
    "a goes to c": ("s", {"a": 0.1, "b": 0.3, "c": 0.2}),
    "ten": ("u", {f"arm {n}": n / 100 for n in range(1, 11)}),
}


@pytest.fixture(scope="module")
def draws(warehouse: Warehouse) -> dict[str, dict[str, str | None]]:
    """The arm of each of many members in each of the experiments above."""
    arms = " union all ".join(
        f"select '{name}' as experiment_id, '{salt}' as salt, '{arm}' as arm, "
        f"cast({share} as decimal(9, 6)) as share"
        for name, (salt, shares) in DRAWS.items()
        for arm, share in shares.items()
    )
    names = " union all ".join(f"select '{name}' as experiment_id" for name in DRAWS)
    found = warehouse.answers(
        f"with arms as ({arms}), names as ({names}), members as ("
        f"select * from names cross join {MANY} as many) "
        "{{ experiment_arm('members.experiment_id', 'customer_id', 'members', 'arms') }}"
    )
    keys = [f"cus_{n}" for n in range(1, KEYS + 1)]
    arms_of: dict[str, dict[str, str | None]] = {name: dict.fromkeys(keys) for name in DRAWS}
    for name, key, arm in found:
        assert arms_of[name][key] is None
        arms_of[name][key] = arm
    return arms_of


def test_the_hash_is_what_python_computes_and_uniform(warehouse: Warehouse) -> None:
    found = warehouse.answers(
        f"select customer_id, {{{{ uniform_hash('customer_id') }}}} as hash from {MANY} as m"
    )
    values: dict[str, float] = {row.customer_id: row.hash for row in found}
    assert values == {key: uniform(key) for key in values}
    assert len(values) == KEYS
    assert stats.kstest(list(values.values()), "uniform").pvalue > 0.01
    hundredths = Counter(int(value * 100) for value in values.values())
    assert stats.chisquare([hundredths[n] for n in range(100)]).pvalue > 0.01


@pytest.mark.parametrize("name", DRAWS)
def test_arms_are_those_of_the_rule_and_have_their_shares(
    draws: dict[str, dict[str, str | None]], name: str
) -> None:
    salt, shares = DRAWS[name]
    assert draws[name] == {key: drawn(salt, shares, key) for key in draws[name]}
    counts = Counter(draws[name].values())
    expected: dict[str | None, float] = {None: 1 - sum(shares.values())}
    expected.update(shares)
    for arm, share in expected.items():
        # Five standard errors of a share drawn by chance.
        assert abs(counts[arm] / KEYS - share) <= 5 * math.sqrt(share * (1 - share) / KEYS) + 1e-9
    drawn_by = {arm: share for arm, share in expected.items() if share > 1e-9}
    chances = [share * KEYS for share in drawn_by.values()]
    assert stats.chisquare([counts[arm] for arm in drawn_by], chances).pvalue > 0.001


def moved(before: dict[str, str | None], after: dict[str, str | None]) -> Counter[Any]:
    """How many went from where to where."""
    return Counter((before[key], after[key]) for key in before if before[key] != after[key])


def about(share: float) -> Any:
    """So many of the members, within five standard errors."""
    return pytest.approx(share * KEYS, abs=5 * math.sqrt(share * (1 - share) * KEYS))


def test_an_arm_that_takes_alike_from_all_others_gains_no_more_than_its_share(draws: Any) -> None:
    moves = moved(draws["thirds"], draws["a takes from all"])
    assert {to for _, to in moves} == {"a"}
    assert moves.total() == about(0.36 - 0.2)


def test_arms_that_grow_alike_take_from_the_remainder_only(draws: Any) -> None:
    moves = moved(draws["thirds"], draws["all grow"])
    assert moves.keys() == {(None, "a"), (None, "b"), (None, "c")}
    assert moves.total() == about(0.9 - 0.6)


def test_an_arm_that_grows_from_the_remainder_loses_nobody(draws: Any) -> None:
    moves = moved(draws["thirds"], draws["a grows"])
    assert moves.keys() == {(None, "a"), (None, "b"), (None, "c"), ("b", "a"), ("c", "a")}
    # By 0.2: of each other arm 0.2 / 1.2 go to it, and as many come in.
    assert moves["b", "a"] == about(0.3 / 6)
    assert moves[None, "b"] == about(0.3 / 6)
    assert moves["c", "a"] == about(0.1 / 6)
    assert moves[None, "a"] == about(0.2 - 0.4 / 6)


def test_nobody_moves_between_arms_whose_shares_stay(draws: Any) -> None:
    moves = moved(draws["thirds"], draws["a goes to c"])
    assert moves.keys() == {("a", "c"), ("a", "b"), ("a", None), ("b", "c"), (None, "c")}


def test_another_salt_draws_independently(draws: Any) -> None:
    pairs = Counter((draws["half"][key], draws["other salt"][key]) for key in draws["half"])
    table = [[pairs[one, other] for other in "ab"] for one in "ab"]
    assert stats.chi2_contingency(table).pvalue > 0.01
    assert pairs.total() == KEYS


# What the arms did


@dataclass
class Person:
    """A member of an experiment, with what happened to them and when."""

    key: str
    arm: str
    assigned_at: datetime
    done: list[tuple[str, datetime]] = field(default_factory=list)
    invoices: list[tuple[datetime, Decimal]] = field(default_factory=list)
    refunds: list[tuple[datetime, Decimal]] = field(default_factory=list)
    orders: list[datetime] = field(default_factory=list)
    sessions: list[datetime] = field(default_factory=list)


@dataclass
class Experiment:
    """An experiment and its members. The first arm is the control."""

    name: str
    shares: dict[str, float]
    event: str | None = None
    metric: str | None = None
    days: int = 14
    people: list[Person] = field(default_factory=list)

    @property
    def control(self) -> str:
        return next(iter(self.shares))

    def outcomes(self, arm: str) -> list[float]:
        """What is measured of each member of an arm whose window has passed."""
        return [self.outcome(one) for one in self.people if one.arm == arm and self.ended(one)]

    def ended(self, one: Person) -> bool:
        return one.assigned_at + self.days * DAY <= AS_OF

    def outcome(self, one: Person) -> float:
        def within(at: datetime) -> bool:
            return one.assigned_at < at <= one.assigned_at + self.days * DAY

        if self.event:
            return float(any(name == self.event and within(at) for name, at in one.done))
        if self.metric == "revenue":
            paid = sum(amount for at, amount in one.invoices if within(at))
            return float(paid - sum(amount for at, amount in one.refunds if within(at)))
        return float(
            sum(map(within, one.orders if self.metric == "purchase_count" else one.sessions))
        )


def land(warehouse: Warehouse, experiments: Iterable[Experiment]) -> None:
    """Writes experiments and all that happened."""
    experiments = list(experiments)
    people = [(experiment, one) for experiment in experiments for one in experiment.people]
    days: dict[tuple[str, Any, str], list[datetime]] = {}
    for _, one in people:
        for name, at in one.done:
            days.setdefault((one.key, at.date(), name), []).append(at)
    rows: dict[str, list[dict[str, Any]]] = {
        "reference.experiments": [
            {"experiment_id": one.name, "salt": one.name, "starts_at": AS_OF - 90 * DAY,
             "conversion_event": one.event, "conversion_metric": one.metric,
             "conversion_days": one.days}
            for one in experiments
        ],
        "reference.experiment_arms": [
            {"experiment_id": one.name, "arm": arm, "share": share,
             "is_control": arm == one.control, "is_delivered": arm != one.control}
            for one in experiments for arm, share in one.shares.items()
        ],
        "activation.experiment_assignments": [
            {"experiment_id": experiment.name, "audience_name": "audience_x",
             "entity_key": one.key, "arm": one.arm, "assigned_at": one.assigned_at}
            for experiment, one in people
        ],
        "customer_360.fct_daily_activity": [
            {"customer_id": key, "activity_on": day, "event_name": name, "first_at": min(times),
             "last_at": max(times)}
            for (key, day, name), times in days.items()
        ],
        "customer_360.fct_invoices": [
            {"customer_id": one.key, "issued_at": at, "revenue": amount}
            for _, one in people for at, amount in one.invoices
        ],
        "customer_360.fct_refunds": [
            {"customer_id": one.key, "refunded_at": at, "amount": amount}
            for _, one in people for at, amount in one.refunds
        ],
        "customer_360.fct_orders": [
            {"customer_id": one.key, "ordered_at": at} for _, one in people for at in one.orders
        ],
        "customer_360.fct_sessions": [
            {"customer_id": one.key, "started_at": at} for _, one in people for at in one.sessions
        ],
        "segments.int_segments__successors": [],
    }  # fmt: skip
    for table, found in rows.items():
        warehouse.land(table, found)


def at_random(chance: random.Random, name: str) -> Experiment:
    """An experiment of a random shape with random members."""
    arms = ["control", "a", "b"][: chance.choice((2, 2, 3))]
    weights = [chance.choice((1, 1, 2, 3)) for _ in arms]
    shares = {
        arm: round(weight / (sum(weights) + 1), 3)
        for arm, weight in zip(arms, weights, strict=True)
    }
    measured: dict[str, Any] = chance.choice(
        ({"event": "done"}, {"event": "done"}, {"metric": "revenue"}, {"metric": "purchase_count"},
         {"metric": "session_count"})
    )  # fmt: skip
    experiment = Experiment(name, shares, days=chance.choice((1, 7, 14, 30)), **measured)
    rates = {arm: chance.choice((0.01, 0.1, 0.3, 0.5)) for arm in arms}
    for number in range(chance.choice((20, 80, 250, 700))):
        arm = chance.choices(arms, weights)[0]
        assigned_at = AS_OF - timedelta(seconds=chance.randrange(86400 * 60))
        one = Person(f"{name} {number}", arm, assigned_at)

        def when(at: datetime = assigned_at) -> datetime:
            span = chance.choice((1, 5, 40))
            return min(at + timedelta(seconds=chance.randrange(-86400, span * 86400)), AS_OF)

        for _ in range(3):
            if chance.random() < rates[arm]:
                one.done += [("done", when()), (chance.choice(("done", "other")), when())]
                amount = Decimal(chance.randrange(5, 4500)) / 5
                one.invoices += [(when(), amount), (when(), -amount / 10)]
                one.refunds += [(when(), amount / 2)] * chance.randrange(2)
                one.orders.append(when())
                one.sessions += [when(), when()]
        experiment.people.append(one)
    return experiment


def check(experiment: Experiment, arm: str, row: Any) -> None:
    """Compares a row of experiment_lift with what SciPy and statsmodels say."""
    treated, control = experiment.outcomes(arm), experiment.outcomes(experiment.control)
    assigned = Counter(one.arm for one in experiment.people)
    assert (row.assigned_count, row.control_assigned_count) == (
        assigned[arm], assigned[experiment.control]
    )  # fmt: skip
    assert (row.sample_size, row.control_sample_size) == (len(treated), len(control))
    assert row.is_complete == all(map(experiment.ended, experiment.people))

    expected = [
        share * sum(assigned.values()) / sum(experiment.shares.values())
        for share in experiment.shares.values()
    ]
    ratio = None
    if min(expected) >= 5:
        ratio = stats.chisquare([assigned[one] for one in experiment.shares], expected).pvalue
    near(row.sample_ratio_p_value, ratio)
    assert row.has_sample_ratio_mismatch == (None if ratio is None else bool(ratio < 0.001))

    if experiment.event:
        rate(row, treated, control)
    else:
        metric(row, treated, control)
    assert row.is_significant == (None if row.p_value is None else row.p_value < 0.05)
    assert (row.p_value is None) == ("no p-value" in (row.note or ""))


def near(found: Decimal | None, expected: float | None) -> None:
    """Equal but for rounding to eight decimals."""
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert float(found) == pytest.approx(expected, abs=1.1e-8, rel=1e-12)


def rate(row: Any, treated: list[float], control: list[float]) -> None:
    counts, sizes = (int(sum(treated)), int(sum(control))), (len(treated), len(control))
    assert (row.conversion_count, row.control_conversion_count) == counts
    near(row.conversion_rate, counts[0] / sizes[0])
    near(row.control_conversion_rate, counts[1] / sizes[1])
    near(row.difference, counts[0] / sizes[0] - counts[1] / sizes[1])
    low, high = confint_proportions_2indep(
        counts[0], sizes[0], counts[1], sizes[1], method="newcomb", compare="diff"
    )
    near(row.difference_lower, low)
    near(row.difference_upper, high)
    pooled = sum(counts) / sum(sizes)
    is_enough = min(sizes) * min(pooled, 1 - pooled) >= 5
    near(row.p_value, proportions_ztest(counts, sizes)[1] if is_enough else None)


def metric(row: Any, treated: list[float], control: list[float]) -> None:
    assert float(row.metric_mean) == pytest.approx(np.mean(treated), abs=1e-4)
    assert float(row.control_metric_mean) == pytest.approx(np.mean(control), abs=1e-4)
    assert float(row.metric_deviation) == pytest.approx(np.std(treated, ddof=1), abs=1e-4)
    assert float(row.control_metric_deviation) == pytest.approx(np.std(control, ddof=1), abs=1e-4)
    near(row.difference, float(np.mean(treated) - np.mean(control)))
    if min(len(treated), len(control)) < 30 or np.std(treated) == np.std(control) == 0:
        assert (row.p_value, row.difference_lower, row.difference_upper) == (None, None, None)
        return
    welch = stats.ttest_ind(treated, control, equal_var=False).statistic
    near(row.p_value, 2 * stats.norm.sf(abs(welch)))
    both = CompareMeans(DescrStatsW(treated), DescrStatsW(control))
    low, high = both.zconfint_diff(usevar="unequal")
    near(row.difference_lower, low)
    near(row.difference_upper, high)


def test_random_experiments_are_judged_as_statsmodels_does(warehouse: Warehouse) -> None:
    chance = random.Random(20260701)
    experiments = [at_random(chance, f"experiment {n}") for n in range(30)]
    land(warehouse, experiments)
    lift = warehouse.lift()
    assert lift.keys() == {
        (one.name, arm) for one in experiments for arm in one.shares if arm != one.control
    }
    for one in experiments:
        for arm in list(one.shares)[1:]:
            check(one, arm, lift[one.name, arm])
    assert {row.is_significant for row in lift.values()} == {True, False, None}


HALVES = {"control": 0.5, "a": 0.5}
LONG_AGO = AS_OF - 50 * DAY


def of_counts(
    name: str,
    control: tuple[int, int],
    treated: tuple[int, int],
    assigned_at: datetime = LONG_AGO,
) -> Experiment:
    """An experiment in which so many of so many did the event, a day later."""
    people = [
        Person(f"{name} {arm} {n}", arm, assigned_at,
               done=[("done", assigned_at + DAY)] if n < converted else [])
        for arm, (converted, size) in (("control", control), ("a", treated)) for n in range(size)
    ]  # fmt: skip
    return Experiment(name, HALVES, event="done", people=people)


def of_orders(name: str, control: list[int], treated: list[int]) -> Experiment:
    """An experiment whose members made so many orders, a day later."""
    people = [
        Person(f"{name} {arm} {n}", arm, LONG_AGO, orders=[LONG_AGO + DAY] * orders)
        for arm, each in (("control", control), ("a", treated)) for n, orders in enumerate(each)
    ]  # fmt: skip
    return Experiment(name, HALVES, metric="purchase_count", people=people)


FEW = "too few members to compare the sizes of the arms with their shares"
RARE = "no p-value: fewer than 5 conversions, or 5 without, are to be expected in one of the arms"
SMALL = "no p-value and interval: fewer than 30 members in one of the arms"
ALIKE = "no p-value and interval: within each arm all members have the same value"
MISMATCH = (
    "the sizes of the arms do not fit their shares: find out why before believing the difference"
)
EDGES: dict[str, tuple[Experiment, str | None]] = {
    one.name: (one, note)
    for one, note in [
        (of_counts("usual", (20, 100), (35, 100)), None),
        (of_counts("the same", (20, 100), (20, 100)), None),
        (of_counts("nobody", (0, 100), (0, 100)), RARE),
        (of_counts("everybody", (100, 100), (100, 100)), RARE),
        (of_counts("none against many", (0, 100), (30, 100)), None),
        (of_counts("all against none", (0, 100), (100, 100)), None),
        (of_counts("just enough", (3, 100), (7, 100)), None),
        (of_counts("just too few", (3, 100), (6, 100)), RARE),
        (of_counts("one and one", (0, 1), (1, 1)), f"{RARE}; {FEW}"),
        (of_counts("nine in all", (0, 4), (1, 5)), f"{RARE}; {FEW}"),
        (of_counts("ten in all", (0, 5), (1, 5)), RARE),
        (of_counts("uneven", (90, 300), (30, 200)), MISMATCH),
        (of_counts("uneven by chance", (90, 280), (30, 220)), None),
        (of_orders("thirty", [0, 1, 2] * 10, [1, 2, 3] * 10), None),
        (of_orders("twenty-nine", [0, 1, 2] * 10, [1, 2, 3] * 9 + [1, 2]), SMALL),
        (of_orders("only one", [0, 1, 2] * 10, [1]), f"{SMALL}; {MISMATCH}"),
        (of_orders("no orders", [0] * 50, [0] * 50), ALIKE),
        (of_orders("constant in one", [2] * 50, [0, 3] * 25), None),
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def edges(warehouse: Warehouse) -> dict[tuple[str, str], Any]:
    land(warehouse, [experiment for experiment, _ in EDGES.values()])
    return warehouse.lift()


@pytest.mark.filterwarnings("ignore:Precision loss occurred")  # all of one arm are alike
@pytest.mark.parametrize("name", [name for name in EDGES if name != "only one"])
def test_at_the_edges_too(edges: dict[tuple[str, str], Any], name: str) -> None:
    experiment, note = EDGES[name]
    check(experiment, "a", edges[name, "a"])
    assert edges[name, "a"].note == note


def test_the_difference_relative_to_the_control_is_null_where_it_has_none(edges: Any) -> None:
    near(edges["usual", "a"].relative_difference, 0.15 / 0.2)
    assert edges["none against many", "a"].relative_difference is None
    near(edges["constant in one", "a"].relative_difference, (1.5 - 2) / 2)


def test_one_member_has_no_deviation(edges: Any) -> None:
    row = edges["only one", "a"]
    assert (row.metric_mean, row.metric_deviation, row.p_value) == (1, None, None)
    assert row.note == f"{SMALL}; {MISMATCH}"


def test_nothing_is_said_before_a_window_has_passed(warehouse: Warehouse) -> None:
    waiting = of_counts("waiting", (0, 40), (0, 40), AS_OF - 14 * DAY + SECOND)
    ended = of_counts("ended", (10, 40), (20, 40), AS_OF - 14 * DAY)
    later = of_counts("later", (10, 40), (20, 40), AS_OF + SECOND)
    land(warehouse, [waiting, ended, later])
    lift = warehouse.lift()
    row = lift["waiting", "a"]
    assert (row.assigned_count, row.sample_size, row.control_sample_size) == (40, 0, 0)
    assert (row.conversion_rate, row.difference, row.p_value, row.is_significant) == (None,) * 4
    assert (row.is_complete, row.has_sample_ratio_mismatch) == (False, False)
    assert row.note == "no window has passed yet in one of the arms"
    row = lift["ended", "a"]
    assert (row.sample_size, row.conversion_count, row.is_complete) == (40, 20, True)
    # Assigned after the instant: when it ran, there was nobody.
    row = lift["later", "a"]
    assert (row.assigned_count, row.sample_size, row.is_complete) == (0, 0, False)
    assert row.note == f"no window has passed yet in one of the arms; {FEW}"


def test_a_window_begins_after_the_assignment_and_ends_with_its_last_second(
    warehouse: Warehouse,
) -> None:
    moments = {
        "at the assignment": (timedelta(0), 0),
        "a second later": (SECOND, 1),
        "the same day, earlier": (-SECOND, 0),
        "in the middle": (7 * DAY, 1),
        "at the end": (14 * DAY, 1),
        "a second after the end": (14 * DAY + SECOND, 0),
    }
    assigned_at = LONG_AGO + timedelta(hours=10)
    people = []
    for moment, (after, _) in moments.items():
        at = assigned_at + after
        people.append(
            Person(moment, "a", assigned_at, done=[("done", at), ("other", assigned_at + DAY)],
                   invoices=[(at, Decimal(5))], refunds=[(at, Decimal(2))], orders=[at],
                   sessions=[at])
        )  # fmt: skip
    people.append(
        # Before and after the window, each on a day that is partly in it.
        Person("around it", "a", assigned_at,
               done=[("done", assigned_at - SECOND), ("done", assigned_at + 14 * DAY + SECOND)])
    )  # fmt: skip
    measured: list[dict[str, Any]] = [
        {"event": "done"}, {"metric": "purchase_count"}, {"metric": "session_count"},
        {"metric": "revenue"},
    ]  # fmt: skip
    for what in measured:
        land(warehouse, [Experiment("windows", HALVES, people=people, **what)])
        warehouse.lift()
        found = warehouse.rows("select customer_id, outcome from analytics.experiment_members")
        times = 3 if what == {"metric": "revenue"} else 1
        expected = {moment: times * counts for moment, (_, counts) in moments.items()}
        assert dict(map(tuple, found)) == {**expected, "around it": 0}


def test_each_person_counts_once_by_who_they_are_now(warehouse: Warehouse) -> None:
    early, late = LONG_AGO, LONG_AGO + 5 * DAY
    after_early_only = [("done", early + 15 * DAY)]
    people = [
        # Two who became one: the first assignment counts, and what the survivor did.
        Person("gone", "a", early, done=[]),
        Person("survivor", "a", late, done=[("done", early + DAY)]),
        # Two of different arms who became one.
        Person("gone from a", "a", early),
        Person("of control", "control", late, done=after_early_only),
        # Gone into somebody who was not in it.
        Person("gone into a stranger", "control", early),
        # A part of theirs went elsewhere; they are still there.
        Person("still there", "control", early, done=[("done", early + DAY)]),
        # In two audiences of the experiment.
        Person("twice", "control", late), Person("twice", "control", early, done=after_early_only),
        # Of an arm that the seed does not have any more.
        Person("removed", "b", early),
        # Did it, but is in nothing.
    ]  # fmt: skip
    land(warehouse, [Experiment("people", HALVES, event="done", people=people)])
    warehouse.land(
        "segments.int_segments__successors",
        [
            {"entity": entity, "from_entity_id": origin, "to_entity_id": to, "is_gone": gone,
             "position": position}
            for entity, origin, to, gone, position in [
                ("customer", "gone", "survivor", True, 1),
                ("customer", "gone", "of control", True, 2),
                ("customer", "gone from a", "of control", True, 1),
                ("customer", "gone into a stranger", "stranger", True, 1),
                ("customer", "still there", "removed", False, 1),
                ("account", "twice", "survivor", True, 1),
            ]
        ],
    )  # fmt: skip
    row = warehouse.lift()["people", "a"]
    members = warehouse.rows(
        "select customer_id, arm, outcome, assigned_at from analytics.experiment_members"
    )
    assert {tuple(member) for member in members} == {
        ("survivor", "a", 1, early),
        ("of control", None, None, early),
        ("stranger", "control", 0, early),
        ("still there", "control", 1, early),
        ("twice", "control", 0, early),
        ("removed", None, None, early),
    }
    assert (row.assigned_count, row.control_assigned_count, row.excluded_count) == (1, 3, 2)
    assert (row.conversion_count, row.control_conversion_count) == (1, 1)


def test_what_has_no_source_is_not_measured(warehouse: Warehouse) -> None:
    land(warehouse, [of_counts("of events", (5, 40), (5, 40)), of_orders("of orders", [1], [0])])
    without = {**SOURCES, "events": "none", "billing": "none"}
    lift = warehouse.lift(strata_sources=without)
    for name in ("of events", "of orders"):
        row = lift[name, "a"]
        assert row.sample_size > 0
        assert (row.conversion_count, row.metric_mean, row.difference, row.p_value) == (None,) * 4
        assert row.note.startswith("not measured: the domain of the conversion has no source")


# What a run says of wrong experiments

GOOD: dict[str, Any] = {
    "salt": "s", "description": "d", "owner": "o", "starts_at": AS_OF, "conversion_event": "done",
    "conversion_days": 7,
}  # fmt: skip
CONTROL = {"arm": "control", "share": 0.5, "is_control": True}
TREATED = {"arm": "treated", "share": 0.4, "is_control": False}
EVENTS = {
    "reference.product_features": ["project_created", "done"],
    "reference.onboarding_steps": ["joined"],
    "customer_360.fct_daily_activity": ["done", "report_exported"],
}
BOTH: list[dict[str, Any]] = [CONTROL, TREATED]
WRONG: list[tuple[dict[str, Any], list[dict[str, Any]], str]] = [
    ({"conversion_event": "projekt_created"}, BOTH,
     "the conversion_event 'projekt_created', which nobody did yet and the seeds product_features "
     "and onboarding_steps do not list. The nearest: project_created, report_exported, joined. "
     "Accepted: done, joined, project_created, report_exported."),
    ({"conversion_event": None, "conversion_metric": "renevue"}, BOTH,
     "the conversion_metric 'renevue'. Accepted: revenue, purchase_count, session_count."),
    ({"conversion_metric": "revenue"}, BOTH,
     "both of conversion_event and conversion_metric. It takes one of them."),
    ({"conversion_event": None}, BOTH,
     "neither of conversion_event and conversion_metric. It takes one of them."),
    ({"conversion_days": 0}, BOTH, "the conversion_days 0. It takes a whole number from 1."),
    ({"ends_at": AS_OF}, BOTH,
     "the ends_at 2026-07-01 00:00:00. It takes an instant after starts_at, 2026-07-01 00:00:00."),
    ({}, [CONTROL], "1 arms in experiment_arms.csv. It takes 2 to 10."),
    ({}, [TREATED, TREATED], "no arm with is_control. It takes exactly one arm."),
    ({}, [CONTROL, CONTROL], "control, control with is_control. It takes exactly one arm."),
    ({}, [CONTROL, TREATED, TREATED], "shares that are 1.300000 together. They are at most 1."),
    ({}, [CONTROL, TREATED | {"share": 0}],
     "the arm 'treated' with the share 0.000000. It takes a name and a share above 0."),
]  # fmt: skip


def seed(
    warehouse: Warehouse, experiments: Iterable[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> None:
    """Experiments and their arms, named by their numbers, and the events that there are."""
    named = [(f"number {n}", *one) for n, one in enumerate(experiments)]
    warehouse.land(
        "reference.experiments",
        [GOOD | given | {"experiment_id": name} for name, given, _ in named],
    )
    warehouse.land(
        "reference.experiment_arms",
        [
            arm | {"experiment_id": name, "is_delivered": True}
            for name, _, arms in named
            for arm in arms
        ],
    )
    for table, names in EVENTS.items():
        warehouse.land(table, [{"event_name": name} for name in names])


def test_wrong_experiments_stop_a_run_and_are_named(warehouse: Warehouse) -> None:
    seed(warehouse, [(given, arms) for given, arms, _ in WRONG])
    with pytest.raises(NodesFailed) as error:
        warehouse.dbt.run("test", ["experiments_can_run"])
    said = str(error.value).removeprefix("experiments_can_run: ").splitlines()
    assert sorted(said) == sorted(
        f"The experiment 'number {n}' (seeds/reference/experiments.csv) has {words}"
        for n, (*_, words) in enumerate(WRONG)
    )


def test_right_experiments_run(warehouse: Warehouse) -> None:
    names = {name for names in EVENTS.values() for name in names}
    right: list[dict[str, Any]] = [{"conversion_event": name} for name in sorted(names)]
    metrics: list[dict[str, Any]] = [
        {"conversion_event": None, "conversion_metric": name}
        for name in ("revenue", "purchase_count", "session_count")
    ]
    seed(warehouse, [(given, BOTH) for given in [*right, *metrics]])
    warehouse.dbt.run("test", ["experiments_can_run"])


def test_without_a_source_of_events_no_event_is_wrong(warehouse: Warehouse) -> None:
    seed(warehouse, [({"conversion_event": "whatever"}, BOTH)])
    sources = SOURCES | {"events": "none"}
    warehouse.dbt.run("test", ["experiments_can_run"], strata_sources=sources)
