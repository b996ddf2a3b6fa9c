"""Olist's orders: a customer id for each order, people found by identity resolution."""

from pathlib import Path

import duckdb
import pytest
from project import ONLY_BILLING, PROJECT_DIR, Project, edited_sources

AS_OF = "2018-10-20T00:00:00Z"
LAST_LOAD = "2018-10-18 00:00:00"  # in Brasilia, three hours behind UTC

# Orders hold no amount: an order is worth what was paid for it. What was paid for orders that
# were cancelled later is in the data, too, and nothing says that it was paid back.
VIEWS = """
    create schema raw_generic;

    create table raw_generic.orders as
    select orders.*, customers.customer_unique_id, payments.paid
    from '{data}/orders_sample.parquet' as orders
    inner join '{data}/customers_sample.parquet' as customers using (customer_id)
    left join (
        select order_id, sum(payment_value) as paid
        from '{data}/order_payments_full.parquet'
        group by order_id
    ) as payments using (order_id);

    create view raw_generic.customers as
    select customer_id as billing_customer_id, customer_unique_id as user_id, 'Brazil' as country
    from raw_generic.orders;

    create view raw_generic.invoices as
    select
        order_id as invoice_id,
        customer_id as billing_customer_id,
        coalesce(paid, 0) as amount,
        order_purchase_timestamp as issued_at
    from raw_generic.orders;

    create table raw_generic.payments as
    select
        payments.order_id || '-' || payments.payment_sequential as payment_id,
        payments.order_id as invoice_id,
        orders.customer_id as billing_customer_id,
        payments.payment_value as amount,
        'succeeded' as status,
        orders.order_purchase_timestamp as attempted_at,
        timestamp '{last_load}' as loaded_at
    from '{data}/order_payments_full.parquet' as payments
    inner join raw_generic.orders as orders using (order_id);
"""


@pytest.fixture(scope="module")
def olist(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Project:
    folder = tmp_path_factory.mktemp("olist")
    settings = (PROJECT_DIR / "dbt_project.yml").read_text()
    in_brasilia = settings.replace("source_time_zone: UTC", "source_time_zone: America/Sao_Paulo")
    assert in_brasilia != settings
    project = Project(
        folder, sources=edited_sources(folder / "sources", {"dbt_project.yml": in_brasilia})
    )
    with duckdb.connect(str(project.duckdb)) as connection:
        connection.execute(VIEWS.format(data=test_data / "olist", last_load=LAST_LOAD))
    done = project.strata("refresh", "--as-of", AS_OF, "--sources", ONLY_BILLING)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "refresh.txt").write_text(done.stderr)
    return project


def test_people_are_found_behind_the_ids_of_their_orders(olist: Project) -> None:
    assert olist.value("select count(*) from customer_360.customer_360") == 10713
    several = olist.value(
        """
        select count(*) from (
            select customer_id from identity.customer_identity_map
            where identifier_type = 'billing_customer_id'
            group by customer_id having count(*) > 1
        ) as people
        """
    )
    assert several == 51


def test_orders_amounts_and_times_of_each_person_equal_the_oracle(
    olist: Project, test_data: Path
) -> None:
    oracle = test_data / "oracles" / "olist_sample_customer360.parquet"
    differences = olist.rows(
        f"""
        with oracle as (
            select
                *,
                timezone('UTC', timezone('America/Sao_Paulo', first_order)) as first_at,
                timezone('UTC', timezone('America/Sao_Paulo', last_order)) as last_at
            from '{oracle}'
        ),

        people as (
            select identifiers.identifier_value as customer_unique_id, customers.*
            from customer_360.customer_360 as customers
            inner join identity.customer_identity_map as identifiers
                on customers.customer_id = identifiers.customer_id
                and identifiers.identifier_type = 'user_id'
        )

        select coalesce(people.customer_unique_id, oracle.customer_unique_id)
        from people
        full outer join oracle using (customer_unique_id)
        where people.purchase_count is distinct from oracle.orders
            or people.lifetime_revenue
                is distinct from cast(coalesce(oracle.paid, 0) as decimal(18, 2))
            or people.first_purchase_at is distinct from oracle.first_at
            or people.last_purchase_at is distinct from oracle.last_at
        """
    )
    assert differences == []


def test_payments_are_complete(olist: Project, test_data: Path) -> None:
    oracle = test_data / "oracles" / "olist_sample_customer360.parquet"
    assert olist.value("select sum(amount) from staging.stg_billing__payments") == olist.value(
        f"select cast(sum(paid) as decimal(18, 2)) from '{oracle}'"
    )


def test_a_table_that_was_loaded_two_days_before_the_instant_is_late(olist: Project) -> None:
    assert olist.rows(
        "select table_name, hours_behind, status from operations.source_freshness order by 1"
    ) == [("customers", None, "unknown"), ("invoices", None, "unknown"), ("payments", 45, "warn")]
    said = (olist.folder / "refresh.txt").read_text()
    assert "generic is late: last loaded before the instant: payments 45 hours ago" in said
