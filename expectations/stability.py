"""Whether a column is distributed as it was in earlier audits that nobody objected to.

The measure is the population stability index, PSI: the sum over buckets of (p - q) * ln(p / q),
p being the bucket's share of the rows now and q its share then. Zero is no change; 0.1 is read as
a slight and 0.25 as a significant shift (Siddiqi, Credit Risk Scorecards, 2006). Two samples of
one distribution do not give zero but, on average, (B - 1) * (1/n + 1/m) for B buckets and n and m
rows (Yurdakul, Statistical Properties of Population Stability Index, 2018): that much is taken
off. Rows without a value are left out of it and judged by their share, which they would otherwise
drown: of a column that is mostly empty the rest could change altogether. Rows of a relation are
judged by their number.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from expectations.profiles import (
    BUCKETS_PER_DOUBLING,
    COLUMN_PROFILES,
    DAYS,
    EMPTY,
    PRESENT,
    ROWS,
)
from expectations.results import EXPECTATION_RESULTS
from expectations.suites import (
    DISTRIBUTION,
    ENTITY_KEYS,
    REJECTED,
    REJECTIONS,
    ROW_COUNT,
    naive_utc,
)

Key = tuple[str, str]  # relation, column
Profile = Mapping[str, int]  # bucket -> rows
Query = Callable[[sa.Select[Any]], Sequence[Any]]

LEAST_SHARE = 0.0001  # what an empty bucket counts as, so that the index stays finite
# Times of the day and the week matter: a run is compared with an earlier one of its own day, with
# one of the same hour a day before and with one of the same hour and weekday a week before.
NEAR = timedelta(minutes=90)

_ENTITIES = {str(relation): entity for entity, (relation, _) in ENTITY_KEYS.items()}
_VERDICTS = sa.table(
    "segment_verdicts",
    *[sa.column(name) for name in ("run_id", "as_of", "segment_id", "verdict", "released_by")],
    schema="segments",
)
_REGISTRY = sa.table(
    "segment_registry",
    *[sa.column(name) for name in ("segment_id", "columns_used")],
    schema="segments",
)


@dataclass(frozen=True)
class Tolerance:
    """What is not yet drift: PSI of the values, change of the share of rows without one, the share
    of earlier rows that must be there, the rise of the share of rows that are rejected; fewer than
    `min_rows` rows are not compared."""

    max_psi: float
    max_empty_change: float
    min_row_share: float
    max_rejected_rise: float
    min_rows: int


@dataclass(frozen=True)
class Stability:
    """Whether a column or table is as it was in one of the earlier profiles, and what was found, in
    words and as a number: a PSI, rows, or the share of rows that were rejected or empty."""

    is_stable: bool
    observed: str
    number: float | None = None


def stability(
    query: Query, run_id: str, as_of: datetime, tolerance: Tolerance
) -> dict[Key, Stability]:
    """Every profiled column of the run, compared with the earlier profiles.

    An earlier profile counts if its own comparison passed, or if a person released a segment
    that reads the column: what was looked at is the new normal. One of them suffices.
    """
    now = _profiles(query, [run_id]).get(run_id, {})
    chosen = {key: _comparable(as_of, runs) for key, runs in _accepted_runs(query, as_of).items()}
    earlier = _profiles(query, sorted({run for runs in chosen.values() for _, run in runs}))
    found = {}
    for key in now.keys() | chosen.keys():
        if key[1] == REJECTED:
            rows = key[0], ROWS
            found[key] = _rejections(
                [(now.get(key, {}), now.get(rows, {}))]
                + [
                    (earlier.get(run, {}).get(key, {}), earlier.get(run, {}).get(rows, {}))
                    for _, run in chosen.get(key, [])
                ],
                tolerance,
            )
            continue
        profiles = [
            (instant, earlier[run][key])
            for instant, run in chosen.get(key, [])
            if key in earlier.get(run, {})
        ]
        found[key] = _compare(key, now.get(key, {}), profiles, tolerance)
    return found


def population_stability_index(now: Profile, then: Profile) -> float:
    """PSI of two distributions over the same buckets, less what chance alone gives; at least 0."""
    parts = _parts(now, then)
    chance = (len(parts) - 1) * (1 / sum(now.values()) + 1 / sum(then.values()))
    return max(sum(part for _, part in parts) - chance, 0.0)


def _parts(now: Profile, then: Profile) -> list[tuple[str, float]]:
    rows_now, rows_then = sum(now.values()), sum(then.values())
    parts = []
    for bucket in now.keys() | then.keys():
        p = max(now.get(bucket, 0) / rows_now, LEAST_SHARE)
        q = max(then.get(bucket, 0) / rows_then, LEAST_SHARE)
        parts.append((bucket, (p - q) * math.log(p / q)))
    return parts


def _compare(
    key: Key, now: Profile, earlier: Sequence[tuple[datetime, Profile]], tolerance: Tolerance
) -> Stability:
    if not earlier:
        return Stability(True, "nothing to compare with yet")
    if key[1] == ROWS:
        count = sum(now.values())
        instant, before = min(earlier, key=lambda one: sum(one[1].values()))
        expected = sum(before.values())
        is_stable = expected < tolerance.min_rows or count >= tolerance.min_row_share * expected
        return Stability(is_stable, f"{count:,} rows, {expected:,} at {_said(instant)}", count)
    enough = [
        (instant, profile)
        for instant, profile in earlier
        if min(sum(now.values()), sum(profile.values())) >= tolerance.min_rows
    ]
    if not enough:
        return Stability(True, f"fewer than {tolerance.min_rows:,} rows, too few to compare")
    found = [_compared(now, profile, instant, tolerance) for instant, profile in enough]
    return next((one for one in found if one.is_stable), found[0])


def _rejections(sides: Sequence[tuple[Profile, Profile]], tolerance: Tolerance) -> Stability:
    """Rejected rows and good ones, now and then before; the smallest rise counts."""
    counts = [(sum(bad.values()), sum(bad.values()) + sum(good.values())) for bad, good in sides]
    (bad, rows), *before = [(bad, rows) for bad, rows in counts]
    enough = [(then, of) for then, of in before if of >= tolerance.min_rows]
    words = f"{bad:,} of {rows:,} rows rejected"
    if not enough or rows < tolerance.min_rows:
        return Stability(True, words, bad / rows if rows else None)
    then, of = max(enough, key=lambda one: one[0] / one[1])
    rise = bad / rows - then / of
    return Stability(
        rise <= tolerance.max_rejected_rise, f"{words}, {then:,} of {of:,} before", bad / rows
    )


def _compared(now: Profile, then: Profile, instant: datetime, tolerance: Tolerance) -> Stability:
    before, after = (side.get(EMPTY, 0) / sum(side.values()) for side in (then, now))
    values_now, values_then = (
        {bucket: rows for bucket, rows in side.items() if bucket != EMPTY}
        for side in _same_buckets(now, then)
    )
    words = (
        f"against {_said(instant)}: no value in {before:.1%} of the rows before, {after:.1%} now"
    )
    is_stable = abs(after - before) <= tolerance.max_empty_change
    if min(sum(values_now.values()), sum(values_then.values())) < tolerance.min_rows:
        return Stability(is_stable, words, after)
    index = population_stability_index(values_now, values_then)
    bucket, _ = max(_parts(values_now, values_then), key=lambda part: part[1])
    share_then, share_now = (
        side.get(bucket, 0) / sum(side.values()) for side in (values_then, values_now)
    )
    return Stability(
        is_stable and index <= tolerance.max_psi,
        f"PSI {index:.2f} {words}; most moved: {in_words(bucket)}, {share_then:.1%} of the values "
        f"before, {share_now:.1%} now",
        index,
    )


def _same_buckets(now: Profile, then: Profile) -> tuple[Profile, Profile]:
    """Both by presence alone if one of them is: it had too many different texts."""
    if (PRESENT in now) == (PRESENT in then):
        return now, then
    return _presence(now), _presence(then)


def _presence(profile: Profile) -> Profile:
    counts: dict[str, int] = defaultdict(int)
    for bucket, rows in profile.items():
        counts[EMPTY if bucket == EMPTY else PRESENT] += rows
    return counts


def in_words(bucket: str) -> str:
    """What a bucket holds: 'from 8 to 8.724' for a number's, the value itself for a text's."""
    if bucket.startswith(DAYS):
        low, high = _edges(bucket.removeprefix(DAYS))
        return f"{low - 1:,.3g} to {high - 1:,.3g} days ago"
    sign, digits = (bucket[0], bucket[1:]) if bucket[:1] in "+-" else ("", bucket)
    if not sign or not digits.lstrip("-").isdigit():
        return {EMPTY: "no value", PRESENT: "any value"}.get(bucket, bucket)
    low, high = _edges(digits)
    if sign == "-":
        low, high = -high, -low
    return f"from {low:,.4g} to {high:,.4g}"


def _edges(number: str) -> tuple[float, float]:
    return (
        2 ** (int(number) / BUCKETS_PER_DOUBLING),
        2 ** ((int(number) + 1) / BUCKETS_PER_DOUBLING),
    )


def _said(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _comparable(
    as_of: datetime, runs: Iterable[tuple[datetime, str]]
) -> list[tuple[datetime, str]]:
    """The last run of the instant's own day, and those nearest to a day and a week before."""
    runs = list(runs)
    found = [max((run for run in runs if run[0].date() == as_of.date()), default=None)]
    for back in (timedelta(days=1), timedelta(days=7)):
        near = [run for run in runs if abs(as_of - back - run[0]) <= NEAR]
        found.append(min(near, key=lambda run: abs(as_of - back - run[0]), default=None))
    return [run for run in dict.fromkeys(found) if run is not None]


