"""Expectations that Great Expectations does not have.

The library asks one query per expectation for most things that are not about one column. These
are written so that any number of them costs one query: row conditions are aggregates that share
the scan of the column checks, and every segment's expectations read one grouped profile.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa
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


class ExpectRowsToMeetCondition(BatchExpectation):
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
        return _counted(failing, rows, f"{failing:,} of {rows:,} rows contradict it")


class _SegmentExpectation(BatchExpectation):
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
        return _counted(offending, rows, observed)

    def _offending(self, profiles: list[EntityProfile]) -> tuple[int, str, list[str]]:
        """How many rows break the expectation, in which way, and examples.

        Abstract: every expectation below says its own.
        """
        raise NotImplementedError


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


def _counted(offending: int, total: int, observed: str) -> dict[str, Any]:
    return {
        "success": offending == 0,
        "result": {
            "observed_value": observed,
            "element_count": total,
            "unexpected_count": offending,
            "unexpected_percent": 100 * offending / total if total else 0.0,
        },
    }
