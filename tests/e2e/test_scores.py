"""Every score of the demo company, computed again here from its seeds and inputs."""

import csv
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from project import PROJECT_DIR, Project

Key = tuple[str, str]


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT_DIR / "seeds" / "reference" / f"{name}.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def points(value: Decimal, metric: dict[str, str]) -> int:
    """10, 5 or 0, as the description of the seed says."""
    for bound, reached in (("ten_at", 10), ("five_at", 5)):
        if metric[bound] == "":
            continue
        limit = Decimal(metric[bound])
        if value >= limit if metric["direction"] == "at_least" else value <= limit:
            return reached
    return 0


@pytest.fixture(scope="module", params=["customer", "account"])
def entity(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def inputs(demo: Project, entity: str) -> list[dict[str, Any]]:
    relation = f"int_{entity}s__score_inputs"
    names = [
        name
        for (name,) in demo.rows(
            "select column_name from information_schema.columns "
            f"where table_schema = 'features' and table_name = '{relation}' "
            "order by ordinal_position"
        )
    ]
    rows = demo.rows(f"select {', '.join(names)} from features.{relation}")
    assert len(rows) > 100
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def expected(inputs: list[dict[str, Any]], entity: str) -> dict[Key, dict[str, tuple[int, int]]]:
    """Points and weight of every known metric, by entity and score."""
    applies_to = {
        row["score"]: row["applies_to"]
        for row in seed("score_definitions")
        if row["entity"] == entity
    }
    parts: dict[Key, dict[str, tuple[int, int]]] = defaultdict(dict)
    for row in inputs:
        for metric in seed("score_metrics"):
            value = row.get(metric["feature"])
            if metric["entity"] != entity or value is None or not row[applies_to[metric["score"]]]:
                continue
            parts[row[f"{entity}_id"], metric["score"]][metric["metric"]] = (
                points(Decimal(value), metric),
                int(metric["weight"]),
            )
    return parts


def test_the_parts_of_every_score_are_those_of_the_seeds(
    demo: Project, entity: str, expected: dict[Key, dict[str, tuple[int, int]]]
) -> None:
    found: dict[Key, dict[str, tuple[int, int]]] = defaultdict(dict)
    for entity_id, score, metric, earned, weight in demo.rows(
        "select entity_id, score, metric, points, weight from features.score_components "
        f"where entity = '{entity}'"
    ):
        found[entity_id, score][metric] = (earned, weight)
    assert found == expected
    assert {earned for parts in found.values() for earned, _ in parts.values()} == {0, 5, 10}


def test_every_score_is_the_weighted_mean_of_its_parts(
    demo: Project, entity: str, expected: dict[Key, dict[str, tuple[int, int]]]
) -> None:
    scores = {
        (entity_id, score): value
        for entity_id, score, value in demo.rows(
            "select entity_id, score, score_value from features.int_scores "
            f"where entity = '{entity}'"
        )
    }
    assert set(scores) == set(expected)
    for key, parts in expected.items():
        mean = Decimal(sum(earned * weight for earned, weight in parts.values())) / sum(
            weight for _, weight in parts.values()
        )
        assert scores[key] == mean.quantize(Decimal("0.01"), ROUND_HALF_UP), key


def test_the_360_holds_the_scores_with_what_speaks_for_them(demo: Project, entity: str) -> None:
    labels = {row["label"] for row in seed("score_metrics") if row["entity"] == entity}
    signals = demo.rows(
        f"select churn_risk_score, churn_risk_signals from customer_360.{entity}_360 "
        "where churn_risk_score is not null"
    )
    assert signals
    for score, names in signals:
        assert (score > 0) == bool(names)
        assert set((names or "").split(", ")) - {""} <= labels
