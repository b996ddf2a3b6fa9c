"""A refresh: write candidates, audit them, publish what passed.

Each step leaves the published state whole: candidates are not read by anybody, the
audit only records, and publishing is one transaction per table. A refresh that is
cut off is healed by the next one of the same instant or a later one.
"""

import json
import uuid
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from expectations.audit import AuditReport, audit
from expectations.docs_index import write_verdicts
from expectations.suites import DriftBounds, IdentityBounds
from orchestration.dbt import Dbt, NodeResult, NodesFailed
from orchestration.errors import StrataError
from orchestration.log import ERROR, INFO, WARNING, emit, redacted, work
from orchestration.progress import Progress
from orchestration.project import DATA_DOCS_DIR, project_vars, utc_now
from orchestration.traces import past
from orchestration.warehouse import check_reachable, engine, target_name

# Everything from the verdicts on is published, with the trend of the audit before them; all else
# is written unseen. What reads the audit and were written would be a second `write` in Dagster.
PUBLISHED = ["segment_verdicts+", "segment_definition_history", "expectation_trend"]
NOT_WRITTEN = [*PUBLISHED, "path:seeds/demo", "path:tests/macros"]

RUNS = sa.table(
    "runs",
    *[
        sa.column(name)
        for name in (
            "run_id",
            "as_of",
            "target",
            "sources",
            "state",
            "step",
            "started_at",
            "ended_at",
            "error",
        )
    ],
    schema="operations",
)


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
class Refresh:
    """One run of the project: an instant, a target, a choice of sources."""

    dbt: Dbt
    as_of: datetime
    run_id: str
    progress: Progress
    excluded: tuple[str, ...] = ()  # what this run leaves out, as dbt selects
    step: str = "write"
    started_at: datetime = field(default_factory=utc_now)

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
        dbt = Dbt(target_name(target), {"strata_sources": sources}, progress.result, progress.note)
        progress("reading the project")
        _ = dbt.manifest
        return cls(dbt=dbt, as_of=as_of, run_id=uuid.uuid4().hex, progress=progress)

    def at(self, as_of: datetime) -> "Refresh":
        """Another refresh of the same parsed project, as of another instant."""
        return Refresh(self.dbt, as_of, uuid.uuid4().hex, self.progress, self.excluded)

    def write(self) -> list[NodeResult]:
        """Builds everything up to the candidates; nobody reads it yet."""
        return self._build("write", exclude=NOT_WRITTEN)

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
        with self._working("audit") as told:
            warehouse = engine(self.dbt.target)
            report = audit(
                warehouse,
                run_id=self.run_id,
                as_of=self.as_of,
                docs_dir=DATA_DOCS_DIR,
                drift=drift_bounds(),
                identity=IdentityBounds.from_settings(project_vars().get("identity") or {}),
            )
            warehouse.dispose()
            told.update(expectations=report.expectation_count, failed=len(report.failed))
        return report

    def publish(self) -> list[NodeResult]:
        """Publishes the segments that passed, with everything that reads them."""
        results = self._build("publish", select=PUBLISHED)
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

    def verdicts(self) -> list[Verdict]:
        """The verdicts of this run."""
        return read_verdicts(engine(self.dbt.target), self.run_id)

    def record(self, state: str, error: str | None = None) -> None:
        """Keeps in operations.runs how the run ended: succeeded, or failed and why."""
        with engine(self.dbt.target).begin() as connection:
            if not sa.inspect(connection).has_table("runs", schema="operations"):
                return
            connection.execute(
                sa.insert(RUNS).values(
                    run_id=self.run_id,
                    as_of=self.as_of,
                    target=self.dbt.target,
                    sources=json.dumps(self.dbt.variables["strata_sources"], sort_keys=True),
                    state=state,
                    step=self.step,
                    started_at=self.started_at,
                    ended_at=utc_now(),
                    error=error,
                )
            )

    def _build(
        self, step: str, select: list[str] | None = None, exclude: list[str] | None = None
    ) -> list[NodeResult]:
        variables = {"run_id": self.run_id, "as_of": self.as_of.isoformat()}
        with self._working(step) as told:
            try:
                results = self.dbt.run(
                    "build",
                    select or (),
                    [*(exclude or ()), *self.excluded, "resource_type:unit_test"],
                    **variables,
                )
            except NodesFailed as error:
                told.update(_tell(error.results))
                self._keep_failing_rows(error.results, variables)
                raise
            told.update(_tell(results))
            self._keep_failing_rows(results, variables)
            return results

    def _working(self, step: str) -> AbstractContextManager[dict[str, object]]:
        self.step = step
        return work("step", run_id=self.run_id, as_of=self.as_of, step=step)

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
    try:
        run.progress("writing candidates")
        written = run.write()
        for line in [*run.rejected(), *run.late(), *run.warned(written)]:
            run.progress.note(line)
        run.progress("auditing")
        run.audit()
        run.progress("publishing")
        run.publish()
    except BaseException as error:
        # A person who interrupts it included. If the warehouse is what failed, say that.
        with suppress(SQLAlchemyError):
            run.record("failed", str(error) or type(error).__name__)
        raise
    run.record("succeeded")
    return run.verdicts()


def read_verdicts(warehouse: sa.Engine, run_id: str | None = None) -> list[Verdict]:
    """The verdicts of a run, or of the last run of the latest instant, by segment.

    Raises StrataError when nothing was refreshed yet.
    """
    with warehouse.connect() as connection:
        if not sa.inspect(connection).has_table("segment_verdicts", schema="segments"):
            raise StrataError("No segments yet: run `strata refresh` (or `make demo`) first.")
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
