"""What runs left in the warehouse: state tables, the last refresh, leases, what never ended."""

from collections.abc import Iterator

import sqlalchemy as sa

from orchestration.activation import ledger
from orchestration.activation.ledger import sync_runs
from orchestration.doctor.result import Installation, Result, failed, ok, some, warning
from orchestration.errors import StrataError
from orchestration.lease import is_gone, leases
from orchestration.project import utc_now
from orchestration.run_records import RUNS

REFRESH = "Run `strata refresh`."


def state(found: Installation) -> Iterator[Result]:
    """Nothing beside the first result where no refresh has been here yet."""
    with found.warehouse.connect() as connection:
        if not ledger.columns_of(connection, "operations", "runs"):
            yield warning("state", "no refresh has run on this warehouse yet", REFRESH)
            return
        try:
            ledger.require_state_tables(connection)
        except StrataError as error:
            # As after an upgrade: state tables gain their new columns in the next refresh.
            yield warning("state", str(error), f"{REFRESH} Syncs stop until then.")
            return
        yield ok("state", f"{len(ledger.STATE_TABLES) + 1} state tables with their columns")
        yield _last_run(connection)
        yield from _leases(connection)


def _last_run(connection: sa.Connection) -> Result:
    row = connection.execute(
        sa.text(
            "select as_of, state, step, ended_at, error from operations.runs "
            "where ended_at is not null order by ended_at desc limit 1"
        )
    ).first()
    if row is None:
        return warning("last run", "no refresh has ended on this warehouse yet", REFRESH)
    said = f"the refresh as of {row.as_of}Z {row.state} at {row.ended_at:%Y-%m-%d %H:%M}Z"
    if row.state != "succeeded":
        why = " ".join(str(row.error).split())[:300]
        return failed("last run", f"{said} in the step {row.step}: {why}", REFRESH)
    return ok("last run", said)


def _leases(connection: sa.Connection) -> Iterator[Result]:
    """The refresh and the syncs that run now, and those that were cut off."""
    now = utc_now()
    running = sa.union_all(
        sa.select(RUNS.c.run_id).where(RUNS.c.state == "running"),
        sa.select(sync_runs.c.sync_run_id).where(sync_runs.c.state == "running"),
    ).subquery("running")
    held = connection.execute(
        sa.select(leases)
        .join(running, leases.c.run_id == running.c.run_id)
        .order_by(leases.c.lease_name)
    ).all()
    cut_off = [row for row in held if row.expires_at <= now or is_gone(row.holder)]
    going_on = [row for row in held if row not in cut_off]
    if cut_off:
        yield warning(
            "leases",
            "cut off: " + some([f"{row.lease_name} ({row.holder})" for row in cut_off]),
            "The next run goes on where it stopped: `strata refresh`, `strata sync`.",
        )
    if going_on:
        by = [f"{row.lease_name} by {row.holder} until {row.expires_at:%H:%M}Z" for row in going_on]
        yield ok("leases", f"running: {some(by)}")
    if not held:
        yield ok("leases", "neither a refresh nor a sync is running")
