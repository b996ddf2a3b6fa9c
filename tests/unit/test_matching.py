"""Matching by probability: how well it finds known duplicates, and that it merges nobody."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import matching
from orchestration.errors import StrataError, UsageError
from orchestration.matching import Proposals, match, propose
from orchestration.warehouse import duckdb_engine

pytestmark = pytest.mark.slow


def febrl(folder: Path, number: int) -> list[tuple[Any, ...]]:
    """The people of a data set as contacts; it has neither e-mail addresses nor phones."""
    file = folder / "febrl" / f"dataset{number}.csv.gz"
    with duckdb.connect() as connection:
        return connection.execute(
            "select rec_id, given_name, surname, "
            "cast(try_strptime(trim(date_of_birth), '%Y%m%d') as date), postcode, suburb, null, "
            f"null from read_csv('{file}', all_varchar = true, normalize_names = true)"
        ).fetchall()


def truth(folder: Path, number: int) -> set[frozenset[str]]:
    file = folder / "oracles" / f"febrl{number}_truth_pairs.parquet"
    with duckdb.connect() as connection:
        return {frozenset(pair) for pair in connection.execute(f"from '{file}'").fetchall()}


@pytest.mark.parametrize(
    ("number", "least_precision", "least_recall"), [(1, 0.99, 0.95), (2, 0.99, 0.92)]
)
def test_known_duplicates_are_found(
    test_data: Path, number: int, least_precision: float, least_recall: float
) -> None:
    proposals = propose(febrl(test_data, number))
    pairs = truth(test_data, number)
    found = {
        frozenset((pair.contact_id_a, pair.contact_id_b))
        for pair in proposals.pairs
        if pair.score >= 0.99
    }
    precision, recall = len(found & pairs) / len(found), len(found & pairs) / len(pairs)
    print(f"febrl {number} from 0.99: precision {precision:.4f}, recall {recall:.4f}")
    assert precision >= least_precision
    assert recall >= least_recall
    assert all(set(pair.evidence) == set(proposals.attributes) for pair in proposals.pairs)


def warehouse(path: Path, contacts: list[tuple[Any, ...]]) -> None:
    """A warehouse after a refresh, as far as matching looks at it."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema staging")
        connection.execute("create schema identity")
        connection.execute(
            "create table staging.stg_crm__contacts (contact_id varchar, first_name varchar, "
            "last_name varchar, birth_date date, postal_code varchar, city varchar, "
            "is_test boolean)"
        )
        connection.execute(
            "create table identity.int_identity__trusted (record_id varchar, record_type varchar, "
            "identifier_type varchar, identifier_value varchar)"
        )
        connection.execute(
            "create table identity.proposed_edges (contact_id_a varchar, contact_id_b varchar, "
            "score decimal(9, 8), evidence varchar, model varchar, proposed_at timestamp)"
        )
        connection.executemany(
            "insert into staging.stg_crm__contacts values (?, ?, ?, ?, ?, ?, false)",
            [row[:6] for row in contacts],
        )


def test_pairs_are_written_with_their_evidence_and_replaced_by_the_next_run(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "strata.duckdb"
    warehouse(path, febrl(test_data, 1))
    engine = duckdb_engine(path)
    with pytest.raises(UsageError, match="Matching is off"):
        match(engine)

    monkeypatch.setattr(matching, "project_vars", lambda: {"identity": {"probabilistic": True}})
    proposals: Proposals = match(engine)
    match(engine)
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute(
            "select contact_id_a, contact_id_b, score, evidence from identity.proposed_edges"
        ).fetchall()
    assert len(rows) == len(proposals.pairs) > 400
    first = max(rows, key=lambda row: row[2])
    assert first[0] < first[1]
    assert set(json.loads(first[3])) == {
        "first_name", "last_name", "birth_date", "postal_code", "city"
    }  # fmt: skip


def test_contacts_without_names_cannot_be_matched() -> None:
    contacts = [(f"c{n}", None, None, None, None, None, f"{n}@shop.test", None) for n in range(9)]
    with pytest.raises(StrataError, match="needs first and last names"):
        propose(contacts)
