"""Reads a destination back: the third ledger, and where it differs from the second."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    column,
    delete,
    func,
    insert,
    null,
    select,
    table,
    update,
)

from orchestration.activation import ledger
from orchestration.activation.exposures import Sync
from orchestration.activation.ledger import sync_ledger, sync_observed
from orchestration.activation.runner import connect, in_words, sync_lease, utc_now
from orchestration.destinations.base import Clock, ReadableDestination
from orchestration.errors import NotReadable

CHUNK = 10_000
"""Identifiers in memory, and in one statement."""
EXAMPLES = 5

# The view that says what differs; BI reads the same.
sync_drift = table(
    "sync_drift", column("sync_name"), column("entity_key"), column("drift"), schema="activation"
)


@dataclass(frozen=True, slots=True)
class Drift:
    """What a destination held, against what it had confirmed. Counts are members."""

    sync_name: str
    address: str
    observed_at: datetime
    observed: int
    acknowledged: int
    missing: int
    unexpected: int
    examples: tuple[str, ...]
    """Entity keys of some who are missing."""
    repaired: int
    """Of the missing, those that the next run adds again."""


def reconcile(
    engine: Engine, sync: Sync, *, repair: bool = False, reading_id: str, now: Clock = utc_now
) -> Drift:
    """Read back whom the destination of `sync` holds, and compare.

    The reading replaces the sync's rows in `activation.sync_observed`. With `repair`, the ledger
    forgets whoever is missing, so that the next run adds them again; nobody is removed, since
    whoever is unexpected was not added by us.

    Raises:
        NotReadable: the destination cannot be read back.
        SyncFailed: a run of the sync is going on, or the destination did not answer.
    """
    started_at = now()
    with engine.connect() as connection, closing(connect(sync, now)) as destination:
        if not isinstance(destination, ReadableDestination):
            raise NotReadable(
                f"{sync.name}: the destination {sync.destination} cannot be read back; what it "
                "confirmed is in activation.sync_acknowledged"
            )
        with connection.begin():
            ledger.require_state_tables(connection)
            sync_lease(sync, reading_id).acquire(connection, started_at)
        try:
            with in_words(sync, destination):
                _store(connection, sync, destination.held(), reading_id, now)
            with connection.begin():
                return _compared(connection, sync, started_at, destination.address, repair=repair)
        finally:
            with connection.begin():
                sync_lease(sync, reading_id).release(connection, now())


def _store(
    connection: Connection, sync: Sync, held: Iterator[str], reading_id: str, now: Clock
) -> None:
    """Keep what is read. It takes the place of the last reading when it is whole."""
    reading = {"sync_name": sync.name, "reading_id": reading_id, "observed_at": now()}
    while chunk := list(islice(held, CHUNK)):
        with connection.begin():
            sync_lease(sync, reading_id).renew(connection, now())
            connection.execute(
                insert(sync_observed), [{**reading, "identifier": one} for one in chunk]
            )
    with connection.begin():
        connection.execute(insert(sync_observed), [{**reading, "identifier": None}])
        connection.execute(
            delete(sync_observed).where(
                sync_observed.c.sync_name == sync.name, sync_observed.c.reading_id != reading_id
            )
        )


def _compared(
    connection: Connection, sync: Sync, started_at: datetime, address: str, *, repair: bool
) -> Drift:
    held, of_sync = sync_ledger.c, sync_drift.c.sync_name == sync.name
    drifts: Sequence[Any] = connection.execute(
        select(sync_drift.c.drift, func.count()).where(of_sync).group_by(sync_drift.c.drift)
    ).all()
    counts: dict[str, int] = dict(drifts)
    missing = select(sync_drift.c.entity_key).where(of_sync, sync_drift.c.drift == "missing")
    observed: int = connection.execute(
        select(func.count(sync_observed.c.identifier)).where(sync_observed.c.sync_name == sync.name)
    ).scalar_one()
    # Read at once: DuckDB's connection has one cursor.
    examples: Sequence[str] = (
        connection.execute(missing.order_by(sync_drift.c.entity_key).limit(EXAMPLES))
        .scalars()
        .all()
    )
    drift = Drift(
        sync_name=sync.name,
        address=address,
        observed_at=started_at,
        observed=observed,
        acknowledged=ledger.acknowledged_count(connection, sync.name),
        missing=counts.get("missing", 0),
        unexpected=counts.get("unexpected", 0),
        examples=tuple(examples),
        repaired=counts.get("missing", 0) if repair else 0,
    )
    if drift.repaired:
        connection.execute(
            update(sync_ledger)
            .where(
                held.sync_name == sync.name,
                held.state != "claimed",  # the next run resolves those anyway
                held.entity_key.in_(missing),
            )
            .values(acknowledged_hash=null(), payload_hash=null(), state="removed")
        )
    return drift
