"""Whom an id or an e-mail address means, by all that is kept of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from orchestration.activation.ledger import columns_of
from orchestration.errors import UsageError

PREFIX = "erased_"
"""Begins the random id that stands for an erased customer; the macro is_erased knows it, too."""
LEAST_LENGTH = 8
"""Of an identifier that is looked for in words; shorter ones are part of other words."""

ASSIGNMENTS = sa.table(
    "identity_assignments",
    *map(
        sa.column,
        (
            "node", "identifier_type", "identifier_value", "customer_id", "valid_from",
            "valid_to", "previous_customer_id", "start_detail", "end_reason", "end_detail",
        ),
    ),
    schema="identity",
)  # fmt: skip
QUARANTINE = sa.table("identity_quarantine", sa.column("node"), schema="identity")
HISTORY = sa.table(
    "segment_membership_history",
    *map(
        sa.column,
        ("stay_id", "entity", "entity_id", "exit_reason", "continued_from", "continued_as"),
    ),
    schema="segments",
)
EXPERIMENTS = sa.table(
    "experiment_assignments",
    *map(sa.column, ("experiment_id", "entity_key", "arm", "assigned_at")),
    schema="activation",
)


@dataclass(frozen=True, order=True)
class Identifier:
    """One identifier of a person, as identity compares it."""

    type: str
    value: str

    @property
    def node(self) -> str:
        """What identity calls it."""
        return f"{self.type}:{self.value}"


@dataclass(frozen=True)
class Person:
    """All ids that one customer had, and the identifiers that nobody else has."""

    customer_id: str
    """The id that the customer has, or had last."""
    customer_ids: Sequence[str]
    """That one, and those of customers that became part of it."""
    identifiers: Sequence[Identifier]

    @property
    def nodes(self) -> list[str]:
        """The identifiers as identity calls them."""
        return [one.node for one in self.identifiers]

    @property
    def contacts(self) -> list[str]:
        """E-mail addresses, telephone numbers and hashed addresses, in lower case."""
        emails = [one.value.lower() for one in self.identifiers if one.type == "email"]
        phones = [one.value for one in self.identifiers if one.type == "phone"]
        return [*emails, *phones, *(sha256(email.encode()).hexdigest() for email in emails)]

    @property
    def addresses(self) -> list[str]:
        """Whatever a destination may know the person by, in lower case."""
        values = [one.value.lower() for one in self.identifiers]
        return sorted({*values, *self.contacts, *self.customer_ids})

    @property
    def words(self) -> list[str]:
        """What nothing but this person is called, longest first: to be looked for in texts."""
        found = {*self.customer_ids, *self.nodes}
        found |= {
            one.value
            for one in self.identifiers
            if one.type in ("email", "phone") or len(one.value) >= LEAST_LENGTH
        }
        return sorted(found, key=lambda word: (-len(word), word))


def find_person(connection: sa.Connection, text: str) -> Person:
    """The customer whom an id, an e-mail address or another identifier means.

    A customer that is in no 360 any more is found as long as anything of it is kept.

    Raises:
        UsageError: it is an account, an erased customer's random id, known of several customers,
            or of none.
    """
    named = text.strip()
    if named.startswith(PREFIX):
        raise UsageError(
            f"'{named}' stands for somebody who was erased; nothing else is kept of them."
        )
    found = [named] if _is_customer(connection, named) else _last_holders(connection, named)
    survivors = sorted({_survivor(connection, one) for one in found})
    if not survivors:
        raise UsageError(_not_found(connection, named))
    if len(survivors) > 1:
        raise UsageError(
            f"'{named}' was last known of {len(survivors)} customers: {', '.join(survivors)}. "
            "Say which by its id."
        )
    return _person(connection, survivors[0])


def _is_customer(connection: sa.Connection, named: str) -> bool:
    held = ASSIGNMENTS.c
    asked = (
        (ASSIGNMENTS, sa.or_(held.customer_id == named, held.previous_customer_id == named)),
        (HISTORY, sa.and_(HISTORY.c.entity == "customer", HISTORY.c.entity_id == named)),
        (EXPERIMENTS, EXPERIMENTS.c.entity_key == named),
    )
    return any(_has_row(connection, table, condition) for table, condition in asked)


def _has_row(
    connection: sa.Connection, table: sa.TableClause, condition: sa.ColumnElement[bool]
) -> bool:
    if not columns_of(connection, table.schema or "", table.name):
        return False
    found = connection.execute(sa.select(sa.literal(1)).select_from(table).where(condition))
    return found.first() is not None


def _last_holders(connection: sa.Connection, identifier: str) -> list[str]:
    """The customers that an identifier belongs to, or belonged to last."""
    held = ASSIGNMENTS.c
    if not columns_of(connection, "identity", ASSIGNMENTS.name):
        return []
    given = held.identifier_value.in_([identifier, identifier.lower()])
    return sorted(set(_holders(_stays(connection, given)).values()))


def _stays(connection: sa.Connection, given: sa.ColumnElement[bool]) -> list[Any]:
    """All stays of the nodes that a stay which is `given` is of."""
    if not columns_of(connection, "identity", ASSIGNMENTS.name):
        return []
    nodes = sa.select(ASSIGNMENTS.c.node).where(given)
    return list(connection.execute(sa.select(ASSIGNMENTS).where(ASSIGNMENTS.c.node.in_(nodes))))


def _latest(stays: Iterable[Any]) -> dict[str, Any]:
    """The stay of each node that has not ended, or began last."""
    latest: dict[str, Any] = {}
    for stay in sorted(stays, key=lambda one: (one.valid_to is None, one.valid_from)):
        latest[stay.node] = stay
    return latest


def _holders(stays: Iterable[Any]) -> dict[str, str]:
    return {node: stay.customer_id for node, stay in _latest(stays).items()}


def _heir(connection: sa.Connection, customer_id: str) -> str:
    """Who has most of a customer's identifiers now: the customer itself while it has any.

    The same rule as in int_segments__successors; browsers do not say who somebody is.
    """
    stays = _stays(connection, ASSIGNMENTS.c.customer_id == customer_id)
    holders = _holders(one for one in stays if one.identifier_type != "anonymous_id")
    if not holders or customer_id in holders.values():
        return customer_id
    counts = Counter(holders.values())
    return min(counts, key=lambda one: (-counts[one], one))


def _survivor(connection: sa.Connection, customer_id: str) -> str:
    seen = {customer_id}
    while (heir := _heir(connection, customer_id)) not in seen:
        seen.add(heir)
        customer_id = heir
    return customer_id


def _person(connection: sa.Connection, customer_id: str) -> Person:
    """The survivor, everybody who became part of it, and what they were known by last."""
    ids, to_look_at = {customer_id}, [customer_id]
    latest: dict[str, Any] = {}
    while to_look_at:
        stays = _stays(connection, ASSIGNMENTS.c.customer_id == to_look_at.pop())
        latest |= _latest(stays)
        for other in sorted({stay.customer_id for stay in stays} - ids):
            if _survivor(connection, other) == customer_id:
                ids.add(other)
                to_look_at.append(other)
    own = [stay for stay in latest.values() if stay.customer_id in ids]
    shared = _quarantined(connection, [stay.node for stay in own])
    return Person(
        customer_id,
        sorted(ids),
        sorted(
            Identifier(stay.identifier_type, stay.identifier_value)
            for stay in own
            if stay.node not in shared and stay.end_reason != "quarantined"
        ),
    )


def _quarantined(connection: sa.Connection, nodes: Collection[str]) -> set[str]:
    """Those of the nodes that several people use."""
    if not columns_of(connection, "identity", QUARANTINE.name):
        return set()
    found = sa.select(QUARANTINE.c.node).where(QUARANTINE.c.node.in_(sorted(nodes)))
    return set(connection.execute(found).scalars())


def _not_found(connection: sa.Connection, named: str) -> str:
    accepted = "It takes the id of a customer, an e-mail address or another identifier of one."
    accounts = sa.table("account_360", sa.column("account_id"), schema="customer_360")
    of_account = sa.and_(HISTORY.c.entity == "account", HISTORY.c.entity_id == named)
    if _has_row(connection, accounts, accounts.c.account_id == named) or _has_row(
        connection, HISTORY, of_account
    ):
        return f"'{named}' is an account; accounts are companies, and only people are erased. " + (
            accepted
        )
    known = 0
    if columns_of(connection, "identity", ASSIGNMENTS.name):
        counted = sa.select(sa.func.count(sa.distinct(ASSIGNMENTS.c.customer_id)))
        known = connection.execute(counted).scalar_one()
    return (
        f"Nothing is kept of '{named}': neither identity.identity_assignments, which knows "
        f"{known:,} customers, nor the history of segments nor an experiment has it. {accepted} "
        "Identifiers that several people use are nobody's, and whoever was erased is not found any "
        "more."
    )
