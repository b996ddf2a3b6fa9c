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
    suppressed: tuple[int, str | None]
    held_out: tuple[int, str | None]
    types: Mapping[str, str]  # by column, as the warehouse calls them


class AudienceProfileMetric(TableMetricProvider):
    """One query over an audience, the consents and the published members: `AudienceProfile`."""

    metric_name = "audience.profile"
    value_keys = ("relation", "segment_id", "channel", "entity")

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
        query = query.replace("{published}", _PUBLISHED[metric_value_kwargs["entity"]])
        [found] = execution_engine.execute_query(
            sa.text(query).bindparams(
                segment_id=metric_value_kwargs["segment_id"],
                channel=metric_value_kwargs["channel"],
                audience_name=table,
            )
        ).fetchall()
        types = {
            column["name"]: column["type"].name
            for column in execution_engine.get_inspector().get_columns(table, schema)
        }
        consent, published, suppressed, held_out = (
            (int(found[at]), found[at + 1]) for at in (1, 3, 5, 7)
        )
        return AudienceProfile(int(found[0]), consent, published, suppressed, held_out, types)


# Whom the published members stand for: themselves, or the people of accounts.
_PUBLISHED = {
    "customer": """
        select distinct coalesce(people.customer_id, members.entity_id) as entity_key
        from segments.segment_membership as members
        left join customer_360.customer_360 as people
            on members.entity = 'account' and members.entity_id = people.account_id
        where members.segment_id = :segment_id""",
    "account": """
        select distinct members.entity_id as entity_key
        from segments.segment_membership as members
        where members.segment_id = :segment_id and members.entity = 'account'""",
    "change": """
        select distinct
            segment_id || '|' || entity || '|' || entity_id || '|' || change || '|'
            || cast(changed_at as varchar) as entity_key
        from segments.segment_changes
        where cast(:segment_id as varchar) is null""",
}
_PROFILE_QUERY = """
    with granted as (
        select distinct customer_id
        from activation.consent_current
        where channel = :channel and status = 'granted'
    ),
    published as ({published}),
    suppressed as (
        select distinct customer_id
        from activation.suppression
        where channel = :channel
    ),
    held_out as (
        select customer_id as entity_key
        from activation.global_holdout
        where :channel <> 'none'
        union
        select assigned.entity_key
        from activation.experiment_assignments as assigned
        inner join reference.experiment_arms as arms
            on assigned.experiment_id = arms.experiment_id and assigned.arm = arms.arm
        inner join activation.audience_members as members
            on assigned.experiment_id = members.experiment_id
            and assigned.entity_key = members.entity_key
            and members.arm is not null
        where members.audience_name = :audience_name and not arms.is_delivered
    ),
    judged as (
        select
            audience.entity_key,
            granted.customer_id is null and :channel <> 'none' as has_no_consent,
            published.entity_key is null as is_unpublished,
            suppressed.customer_id is not null as is_suppressed,
            held_out.entity_key is not null as is_held_out
        from {audience} as audience
        left join granted on audience.entity_key = granted.customer_id
        left join published on audience.entity_key = published.entity_key
        left join suppressed on audience.entity_key = suppressed.customer_id
        left join held_out on audience.entity_key = held_out.entity_key
    )
    select
        count(*),
        count(case when has_no_consent then 1 end),
        min(case when has_no_consent then entity_key end),
        count(case when is_unpublished then 1 end),
        min(case when is_unpublished then entity_key end),
        count(case when is_suppressed then 1 end),
        min(case when is_suppressed then entity_key end),
        count(case when is_held_out then 1 end),
        min(case when is_held_out then entity_key end)
    from judged
"""


class _AudienceExpectation(BatchExpectation):
    relation: str
    segment_id: str | None = None
    channel: str
    entity: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("audience.profile",)
    success_keys: ClassVar[tuple[str, ...]] = ("relation", "segment_id", "channel", "entity")


class ExpectAudienceMembersToHaveConsent(_AudienceExpectation):
    """Expect the last word of every member about the channel to be that it is granted.

    Args:
        relation: The audience, as schema.table.
        segment_id: The segment that it is made of.
        channel: The channel that it is for.
        entity: Whom it is of, customer or account.
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
        entity: Whom it is of, customer or account.
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


class ExpectAudienceMembersNotToBeSuppressed(_AudienceExpectation):
    """Expect no member to be suppressed on the channel.

    Args:
        relation: The audience, as schema.table.
        segment_id: The segment that it is made of.
        channel: The channel that it is for.
        entity: Whom it is of, customer or account.
    """

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profile: AudienceProfile = metrics["audience.profile"]
        found, example = profile.suppressed
        return members(found, profile.row_count, "suppressed", example)


class ExpectAudienceMembersNotToBeHeldOut(_AudienceExpectation):
    """Expect no member to be held out, of everything or by the audience's experiment.

    Args:
        relation: The audience, as schema.table.
        segment_id: The segment that it is made of.
        channel: The channel that it is for.
        entity: Whom it is of, customer or account.
    """

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        profile: AudienceProfile = metrics["audience.profile"]
        found, example = profile.held_out
        return members(found, profile.row_count, "held out", example)


class ExpectAudienceColumnsToBeDeclared(_AudienceExpectation):
    """Expect the columns of an audience, and the kinds of their values, to be those of its YAML.

    Args:
        relation: The audience, as schema.table.
        segment_id: The segment that it is made of.
        channel: The channel that it is for.
        entity: Whom it is of, customer or account.
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
