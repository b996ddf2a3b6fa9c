"""The way from somebody's request to be forgotten to a warehouse that does not know them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from project import Project, places_of

# Of each type of identifier the columns of the demo's raw tables that hold it.
RAW_COLUMNS = {
    "contact_id": ("contact_id", "raw_hubspot.contact.id"),
    "billing_customer_id": ("customer_id", "raw_stripe.customer.id"),
    "user_id": ("user_id", "property_user_id", "external_id"),
    "anonymous_id": ("anonymous_id",),
    "email": ("email", "property_email", "recipient", "receipt_email"),
    "requester": ("raw_zendesk.ticket.requester_id", "raw_zendesk.ticket_comment.user_id"),
}
SEGMENT = "european_payers"
HISTORY = (
    "select stay_id, segment_id, entity_id, valid_from, valid_to, entry_reason, exit_reason "
    "from segments.segment_membership_history"
)
KEPT = (
    f"{HISTORY} where segment_id <> '{SEGMENT}' order by 1",
    "select segment_id, entity_id, entered_at from segments.segment_membership "
    f"where segment_id <> '{SEGMENT}' order by 1, 2",
    "select * from activation.experiment_assignments order by 1, 3",
    "select node, customer_id, valid_from, valid_to from identity.identity_assignments "
    "order by 1, 3",
    "select * from customer_360.customer_360 order by customer_id",
    "select * from activation.audience_playbook_events order by 1",
    f"select * from analytics.segment_trend where segment_id <> '{SEGMENT}' order by 1, 3",
    "select * from analytics.experiment_lift order by 1, 2",
)  # fmt: skip


@pytest.fixture
def project(demo: Project, tmp_path: Path) -> Project:
    return demo.copy(tmp_path / "run")


def ran(project: Project, *arguments: str) -> str:
    done = project.strata(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def delete_in_sources(project: Project, identifiers: Sequence[tuple[str, str]]) -> None:
    found = list(identifiers)
    for kind, value in identifiers:
        if kind == "email":
            found += project.rows(
                "select 'requester', cast(id as varchar) from raw_zendesk.user "
                "where lower(email) = :value",
                value=value,
            )
    for schema, table, column in project.rows(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema like 'raw^_%' escape '^'"
    ):
        values = [
            value for kind, value in found
            if {column, f"{schema}.{table}.{column}"} & {*RAW_COLUMNS.get(kind, ())}
        ]  # fmt: skip
        if values:
            listed = ", ".join(f"'{value}'" for value in values)
            project.execute(
                f"delete from {schema}.{table} where lower(cast({column} as varchar)) in ({listed})"
            )


def test_after_an_erasure_nothing_knows_the_person(project: Project) -> None:
    person = project.value(
        "select min(members.entity_id) from segments.segment_membership as members "
        "inner join activation.experiment_assignments as drawn "
        "on members.entity_id = drawn.entity_key "
        "inner join activation.sync_ledger as ledger on members.entity_id = ledger.entity_key "
        f"where members.segment_id = '{SEGMENT}' and ledger.sync_name = 'sync_champions_file'"
    )
    identifiers = project.rows(
        "select identifier_type, identifier_value from identity.identity_assignments "
        "where customer_id = :person",
        person=person,
    )
    email = dict(identifiers)["email"]
    syncs = project.rows(
        "select sync_name from activation.sync_ledger where entity_key = :person", person=person
    )
    erasing = ["erase", email, "--reason", "request 4512"]

    refused = project.strata(*erasing, "--yes")
    assert refused.returncode == 1
    assert "stg_crm__contacts has them from hubspot: contact:" in refused.stderr
    assert "the destination of sync_champions_file has them" in refused.stderr

    # Held all the while: what is published of it goes on naming them.
    ran(project, "hold", SEGMENT, "--reason", "looking at it")
    delete_in_sources(project, identifiers)
    ran(project, "refresh", "--full-refresh")
    for (sync,) in syncs:
        ran(project, "sync", sync)

    planned = ran(project, *erasing)
    assert "Nothing was erased" in planned
    assert places_of(project.engine(), [person, email]) != []
    before = [project.rows(query) for query in KEPT[4:]]
    sizes = project.rows(
        f"select segment_id, valid_from, count(*) from ({HISTORY}) as stays group by 1, 2"
    )
    ran(project, *erasing, "--yes")

    words = [person, *(value for kind, value in identifiers if kind in ("email", "phone"))]
    assert places_of(project.engine(), words) == []
    short = [value for _, value in identifiers]
    assert places_of(project.engine(), short, is_whole=True) == []
    files = [
        file for folder in ("target/data_docs", "deliveries")
        for file in (project.folder / folder).rglob("*") if file.is_file()
    ]  # fmt: skip
    assert len(files) > 50
    assert [file for file in files if any(word in file.read_text() for word in words)] == []
    again = project.strata(*erasing)
    assert again.returncode == 2
    assert f"Nothing is kept of '{email}'" in again.stderr
    assert before[0] == project.rows(KEPT[4])
    assert sorted(sizes) == sorted(
        project.rows(
            f"select segment_id, valid_from, count(*) from ({HISTORY}) as stays group by 1, 2"
        )
    )

    erased = [project.rows(query) for query in KEPT]
    assert erased[6:] == before[2:]
    ran(project, "release", SEGMENT, "--reason", "looked at it")
    ran(project, "refresh")
    assert [project.rows(query) for query in KEPT] == erased
    assert project.rows(
        "select segment_id, reasons from segments.segment_verdicts where verdict = 'hold' "
        "and is_evaluated and run_started_at = "
        "(select max(run_started_at) from segments.segment_verdicts)"
    ) == []  # fmt: skip
    assert project.rows(
        "select distinct exit_reason, valid_to is null from segments.segment_membership_history "
        "where entity_id like 'erased^_%' escape '^'"
    ) == [("erased", False)]  # fmt: skip
    assert places_of(project.engine(), words) == []