def _accepted_runs(query: Query, as_of: datetime) -> dict[Key, list[tuple[datetime, str]]]:
    results = EXPECTATION_RESULTS.c
    since = naive_utc(as_of) - timedelta(days=7) - NEAR
    looked_at = _released_columns(query, since)
    runs: dict[Key, list[tuple[datetime, str]]] = defaultdict(list)
    for run_id, instant, relation, column, is_success in query(
        sa.select(
            results.run_id, results.as_of, results.relation_name, results.column_name,
            results.is_success,
        ).where(
            results.expectation_type.in_((DISTRIBUTION, ROW_COUNT, REJECTIONS)),
            results.as_of >= since,
            results.as_of < naive_utc(as_of),
        )
    ):  # fmt: skip
        if is_success or f",{_ENTITIES.get(relation)}.{column}," in looked_at[run_id]:
            runs[relation, column or ROWS].append((instant, run_id))
    return runs


def _released_columns(query: Query, since: datetime) -> dict[str, str]:
    """Run -> columns that the rules of segments read which a person released in it."""
    columns: dict[str, str] = defaultdict(str)
    [(tables,)] = query(
        sa.select(sa.func.count())
        .select_from(sa.table("tables", schema="information_schema"))
        .where(
            sa.column("table_catalog") == sa.func.current_database(),
            sa.column("table_schema") == _VERDICTS.schema,
            sa.column("table_name") == _VERDICTS.name,
        )
    )
    if tables:  # Nothing was published before the first run.
        for run_id, used in query(
            sa.select(_VERDICTS.c.run_id, _REGISTRY.c.columns_used)
            .join(_REGISTRY, _VERDICTS.c.segment_id == _REGISTRY.c.segment_id)
            .where(
                _VERDICTS.c.verdict == "publish",
                _VERDICTS.c.released_by.is_not(None),
                _VERDICTS.c.as_of >= since,
            )
        ):
            columns[run_id] += used or ""
    return columns


def _profiles(query: Query, run_ids: Sequence[str]) -> dict[str, dict[Key, dict[str, int]]]:
    """Run -> relation and column -> bucket -> rows."""
    if not run_ids:
        return {}
    table = COLUMN_PROFILES.c
    found: dict[str, dict[Key, dict[str, int]]] = {}
    for run_id, relation, column, bucket, rows in query(
        sa.select(
            table.run_id, table.relation_name, table.column_name, table.bucket, table.row_count
        ).where(table.run_id.in_(run_ids))
    ):
        profile = found.setdefault(run_id, {}).setdefault((relation, column), {})
        profile[bucket] = int(rows)
    return found
