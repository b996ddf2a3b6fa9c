"""What is wrong, as the warehouse says it: one function per kind of alert."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from orchestration.alerts.alert import Alert, duration, one_line
from orchestration.alerts.settings import AlertSettings

# What the model segment_verdicts says of a segment that only another one holds.
HELD_BY_ANOTHER = re.compile(
    r"(?:it refers to (\w+), which is held"
    r"|(\w+) of its priority group is held and keeps its members)"
)
HELD_BY_PERSON = "held by "


def read_alerts(
    connection: sa.Connection, settings: AlertSettings, now: datetime
) -> Iterator[Alert]:
    """Every alert that is open at `now` (UTC), by kind. A table that is not there yet is none."""
    there = _tables(connection)
    if not {"operations.runs", "operations.leases"} <= there:
        yield _nothing_yet(now)
        return
    yield from failed_run(connection, now)
    yield from no_refresh(connection, settings.max_hours_without_refresh, now)
    if {"segments.segment_verdicts", "segments.segment_registry"} <= there:
        yield from held_segments(connection)
    if {"operations.sync_runs", "operations.leases"} <= there:
        yield from failed_syncs(connection, now)
    if "activation.sync_ledger" in there:
        yield from parked_rows(connection)
    if "operations.source_freshness" in there:
        yield from late_sources(connection)
    if {"segments.segment_findings", "segments.segment_registry"} <= there:
        yield from due_reviews(connection)


def failed_run(connection: sa.Connection, now: datetime) -> Iterator[Alert]:
    """The last refresh failed, or ended without saying how."""
    rows = _rows(
        connection,
        """
        with ended as (
            select
                runs.started_at, runs.ended_at, runs.step,
                case when runs.state = 'running' then 'failed' else runs.state end as state,
                case
                    when runs.state = 'running' then 'the process ended before the run did'
                    else runs.error
                end as error
            from operations.runs as runs
            left join operations.leases as leases on runs.run_id = leases.run_id
            where runs.state <> 'running' or leases.expires_at < :now
        )

        select
            state, step, error,
            (
                select min(started_at) from ended
                where
                    state = 'failed'
                    and started_at > coalesce(
                        (select max(started_at) from ended where state = 'succeeded'),
                        timestamp '1970-01-01 00:00:00'
                    )
            ) as since
        from ended
        order by started_at desc, ended_at desc
        limit 1
        """,
        now=now,
    )
    for last in rows:
        if last.state == "failed":
            why = one_line(last.error or "no reason was recorded")
            yield Alert(
                kind="failed_run",
                about="",
                severity="error",
                subject="The last refresh failed",
                message=f"It stopped in the step {last.step}: {why}",
                since=last.since,
                affects="every segment and audience: they stay as they were published last",
                command="strata refresh",
            )


def no_refresh(connection: sa.Connection, max_hours: float, now: datetime) -> Iterator[Alert]:
    """No refresh has succeeded for more than `max_hours`, or none was ever started."""
    [runs] = _rows(
        connection,
        "select max(case when state = 'succeeded' then ended_at end) as succeeded_at, "
        "min(started_at) as first_started_at from operations.runs",
    )
    if runs.first_started_at is None:
        yield _nothing_yet(now)
        return
    since = runs.succeeded_at or runs.first_started_at
    if now - since > timedelta(hours=max_hours):
        yield Alert(
            kind="no_refresh",
            about="",
            severity="error",
            subject=f"No refresh has succeeded for {duration(now - since)}",
            message=(
                f"The last one ended at {since:%Y-%m-%d %H:%M} UTC. "
                if runs.succeeded_at
                else "None has succeeded yet. "
            )
            + f"More than {max_hours:g} h without one is too long.",
            since=since,
            affects="every segment and audience: they show customers as they were then",
            command="strata refresh",
        )


def held_segments(connection: sa.Connection) -> Iterator[Alert]:
    """Segments that the last run evaluated and did not publish."""
    # Positions of runs are those of their instants, as everywhere where verdicts are read.
    rows = _rows(
        connection,
        """
        with latest as (
            select run_id from segments.segment_verdicts
            order by as_of desc, run_started_at desc, run_id
            limit 1
        ),

        held as (
            select verdicts.segment_id, verdicts.as_of, verdicts.reasons, verdicts.published_count
            from segments.segment_verdicts as verdicts
            inner join latest on verdicts.run_id = latest.run_id
            where verdicts.verdict = 'hold' and verdicts.is_evaluated
        ),

        judged as (
            select
                verdicts.segment_id,
                verdicts.run_started_at,
                sum(case when verdicts.verdict = 'hold' and verdicts.is_evaluated then 0 else 1 end)
                    over (
                        partition by verdicts.segment_id
                        order by verdicts.as_of desc, verdicts.run_started_at desc, verdicts.run_id
                        rows between unbounded preceding and current row
                    ) as others_since
            from segments.segment_verdicts as verdicts
            inner join held on verdicts.segment_id = held.segment_id
        ),

        since as (
            select segment_id, min(run_started_at) as since
            from judged
            where others_since = 0
            group by segment_id
        )

        select
            held.segment_id, held.as_of, held.reasons, held.published_count, since.since,
            coalesce(registry.label, held.segment_id) as label
        from held
        inner join since on held.segment_id = since.segment_id
        left join segments.segment_registry as registry on held.segment_id = registry.segment_id
        order by held.segment_id
        """,
    )
    for row in rows:
        another = HELD_BY_ANOTHER.fullmatch(row.reasons)
        to_release = (another[1] or another[2]) if another else row.segment_id
        yield Alert(
            kind="held_segment",
            about=row.segment_id,
            # Who held it knows.
            severity="warning" if row.reasons.startswith(HELD_BY_PERSON) else "error",
            subject=f"The segment {row.label} ({row.segment_id}) is held",
            message=(
                f"It was not published as of {row.as_of:%Y-%m-%d %H:%M} UTC: "
                f"{one_line(row.reasons)}. It keeps its {row.published_count:,} published members."
            ),
            since=row.since,
            affects="",
            command=f'strata release {to_release} --reason "..."',
        )


def failed_syncs(connection: sa.Connection, now: datetime) -> Iterator[Alert]:
    """Syncs whose last run failed, was stopped by a guard, or ended without saying how."""
    rows = _rows(
        connection,
        """
        with ended as (
            select
                runs.sync_name, runs.started_at, runs.sync_run_id,
                case when runs.state = 'running' then 'failed' else runs.state end as state,
                case
                    when runs.state = 'running' then 'the process ended before the run did'
                    else runs.error
                end as error
            from operations.sync_runs as runs
            left join operations.leases as leases on runs.sync_run_id = leases.run_id
            where runs.state <> 'running' or leases.expires_at < :now
        ),

        ordered as (
            select
                *,
                row_number() over (
                    partition by sync_name order by started_at desc, sync_run_id
                ) as recency,
                sum(case when state = 'succeeded' then 1 else 0 end) over (
                    partition by sync_name order by started_at desc, sync_run_id
                    rows between unbounded preceding and current row
                ) as successes_since
            from ended
        )

        select
            sync_name,
            min(started_at) as since,
            max(case when recency = 1 then state end) as state,
            max(case when recency = 1 then error end) as error
        from ordered
        where successes_since = 0
        group by sync_name
        order by sync_name
        """,
        now=now,
    )
    for row in rows:
        stopped = row.state == "stopped_by_guard"
        yield Alert(
            kind="failed_sync",
            about=row.sync_name,
            severity="error",
            subject=f"The sync {row.sync_name} {'was stopped' if stopped else 'failed'}",
            message=(
                "Nothing was sent" if stopped else "Not everything was delivered"
            ) + f": {one_line(row.error or 'no reason was recorded')}",
            since=row.since,
            affects="",
            command=f"strata sync {row.sync_name}{' --plan' if stopped else ''}",
        )  # fmt: skip


def parked_rows(connection: sa.Connection) -> Iterator[Alert]:
    """Syncs with rows that the destination refused too often to be sent again."""
    rows = _rows(
        connection,
        "select sync_name, count(*) as row_count, min(claimed_at) as since, "
        "min(last_error) as said from activation.sync_ledger "
        "where state = 'parked' group by sync_name order by sync_name",
    )
    for row in rows:
        some = f"{row.row_count:,} row" + ("s" if row.row_count != 1 else "")
        yield Alert(
            kind="parked_rows",
            about=row.sync_name,
            severity="warning",
            subject=f"{some} of {row.sync_name} {'are' if row.row_count != 1 else 'is'} parked",
            message=(
                "Refused by the destination too often, and not sent any more until changed or "
                f"retried. Of one it said: {one_line(row.said or 'nothing')}"
            ),
            since=row.since,
            affects="",
            command=f"strata parked {row.sync_name}",
        )


def late_sources(connection: sa.Connection) -> Iterator[Alert]:
    """Systems of which raw tables are late (a warning) or not loaded any more."""
    by_system: dict[str, list[Any]] = {}
    for row in _rows(
        connection,
        "select source_system, table_name, as_of, last_loaded_at, hours_behind, warn_after_hours, "
        "error_after_hours, status from operations.source_freshness "
        "where status in ('warn', 'error') order by source_system, table_name",
    ):
        by_system.setdefault(row.source_system, []).append(row)
    sources = _sources_of_last_run(connection) if by_system else {}
    for system, tables in by_system.items():
        failing = [one for one in tables if one.status == "error"]
        shown = failing or tables
        bounds = [one.error_after_hours if failing else one.warn_after_hours for one in shown]
        listed = ", ".join(
            f"{one.table_name} {one.hours_behind:,.0f} h (bound {bound} h)"
            for one, bound in zip(shown, bounds, strict=True)
        )
        domains = ", ".join(domain for domain, name in sources.items() if name == system)
        yield Alert(
            kind="freshness",
            about=system,
            severity="error" if failing else "warning",
            subject=f"{system} is {'not loaded any more' if failing else 'late'}",
            message=(
                "Hours between the last load and the last refresh's instant, "
                f"{shown[0].as_of:%Y-%m-%d %H:%M} UTC: {one_line(listed)}"
            ),
            since=min(
                one.last_loaded_at + timedelta(hours=bound)
                for one, bound in zip(shown, bounds, strict=True)
            ),
            affects=f"segments that require {domains}" if domains else "",
            command="look at what loads it; operations.source_freshness has every table",
        )


def due_reviews(connection: sa.Connection) -> Iterator[Alert]:
    """Segments whose review_by is over."""
    rows = _rows(
        connection,
        "select findings.segment_id, registry.label, registry.owner, registry.type, "
        "registry.review_by from segments.segment_findings as findings "
        "inner join segments.segment_registry as registry "
        "on findings.segment_id = registry.segment_id "
        "where findings.finding = 'review_due' order by findings.segment_id",
    )
    for row in rows:
        yield Alert(
            kind="review_due",
            about=row.segment_id,
            severity="warning",
            subject=f"The segment {row.label} ({row.segment_id}) is past its review",
            message=(
                f"{row.owner} was to look at its definition by {row.review_by:%Y-%m-%d}. "
                "A definition that nobody looks at stops every refresh in the end."
            ),
            since=datetime.combine(row.review_by, time()) + timedelta(days=1),
            affects="",
            command=(
                f"strata preview {row.segment_id}, then set review_by in "
                f"macros/segments/{row.type}/{row.segment_id}.sql"
            ),
        )


def _nothing_yet(now: datetime) -> Alert:
    return Alert(
        kind="no_refresh",
        about="",
        severity="warning",
        subject="Nothing was refreshed yet",
        message="No refresh of this warehouse has ended, so there is nothing to watch.",
        since=now,
        affects="every segment and audience: there are none",
        command="strata refresh",
    )


def _sources_of_last_run(connection: sa.Connection) -> dict[str, str]:
    """The system of each domain at the last refresh."""
    said = connection.execute(
        sa.text("select sources from operations.runs order by started_at desc limit 1")
    ).scalar()
    return dict(json.loads(said)) if said else {}


def _tables(connection: sa.Connection) -> set[str]:
    """What there is in the schemas that alerts read, as `schema.name`."""
    rows = _rows(
        connection,
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database() "
        "and table_schema in ('operations', 'segments', 'activation')",
    )
    return {f"{row.table_schema}.{row.table_name}" for row in rows}


def _rows(connection: sa.Connection, query: str, **values: Any) -> list[Any]:
    return list(connection.execute(sa.text(query), values))
