"""`strata backfill`: a refresh at each of many instants, in order."""

import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

import sqlalchemy as sa

from orchestration.errors import StrataError, UsageError
from orchestration.progress import Steps
from orchestration.project import PROJECT_DIR, parse_instant
from orchestration.refresh import Refresh, Verdict, refresh
from orchestration.segment_tools.evaluation import definitions, registry_sql, with_needed, written
from orchestration.segment_tools.ids import known_segment, segment_files
from orchestration.warehouse import (
    check_reachable,
    credentials,
    duckdb_engine,
    duckdb_path,
    engine,
)

# Bounds on change are meant for the time between two refreshes, and steps may be longer. In a
# file that nobody reads yet they would only leave gaps.
UNBOUNDED = 10**12
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Backfill:
    """What a backfill did."""

    instants: Sequence[datetime]
    done: Sequence[datetime]
    verdicts: Sequence[Verdict]
    where: str

    @property
    def is_complete(self) -> bool:
        """Whether every instant was refreshed."""
        return len(self.done) == len(self.instants)


def parse_every(text: str) -> timedelta:
    """The step that a person typed: 1h, 6h, 1d, 2w. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+)([hdw])", text.strip())
    if not found or int(found[1]) == 0:
        raise UsageError(
            f"--every is '{text}'. It takes hours, days or weeks, such as 1h, 6h, 1d or 2w."
        )
    return int(found[1]) * UNITS[found[2]]


def instants_between(first: str, last: str, every: str) -> list[datetime]:
    """The instants from the first in steps, none after the last.

    Raises UsageError when the last lies before the first.
    """
    start, end = parse_instant(first, "--from"), parse_instant(last, "--to")
    step = parse_every(every)
    if end < start:
        raise UsageError(f"--to is {written(end)}, before --from {written(start)}.")
    return [start + number * step for number in range((end - start) // step + 1)]


def backfill(
    instants: Sequence[datetime],
    *,
    target: str | None,
    sources: dict[str, str],
    into: Path | None,
    segment_id: str | None,
    steps: Steps,
) -> Backfill:
    """Refreshes at each instant, oldest first, with the definitions as they are now.

    Published history only grows forward. So the instants must not lie before the last one
    published, unless `into` names a DuckDB file of its own: then the raw tables are copied
    there and the history is built in it, and a file that a backfill has begun is gone on
    with. `segment_id` leaves out every segment that it does not depend on, and every
    audience; it needs `into`. A first Ctrl-C ends after the instant that is being refreshed.
    """
    if segment_id is not None:
        known_segment(segment_id, segment_files())
        if into is None:
            raise UsageError(
                "--segment needs --into FILE: a history of one segment alone is built in a file of "
                "its own, since in the warehouse the members of all others would leave."
            )
    if into is not None:
        _copy_raw_tables(target, into.resolve(), steps)
    check_reachable(target)
    first, last = _refreshed(engine(target))
    if into is None and last is not None and instants[0] < last:
        raise UsageError(
            f"Segments are published as of {written(last)} already, and history only grows "
            f"forward: --from must not be earlier, and is {written(instants[0])}. To build the "
            "history of earlier instants, name a DuckDB file of its own with --into FILE."
        )
    if first is not None and instants[0] < first:
        raise UsageError(
            f"{into} holds a history from {written(first)} on, and --from is "
            f"{written(instants[0])}. A history is built from its beginning: name a new file."
        )
    done = [instant for instant in instants if last is not None and instant <= last]
    remaining = instants[len(done) :]
    if done:
        steps.note(f"{len(done)} of {len(instants)} instants are refreshed already")
    verdicts: list[Verdict] = []
    if remaining:
        run = Refresh.start(as_of=remaining[0], target=target, sources=sources, progress=steps)
        if into is not None:
            run.dbt.variables["smallest_bounded_change"] = UNBOUNDED
        if segment_id is not None:
            run = _of_one_segment(run, segment_id)
        with _stopping_at_ctrl_c(steps) as asked:
            for number, instant in enumerate(remaining, len(done) + 1):
                if asked:
                    break
                steps.heading(f"[bold]{written(instant)}[/] ({number} of {len(instants)})")
                verdicts = refresh(run.at(instant))
                steps.end()
                done.append(instant)
    return Backfill(instants, done, verdicts, _where(target))


def _of_one_segment(run: Refresh, segment_id: str) -> Refresh:
    """The same run with the definitions only of a segment and of those that it depends on."""
    with duckdb_engine(Path(":memory:")).connect() as connection:
        kept = with_needed(segment_id, definitions(connection, registry_sql(run.dbt, run.as_of)))
    others = {
        str(path.relative_to(PROJECT_DIR)): None
        for name, path in segment_files().items()
        if name not in kept
    }
    dbt = run.dbt.with_macros(others)
    return Refresh(dbt, run.as_of, run.run_id, run.progress, excluded=("path:models/activation+",))


def _copy_raw_tables(target: str | None, into: Path, steps: Steps) -> None:
    """Makes the file with a copy of every raw table, and lets the target mean that file.

    Views among the raw tables become tables. A file that has them is taken as it is.
    """
    found = credentials(target).credentials
    if found.type != "duckdb":
        raise UsageError(
            f"--into makes a DuckDB file, and the target is of type '{found.type}'. There, copy "
            "the raw_* schemas to an empty database, point profiles.yml at it, and backfill it "
            "without --into."
        )
    source = duckdb_path(found)
    if into == source:
        raise UsageError(f"--into names the warehouse itself, {source}. It takes another file.")
    check_reachable(target, must_exist=True)
    if not into.exists():
        steps(f"copying the raw tables to {into}")
        unfinished = into.with_name(into.name + ".copying")
        unfinished.unlink(missing_ok=True)
        with duckdb_engine(source).connect() as connection:
            tables = connection.exec_driver_sql(
                "select table_schema, table_name from information_schema.tables "
                "where table_catalog = current_database() and table_schema like 'raw\\_%' "
                "escape '\\' order by 1, 2"
            ).all()
            if not tables:
                raise StrataError(
                    f"{source} has no raw_* schemas to build a history from. Load the raw tables "
                    "first (docs/bring-your-own-data.md), or run `make demo`."
                )
            literal = str(unfinished).replace("'", "''")
            connection.exec_driver_sql(f"attach '{literal}' as backfill")
            for schema, table in tables:
                connection.exec_driver_sql(f'create schema if not exists backfill."{schema}"')
                connection.exec_driver_sql(
                    f'create table backfill."{schema}"."{table}" as from "{schema}"."{table}"'
                )
            connection.commit()
            connection.exec_driver_sql("detach backfill")
        unfinished.rename(into)
        steps.end()
    os.environ["STRATA_DUCKDB_PATH"] = str(into)
    if duckdb_path(credentials(target).credentials) != into:
        raise UsageError(
            "--into needs the path of the DuckDB target in profiles.yml to be "
            "env_var('STRATA_DUCKDB_PATH', ...)."
        )


@contextmanager
def _stopping_at_ctrl_c(steps: Steps) -> Iterator[list[bool]]:
    """A list that is filled at the first Ctrl-C; the second one stops at once."""
    asked: list[bool] = []
    before = signal.getsignal(signal.SIGINT)

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.append(True)
        steps.note("stopping after this instant; press Ctrl-C again to stop at once")
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _refreshed(warehouse: sa.Engine) -> tuple[datetime | None, datetime | None]:
    """The first and the last instant of a refresh that came to its end."""
    with warehouse.connect() as connection:
        if not sa.inspect(connection).has_table("runs", schema="operations"):
            return None, None
        row = connection.execute(
            sa.text("select min(as_of), max(as_of) from operations.runs where state = 'succeeded'")
        ).one()
    return row[0], row[1]


def _where(target: str | None) -> str:
    found = credentials(target).credentials
    return str(duckdb_path(found)) if found.type == "duckdb" else f"database {found.database}"
