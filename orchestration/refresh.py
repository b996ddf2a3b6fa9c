"""A refresh: write candidates, audit them, publish what passed.

Each step leaves the published state whole: candidates are not read by anybody, the
audit only records, and publishing is one transaction per table. A refresh that is
cut off is healed by the next one of the same instant or a later one.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from expectations.audit import AuditReport, audit
from expectations.docs_index import write_verdicts
from expectations.suites import DriftBounds, IdentityBounds
from orchestration import run_records, unchanged
from orchestration.bi_copy import place_of_copy, publish_copy
from orchestration.dbt import Dbt, NodeResult, NodesFailed
from orchestration.errors import RefreshFailed, StrataError
from orchestration.lease import Lease
from orchestration.log import ERROR, INFO, WARNING, emit, redacted, work
from orchestration.progress import Progress
from orchestration.project import DATA_DOCS_DIR, project_vars, utc_now
from orchestration.traces import past
from orchestration.warehouse import check_reachable, engine, target_name

# Everything from the verdicts on is published, with the trend of the audit before them; all else
# is written unseen. What reads the audit and were written would be a second `write` in Dagster.
PUBLISHED = ["segment_verdicts+", "segment_definition_history", "expectation_trend"]
NOT_WRITTEN = [*PUBLISHED, "fqn:strata.demo", "path:tests/macros"]
# The same in three steps, for who wants to see them one by one.
PARTS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "publish": (["segment_verdicts+,fqn:strata.segments", "segment_definition_history"], []),
    "analytics": (
        ["segment_verdicts+", "expectation_trend"],
        ["fqn:strata.segments", "fqn:strata.activation+"],
    ),
    "activate": (["segment_verdicts+,fqn:strata.activation+"], []),
}
SELECTIONS = {"write": ([], NOT_WRITTEN), **PARTS}
"""What dbt selects and excludes in each step that is dbt's."""

LEASE = timedelta(minutes=30)
"""Longer than any one model takes; the lease is renewed after each."""
RENEWED_EVERY_SECONDS = 60.0


@dataclass(frozen=True)
class Verdict:
    """What became of one segment in a run."""

    segment_id: str
    label: str
    entity: str
    verdict: str
    reasons: str
    member_count: int
    entered_count: int
    left_count: int
    is_evaluated: bool


@dataclass
class _Recorded:
    """What a step did: dbt's results, and numbers for its line in the log."""

    results: list[NodeResult] = field(default_factory=list)
    told: dict[str, object] = field(default_factory=dict)


