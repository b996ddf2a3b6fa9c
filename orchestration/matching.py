"""Proposes pairs of contacts that are probably one person although no identifier says so.

A separate step, off by default: it reads the contacts, compares names, birth dates, places,
e-mail addresses and phone numbers with Splink in this process, and writes the pairs with
their score and evidence to identity.proposed_edges. Nothing is merged by it: identity uses
the pairs from the score on that a person has set as `match_threshold`.
"""

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from orchestration.errors import StrataError, UsageError
from orchestration.project import project_vars, utc_now

if TYPE_CHECKING:
    import duckdb
    from splink.internals.blocking_rule_creator import BlockingRuleCreator
    from splink.internals.comparison_creator import ComparisonCreator

# Pairs below this probability are not worth a look.
LEAST_SCORE = 0.5
# An attribute that fewer contacts than this share have says nothing about the others.
LEAST_FILLED = 0.02
SEED = 20260701
ATTRIBUTES = (
    "first_name", "last_name", "birth_date", "postal_code", "city", "email", "phone",
)  # fmt: skip

# The contacts with their identifiers as identity compares them; a shared mailbox or number
# is no evidence.
CONTACTS = """
with trusted as (
    select
        record_id,
        max(case when identifier_type = 'email' then identifier_value end) as email,
        max(case when identifier_type = 'phone' then identifier_value end) as phone
    from identity.int_identity__trusted
    where record_type = 'contact'
    group by record_id
)
select
    contacts.contact_id,
    contacts.first_name,
    contacts.last_name,
    contacts.birth_date,
    contacts.postal_code,
    contacts.city,
    trusted.email,
    trusted.phone
from staging.stg_crm__contacts as contacts
left join trusted on trusted.record_id = 'contact:' || contacts.contact_id
where not coalesce(contacts.is_test, false)
order by contacts.contact_id
"""

PROPOSED = sa.table(
    "proposed_edges",
    *[
        sa.column(name)
        for name in ("contact_id_a", "contact_id_b", "score", "evidence", "model", "proposed_at")
    ],
    schema="identity",
)


@dataclass(frozen=True)
class Pair:
    """Two contacts, the probability that they are one person, and what speaks for it.

    Evidence is in bits per attribute: 1 doubles the odds, -1 halves them, 0 says nothing
    (one of the two lacks it).
    """

    contact_id_a: str
    contact_id_b: str
    score: float
    evidence: dict[str, float]


@dataclass(frozen=True)
class Proposals:
    """What a run of the matcher found."""

    contact_count: int
    attributes: list[str]
    pairs: list[Pair]

    def count_from(self, score: float) -> int:
        """The number of pairs with at least this score."""
        return sum(pair.score >= score for pair in self.pairs)


def match(warehouse: sa.Engine) -> Proposals:
    """Compares the contacts of a warehouse and replaces the proposed pairs in it.

    Raises UsageError when the project has not switched matching on, StrataError when
    identity has not been built yet.
    """
    if not _settings().get("probabilistic"):
        raise UsageError(
            "Matching is off: dbt_project.yml has `identity: {probabilistic: false}`. "
            "Set it to true to let `strata match` propose pairs of contacts."
        )
    with warehouse.connect() as connection:
        for table, schema in (
            ("proposed_edges", "identity"),
            ("int_identity__trusted", "identity"),
        ):
            if not sa.inspect(connection).has_table(table, schema=schema):
                raise StrataError(
                    f"There is no {schema}.{table} in this warehouse: run `strata refresh` first."
                )
        result = connection.execute(sa.text(CONTACTS))
        proposals = propose([tuple(row) for row in result])
    _write(warehouse, proposals, utc_now())
    return proposals


def match_threshold() -> float | None:
    """The score from which on identity uses a pair; None is never."""
    threshold = _settings().get("match_threshold")
    return None if threshold is None else float(threshold)


def _settings() -> dict[str, Any]:
    return dict(project_vars().get("identity") or {})


def propose(contacts: list[tuple[Any, ...]]) -> Proposals:
    """Scores the pairs of contacts that agree in something.

    A contact is (contact_id, first_name, last_name, birth_date, postal_code, city, email,
    phone), where anything but the id may be null. The weights are learned from the contacts
    themselves, without examples (Fellegi and Sunter's model, fitted by expectation
    maximisation: https://moj-analytical-services.github.io/splink/).
    """
    import duckdb

    if find_spec("splink") is None:
        raise StrataError("Matching needs Splink: pip install 'strata-segments[matching]'.")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        _load(connection, contacts)
        attributes = _usable_attributes(connection)
        if not {"first_name", "last_name"} <= set(attributes) or len(attributes) < 3:
            raise StrataError(
                "Matching needs first and last names and one more of "
                f"{', '.join(ATTRIBUTES[2:])} on at least {LEAST_FILLED:.0%} of the contacts. "
                f"Found: {', '.join(attributes) or 'none'}."
            )
        pairs = list(_scored(connection, attributes))
    return Proposals(len(contacts), attributes, pairs)


