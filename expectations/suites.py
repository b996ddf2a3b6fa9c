"""What is expected of each relation, as plain data: no query and no Great Expectations here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from orchestration.errors import StrataError

Severity = Literal["critical", "warning"]

LIFECYCLE_STAGES = (
    "subscriber",
    "lead",
    "marketing_qualified",
    "sales_qualified",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
NPS_CLASSES = ("promoter", "passive", "detractor")


@dataclass(frozen=True)
class Relation:
    """A table or view of the warehouse."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


CUSTOMERS = Relation("customer_360", "customer_360")
ACCOUNTS = Relation("customer_360", "account_360")
CANDIDATES = Relation("segments", "segment_candidates")
IDENTITY = Relation("identity", "identity_parts")
PROFILES = Relation("operations", "column_profiles")
ARRIVALS = Relation("staging", "stg_events__arrivals")

# Types that later audits look up, to learn which earlier profile to compare with.
DISTRIBUTION = "expect_column_distribution_to_be_stable"
ROW_COUNT = "expect_table_row_count_to_be_stable"
REJECTIONS = "expect_rejected_rows_to_be_stable"
REJECTED = "rejected rows"  # the column that such a check is said to be about

# The suites beside those of segments, which are called as their macros.
RELATION_SUITES = ("identity", "customer_360", "account_360", "segment_candidates", "drift")

# Where the members of a segment live: entity -> (relation, key column).
ENTITY_KEYS: Mapping[str, tuple[Relation, str]] = {
    "customer": (CUSTOMERS, "customer_id"),
    "account": (ACCOUNTS, "account_id"),
}


@dataclass(frozen=True)
class Check:
    """One expectation: its Great Expectations type and arguments, and the bound in words.

    `columns` are those the expectation reads, so that a failure holds only what uses them;
    empty for an expectation about a whole relation. `about` is that relation, if it is another
    than the suite's; `affects` are the columns of the 360s that are computed from what it is
    about, as customer.mrr, None if they are not known.
    """

    type: str
    kwargs: Mapping[str, Any]
    columns: tuple[str, ...]
    expected: str
    severity: Severity = "critical"
    about: Relation | None = None
    affects: tuple[str, ...] | None = None

    @property
    def column_name(self) -> str | None:
        """The columns, sorted and comma-separated; None for a whole relation."""
        return ",".join(sorted(self.columns)) or None


@dataclass(frozen=True)
class Suite:
    """The checks of one relation, or of one segment's members in the candidates.

    `description` is what the suite's page says above the results.
    """

    name: str
    relation: Relation
    checks: tuple[Check, ...]
    title: str
    description: str = ""
    segment_id: str | None = None


@dataclass(frozen=True)
class Segment:
    """What the audit needs to know of a registered segment."""

    segment_id: str
    entity: str
    label: str
    description: str = ""
    priority_group: str | None = None
    expectations: Mapping[str, str] = field(default_factory=dict)  # name -> SQL, of the owner


@dataclass(frozen=True)
class AudienceTerms:
    """What an audience promises: whom it is of, over which channel, what a destination is told.

    `entity` is customer, account, or change for entries and exits, which are of no one segment.

    `identifier` is the column that a destination knows people by; `columns` are all columns with
    the types that dbt declares.
    """

    relation: Relation
    segment_id: str | None
    channel: str
    identifier: str
    columns: Mapping[str, str]
    description: str = ""
    entity: str = "customer"
    rank_column: str | None = None  # which says in what order people read it


@dataclass(frozen=True)
class DriftBounds:
    """How far columns and tables may be from earlier audits.

    `max_psi` is the largest population stability index of a column's values, `max_empty_change`
    the largest change of the share of its rows without a value, `min_row_share` the smallest share
    of a table's earlier rows that must still be there, `max_rejected_rise` the largest rise of the
    share of its rows that are rejected; with fewer than `min_rows` rows none of them is asked.
    """

    max_psi: float = 0.25
    max_empty_change: float = 0.05
    min_row_share: float = 0.8
    max_rejected_rise: float = 0.01
    min_rows: int = 100

    @classmethod
    def from_settings(cls, settings: object) -> "DriftBounds":
        """The bounds of the project variable `drift`. Raises StrataError for any other shape."""
        known = {each.name: each.default for each in fields(cls)}
        if not isinstance(settings, Mapping) or not settings.keys() <= known.keys():
            raise StrataError(
                f"The variable drift in dbt_project.yml is {settings!r}. "
                f"It takes {', '.join(known)}."
            )
        for name, value in settings.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            is_share = name not in ("max_psi", "min_rows")
            if not is_number or value < 0 or (is_share and value > 1):
                raise StrataError(
                    f"The variable drift.{name} in dbt_project.yml is {value!r}. It takes "
                    f"{'a share from 0 to 1' if is_share else 'a number from 0'}."
                )
        return cls(**settings)