@dataclass
class Refresh:
    """One run of the project: an instant, a target, a choice of sources."""

    dbt: Dbt
    as_of: datetime
    run_id: str
    progress: Progress
    excluded: tuple[str, ...] = ()  # what this run leaves out, as dbt selects
    is_full: bool = False
    """Whether what can be rebuilt is: incremental models from their first row on."""
    step: str = "write"
    started_at: datetime = field(default_factory=utc_now)
    kept: tuple[str, ...] = ()
    """Unique ids of what the write left as it was, in order: its sources did not change."""
    _renewed_at: float = 0.0

    @classmethod
    def start(
        cls,
        *,
        as_of: datetime,
        target: str | None,
        sources: dict[str, str],
        progress: Progress,
    ) -> "Refresh":
        """A refresh that has checked that the warehouse opens and the project parses."""
        check_reachable(target)
        drift_bounds()  # a wrong setting stops before anything is written
        unchanged.longest()
        dbt = Dbt(target_name(target), {"strata_sources": sources}, progress.result, progress.note)
        progress("reading the project")
        _ = dbt.manifest
        return cls(dbt=dbt, as_of=as_of, run_id=uuid.uuid4().hex, progress=progress)

    def at(self, as_of: datetime) -> "Refresh":
        """Another refresh of the same parsed project, as of another instant."""
        return Refresh(
            self.dbt, as_of, uuid.uuid4().hex, self.progress, self.excluded, self.is_full
        )

    def begin(self) -> None:
        """Takes the lease of the refresh, and records that it runs.

        Raises RefreshFailed where another refresh is going on, on this machine or another, and
        UsageError for a copy that cannot be made.
        """
        place_of_copy(self.dbt.target)
        with engine(self.dbt.target).begin() as connection:
            run_records.make_tables(connection)
        with engine(self.dbt.target).begin() as connection:
            self._lease.acquire(connection, utc_now())
            run_records.start_run(
                connection,
                run_id=self.run_id,
                as_of=self.as_of,
                target=self.dbt.target,
                sources=json.dumps(self.dbt.variables["strata_sources"], sort_keys=True),
                step=self.step,
                started_at=self.started_at,
            )

    def end(self, state: str, error: str | None = None) -> None:
        """Records how it ended, succeeded or failed and why, and gives the lease back."""
        with engine(self.dbt.target).begin() as connection:
            run_records.end_run(connection, self.run_id, state, utc_now(), error)
            self._lease.release(connection, utc_now())

    def write(self, select: Sequence[str] = ()) -> list[NodeResult]:
        """Builds everything up to the candidates, or some of it; nobody reads it yet.

        Of everything, what reads only sources that did not change stays as it is (`kept`).
        """
        longest = unchanged.longest()
        with self._recorded("write") as recorded:
            if not select:
                self.dbt.check_segments(self.as_of)
            found = None if select or self.excluded else self._unchanged(longest)
            with engine(self.dbt.target).begin() as connection:
                unchanged.forget(connection)
            self.kept = tuple(found.nodes) if found else ()
            if found and found.systems:
                self.progress.note(
                    f"unchanged since {found.since}Z, so not built again: "
                    f"{', '.join(found.systems)}"
                )
            flags = ["--indirect-selection", "cautious"] if self.kept else []
            self._build_in(recorded, select, NOT_WRITTEN, flags, self.kept)
            if found:
                with engine(self.dbt.target).begin() as connection:
                    unchanged.remember(connection, found)
        return recorded.results

    def _unchanged(self, longest: timedelta) -> unchanged.Unchanged | None:
        """What need not be built again; None where a source cannot be read, as dbt will say."""
        warehouse = engine(self.dbt.target)
        try:
            found = unchanged.look(self.dbt, warehouse, self.as_of, self.run_id, longest)
        except (StrataError, SQLAlchemyError):
            return None
        return replace(found, nodes=(), systems=()) if self.is_full else found

    def rejected(self) -> list[str]:
        """One line per reason for which source rows were not used."""
        with engine(self.dbt.target).connect() as connection:
            rows = connection.execute(
                sa.text(
                    "select domain, entity, reason, count(*), min(row_key) "
                    "from operations.rejected_rows group by 1, 2, 3 order by 1, 2, 3"
                )
            ).all()
        return [
            f"{count:,} of {domain}.{entity} not used: {reason}"
            f"{f' (such as {key})' if key else ''}; see operations.rejected_rows"
            for domain, entity, reason, count, key in rows
        ]

    def late(self) -> list[str]:
        """One line per system and state of lateness of its raw tables, as of the instant."""
        with engine(self.dbt.target).connect() as connection:
            rows = connection.execute(
                sa.text(
                    "select source_system, table_name, hours_behind, warn_after_hours, "
                    "error_after_hours, status from operations.source_freshness "
                    "where status in ('warn', 'error') order by 1, 6, 2"
                )
            ).all()
        lines: dict[tuple[Any, Any], list[str]] = {}
        for system, table, hours, warn_after, error_after, status in rows:
            bound = warn_after if status == "warn" else error_after
            lines.setdefault((system, status), []).append(
                f"{table} {hours:,.0f} hours ago (bound {bound})"
            )
        return [
            f"{system} is {'late' if status == 'warn' else 'not loaded any more'}: last loaded "
            f"before the instant: {', '.join(tables)}; see operations.source_freshness"
            for (system, status), tables in lines.items()
        ]

    @staticmethod
    def warned(results: list[NodeResult]) -> list[str]:
        """One line per dbt test that found rows and lets the run go on."""
        return [
            f"{one.failures:,} rows: {one.name}; they are in the schema test_failures"
            for one in results
            if one.resource_type == "test" and one.status == "warn"
        ]

    def audit(self) -> AuditReport:
        """Judges the candidates and the 360s with Great Expectations.

        A failed expectation is no error: it holds the segments that it concerns.
        """
        with self._recorded("audit") as recorded:
            report = audit(
                engine(self.dbt.target),
                run_id=self.run_id,
                as_of=self.as_of,
                docs_dir=DATA_DOCS_DIR,
                drift=drift_bounds(),
                identity=IdentityBounds.from_settings(project_vars().get("identity") or {}),
            )
            recorded.told |= {
                "expectations": report.expectation_count,
                "failed": len(report.failed),
            }
        return report

    def publish(self, part: str | None = None, only: Sequence[str] = ()) -> list[NodeResult]:
        """Publishes the segments that passed, with everything that reads them.

        Of its `PARTS` one, of which `only` some models; all of them at once if not given.
        """
        select, exclude = PARTS[part] if part else (PUBLISHED, [])
        results = self._build(part or "publish", only or select, exclude, is_part=bool(part))
        if part in (None, "publish"):
            verdicts = self.verdicts()
            for one in verdicts:
                emit(
                    INFO if one.verdict == "publish" or not one.is_evaluated else WARNING,
                    "verdict",
                    run_id=self.run_id, as_of=self.as_of, step=self.step, segment=one.segment_id,
                    verdict=one.verdict, reasons=one.reasons, members=one.member_count,
                    entered=one.entered_count, left=one.left_count,
                )  # fmt: skip
            said = {one.segment_id: (one.verdict, one.reasons) for one in verdicts}
            write_verdicts(DATA_DOCS_DIR, self.run_id, said)
        return results

    def loads(self) -> list[tuple[str, str, datetime | None]]:
        """System, raw table and when its last row was loaded, not after the instant."""
        sql = self.dbt.rendered("{{ raw_table_loads() }}", as_of=self.as_of.isoformat())
        with self._recorded("freshness"), engine(self.dbt.target).connect() as connection:
            rows = connection.exec_driver_sql(f"select * from ({sql}) as loads").mappings().all()
        return [(row["source_system"], row["table_name"], row["last_loaded_at"]) for row in rows]

    def mrr_shares(self) -> dict[str, float]:
        """The share of all MRR that the published members of each segment bring, 0 to 1.

        Of a segment of accounts that of the accounts. Segments without members are not there.
        """
        shares: dict[str, float] = {}
        with engine(self.dbt.target).connect() as connection:
            for entity in ("customer", "account"):
                found: Sequence[Any] = connection.execute(
                    sa.text(
                        "select m.segment_id, sum(e.mrr) / nullif(max(everybody.mrr), 0) "
                        "from segments.segment_membership as m "
                        f"inner join customer_360.{entity}_360 as e on m.entity_id = e.{entity}_id "
                        f"cross join (select sum(mrr) as mrr from customer_360.{entity}_360) "
                        "as everybody "
                        f"where m.entity = '{entity}' group by m.segment_id"
                    )
                ).all()
                shares |= {segment: float(share) for segment, share in found if share is not None}
        return shares

    def verdicts(self) -> list[Verdict]:
        """The verdicts of this run."""
        return read_verdicts(engine(self.dbt.target), self.run_id)

    def segment_seconds(self) -> dict[str, float]:
        """Seconds that each segment took in this run, its share of the models and its audit."""
        with engine(self.dbt.target).connect() as connection:
            found: Sequence[Any] = connection.execute(
                sa.text(
                    "select segment_id, model_seconds + coalesce(audit_seconds, 0) "
                    "from operations.segment_costs where run_id = :run_id"
                ),
                {"run_id": self.run_id},
            ).all()
        return {segment: float(seconds) for segment, seconds in found}

    @property
    def _lease(self) -> Lease:
        return Lease("refresh", self.run_id, LEASE, RefreshFailed)

    def _renew(self) -> None:
        """Keeps the lease. Raises RefreshFailed when another run has taken it over."""
        self._renewed_at = time.monotonic()
        with engine(self.dbt.target).begin() as connection:
            self._lease.renew(connection, utc_now())
            run_records.note_step(connection, self.run_id, self.step)

    def _on_result(self, result: NodeResult) -> None:
        self.progress.result(result)
        if time.monotonic() - self._renewed_at > RENEWED_EVERY_SECONDS:
            # dbt goes on whatever is raised here; the next step looks again.
            with suppress(RefreshFailed, SQLAlchemyError):
                self._renew()

    @contextmanager
    def _recorded(self, step: str) -> Iterator[_Recorded]:
        """A step, with the lease kept, and what it did logged, traced and recorded."""
        self.step = step
        self._renew()
        started_at, began, recorded = utc_now(), time.monotonic(), _Recorded()
        with work("step", run_id=self.run_id, as_of=self.as_of, step=step) as told:
            try:
                yield recorded
            finally:
                told.update(recorded.told)
                with suppress(SQLAlchemyError), engine(self.dbt.target).begin() as connection:
                    run_records.record_step(
                        connection,
                        run_id=self.run_id,
                        as_of=self.as_of,
                        step=step,
                        started_at=started_at,
                        seconds=time.monotonic() - began,
                        results=recorded.results,
                    )

    def _build(
        self,
        step: str,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        is_part: bool = False,
    ) -> list[NodeResult]:
        # A test of models of two parts waits for the later one.
        flags = ["--indirect-selection", "buildable"] if is_part else []
        with self._recorded(step) as recorded:
            self._build_in(recorded, select, exclude, flags)
        return recorded.results

    def _build_in(
        self,
        recorded: _Recorded,
        select: Sequence[str],
        exclude: Sequence[str],
        flags: Sequence[str],
        without: Sequence[str] = (),
    ) -> None:
        variables = {"run_id": self.run_id, "as_of": self.as_of.isoformat()}
        self.dbt.on_result = self._on_result
        try:
            recorded.results = self.dbt.run(
                "build",
                select,
                [*exclude, *self.excluded, "resource_type:unit_test"],
                [*(["--full-refresh"] if self.is_full else []), *flags],
                without,
                **variables,
            )
        except NodesFailed as error:
            recorded.results = error.results
            raise
        finally:
            recorded.told |= _tell(recorded.results)
            self._keep_failing_rows(recorded.results, variables)

    def _keep_failing_rows(self, results: list[NodeResult], variables: dict[str, str]) -> None:
        """The rows that data tests found, in the schema test_failures, for a person to look at.

        Tests run without keeping rows, as nearly all find none, and those that do once more.
        """
        found = [one.name for one in results if one.resource_type == "test" and one.failures]
        if found:
            with suppress(NodesFailed):
                self.dbt.run("test", found, flags=["--store-failures"], **variables)


