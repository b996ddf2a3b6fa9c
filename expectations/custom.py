"""Expectations that Great Expectations does not have.

The library asks one query per expectation for most things that are not about one column. These
are written so that any number of them costs one query: row conditions are aggregates that share
the scan of the column checks, and every segment's expectations read one grouped profile.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_partial, metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration

from expectations.profiles import ROWS
from expectations.stability import Stability, Tolerance, stability
from expectations.suites import ENTITY_KEYS


class RowsFailingCondition(TableMetricProvider):
    """How many rows contradict an SQL condition; a row for which it is null does not."""

    metric_name = "table.rows_failing_condition"
    value_keys = ("condition", "columns")

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        cls,  # noqa: N805 - the library passes the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[sa.ColumnElement[Any], dict[str, Any], dict[str, Any]]:
        missing = set(metric_value_kwargs["columns"]) - {str(c) for c in metrics["table.columns"]}
        if missing:
            raise ValueError(f"column {', '.join(sorted(missing))} does not exist")
        condition: sa.ColumnElement[bool] = sa.literal_column(
            f"({metric_value_kwargs['condition']})", sa.Boolean
        )
        failing = sa.func.coalesce(sa.func.sum(sa.case((sa.not_(condition), 1), else_=0)), 0)
        return failing, metric_domain_kwargs, {}

    @classmethod
    def _get_evaluation_dependencies(
        cls,
        metric: MetricConfiguration,
        configuration: ExpectationConfiguration | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[str, MetricConfiguration]:
        dependencies: dict[str, MetricConfiguration] = super()._get_evaluation_dependencies(
            metric=metric,
            configuration=configuration,
            execution_engine=execution_engine,
            runtime_configuration=runtime_configuration,
        )
        if metric.metric_name.endswith(".aggregate_fn"):
            dependencies["table.columns"] = MetricConfiguration(
                metric_name="table.columns", metric_domain_kwargs=metric.metric_domain_kwargs
            )
        return dependencies


@dataclass(frozen=True)
class EntityProfile:
    """The candidates of one segment that carry one entity.

    Counts are rows; an example is one offending key, or None.
    """

    entity: str | None
    row_count: int
    null_count: int
    duplicate_count: int
    duplicate_example: str | None
    unknown_count: int
    unknown_example: str | None


class SegmentCandidateProfile(TableMetricProvider):
    """One grouped query over all candidates: segment_id -> its `EntityProfile`s.

    Each segment's expectations look their segment up, so the number of queries does not grow with
    the number of segments.
    """

    metric_name = "segment_candidates.profile"

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - the library passes the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[str | None, list[EntityProfile]]:
        candidates, _, _ = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        profiles: dict[str | None, list[EntityProfile]] = defaultdict(list)
        for row in execution_engine.execute_query(_profile_query(candidates)).fetchall():
            segment_id, entity, rows, nulls, twice, twice_key, unknown, unknown_key = row
            profiles[segment_id].append(
                EntityProfile(
                    entity, int(rows), int(nulls), int(twice), twice_key, int(unknown), unknown_key
                )
            )
        return dict(profiles)


def _profile_query(candidates: Any) -> sa.Select[Any]:
    segment_id: sa.ColumnClause[str] = sa.column("segment_id")
    entity: sa.ColumnClause[str] = sa.column("entity")
    entity_id: sa.ColumnClause[str] = sa.column("entity_id")
    members = (
        sa.select(segment_id, entity, entity_id, sa.func.count().label("row_count"))
        .select_from(candidates)
        .group_by(segment_id, entity, entity_id)
        .subquery("members")
    )
    joined: sa.FromClause = members
    absent: list[sa.ColumnElement[bool]] = []
    for name, (relation, key) in ENTITY_KEYS.items():
        table = sa.table(relation.table, sa.column(key), schema=relation.schema)
        # A key that is there twice, which is that relation's own failure, must not multiply
        # the members here.
        known = sa.select(table.c[key].label("key")).distinct().subquery(f"known_{name}")
        joined = joined.outerjoin(
            known, sa.and_(members.c.entity == name, members.c.entity_id == known.c.key)
        )
        absent.append(known.c.key.is_(None))
    has_key = members.c.entity_id.is_not(None)
    is_twice = sa.and_(has_key, members.c.row_count > 1)
    is_unknown = sa.and_(has_key, *absent)

    def rows_where(condition: sa.ColumnElement[bool], rows: Any) -> sa.ColumnElement[Any]:
        return sa.func.sum(sa.case((condition, rows), else_=0))

    def example(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
        return sa.func.min(sa.case((condition, members.c.entity_id)))

    return (
        sa.select(
            members.c.segment_id,
            members.c.entity,
            sa.func.sum(members.c.row_count),
            rows_where(members.c.entity_id.is_(None), members.c.row_count),
            rows_where(is_twice, members.c.row_count - 1),
            example(is_twice),
            rows_where(is_unknown, members.c.row_count),
            example(is_unknown),
        )
        .select_from(joined)
        .group_by(members.c.segment_id, members.c.entity)
    )


class SegmentGroupProfile(TableMetricProvider):
    """segment_id -> how many of its candidates are also in another of its priority group, and one
    of them."""

    metric_name = "segment_candidates.group_profile"

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - the library passes the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[str, tuple[int, str]]:
        found = execution_engine.execute_query(_GROUP_QUERY).fetchall()
        return {segment_id: (int(rows), example) for segment_id, rows, example in found}


_GROUP_QUERY = sa.text(
    """
    with grouped as (
        select candidates.segment_id, registry.priority_group, candidates.entity_id
        from segments.segment_candidates as candidates
        inner join segments.segment_registry as registry
            on candidates.segment_id = registry.segment_id
        where registry.priority_group is not null
    ),
    shared as (
        select priority_group, entity_id
        from grouped
        group by priority_group, entity_id
        having count(distinct segment_id) > 1
    )
    select grouped.segment_id, count(*), min(grouped.entity_id)
    from grouped
    inner join shared
        on grouped.priority_group = shared.priority_group and grouped.entity_id = shared.entity_id
    group by grouped.segment_id
    """
)


class FailingMembers(TableMetricProvider):
    """How many candidates of a segment there are, how many contradict an SQL condition over the
    360s, and one of those."""

    metric_name = "segment_candidates.failing_condition"
    value_keys = ("segment_id", "entity", "condition")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - the library passes the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[int, int, str | None]:
        # A colon would be the name of a parameter to SQLAlchemy.
        condition = metric_value_kwargs["condition"].replace(":", "\\:")
        source = {
            "customer": "customer_360.customer_360 as c on members.entity_id = c.customer_id",
            "account": "customer_360.account_360 as a on members.entity_id = a.account_id",
        }[metric_value_kwargs["entity"]]
        if metric_value_kwargs["entity"] == "customer" and re.search(r"\ba\.", condition):
            source += " left join customer_360.account_360 as a on c.account_id = a.account_id"
        query = sa.text(
            f"select count(*), coalesce(sum(case when not ({condition}) then 1 else 0 end), 0),"
            f" min(case when not ({condition}) then members.entity_id end)"
            f" from segments.segment_candidates as members inner join {source}"
            " where members.segment_id = :segment_id"
        )
        [(rows, failing, example)] = execution_engine.execute_query(
            query.bindparams(segment_id=metric_value_kwargs["segment_id"])
        ).fetchall()
        return int(rows), int(failing), example


@dataclass(frozen=True)
class StayProfile:
    """The stays of one segment: how many that began since the last run overlap another of the
    same entity, how many are open, and how many the last run that succeeded published (None if
    none did)."""

    overlapping_count: int
    overlapping_example: str | None
    open_count: int
    published_count: int | None


class SegmentStayProfile(TableMetricProvider):
    """One query over the published history: segment_id -> `StayProfile`."""

    metric_name = "segment_history.profile"

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - the library passes the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[str, StayProfile]:
        [(tables,)] = execution_engine.execute_query(_HISTORY_TABLES).fetchall()
        if tables < 2:
            return {}  # Nothing was published yet.
        return {
            segment_id: StayProfile(
                int(overlapping or 0),
                example,
                int(open_count or 0),
                None if published is None else int(published),
            )
            for segment_id, overlapping, example, open_count, published in (
                execution_engine.execute_query(_STAY_QUERY).fetchall()
            )
        }


_HISTORY_TABLES = sa.text(
    "select count(*) from information_schema.tables where table_catalog = current_database()"
    " and table_schema = 'segments'"
    " and table_name in ('segment_membership_history', 'segment_verdicts')"
)
# The last run may have been cut off between verdicts and history; then it says nothing.
_STAY_QUERY = sa.text(
    """
    with verdicts as (
        select
            segment_id, run_id, as_of, published_count,
            row_number() over (
                partition by segment_id order by as_of desc, run_started_at desc
            ) as recency
        from segments.segment_verdicts
    ),
    last_verdicts as (
        select
            verdicts.segment_id,
            verdicts.as_of,
            case when runs.state = 'succeeded' then verdicts.published_count end as published_count
        from verdicts
        left join operations.runs as runs on verdicts.run_id = runs.run_id
        where verdicts.recency = 1
    ),
    open_stays as (
        select segment_id, count(*) as open_count
        from segments.segment_membership_history
        where valid_to is null
        group by segment_id
    ),
    overlapping as (
        select later.segment_id, count(*) as overlapping_count, min(later.entity_id) as example
        from segments.segment_membership_history as later
        inner join last_verdicts on later.segment_id = last_verdicts.segment_id
        inner join segments.segment_membership_history as earlier
            on later.segment_id = earlier.segment_id
            and later.entity_id = earlier.entity_id
            and later.stay_id <> earlier.stay_id
        where
            later.valid_from >= last_verdicts.as_of
            and earlier.valid_from <= later.valid_from
            and (earlier.valid_to is null or earlier.valid_to > later.valid_from)
        group by later.segment_id
    )
    select
        last_verdicts.segment_id,
        overlapping.overlapping_count,
        overlapping.example,
        open_stays.open_count,
        last_verdicts.published_count
    from last_verdicts
    left join open_stays on last_verdicts.segment_id = open_stays.segment_id
    left join overlapping on last_verdicts.segment_id = overlapping.segment_id
    """
)


class ColumnStability(TableMetricProvider):
    """(relation, column) -> `Stability`, of every column that the run profiled."""

    metric_name = "column_profiles.stability"
    value_keys = (
        "run_id",
        "as_of",
        "max_psi",
        "max_empty_change",
        "min_row_share",
        "max_rejected_rise",
        "min_rows",
    )

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - the library passes the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[tuple[str, str], Stability]:
        return stability(
            lambda query: execution_engine.execute_query(query).fetchall(),
            metric_value_kwargs["run_id"],
            datetime.fromisoformat(metric_value_kwargs["as_of"]),
            Tolerance(**{each.name: metric_value_kwargs[each.name] for each in fields(Tolerance)}),
        )


class _StrataExpectation(BatchExpectation):
    """An expectation that is not changed once it is made, so its configuration is made once.

    The library reads it for every argument, and makes it anew each time: four of ten function
    calls of an audit of 90 segments.
    """

    _made: ExpectationConfiguration | None = PrivateAttr(None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        if self._made is None:
            self._made = super().configuration
        return self._made


class ExpectRowsToMeetCondition(_StrataExpectation):
    """Expect no row to contradict an SQL condition.

    A row for which the condition is null does not contradict it. All conditions on a relation
    are computed in one query.

    Args:
        condition: An SQL condition over the relation's columns.
        columns: The columns that the condition reads.
    """

    condition: str
    columns: list[str]

    metric_dependencies: ClassVar[tuple[str, ...]] = (
        "table.row_count",
        "table.rows_failing_condition",
    )
    success_keys: ClassVar[tuple[str, ...]] = ("condition", "columns")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        failing = int(metrics["table.rows_failing_condition"])
        rows = int(metrics["table.row_count"])
        return counted(failing, rows, f"{failing:,} of {rows:,} rows contradict it")


class _SegmentExpectation(_StrataExpectation):
    """An expectation on the candidates of one segment."""

    segment_id: str
    entity: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("segment_candidates.profile",)
    success_keys: ClassVar[tuple[str, ...]] = ("segment_id", "entity")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profiles = metrics["segment_candidates.profile"].get(self.segment_id, [])
        rows = sum(profile.row_count for profile in profiles)
        offending, what, examples = self._offending(profiles)
        observed = f"{offending:,} of {rows:,} members {what}"
        if examples:
            observed += f", for example {', '.join(examples)}"
        return counted(offending, rows, observed)

    def _offending(self, profiles: list[EntityProfile]) -> tuple[int, str, list[str]]:
        """How many rows break the expectation, in which way, and examples.

        Those below that judge candidates one by one say their own; the others judge otherwise.
        """
        raise NotImplementedError  # Nothing of it is common; the library's metaclass bars ABC.


class ExpectSegmentMembersToHaveKeys(_SegmentExpectation):
    """Expect every candidate of the segment to have a key.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
    """

    def _offending(self, profiles: list[EntityProfile]) -> tuple[int, str, list[str]]:
        return sum(p.null_count for p in profiles), "without a key", []


class ExpectSegmentMembersToBeUnique(_SegmentExpectation):
    """Expect no key to be a candidate of the segment twice.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
    """

    def _offending(self, profiles: list[EntityProfile]) -> tuple[int, str, list[str]]:
        examples = [p.duplicate_example for p in profiles if p.duplicate_example is not None]
        return sum(p.duplicate_count for p in profiles), "there more than once", examples


class ExpectSegmentMembersToExist(_SegmentExpectation):
    """Expect every key among the segment's candidates to be in the 360 of its entity.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
    """

    def _offending(self, profiles: list[EntityProfile]) -> tuple[int, str, list[str]]:
        examples = [p.unknown_example for p in profiles if p.unknown_example is not None]
        return sum(p.unknown_count for p in profiles), "unknown", examples


class ExpectSegmentMembersToBeOfEntity(_SegmentExpectation):
    """Expect every candidate of the segment to carry the entity of its registry row.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
    """

    def _offending(self, profiles: list[EntityProfile]) -> tuple[int, str, list[str]]:
        others = [p for p in profiles if p.entity != self.entity]
        examples = sorted(str(p.entity) for p in others)
        return sum(p.row_count for p in others), "of another entity", examples


class ExpectSegmentMembersToBeInNoOtherOfTheGroup(_SegmentExpectation):
    """Expect no candidate of the segment to be one of another segment of its priority group.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = (
        "segment_candidates.profile",
        "segment_candidates.group_profile",
    )

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profiles = metrics["segment_candidates.profile"].get(self.segment_id, [])
        shared, example = metrics["segment_candidates.group_profile"].get(
            self.segment_id, (0, None)
        )
        return members(shared, sum(p.row_count for p in profiles), "in another, too", example)