def _load(connection: "duckdb.DuckDBPyConnection", contacts: list[tuple[Any, ...]]) -> None:
    """Puts the contacts into a table of text, cleaned of case and of blanks around it."""
    import pyarrow as pa

    columns = ["contact_id", *ATTRIBUTES]
    texts = [
        [None if row[n] is None else str(row[n]).strip().lower() or None for row in contacts]
        for n in range(1, len(columns))
    ]
    ids = [str(row[0]) for row in contacts]
    given = pa.table([pa.array(values, pa.string()) for values in [ids, *texts]], names=columns)
    connection.register("given", given)
    connection.execute("create table contacts as select * from given order by contact_id")
    connection.unregister("given")


def _usable_attributes(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    counts = ", ".join(f"count({name}), count(distinct {name})" for name in ATTRIBUTES)
    [(total, *found)] = connection.execute(f"select count(*), {counts} from contacts").fetchall()
    return [
        name
        for name, filled, distinct in zip(ATTRIBUTES, found[::2], found[1::2], strict=True)
        if filled >= max(LEAST_FILLED * total, 1) and distinct > 1
    ]


def _comparisons(attributes: list[str]) -> list["ComparisonCreator | dict[str, Any]"]:
    import splink.comparison_library as cl

    made: dict[str, ComparisonCreator] = {
        "first_name": cl.JaroWinklerAtThresholds("first_name", [0.92, 0.8]).configure(
            term_frequency_adjustments=True
        ),
        "last_name": cl.JaroWinklerAtThresholds("last_name", [0.92, 0.8]).configure(
            term_frequency_adjustments=True
        ),
        "birth_date": cl.DamerauLevenshteinAtThresholds("birth_date", [1, 2]),
        "postal_code": cl.DamerauLevenshteinAtThresholds("postal_code", [1]),
        "city": cl.JaroWinklerAtThresholds("city", [0.9]).configure(
            term_frequency_adjustments=True
        ),
        "email": cl.EmailComparison("email"),
        "phone": cl.DamerauLevenshteinAtThresholds("phone", [1]),
    }
    return [made[name] for name in attributes]


def _candidate_rules(attributes: list[str]) -> list["BlockingRuleCreator | dict[str, Any]"]:
    """Which pairs are compared at all: every pair would be the square of the contacts."""
    from splink import block_on

    wanted = [
        ("email",),
        ("phone",),
        ("birth_date",),
        ("first_name", "last_name"),
        ("last_name", "postal_code"),
        ("first_name", "postal_code"),
        ("last_name", "city"),
        ("first_name", "city"),
        ("postal_code", "city"),
    ]
    return [block_on(*columns) for columns in wanted if set(columns) <= set(attributes)]


def _scored(connection: "duckdb.DuckDBPyConnection", attributes: list[str]) -> Iterator[Pair]:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection=connection)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="contact_id",
        comparisons=_comparisons(attributes),
        blocking_rules_to_generate_predictions=_candidate_rules(attributes),
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
    )
    linker = Linker(api.register("contacts"), settings, log_level="ERROR")
    # Who shares a name and one thing more is one person; about half of all pairs do.
    third = next(name for name in ("email", "phone", *ATTRIBUTES[2:]) if name in attributes)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("first_name", "last_name", third)], recall=0.5
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=SEED)
    for columns in (("first_name", "last_name"), (third,)):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*columns), record_sample_proportion=1.0
        )
    found = linker.inference.predict(threshold_match_probability=LEAST_SCORE)
    rows = connection.execute(f"select * from {found.physical_name}")
    names = [column[0] for column in rows.description]
    while batch := rows.fetchmany(10_000):
        for values in batch:
            yield _pair(dict(zip(names, values, strict=True)), attributes)


def _pair(row: dict[str, Any], attributes: list[str]) -> Pair:
    first, second = sorted((row["contact_id_l"], row["contact_id_r"]))
    evidence = {
        # A rare name that agrees counts more than a common one: the second weight.
        name: round(sum(row.get(key) or 0.0 for key in (f"mw_{name}", f"mw_tf_adj_{name}")), 2)
        for name in attributes
    }
    return Pair(first, second, float(row["match_probability"]), evidence)


def _write(warehouse: sa.Engine, proposals: Proposals, now: datetime) -> None:
    model = f"splink {version('splink')}: {', '.join(proposals.attributes)}"
    rows = [
        {
            "contact_id_a": pair.contact_id_a,
            "contact_id_b": pair.contact_id_b,
            # Rounded down: 0.99999999 is not 1, which a threshold may ask for.
            "score": Decimal(math.floor(pair.score * 10**8)) / 10**8,
            "evidence": json.dumps(pair.evidence, sort_keys=True),
            "model": model,
            "proposed_at": now,
        }
        for pair in proposals.pairs
    ]
    with warehouse.begin() as connection:
        connection.execute(sa.delete(PROPOSED))
        for start in range(0, len(rows), 10_000):
            connection.execute(sa.insert(PROPOSED), rows[start : start + 10_000])