def _tell(results: list[NodeResult]) -> dict[str, object]:
    """Logs the nodes that failed, makes a span of each, and gives their numbers."""
    for one in results:
        error = None if one.is_good else redacted(one.message or one.status)
        if error is not None:
            emit(ERROR, "node failed", node=one.unique_id, status=one.status, error=error)
        if one.started_at is not None:
            past(
                one.name, one.started_at, one.seconds, error,
                node=one.unique_id, kind=one.resource_type, status=one.status,
            )  # fmt: skip
    return {"nodes": len(results), "failed": sum(not one.is_good for one in results)}


def drift_bounds() -> DriftBounds:
    """The bounds of the project variable `drift`. Raises StrataError for a wrong one."""
    return DriftBounds.from_settings(project_vars().get("drift") or {})


def refresh(run: Refresh) -> list[Verdict]:
    """Write, audit, publish. Returns the verdicts."""
    with work("refresh", run_id=run.run_id, as_of=run.as_of, target=run.dbt.target):
        return _refresh(run)


def _refresh(run: Refresh) -> list[Verdict]:
    run.begin()
    try:
        run.progress("writing candidates")
        written = run.write()
        for line in [*run.rejected(), *run.late(), *run.warned(written)]:
            run.progress.note(line)
        run.progress("auditing")
        run.audit()
        run.progress("publishing")
        run.publish()
        if place_of_copy(run.dbt.target):
            run.progress("copying what is published for BI")
            publish_copy(run.dbt.target)
    except BaseException as error:
        # A person who interrupts it included. If the warehouse is what failed, say that.
        with suppress(SQLAlchemyError):
            run.end("failed", str(error) or type(error).__name__)
        raise
    run.end("succeeded")
    return run.verdicts()