class ExpectSegmentMembersToMeetCondition(_SegmentExpectation):
    """Expect no candidate of the segment to contradict an SQL condition over the 360s.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
        condition: SQL over customer_360 as c and account_360 as a, as in the segment's rule.
    """

    condition: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("segment_candidates.failing_condition",)
    success_keys: ClassVar[tuple[str, ...]] = ("segment_id", "entity", "condition")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        rows, failing, example = metrics["segment_candidates.failing_condition"]
        return members(failing, rows, "contradict it", example)


class ExpectSegmentStaysNotToOverlap(_SegmentExpectation):
    """Expect no stay that began since the last run to overlap another one of the same member.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("segment_history.profile",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profile = metrics["segment_history.profile"].get(self.segment_id)
        if profile is None:
            return counted(0, 0, "nothing was published yet")
        count = profile.overlapping_count
        observed = f"{count:,} stays overlap another"
        if profile.overlapping_example:
            observed += f", for example of {profile.overlapping_example}"
        return counted(count, profile.open_count, observed)


class ExpectSegmentStaysToBeThosePublished(_SegmentExpectation):
    """Expect as many open stays as members that the last run that succeeded published.

    Args:
        segment_id: The segment.
        entity: The entity of its registry row.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("segment_history.profile",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profile = metrics["segment_history.profile"].get(self.segment_id)
        if profile is None or profile.published_count is None:
            return counted(0, 0, "no earlier run to compare with")
        missing = abs(profile.open_count - profile.published_count)
        return counted(
            missing,
            profile.published_count,
            f"{profile.open_count:,} open stays, {profile.published_count:,} members published",
        )


class _StabilityExpectation(_StrataExpectation):
    relation_name: str
    column_name: str = ROWS
    run_id: str
    as_of: str
    max_psi: float
    max_empty_change: float
    min_row_share: float
    max_rejected_rise: float
    min_rows: int
    problem: str | None = None  # why the run could not profile anything

    metric_dependencies: ClassVar[tuple[str, ...]] = ("column_profiles.stability",)
    success_keys: ClassVar[tuple[str, ...]] = (
        "relation_name",
        "column_name",
        "run_id",
        "as_of",
        "max_psi",
        "max_empty_change",
        "min_row_share",
        "max_rejected_rise",
        "min_rows",
        "problem",
    )

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        found: dict[tuple[str, str], Stability] = metrics["column_profiles.stability"]
        if self.problem or (self.relation_name, ROWS) not in found:
            raise RuntimeError(self.problem or f"{self.relation_name} was not profiled")
        # A column without a profile has no rows, now or before.
        judged = found.get((self.relation_name, self.column_name), Stability(True, "no rows"))
        return {
            "success": judged.is_stable,
            "result": {"observed_value": judged.observed, "observed_number": judged.number},
        }


class ExpectColumnDistributionToBeStable(_StabilityExpectation):
    """Expect a column to be distributed as in one of the audits that it is compared with.

    Its arguments are those of every expectation about stability: `relation_name` and
    `column_name`; `run_id` and `as_of` (UTC, ISO 8601) of the run that is judged; and the bounds of
    the project variable `drift`, of which `max_psi` and `max_empty_change` are about columns.
    """


class ExpectTableRowCountToBeStable(_StabilityExpectation):
    """Expect a table not to have lost rows against the audits that it is compared with.

    Its arguments are those of `ExpectColumnDistributionToBeStable`; `min_row_share` is its bound.
    """


class ExpectRejectedRowsToBeStable(_StabilityExpectation):
    """Expect no larger share of a source's rows to be rejected than in the audits before.

    Its arguments are those of `ExpectColumnDistributionToBeStable`; `max_rejected_rise` is its
    bound.
    """


def members(offending: int, total: int, what: str, example: str | None) -> dict[str, Any]:
    """The result of an expectation that `offending` of `total` members do not meet."""
    observed = f"{offending:,} of {total:,} members {what}"
    return counted(offending, total, f"{observed}, for example {example}" if example else observed)


def counted(offending: int, total: int, observed: str) -> dict[str, Any]:
    """The result of an expectation that none offends, with what was observed in words."""
    return {
        "success": offending == 0,
        "result": {
            "observed_value": observed,
            "element_count": total,
            "unexpected_count": offending,
            "unexpected_percent": 100 * offending / total if total else 0.0,
        },
    }
