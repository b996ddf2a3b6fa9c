"""The comparison of the incremental benchmark sees what differs, and only that."""

from pathlib import Path

import duckdb

from benchmarks.incremental import compare

WAREHOUSE = """
    create schema identity;
    create schema features;
    create table identity.customer_identity_map as
    select 'email' as identifier_type, 'crm' as source_system, * from (
        values ('a@x.example', 'c1'), ('b@x.example', 'c2'), ('c@x.example', 'c2')
    ) as identifiers (identifier_value, customer_id);
    create table features.spent as
    select * from (values ('c1', 1.5, 7), ('c2', 2.5, 8)) as rows (customer_id, mrr, visits);
"""


def differences(folder: Path, change: str) -> tuple[str, dict[str, tuple[int, int, list[str]]]]:
    left, right = folder / "left.duckdb", folder / "right.duckdb"
    for path in (left, right):
        with duckdb.connect(str(path)) as connection:
            connection.execute(WAREHOUSE)
            if path == right:
                connection.execute(change)
    lines, found = compare(left, right, ["identity", "features"])
    return lines[0], {one.table: (one.only_left, one.only_right, one.columns) for one in found}


def test_the_same_rows_in_another_order_are_the_same(tmp_path: Path) -> None:
    reordered = """
        create or replace table features.spent as
        select * from features.spent order by customer_id desc
    """
    said, found = differences(tmp_path, reordered)
    assert found == {}
    assert said.endswith("the grouping into customers is the same.")


def test_a_changed_value_a_missing_and_a_doubled_row_are_found(tmp_path: Path) -> None:
    _, found = differences(
        tmp_path,
        """
        update features.spent set visits = 9 where customer_id = 'c2';
        insert into features.spent values ('c1', 1.5, 7);
        """,
    )
    assert found["features.spent"][:2] == (1, 2)
    assert "visits" in found["features.spent"][2]


def test_a_customer_of_another_name_is_no_difference(tmp_path: Path) -> None:
    renamed = """
        update identity.customer_identity_map set customer_id = 'c9' where customer_id = 'c2';
        update features.spent set customer_id = 'c9' where customer_id = 'c2';
    """
    said, found = differences(tmp_path, renamed)
    assert said.startswith("Identifiers whose customer has another name: 2;")
    assert found == {}


def test_another_grouping_is_one(tmp_path: Path) -> None:
    _, found = differences(
        tmp_path,
        "update identity.customer_identity_map set customer_id = 'c1' where customer_id = 'c2'",
    )
    assert "who is whom" in found
