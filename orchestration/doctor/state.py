"""What runs left in the warehouse: state tables, the last refresh, leases, what never ended."""

from collections.abc import Iterator

import sqlalchemy as sa

from orchestration.activation import lease, ledger
from orchestration.doctor.result import Installation, Result, failed, ok, some, warning
from orchestration.errors import StrataError
from orchestration.project import utc_now

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
        yield from _unfinished(connection)
        yield from _leases(connection)


def _last_run(connection: sa.Connection) -> Result:
    row = connection.execute(
        sa.text(
            "select as_of, state, step, ended_at, error from operations.runs "
            "order by ended_at desc limit 1"
        )
    ).first()
    if row is None:
        return warning("last run", "no refresh has ended on this warehouse yet", REFRESH)
    said = f"the refresh as of {row.as_of}Z {row.state} at {row.ended_at:%Y-%m-%d %H:%M}Z"
    if row.state != "succeeded":
        why = " ".join(str(row.error).split())[:300]
        return failed("last run", f"{said} in the step {row.step}: {why}", REFRESH)
    return ok("last run", said)


def _unfinished(connection: sa.Connection) -> Iterator[Result]:
    """A refresh that was killed leaves no row in runs; its audit is what remains of it."""
    if not ledger.columns_of(connection, "operations", "expectation_results"):
        return
    row = connection.execute(
        sa.text(
            "select run_id, as_of, max(executed_at) as audited_at "
            "from operations.expectation_results "
            "where run_id not in (select run_id from operations.runs) "
            # An audience's audit may be of a run that dbt made alone.
            "and suite not like 'audience_%' "
            "and executed_at > (select coalesce(max(ended_at), timestamp '1970-01-01 00:00:00') "
            "from operations.runs) "
            "group by run_id, as_of order by audited_at desc limit 1"
        )
    ).first()
    if row is not None:
        yield warning(
            "unfinished run",
            f"the refresh {row.run_id} as of {row.as_of}Z was audited at "
            f"{row.audited_at:%Y-%m-%d %H:%M}Z and has not ended: it is going on, or was killed",
            "If it was killed: the next `strata refresh` heals it.",
        )


def _leases(connection: sa.Connection) -> Iterator[Result]:
    """Syncs that run now, and those that were cut off."""
    leases, runs, now = ledger.sync_leases, ledger.sync_runs, utc_now()
    running = connection.execute(
        sa.select(leases)
        .join(runs, leases.c.sync_run_id == runs.c.sync_run_id)
        .where(runs.c.state == "running")
        .order_by(leases.c.sync_name)
    ).all()
    cut_off = [row for row in running if row.expires_at <= now or lease.is_gone(row.holder)]
    going_on = [row for row in running if row not in cut_off]
    if cut_off:
        yield warning(
            "leases",
            "cut off: " + some([f"{row.sync_name} ({row.holder})" for row in cut_off]),
            "The next run of the sync goes on where it stopped: `strata sync`.",
        )
    if going_on:
        held = [
            f"{row.sync_name} by {row.holder} until {row.expires_at:%H:%M}Z" for row in going_on
        ]
        yield ok("leases", f"running: {some(held)}")
    if not running:
        yield ok("leases", "no sync is running")
