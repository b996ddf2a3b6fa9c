"""The tables that a managed loader really lands, read without changing a name or a type.

The files are the loader's own examples of its tables. What is expected of them was read off
the files by hand.
"""

import gzip
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from staging_kit import Staged, engine_of, money, stage

pytestmark = pytest.mark.slow

SYSTEMS = ("hubspot", "stripe", "zendesk", "qualtrics")
SOURCES = {
    "crm": "hubspot",
    "billing": "stripe",
    "events": "none",
    "support": "zendesk",
    "survey": "qualtrics",
}
AS_OF = "2024-01-01T00:00:00Z"
POSTGRES_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision"}


def tables(test_data: Path, system: str) -> dict[str, Path]:
    """The files of a system by the name of the table that each one holds."""
    files = sorted((test_data / f"fivetran_{system}").glob("*.csv.gz"))
    return {file.name.removesuffix(".csv.gz").removesuffix("_data"): file for file in files}


def land_on_duckdb(path: Path, test_data: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        for system in SYSTEMS:
            connection.execute(f"create schema raw_{system}")
            for table, file in tables(test_data, system).items():
                connection.execute(
                    f"""create table raw_{system}."{table}" as select * from read_csv('{file}')"""
                )


def land_on_postgres(engine: sa.Engine, test_data: Path) -> None:
    """The same files, in the types that DuckDB's reader makes of them."""
    raw = engine.raw_connection()
    cursor = raw.cursor()
    for system in SYSTEMS:
        cursor.execute(f"create schema raw_{system}")
        for table, file in tables(test_data, system).items():
            described = duckdb.execute(f"describe select * from read_csv('{file}')").fetchall()
            columns = ", ".join(
                f'"{name}" {POSTGRES_TYPES.get(kind, kind)}' for name, kind, *_ in described
            )
            cursor.execute(f'create table raw_{system}."{table}" ({columns})')
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                cursor.copy_expert(
                    f"""copy raw_{system}."{table}" from stdin with (format csv, header)""", lines
                )
    raw.commit()
    raw.close()


@pytest.fixture(scope="module")
def on_duckdb(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """Staging with its data tests, which hold the keys unique."""
    path = tmp_path_factory.mktemp("fixtures") / "x.duckdb"
    land_on_duckdb(path, test_data)
    return stage(path, SOURCES, AS_OF, with_tests=True)


@pytest.fixture(scope="module")
def on_postgres(
    test_data: Path,
    postgres_cluster: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Staged:
    name = "fixtures_" + os.urandom(4).hex()
    admin = engine_of(postgres_cluster).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    settings = {**postgres_cluster, "STRATA_POSTGRES_DATABASE": name}
    engine = engine_of(settings)
    land_on_postgres(engine, test_data)
    engine.dispose()
    return stage(
        tmp_path_factory.mktemp("fixtures") / "x.duckdb", SOURCES, AS_OF, settings=settings
    )


def test_every_row_that_counts_is_there(on_duckdb: Staged) -> None:
    assert {name: len(rows) for name, rows in on_duckdb.items() if rows} == {
        # 22 contacts, 3 of which the first one lists as merged into it.
        "stg_crm__contacts": 19,
        "stg_crm__accounts": 24,
        "stg_crm__deals": 44,
        # 4 of the audit and those 3.
        "stg_crm__merges": 7,
        "stg_billing__customers": 12,
        "stg_billing__subscriptions": 2,
        "stg_billing__subscription_changes": 2,
        # 2 invoices, one in test mode; the credit notes are of invoices that are not there.
        "stg_billing__invoices": 1,
        # 16 charges and 11 intents that none of them belongs to.
        "stg_billing__payments": 27,
        "stg_billing__refunds": 4,
        # 10 tickets, 2 deleted.
        "stg_support__tickets": 8,
        # No answer is of a response that is there, and none of those was finished: 0.
    }


def test_contacts_merged_away_are_in_merges_instead(on_duckdb: Staged) -> None:
    merged = {
        r["merged_id"]: (r["surviving_id"], r["merged_at"]) for r in on_duckdb["stg_crm__merges"]
    }
    assert merged == {
        "11111": ("5555", datetime(2019, 10, 8, 15, 50, 57)),
        "7777": ("4444", datetime(2019, 9, 3, 15, 39, 29)),
        "8888": ("3333", datetime(2019, 11, 20, 20, 17, 59)),
        "9999": ("2222", datetime(2019, 12, 10, 18, 14, 34)),
        "76340251": ("78971951", None),
        "46897301": ("78971951", None),
        "76226001": ("78971951", None),
    }
    assert not merged.keys() & {r["contact_id"] for r in on_duckdb["stg_crm__contacts"]}
    row = on_duckdb.one("stg_crm__contacts", "78971951")
    assert row["created_at"] == datetime(2021, 4, 1, 17, 32, 47)
    assert row["loaded_at"] == datetime(2021, 4, 2, 11, 16, 5)


def test_companies_keep_their_names_and_numbers(on_duckdb: Staged) -> None:
    row = on_duckdb.one("stg_crm__accounts", "2258956513")
    assert (row["country"], row["annual_revenue"]) == ("United Kingdom", money("10000000.00"))


def test_amounts_are_in_dollars_not_cents(on_duckdb: Staged) -> None:
    payment = on_duckdb.one("stg_billing__payments", "ch_0IMD9Yig6peNXzgDUvMKMSla")
    assert (payment["amount"], payment["status"]) == (money("40.71"), "failed")
    intent = on_duckdb.one("stg_billing__payments", "pi_0IEq0wig6peNXzgD0BPTgrg3")
    assert (intent["amount"], intent["status"]) == (money("141.54"), "succeeded")
    refund = on_duckdb.one("stg_billing__refunds", "re_0IMKOqig6peNXzgDKcwfyQvJ")
    assert refund["amount"] == money("15412.21")
    invoice = on_duckdb.one("stg_billing__invoices", "ab1111")
    assert (invoice["amount"], invoice["billing_customer_id"]) == (money("10.00"), "sdgfs84854")


def test_a_subscription_costs_what_its_plan_says_for_a_month(on_duckdb: Staged) -> None:
    found = {
        r["subscription_id"]: (r["plan"], r["quantity"], r["mrr"], r["status"], r["ended_at"])
        for r in on_duckdb["stg_billing__subscriptions"]
    }
    ended = datetime(2021, 2, 19, 14, 16, 37)
    assert found == {
        "sdgfs4536": ("zb1", 1, money("1500.00"), "canceled", ended),
        "sfjytkyu876": ("ab2", 2, money("3000.00"), "canceled", ended),
    }


def test_a_deleted_customer_keeps_only_its_id(on_duckdb: Staged) -> None:
    named = {r["billing_customer_id"]: r["name"] for r in on_duckdb["stg_billing__customers"]}
    assert named["cus_IuKuZJLG9mNRn2"] is None
    assert named["cus_ImVzJQmSlYHjZL"] == "a0d47e7c5acc1069de81fd0ac370d10f"


def test_a_ticket_has_the_last_status_of_its_history(on_duckdb: Staged) -> None:
    assert not {"1595", "11013"} & {r["ticket_id"] for r in on_duckdb["stg_support__tickets"]}
    row = on_duckdb.one("stg_support__tickets", "11071")
    assert (row["status"], row["priority"], row["email"]) == (
        "closed",
        "urgent",
        "example@email.com",
    )
    assert row["solved_at"] == datetime(2020, 11, 14, 11, 1, 27)


@pytest.mark.postgres
def test_postgres_reads_the_same_files_the_same(on_duckdb: Staged, on_postgres: Staged) -> None:
    for name, rows in on_duckdb.items():
        assert sorted(map(str, on_postgres[name])) == sorted(map(str, rows)), name
