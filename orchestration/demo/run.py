"""The demo: the made-up company Tallyworks, from raw tables to delivered audiences."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from orchestration.activation.runner import SyncReport
from orchestration.demo_receiver import DemoReceiver
from orchestration.errors import StrataError
from orchestration.progress import Steps
from orchestration.project import DATA_DOCS_DIR, default_instant, parse_sources
from orchestration.refresh import Refresh, Verdict, refresh
from orchestration.syncs import chosen_syncs, deliver
from orchestration.warehouse import credentials, duckdb_path, engine

REFRESHES = 3
BETWEEN_REFRESHES = timedelta(days=1)


@dataclass(frozen=True)
class DemoSummary:
    """What the demo did, and where to look at it."""

    as_of: datetime
    verdicts: list[Verdict]
    reports: list[SyncReport]
    where_to_look: list[str]


def run_demo(target: str | None, steps: Steps) -> DemoSummary:
    """Seeds, refreshes on consecutive days up to the end of the data, and delivers.

    Running it again refreshes the last day again, which changes nothing.
    """
    last = default_instant()
    run = Refresh.start(as_of=last, target=target, sources=parse_sources(None), progress=steps)
    steps("loading the raw tables of the demo company Tallyworks")
    run.dbt.run("seed", select=["path:seeds/demo"])

    refreshed = _refreshed_until(engine(target))
    verdicts: list[Verdict] = []
    for day in range(REFRESHES - 1, -1, -1):
        instant = last - day * BETWEEN_REFRESHES
        if refreshed is not None and instant < refreshed:
            continue
        steps.heading(f"Refresh as of [bold]{instant.isoformat()}Z[/]")
        verdicts = refresh(run.at(instant))

    steps.end()
    steps.heading("Deliver")
    with DemoReceiver() as receiver:
        os.environ["STRATA_PLAYBOOK_URL"] = receiver.url
        os.environ["STRATA_PLAYBOOK_SECRET"] = receiver.secret
        steps("six audiences: four CSV files, and a webhook received on this machine")
        reports = []
        for report in deliver(chosen_syncs(None, target), target, lambda line: None):
            if isinstance(report, StrataError):
                raise report
            reports.append(report)
    steps.end()
    return DemoSummary(last, verdicts, reports, _where_to_look(target))


def _refreshed_until(warehouse: sa.Engine) -> datetime | None:
    """The latest instant of which anything is kept, by a refresh that was cut off as well."""
    instants: list[datetime] = []
    with warehouse.connect() as connection:
        for schema, table, column in (
            ("segments", "segment_verdicts", "as_of"),
            ("identity", "identity_assignments", "valid_from"),
        ):
            if sa.inspect(connection).has_table(table, schema=schema):
                found = connection.execute(
                    sa.text(f"select max({column}) from {schema}.{table}")
                ).scalar()
                instants += [found] if found else []
    return max(instants, default=None)


def _where_to_look(target: str | None) -> list[str]:
    found = credentials(target).credentials
    where = duckdb_path(found) if found.type == "duckdb" else f"database {found.database}"
    return [
        f"Warehouse    {where}",
        "             segments.segment_membership, segment_changes, segment_verdicts, ...",
        f"Data Docs    {DATA_DOCS_DIR / 'index.html'}",
        "Segments     .venv/bin/strata segments       one file each in macros/segments/",
        "Syncs        .venv/bin/strata sync --plan    exposures in models/activation/",
        "Dagster      make dagster                    http://127.0.0.1:3000, job `refresh`",
    ]