@dataclass(frozen=True)
class IdentityBounds:
    """How large a customer may be in identifiers, and the largest share of identifiers that are not
    trusted; of the project variable `identity`, whose macro says what is wrong with it."""

    max_component_size: int = 100
    max_quarantined_share: float = 0.1

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "IdentityBounds":
        """The two bounds among the settings of identity; defaults for those not given."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in known})


def warehouse_suites(
    as_of: datetime, segments: Sequence[Segment], identity: IdentityBounds
) -> list[Suite]:
    """The suites of one audit but for drift: identity, the 360s, candidates, each segment."""
    return [
        identity_suite(identity),
        customer_suite(as_of),
        account_suite(),
        candidates_suite(segments),
        *(segment_suite(segment) for segment in segments),
    ]


def drift_suite(
    columns: Sequence[tuple[Relation, str]],
    run_id: str,
    as_of: datetime,
    bounds: DriftBounds,
    *,
    affected: Callable[[Relation, str | None], tuple[str, ...] | None],
    problem: str | None = None,
) -> Suite:
    """Checks that columns are distributed, and tables filled, as in earlier audits.

    `columns` are those that the run profiled: what segment rules read of the 360s, and the columns
    of the sources. `affected` says which columns of the 360s are computed from one of those, or
    from the rows of a relation. `problem` is why there is no profile, which fails every check.
    """
    shared: dict[str, Any] = {
        "run_id": run_id,
        "as_of": naive_utc(as_of).isoformat(),
        **asdict(bounds),
        **({"problem": problem} if problem else {}),
    }
    return Suite(
        name="drift",
        relation=PROFILES,
        title="Drift",
        description="Columns that segments read and keys of the sources, beside earlier audits:"
        " of the same day, and of the same hour a day and a week before.",
        checks=(
            *(
                Check(
                    ROW_COUNT,
                    {**shared, "relation_name": str(relation)},
                    (),
                    f"{relation}: at least {bounds.min_row_share:.0%} of the rows of before",
                    about=relation,
                    affects=affected(relation, None),
                )
                for relation in dict.fromkeys(relation for relation, _ in columns)
                # Of these a day's are profiled; how many usually land is for source_volume.
                if relation != ARRIVALS
            ),
            *(
                Check(
                    REJECTIONS,
                    {**shared, "relation_name": str(relation), "column_name": REJECTED},
                    (REJECTED,),
                    f"{relation}: at most {bounds.max_rejected_rise:.0%} more of its rows rejected",
                    about=relation,
                    affects=affected(relation, REJECTED),
                )
                for relation in dict.fromkeys(relation for relation, _ in columns)
                if relation.schema == ARRIVALS.schema and relation != ARRIVALS
            ),
            *(
                Check(
                    DISTRIBUTION,
                    {
                        **shared,
                        "relation_name": str(relation),
                        "column_name": column,
                    },
                    (column,),
                    f"{relation}.{column}: distributed as before (PSI at most {bounds.max_psi},"
                    f" empty rows within {bounds.max_empty_change:.0%})",
                    about=relation,
                    affects=affected(relation, column),
                )
                for relation, column in columns
            ),
        ),
    )


def customer_suite(as_of: datetime) -> Suite:
    """Checks of `customer_360.customer_360`; `as_of` is the instant of the run, UTC."""
    return Suite(
        name="customer_360",
        relation=CUSTOMERS,
        title="Customer 360",
        description="One row for each customer, with every value a segment rule may read.",
        checks=(
            at_least_rows(1),
            not_null("customer_id"),
            unique("customer_id"),
            one_of("lifecycle_stage", LIFECYCLE_STAGES),
            *_money(),
            between("purchase_count", 0),
            between("rfm_recency_days", 0),
            between("rfm_frequency", 0),
            between("rfm_monetary", 0),
            between("recency_score", 1, 5),
            between("frequency_score", 1, 5),
            between("monetary_score", 1, 5),
            in_order("first_purchase_at", "last_purchase_at"),
            not_after("last_purchase_at", as_of),
            in_order("first_seen_at", "last_seen_at"),
            not_after("last_seen_at", as_of),
            between("active_days_last_7", 0, 7),
            between("active_days_last_28", 0, 28),
            rule(
                "active_days_last_28 >= active_days_last_7",
                columns=("active_days_last_7", "active_days_last_28"),
                expected="active days of the last 28 are at least those of the last 7",
            ),
            between("session_count", 0),
            between("nps_score", 0, 10),
            one_of("nps_class", NPS_CLASSES),
            rule(
                "nps_class = case when nps_score >= 9 then 'promoter'"
                " when nps_score >= 7 then 'passive' else 'detractor' end",
                columns=("nps_class", "nps_score"),
                expected="NPS class agrees with the score: 9 and 10 promoter, 7 and 8 passive,"
                " else detractor",
            ),
            between("csat_last", 1, 5),
            between("open_ticket_count", 0),
            between("age_years", 0, 126),
            between("onboarding_progress", 0, 1),
            between("top_feature_share_last_28", 0, 1),
            *_scores("health", "engagement", "onboarding", "fit", "churn_risk", "expansion"),
            rule(
                "is_product_qualified_lead = false or mrr = 0",
                columns=("is_product_qualified_lead", "mrr"),
                expected="a product-qualified lead does not pay yet",
            ),
        ),
    )


def identity_suite(bounds: IdentityBounds) -> Suite:
    """Checks of who was taken for one person, which every segment of customers rests on."""

    def of_everybody(check: Check) -> Check:
        return replace(check, affects=("customer.customer_id",))

    return Suite(
        name="identity",
        relation=IDENTITY,
        title="Identity",
        description="Identifiers and how many of them were taken for one person.",
        checks=(
            of_everybody(between("part_size", 1, bounds.max_component_size)),
            of_everybody(
                Check(
                    "expect_column_values_to_be_in_set",
                    {
                        "column": "is_quarantined",
                        "value_set": [False],
                        "mostly": 1 - bounds.max_quarantined_share,
                    },
                    ("is_quarantined",),
                    f"at most {bounds.max_quarantined_share:.1%} of identifiers are not trusted",
                )
            ),
        ),
    )


def account_suite() -> Suite:
    """Checks of `customer_360.account_360`, which is empty where no source knows accounts."""
    return Suite(
        name="account_360",
        relation=ACCOUNTS,
        title="Account 360",
        description="One row for each account, with every value a segment rule may read.",
        checks=(
            not_null("account_id"),
            unique("account_id"),
            between("employee_count", 0, severity="warning"),
            between("user_count", 0),
            between("active_users_last_28", 0),
            rule(
                "active_users_last_28 <= user_count",
                columns=("active_users_last_28", "user_count"),
                expected="no more users active in the last 28 days than users",
            ),
            *_money(),
            between("open_ticket_count", 0),
            between("nps", -100, 100),
            *_scores("health", "fit", "churn_risk", "expansion"),
        ),
    )


def candidates_suite(segments: Sequence[Segment]) -> Suite:
    """What no single segment can answer for: rows of `segment_candidates` that belong to none."""
    known = sorted(segment.segment_id for segment in segments)
    checks = [not_null("segment_id")]
    if known:
        checks.append(
            Check(
                "expect_column_values_to_be_in_set",
                {"column": "segment_id", "value_set": known},
                ("segment_id",),
                f"one of the {len(known)} evaluated segments",
            )
        )
    return Suite(
        name="segment_candidates",
        relation=CANDIDATES,
        title="Segment candidates",
        description="This run's evaluation of every segment, before anything is published.",
        checks=tuple(checks),
    )


def segment_suite(segment: Segment) -> Suite:
    """Checks of one segment's candidates, derived from its registry row alone."""
    of_segment = {"segment_id": segment.segment_id, "entity": segment.entity}

    def members(condition: str, columns: tuple[str, ...], expected: str) -> Check:
        return Check(f"expect_segment_members_to_{condition}", of_segment, columns, expected)

    return Suite(
        name=segment_suite_name(segment.segment_id),
        relation=CANDIDATES,
        title=segment.label,
        description=segment.description,
        segment_id=segment.segment_id,
        checks=(
            members("have_keys", ("entity_id",), "every member has a key"),
            members("be_unique", ("entity_id",), "nobody is a member twice"),
            members("exist", ("entity_id",), f"every member is in {segment.entity}_360"),
            members("be_of_entity", ("entity",), f"every member is of entity {segment.entity}"),
            *(
                (
                    members(
                        "be_in_no_other_of_the_group",
                        ("entity_id",),
                        f"nobody is in another segment of the group {segment.priority_group}",
                    ),
                )
                if segment.priority_group
                else ()
            ),
            *(
                Check(
                    "expect_segment_members_to_meet_condition",
                    {**of_segment, "condition": condition},
                    (),
                    f"{name}: {condition}",
                )
                for name, condition in segment.expectations.items()
            ),
            Check(
                "expect_segment_stays_not_to_overlap",
                of_segment,
                ("valid_from", "valid_to"),
                "nobody is in it twice at one time",
            ),
            Check(
                "expect_segment_stays_to_be_those_published",
                of_segment,
                ("valid_to",),
                "its open stays are the members that the last run published",
            ),
        ),
    )


