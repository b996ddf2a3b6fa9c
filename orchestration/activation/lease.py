"""One running instance per sync: a lease in the warehouse, which expires.

A run renews its lease with every claim. Another run takes it over when it has expired, or
when the process that held it is gone from this machine; the first one notices at its next
claim and stops. What it may still record is its own rows' answers, which are true either way.
"""

import os
import socket
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from orchestration.activation.ledger import sync_leases
from orchestration.errors import SyncFailed

LEASE = timedelta(minutes=5)
"""Longer than one request takes with all its repeats."""


def acquire(connection: Connection, sync_name: str, sync_run_id: str, now: datetime) -> None:
    """Take the lease of a sync. The caller commits.

    Raises:
        SyncFailed: another run has it.
    """
    lease = sync_leases.c
    statement = select(sync_leases).where(lease.sync_name == sync_name)
    if connection.dialect.name != "duckdb":  # which lets one process write, and has no row locks
        statement = statement.with_for_update()
    found = connection.execute(statement).first()
    values = {
        "sync_run_id": sync_run_id,
        "holder": holder(),
        "acquired_at": now,
        "expires_at": now + LEASE,
    }
    if found is None:
        try:
            connection.execute(insert(sync_leases).values(sync_name=sync_name, **values))
        except IntegrityError as error:
            raise SyncFailed(f"{sync_name}: another run of it has just begun") from error
        return
    if found.expires_at > now and not is_gone(found.holder):
        raise SyncFailed(
            f"{sync_name}: another run of it is going on since {found.acquired_at}Z "
            f"({found.holder}); wait for it, or until its lease expires at {found.expires_at}Z"
        )
    connection.execute(update(sync_leases).where(lease.sync_name == sync_name).values(**values))


def renew(connection: Connection, sync_name: str, sync_run_id: str, now: datetime) -> None:
    """Keep the lease for longer. The caller commits.

    Raises:
        SyncFailed: another run has taken it over.
    """
    lease = sync_leases.c
    renewed = connection.execute(
        update(sync_leases)
        .where(lease.sync_name == sync_name, lease.sync_run_id == sync_run_id)
        .values(expires_at=now + LEASE)
        .returning(lease.sync_name)
    )
    if renewed.first() is None:
        raise SyncFailed(
            f"{sync_name}: its lease expired and another run has taken over; this one stops"
        )


def release(connection: Connection, sync_name: str, sync_run_id: str, now: datetime) -> None:
    """Give the lease back, if it is still ours. The caller commits."""
    lease = sync_leases.c
    connection.execute(
        update(sync_leases)
        .where(lease.sync_name == sync_name, lease.sync_run_id == sync_run_id)
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