def read_verdicts(warehouse: sa.Engine, run_id: str | None = None) -> list[Verdict]:
    """The verdicts of a run, or of the last run of the latest instant, by segment.

    Raises StrataError when nothing was refreshed yet.
    """
    with warehouse.connect() as connection:
        if not sa.inspect(connection).has_table("segment_verdicts", schema="segments"):
            raise StrataError(
                "No segments yet: run `strata refresh` (with the demo's data `strata demo`) first."
            )
        if run_id is None:
            run_id = connection.execute(
                sa.text(
                    "select run_id from segments.segment_verdicts "
                    "order by as_of desc, run_started_at desc, run_id limit 1"
                )
            ).scalar()
        rows = connection.execute(
            sa.text(
                "select v.segment_id, r.label, v.entity, v.verdict, v.reasons, v.is_evaluated, "
                "v.published_count, "
                "case when v.verdict = 'publish' then v.entered_count else 0 end, "
                "case when v.verdict = 'publish' then v.left_count else 0 end "
                "from segments.segment_verdicts as v "
                "left join segments.segment_registry as r on v.segment_id = r.segment_id "
                "where v.run_id = :run_id order by v.segment_id"
            ),
            {"run_id": run_id},
        ).all()
    return [
        Verdict(
            segment_id=row[0],
            label=row[1] or row[0],
            entity=row[2],
            verdict=row[3],
            reasons=row[4],
            is_evaluated=row[5],
            member_count=row[6],
            entered_count=row[7],
            left_count=row[8],
        )
        for row in rows
    ]