def audience_suite(terms: AudienceTerms) -> Suite:
    """Checks of an audience before anything of it is sent."""
    of_audience = {
        "relation": str(terms.relation),
        "segment_id": terms.segment_id,
        "channel": terms.channel,
        "entity": terms.entity,
    }
    name = terms.identifier
    forms = {
        "email": (
            f"{name} like '%_@_%._%' and {name} not like '% %' and {name} not like '%@%@%'",
            "an e-mail address",
        ),
        "phone": (
            f"{name} like '+%' and translate({name}, '0123456789', '') = '+'"
            f" and length({name}) between 8 and 16",
            "a telephone number such as +14155550123",
        ),
    }
    form, words = forms.get(name, (f"trim(cast({name} as varchar)) <> ''", "not blank"))
    return Suite(
        name=terms.relation.table,
        relation=terms.relation,
        title=terms.relation.table,
        description=terms.description,
        checks=(
            Check(
                "expect_audience_columns_to_be_declared",
                {**of_audience, "declared": dict(terms.columns)},
                (),
                "its columns are those declared, of their types",
            ),
            not_null(name),
            rule(form, columns=(name,), expected=f"{name} is {words}"),
            replace(unique(name), severity="warning"),
            Check(
                "expect_audience_members_to_be_published",
                of_audience,
                ("entity_key",),
                f"every member is a published one of {terms.segment_id}"
                if terms.segment_id
                else "every row is a published entry or exit",
            ),
            Check(
                "expect_audience_members_to_have_consent",
                of_audience,
                ("entity_key",),
                f"every member has granted the channel {terms.channel}"
                if terms.channel != "none"
                else "nobody is contacted, so that no consent is asked",
            ),
            Check(
                "expect_audience_members_not_to_be_suppressed",
                of_audience,
                ("entity_key",),
                "no member is on the suppression list",
            ),
            Check(
                "expect_audience_members_not_to_be_held_out",
                of_audience,
                ("entity_key",),
                "no member is in a holdout",
            ),
        ),
    )


