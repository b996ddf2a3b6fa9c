"""One running instance of a refresh, and of each sync: a lease in the warehouse, which expires.

A run renews its lease while it works. Another run takes it over when it has expired, or when
the process that held it is gone from this machine; the first one notices at its next renewal
and stops.
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, DateTime, MetaData, Table, Text, insert, select, update
from sqlalchemy.exc import IntegrityError

from orchestration.errors import StrataError

leases = Table(
    "leases",
    MetaData(),
    Column("lease_name", Text, primary_key=True),
    Column("run_id", Text),
    Column("holder", Text),
    Column("acquired_at", DateTime),
    Column("expires_at", DateTime),
    schema="operations",
)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one run to do what only one may do at a time."""

    name: str
    """Of the sync, or `refresh`."""
    run_id: str
    lasts: timedelta
    """Longer than the run takes between two renewals."""
    error: type[StrataError]
    """What is raised when another run has it."""

    def acquire(self, connection: Connection, now: datetime) -> None:
        """Take the lease, or keep it where this run has it already. The caller commits.

        Raises:
            StrataError: of the kind `error`; another run has it.
        """
        held = leases.c
        statement = select(leases).where(held.lease_name == self.name)
        if connection.dialect.name != "duckdb":  # lets one process write, and has no row locks
            statement = statement.with_for_update()
        found = connection.execute(statement).first()
        values = {
            "run_id": self.run_id,
            "holder": holder(),
            "acquired_at": now,
            "expires_at": now + self.lasts,
        }
        if found is None:
            try:
                connection.execute(insert(leases).values(lease_name=self.name, **values))
            except IntegrityError as error:
                raise self.error(f"{self.name}: another run of it has just begun") from error
            return
        is_ours = found.run_id == self.run_id
        if found.expires_at > now and not is_ours and not is_gone(found.holder):
            raise self.error(
                f"{self.name}: another run of it is going on since {found.acquired_at}Z "
                f"({found.holder}); wait for it, or until its lease expires at {found.expires_at}Z"
            )
        connection.execute(update(leases).where(held.lease_name == self.name).values(**values))

    def renew(self, connection: Connection, now: datetime) -> None:
        """Keep the lease for longer. The caller commits.

        Raises:
            StrataError: of the kind `error`; another run has taken it over.
        """
        held = leases.c
        renewed = connection.execute(
            update(leases)
            .where(held.lease_name == self.name, held.run_id == self.run_id)
            .values(expires_at=now + self.lasts)
            .returning(held.lease_name)
        )
        if renewed.first() is None:
            raise self.error(
                f"{self.name}: its lease expired and another run has taken over; this one stops"
            )

    def release(self, connection: Connection, now: datetime) -> None:
        """Give the lease back, if it is still ours. The caller commits."""
        held = leases.c
        connection.execute(
            update(leases)
            .where(held.lease_name == self.name, held.run_id == self.run_id)
            .values(expires_at=now)
        )


def holder() -> str:
    """This process, as `host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_gone(who: str) -> bool:
    """True only where it is sure: a process of this host that does not exist any more."""
    host, _, pid = who.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def require_idle(connection: Connection, now: datetime) -> None:
    """Keep every lease from being taken until the caller's transaction ends.

    Raises:
        StrataError: a run has one.
    """
    statement = select(leases).order_by(leases.c.lease_name)
    if connection.dialect.name != "duckdb":  # lets one process write, and has no row locks
        statement = statement.with_for_update()
    for found in connection.execute(statement).all():
        if found.expires_at > now and not is_gone(found.holder):
            raise StrataError(
                f"{found.lease_name}: a run of it is going on since {found.acquired_at}Z "
                f"({found.holder}); wait for it, or until its lease expires at {found.expires_at}Z"
            )
