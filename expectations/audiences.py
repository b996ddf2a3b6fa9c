"""Expectations about audiences: what may be told to a destination, and about whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from expectations.custom import counted, members
from expectations.profiles import kind_of


@dataclass(frozen=True)
class AudienceProfile:
    """An audience in members, and how many of them, with an example, should not be in it."""

    row_count: int
    without_consent: tuple[int, str | None]
    not_published: tuple[int, str | None]
    types: Mapping[str, str]  # by column, as the warehouse calls them


class AudienceProfileMetric(TableMetricProvider):
    """One query over an audience, the consents and the published members: `AudienceProfile`."""

    metric_name = "audience.profile"
    value_keys = ("relation", "segment_id", "channel")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - the library passes the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> AudienceProfile:
        schema, table = metric_value_kwargs["relation"].split(".")
        audience = sa.table(table, sa.column("entity_key"), schema=schema)
        query = _PROFILE_QUERY.replace("{audience}", f"{audience.schema}.{audience.name}")
        [found] = execution_engine.execute_query(
            sa.text(query).bindparams(
                segment_id=metric_value_kwargs["segment_id"], channel=metric_value_kwargs["channel"]
            )
        ).fetchall()
        types = {
            column["name"]: column["type"].name
            for column in execution_engine.get_inspector().get_columns(table, schema)
        }
        return AudienceProfile(
            int(found[0]), (int(found[1]), found[2]), (int(found[3]), found[4]), types
        )


_PROFILE_QUERY = """
    with granted as (
        select distinct customer_id
        from activation.consent_current
        where channel = :channel and status = 'granted'
    ),
    published as (
        select distinct entity_id
        from segments.segment_membership
        where segment_id = :segment_id and entity = 'customer'
    )
    select
        count(*),
        count(case when granted.customer_id is null then 1 end),
        min(case when granted.customer_id is null then audience.entity_key end),
        count(case when published.entity_id is null then 1 end),
        min(case when published.entity_id is null then audience.entity_key end)
    from {audience} as audience
    left join granted on audience.entity_key = granted.customer_id
    left join published on audience.entity_key = published.entity_id
"""


class _AudienceExpectation(BatchExpectation):
    relation: str
    segment_id: str
    channel: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("audience.profile",)
    success_keys: ClassVar[tuple[str, ...]] = ("relation", "segment_id", "channel")


class ExpectAudienceMembersToHaveConsent(_AudienceExpectation):
    """Expect the last word of every member about the channel to be that it is granted.

    Args:
        relation: The audience, as schema.table.
        segment_id: The segment that it is made of.
        channel: The channel that it is for.
    """

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profile: AudienceProfile = metrics["audience.profile"]
        missing, example = profile.without_consent
        return members(missing, profile.row_count, "have not granted it", example)


class ExpectAudienceMembersToBePublished(_AudienceExpectation):
    """Expect every member to be a published member of the segment.

    Args:
        relation: The audience, as schema.table.
        segment_id: The segment that it is made of.
        channel: The channel that it is for.
    """

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profile: AudienceProfile = metrics["audience.profile"]
        unpublished, example = profile.not_published
        return members(unpublished, profile.row_count, "not published in it", example)


class ExpectAudienceColumnsToBeDeclared(_AudienceExpectation):
    """Expect the columns of an audience, and the kinds of their values, to be those of its YAML.

    Args:
        relation: The audience, as schema.table.
        segment_id: The segment that it is made of.
        channel: The channel that it is for.
        declared: dbt's data type of each column.
    """

    declared: dict[str, str]

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        found = metrics["audience.profile"].types
        wrong = [
            f"{name} is {found.get(name, 'missing')} and not {self.declared.get(name, 'declared')}"
            for name in sorted({*found, *self.declared})
            if name not in found
            or name not in self.declared
            or family(found[name]) != family(self.declared[name])
        ]
        return counted(len(wrong), len(self.declared), "; ".join(wrong) or "as declared")


def family(data_type: str) -> str:
    """What kind of value a type holds: text, number, boolean, time or date; else the type."""
    name = data_type.lower()
    return "date" if name.startswith("date") else kind_of(name) or name