def segment_suite_name(segment_id: str) -> str:
    """The name of a segment's suite and of its page, like the macro that defines it."""
    return f"segment__{segment_id}"


def at_least_rows(count: int) -> Check:
    """The relation has `count` rows or more."""
    return Check(
        "expect_table_row_count_to_be_between",
        {"min_value": count},
        (),
        f"at least {count:,} row{'' if count == 1 else 's'}",
    )


def not_null(column: str) -> Check:
    """The column is never null."""
    return Check(
        "expect_column_values_to_not_be_null", {"column": column}, (column,), "never empty"
    )


def unique(column: str) -> Check:
    """No value of the column occurs in two rows."""
    return Check(
        "expect_column_values_to_be_unique", {"column": column}, (column,), "no value twice"
    )


def between(
    column: str, low: float, high: float | None = None, *, severity: Severity = "critical"
) -> Check:
    """The column is null or between the bounds, both included."""
    bounds = {"min_value": low} if high is None else {"min_value": low, "max_value": high}
    words = f"at least {low}" if high is None else f"from {low} to {high}"
    return Check(
        "expect_column_values_to_be_between",
        {"column": column, **bounds},
        (column,),
        f"{words}, or empty",
        severity,
    )


def one_of(column: str, values: Sequence[str]) -> Check:
    """The column is null or one of the values."""
    return Check(
        "expect_column_values_to_be_in_set",
        {"column": column, "value_set": list(values)},
        (column,),
        f"one of {', '.join(values)}, or empty",
    )


def rule(condition: str, *, columns: tuple[str, ...], expected: str) -> Check:
    """An SQL condition that no row contradicts; a row for which it is null does not."""
    return Check(
        "expect_rows_to_meet_condition",
        {"condition": condition, "columns": list(columns)},
        columns,
        expected,
    )


def in_order(first: str, second: str) -> Check:
    """The first timestamp is not later than the second."""
    return rule(
        f"{first} <= {second}", columns=(first, second), expected=f"{first} not after {second}"
    )


def not_after(column: str, as_of: datetime) -> Check:
    """The timestamp is not later than the instant of the run."""
    instant = naive_utc(as_of).strftime("%Y-%m-%d %H:%M:%S.%f")
    return rule(
        f"{column} <= timestamp '{instant}'",
        columns=(column,),
        expected=f"{column} not after the instant of the run",
    )


def naive_utc(instant: datetime) -> datetime:
    """The instant as the warehouse stores it: UTC without a zone."""
    return instant if instant.tzinfo is None else instant.astimezone(UTC).replace(tzinfo=None)


def _scores(*names: str) -> tuple[Check, ...]:
    return tuple(between(f"{name}_score", 0, 10) for name in names)


def _money() -> tuple[Check, ...]:
    return (
        between("mrr", 0),
        rule(
            # A cent of tolerance, because an engine may hold both as floating point.
            "abs(arr - 12 * mrr) < 0.01",
            columns=("arr", "mrr"),
            expected="ARR is twelve times MRR",
        ),
    )
