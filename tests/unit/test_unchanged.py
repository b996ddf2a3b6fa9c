"""What a refresh leaves as it was, of a small project over two raw tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from orchestration import run_records, unchanged
from orchestration.errors import UsageError
from orchestration.warehouse import duckdb_engine

MIDNIGHT = datetime(2026, 7, 1)
DAY = timedelta(hours=24)
LOADED = "2026-06-30 20:00:00"


def _macro(*called: str) -> Any:
    return SimpleNamespace(
        depends_on=SimpleNamespace(macros=[f"macro.strata.{one}" for one in called])
    )


def _node(
    kind: str, name: str, *parents: str, macros: tuple[str, ...] = (), folder: str = "staging",
    materialized: str = "table", severity: str = "ERROR",
) -> Any:  # fmt: skip
    depends_on = SimpleNamespace(macros=[f"macro.strata.{one}" for one in macros])
    if kind != "seed":
        depends_on.nodes = list(parents)
    return SimpleNamespace(
        name=name, resource_type=kind, schema="built", alias=name, fqn=["strata", folder, name],
        depends_on=depends_on, config=SimpleNamespace(materialized=materialized, severity=severity),
    )  # fmt: skip


CRM, BILLING = "source.strata.crm.contact", "source.strata.billing.invoice"
STAGED, PAID = "model.strata.contacts", "model.strata.invoices"
NODES = {
    "seed.strata.rates": _node("seed", "rates"),
    STAGED: _node("model", "contacts", CRM, macros=("staging_interface",)),
    PAID: _node("model", "invoices", BILLING, "seed.strata.rates", macros=("staging_interface",)),
    "model.strata.arrivals": _node("model", "arrivals", CRM, materialized="incremental"),
    "model.strata.cleaned": _node("model", "cleaned", STAGED, folder="features"),
    "model.strata.recent": _node(
        "model", "recent", STAGED, macros=("days_ago",), folder="features"
    ),
    "model.strata.seen": _node(
        "model", "seen", STAGED, folder="features", materialized="incremental"
    ),
    "model.strata.joined": _node("model", "joined", STAGED, PAID, folder="features"),
    "model.strata.history": _node("model", "history", "source.strata.published.stays"),
    "test.strata.key": _node("test", "key", STAGED),
    "test.strata.warning": _node("test", "warning", STAGED, severity="warn"),
    "test.strata.both": _node("test", "both", STAGED, "model.strata.recent"),
    "test.strata.dated": _node("test", "dated", STAGED, macros=("days_ago",)),
    "test.strata.of_nothing": _node("test", "of_nothing"),
}


@dataclass
class Company:
    """A warehouse, and what dbt knows of the project."""

    warehouse: sa.Engine
    manifest: Any
    variables: dict[str, Any] = field(default_factory=lambda: {"strata_sources": {"crm": "crm"}})

    def rendered(self, template: str, as_of: str) -> str:
        """The raw tables; the end of a trial is the only time that the instant can pass."""
        since = template.split("(")[1].split(")", maxsplit=1)[0]
        passed = f"trial > timestamp {since} and trial <= timestamp '{as_of}'"
        return " union all ".join(
            f"select '{system}' as source_system, '{table}' as table_name, count(*) as row_count, "
            "count(loaded) as loaded_count, max(loaded) as last_loaded_at, "
            f"coalesce(max(case when {passed if since != 'none' else 'false'} then 1 end), 0) "
            f"as passed from raw.{table}"
            for system, table in (("crm", "contact"), ("billing", "invoice"))
        )

    def execute(self, sql: str) -> None:
        with self.warehouse.begin() as connection:
            connection.exec_driver_sql(sql)

    def refresh(self, as_of: datetime, longest: timedelta = DAY) -> unchanged.Unchanged:
        """What a refresh that goes well finds and notes."""
        dbt: Any = self
        found = unchanged.look(dbt, self.warehouse, as_of, "run", longest)
        with self.warehouse.begin() as connection:
            unchanged.forget(connection)
            unchanged.remember(connection, found)
        return found


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    warehouse = duckdb_engine(tmp_path / "warehouse.duckdb")
    with warehouse.begin() as connection:
        run_records.make_tables(connection)
        connection.exec_driver_sql("create schema raw")
        connection.exec_driver_sql("create schema built")
        for table in ("contact", "invoice"):
            connection.exec_driver_sql(
                f"create table raw.{table} as select 1 as id, timestamp '{LOADED}' as loaded, "
                "timestamp '2026-07-03 12:00:00' as trial"
            )
        for node in NODES.values():
            if node.resource_type != "test":
                connection.exec_driver_sql(f"create table built.{node.alias} as select 1 as id")
    sources = {
        one: SimpleNamespace(source_name=one.split(".")[2], name=one.split(".")[3])
        for one in (CRM, BILLING, "source.strata.published.stays")
    }
    macros = {
        "macro.strata.as_of_text": _macro(),
        "macro.strata.as_of": _macro("as_of_text"),
        "macro.strata.days_ago": _macro("as_of"),
        "macro.strata.staging_interface": _macro("as_of"),
    }
    metadata = SimpleNamespace(dbt_version="1.11")
    manifest = SimpleNamespace(nodes=NODES, sources=sources, macros=macros, metadata=metadata)
    yield Company(warehouse, manifest)
    warehouse.dispose()


EVERYTHING = {
    "seed.strata.rates", STAGED, PAID, "model.strata.arrivals", "model.strata.cleaned",
    "model.strata.joined", "test.strata.key",
}  # fmt: skip


def test_the_first_refresh_builds_everything_and_the_next_what_asks_for_the_instant(
    company: Company,
) -> None:
    first = company.refresh(MIDNIGHT)
    assert (first.nodes, first.systems) == ([], [])
    second = company.refresh(MIDNIGHT + timedelta(hours=1))
    assert set(second.nodes) == EVERYTHING
    assert second.nodes.index(STAGED) < second.nodes.index("model.strata.cleaned")
    assert second.nodes.index("seed.strata.rates") < second.nodes.index(PAID)
    assert second.systems == ["billing", "crm"]
    assert second.since == MIDNIGHT


@pytest.mark.parametrize(
    "change",
    [
        "insert into raw.contact select 2, timestamp '2026-06-30 21:00:00', null",
        "update raw.contact set loaded = timestamp '2026-06-30 21:00:00'",
        "delete from raw.contact",
        "update raw.contact set loaded = null",
        "drop table built.contacts",
    ],
)
def test_a_change_of_one_source_builds_its_branch(company: Company, change: str) -> None:
    company.refresh(MIDNIGHT)
    company.execute(change)
    found = company.refresh(MIDNIGHT + timedelta(hours=1))
    assert STAGED not in found.nodes
    assert {"model.strata.joined", "model.strata.cleaned"}.isdisjoint(found.nodes)
    assert PAID in found.nodes


def test_rows_that_do_not_say_when_they_were_loaded_are_read_each_time(company: Company) -> None:
    company.execute("update raw.contact set loaded = null")
    for hour in range(3):
        found = company.refresh(MIDNIGHT + timedelta(hours=hour))
        assert STAGED not in found.nodes


def test_a_time_that_the_instant_passes_builds_its_branch_once(company: Company) -> None:
    company.execute("update raw.contact set trial = timestamp '2026-07-01 00:30:00'")
    company.refresh(MIDNIGHT)
    assert STAGED not in company.refresh(MIDNIGHT + timedelta(minutes=30)).nodes
    assert STAGED in company.refresh(MIDNIGHT + timedelta(hours=1)).nodes


def test_it_is_built_after_so_many_hours_all_the_same(company: Company) -> None:
    company.refresh(MIDNIGHT)
    built = [
        bool(company.refresh(MIDNIGHT + timedelta(hours=hour)).nodes) for hour in range(6, 49, 6)
    ]
    assert built == [True, True, True, False, True, True, True, False]
    assert not company.refresh(MIDNIGHT + timedelta(hours=49), timedelta(0)).nodes


def test_an_earlier_instant_another_choice_of_systems_and_a_run_cut_off_build_everything(
    company: Company,
) -> None:
    company.refresh(MIDNIGHT)
    assert not company.refresh(MIDNIGHT - timedelta(hours=1)).nodes
    company.variables = {"strata_sources": {"crm": "generic"}}
    assert not company.refresh(MIDNIGHT).nodes
    assert company.refresh(MIDNIGHT).nodes
    with company.warehouse.begin() as connection:
        unchanged.forget(connection)
    assert not company.refresh(MIDNIGHT).nodes


@pytest.mark.parametrize("given", [None, -1, 1.5, "24", True])
def test_a_wrong_number_of_hours_is_refused(given: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "project_vars", lambda: {"rebuild_unchanged_after_hours": given})
    with pytest.raises(UsageError, match=r"rebuild_unchanged_after_hours is .* whole number"):
        unchanged.longest()


def test_macros_that_ask_are_those_of_the_project() -> None:
    macros = Path(unchanged.__file__).parents[1] / "macros"
    for name in unchanged.ASKS_FOR_THE_RUN:
        found = list(macros.rglob(f"{name.rsplit('.', 1)[-1]}.sql"))
        assert len(found) == 1, name
