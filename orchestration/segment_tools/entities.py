"""Which customer or account a person means by an id or an e-mail address."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from orchestration.errors import UsageError
from orchestration.segment_tools.evaluation import execute, ids

LISTED = 5


@dataclass(frozen=True)
class Entity:
    """A customer or account, and how it was found if it was not named by its id."""

    entity: str
    entity_id: str
    found_by: str | None
    is_in_360: bool


def resolve(connection: sa.Connection, text: str, entity: str) -> Entity:
    """The customer or account that a segment of that entity can have as a member.

    Takes an id, an e-mail address or another identifier of identity.customer_identity_map.
    For a segment of accounts a customer stands for the customer's account. Raises UsageError
    when nothing or more than one thing is found, and says what was.
    """
    named = text.strip()
    if _is_in_360(connection, entity, named):
        return Entity(entity, named, None, is_in_360=True)
    customers = [named] if _is_in_360(connection, "customer", named) else []
    customers = customers or ids_of(connection, named)
    if entity == "customer":
        if len(customers) == 1:
            return Entity(entity, customers[0], f"{named} is {customers[0]}", is_in_360=True)
        if len(customers) > 1:
            raise UsageError(
                f"'{named}' belongs to {len(customers)} customers: {_listed(customers)}. "
                "Say which by its id."
            )
    elif customers:
        accounts = execute(
            connection,
            "select distinct account_id from customer_360.customer_360 where account_id is not "
            f"null and customer_id in ({_literals(customers)}) order by 1",
        ).scalars()
        found = [str(account) for account in accounts]
        if len(found) == 1:
            said = f"{named} is of the account {found[0]}"
            return Entity(entity, found[0], said, is_in_360=True)
        raise UsageError(
            f"'{named}' is the customer {_listed(customers)}, of "
            + (f"{len(found)} accounts: {_listed(found)}" if found else "no account")
            + ", and the segment is one of accounts."
        )
    gone = execute(
        connection,
        "select 1 from segments.segment_membership_history where entity = :entity "
        "and entity_id = :named limit 1",
        entity=entity,
        named=named,
    ).first()
    if gone:
        return Entity(entity, named, _went_to(connection, named), is_in_360=False)
    raise UsageError(_not_found(connection, named, entity))


def ids_of(connection: sa.Connection, identifier: str) -> list[str]:
    """The customers of the 360 whom the identity map knows by an identifier."""
    if not _has(connection, "identity", "customer_identity_map"):
        return []
    return [
        str(customer)
        for customer in execute(
            connection,
            "select distinct identifiers.customer_id "
            "from identity.customer_identity_map as identifiers "
            "inner join customer_360.customer_360 as customers "
            "on identifiers.customer_id = customers.customer_id "
            "where identifiers.identifier_value in (:identifier, :lowered) order by 1",
            identifier=identifier,
            lowered=identifier.lower(),
        ).scalars()
    ]


def _is_in_360(connection: sa.Connection, entity: str, entity_id: str) -> bool:
    found = execute(
        connection,
        f"select 1 from customer_360.{entity}_360 where {entity}_id = :entity_id limit 1",
        entity_id=entity_id,
    ).first()
    return found is not None


def _went_to(connection: sa.Connection, customer_id: str) -> str:
    """What became of a customer or account that is not in the 360 any more."""
    if _has(connection, "identity", "identity_changes"):
        merged = execute(
            connection,
            "select to_customer_id, changed_at from identity.identity_changes "
            "where change = 'merged' and from_customer_id = :customer_id "
            "order by changed_at desc limit 1",
            customer_id=customer_id,
        ).first()
        if merged:
            return f"{customer_id} was merged into {merged[0]} at {merged[1].isoformat()}Z"
    return f"{customer_id} is not in the 360 any more"


def _not_found(connection: sa.Connection, named: str, entity: str) -> str:
    if entity == "customer" and _is_in_360(connection, "account", named):
        customers = ids(
            connection,
            "select customer_id from customer_360.customer_360 "
            f"where account_id = {_literals([named])} order by 1 limit {LISTED}",
        )
        return (
            f"'{named}' is an account, and the segment is one of customers. Customers of it: "
            f"{_listed(customers) if customers else 'none'}."
        )
    if "@" in named:
        known = execute(
            connection,
            "select count(*) from identity.customer_identity_map where identifier_type = 'email'",
        ).scalar()
        return (
            f"Nobody has the e-mail address '{named}' (identity.customer_identity_map knows "
            f"{known:,}; test accounts and quarantined addresses are no customers)."
        )
    # Those that follow it, or any where none does.
    near = ids(
        connection,
        f"select {entity}_id from customer_360.{entity}_360 "
        f"order by case when {entity}_id >= {_literals([named])} then 0 else 1 end, 1 limit 3",
    )
    return (
        f"There is no {entity} '{named}'. It takes the id of a "
        + ("customer" if entity == "customer" else "customer or an account")
        + " or an e-mail address"
        + (f"; ids look like {_listed(near)}." if near else ".")
    )


def _has(connection: sa.Connection, schema: str, relation: str) -> bool:
    inspector = sa.inspect(connection)
    return inspector.has_table(relation, schema=schema)


def _literals(values: Sequence[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(values[:LISTED])
    return shown + (", ..." if len(values) > LISTED else "")
