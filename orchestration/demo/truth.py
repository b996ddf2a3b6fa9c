"""The hidden truth, for tests alone: who is who in each system, and the state they were in."""

from collections import defaultdict

import numpy as np

from orchestration.demo import columns as col
from orchestration.demo.columns import Ints, Table
from orchestration.demo.company import STATE_LETTERS, Population
from orchestration.demo.hubspot import Crm
from orchestration.demo.segment import Events, company_ids
from orchestration.demo.stripe import Billing
from orchestration.demo.zendesk import Support


def tell(
    population: Population, billing: Billing, events: Events, crm: Crm, tickets: Support
) -> Table:
    """One row for each person. Several ids in one cell are separated by `;`.

    `states` has one letter for each month from 2025-01 on: t trying, a activated, g growing,
    r at risk, c churned, b (back) returning, - not signed up yet.
    """
    rows = population.people
    person = np.arange(rows)
    signed = population.signed_up()
    is_payer = np.zeros(rows, dtype=bool)
    is_payer[population.payer[np.flatnonzero(billing.has_customer)]] = True
    letters = [
        "".join(STATE_LETTERS[state] for state in months)
        for months in population.states_by_month().tolist()
    ]
    # Only addresses that a table shows: an unused second address is nobody's.
    return {
        "person": col.key("p", population.number),
        "email": col.text(population.email),
        "other_emails": col.text(_other_emails(population, billing, tickets)),
        "is_test": col.flag(population.is_test),
        "account_id": col.key(
            "", company_ids(population, population.account), population.account >= 0
        ),
        "contact_id": col.key("", crm.contact_id, population.has_contact),
        "duplicate_contact_id": col.key("", crm.duplicate_id, population.has_duplicate_contact),
        "user_id": col.key("u", population.number, signed),
        "billing_customer_id": col.key("cus_", population.base() + population.unit + 1, is_payer),
        "zendesk_user_id": col.key("", tickets.user_id, tickets.has_user),
        "anonymous_ids": col.text(_anonymous_ids(rows, events)),
        "shares_anonymous_id": col.flag(_shares(person, events)),
        "states": col.text(letters),
    }


def _anonymous_ids(rows: int, events: Events) -> list[str | None]:
    tied: dict[int, list[str]] = defaultdict(list)
    for person, number in zip(
        events.tied_person.tolist(), events.tied_anonymous.tolist(), strict=True
    ):
        tied[person].append(f"a{number}")
    return [";".join(tied[person]) or None for person in range(rows)]


def _shares(person: Ints, events: Events) -> col.Flags:
    touching = np.isin(events.tied_anonymous, events.shared_anonymous)
    return np.isin(person, events.tied_person[touching])


def _other_emails(population: Population, billing: Billing, tickets: Support) -> list[str | None]:
    """Second addresses that Stripe or Zendesk know."""
    shown = _texts(billing.tables["customer"]["email"]) | _texts(tickets.tables["user"]["email"])
    return [other if other in shown else None for other in population.other_email]


def _texts(column: col.Column) -> set[str | None]:
    return {column.labels[position] for position in column.data.tolist()}
