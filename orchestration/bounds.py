"""Bounds of segments learned from their own history, for a person to review and commit.

A bound that follows the data by itself follows it anywhere. So what past runs published is turned
into rows of the seed `learned_bounds`, and nothing but the committed seed counts.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from orchestration.errors import StrataError
from orchestration.project import PROJECT_DIR

SEED = PROJECT_DIR / "seeds" / "reference" / "learned_bounds.csv"
COLUMNS = ("segment_id", "weekday", "hour", "fewest", "most", "observations", "learned_until")
LEARNED_FROM = timedelta(weeks=8)
# Distances from the median are in standard deviations as the median absolute deviation estimates
# them (Hampel, The Influence Curve and its Role in Robust Estimation, 1974): single odd runs do
# not widen the bounds.
DEVIATIONS = 6
SIGMA_PER_MAD = 1.4826
SLACK = 0.1  # and a tenth of the median beyond that
# Fewest runs for a bound of one hour of one weekday, of one hour of any day, of any run.
LEAST_BY_WEEKDAY_AND_HOUR, LEAST_BY_HOUR, LEAST = 4, 7, 20
# Hours get bounds of their own where their medians are further apart than this share of the whole.
SEASONAL = 0.1

Slot = tuple[int | None, int | None]  # weekday and hour

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Bound:
    """How many members a segment has at a weekday and hour (UTC); None is any.

    `fewest` and `most` are members, `observations` runs, up to the instant `learned_until`.
    """

    segment_id: str
    weekday: int | None  # 1 is Monday
    hour: int | None
    fewest: int
    most: int
    observations: int
    learned_until: datetime

    @property
    def when(self) -> str:
        """The time it is for, in words."""
        if self.hour is None:
            return "any time"
        day = f"{WEEKDAYS[self.weekday - 1]} " if self.weekday else ""
        return f"{day}{self.hour:02}:00 UTC"


def read_sizes(
    warehouse: sa.Engine, segment_id: str | None = None
) -> dict[str, list[tuple[datetime, int]]]:
    """Instants and members of the runs of the last eight weeks that published each segment.

    The last run of an instant counts. Raises StrataError before the first run, and for a segment
    that no run judged.
    """
    with warehouse.connect() as connection:
        if not sa.inspect(connection).has_table("segment_verdicts", schema="segments"):
            raise StrataError(
                "No segments yet: run `strata refresh` (with the demo's data `strata demo`) first."
            )
        verdicts = connection.execute(
            sa.text(
                "select segment_id, as_of, verdict, member_count from segments.segment_verdicts "
                "where as_of > (select max(as_of) from segments.segment_verdicts) "
                "- interval '56' day order by segment_id, as_of, run_started_at"
            )
        ).all()
    last: dict[tuple[str, datetime], tuple[str, int]] = {
        (row[0], row[1]): (row[2], int(row[3])) for row in verdicts
    }
    known = {segment for segment, _ in last}
    if segment_id is not None and segment_id not in known:
        raise StrataError(
            f"No run judged the segment '{segment_id}'. Segments: {', '.join(sorted(known))}."
        )
    sizes: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for (segment, as_of), (verdict, size) in last.items():
        if verdict == "publish" and segment_id in (None, segment):
            sizes[segment].append((as_of, size))
    return dict(sizes)


_GROUPINGS: tuple[tuple[int, Callable[[datetime], Slot]], ...] = (
    (LEAST_BY_WEEKDAY_AND_HOUR, lambda at: (at.isoweekday(), at.hour)),
    (LEAST_BY_HOUR, lambda at: (None, at.hour)),
    (LEAST, lambda at: (None, None)),
)


def propose(sizes: Mapping[str, Sequence[tuple[datetime, int]]]) -> list[Bound]:
    """Bounds of each segment with enough runs: by weekday and hour, by hour or for any time.

    The finest of these that every group has enough runs for, and whose groups differ; a segment
    whose size has no rhythm gets one row.
    """
    proposed = []
    for segment, runs in sorted(sizes.items()):
        if len(runs) < LEAST:
            continue
        for least, key in _GROUPINGS:
            groups: dict[Slot, list[int]] = defaultdict(list)
            for as_of, size in runs:
                groups[key(as_of)].append(size)
            if min(map(len, groups.values())) >= least and (
                len(groups) == 1 or _differ(groups.values())
            ):
                until = max(as_of for as_of, _ in runs)
                proposed += [
                    Bound(segment, weekday, hour, *_bounds(group), len(group), until)
                    for (weekday, hour), group in sorted(
                        groups.items(), key=lambda one: (one[0][0] or 0, one[0][1] or 0)
                    )
                ]
                break
    return proposed


def _differ(groups: Iterable[Sequence[int]]) -> bool:
    medians = [median(group) for group in groups]
    return max(medians) - min(medians) > SEASONAL * max(median(medians), 1)


def _bounds(sizes: Sequence[int]) -> tuple[int, int]:
    middle = median(sizes)
    spread = SIGMA_PER_MAD * median(abs(size - middle) for size in sizes)
    reach = DEVIATIONS * spread + SLACK * middle
    # What was published without objection stays within.
    fewest = min(middle - reach, *sizes)
    most = max(middle + reach, *sizes)
    return max(math.floor(fewest), 0), math.ceil(most)


def read_seed(path: Path = SEED) -> list[Bound]:
    """The committed bounds. Raises StrataError that names the line that is wrong."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    bounds = []
    for number, row in enumerate(rows, start=2):
        try:
            bounds.append(
                Bound(
                    row["segment_id"],
                    int(row["weekday"]) if row["weekday"] else None,
                    int(row["hour"]) if row["hour"] else None,
                    int(row["fewest"]),
                    int(row["most"]),
                    int(row["observations"]),
                    datetime.fromisoformat(row["learned_until"]),
                )
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StrataError(
                f"{path}, line {number}: {error}. Its columns are {', '.join(COLUMNS)}; weekday "
                "(1 to 7) and hour (0 to 23) may be empty, the others are whole numbers and a time."
            ) from error
    return bounds


def write_seed(bounds: Iterable[Bound], path: Path = SEED) -> None:
    """Write the seed, sorted."""
    ordered = sorted(bounds, key=lambda one: (one.segment_id, one.weekday or 0, one.hour or 0))
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in ordered:
            writer.writerow(
                (
                    one.segment_id,
                    "" if one.weekday is None else one.weekday,
                    "" if one.hour is None else one.hour,
                    one.fewest,
                    one.most,
                    one.observations,
                    f"{one.learned_until:%Y-%m-%d %H:%M:%S}",
                )
            )


def merged(committed: Iterable[Bound], proposed: Iterable[Bound]) -> list[Bound]:
    """The committed bounds with those of segments that have proposals replaced."""
    proposed = list(proposed)
    learned = {one.segment_id for one in proposed}
    return [one for one in committed if one.segment_id not in learned] + proposed
