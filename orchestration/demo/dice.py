"""Random numbers that are the same on every machine and for any number of processes.

Only `Generator.random` of PCG64 is used, everything else is derived from it here: NumPy keeps
the bit stream of that one stable, while its other distributions may change between releases.
"""

import numpy as np
import numpy.typing as npt

from orchestration.demo.columns import Flags, Floats, Ints


class Dice:
    """One independent stream for a (seed, chunk, topic)."""

    def __init__(self, seed: int, chunk: int, topic: int) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=(chunk, topic))
        self._generator = np.random.Generator(np.random.PCG64(sequence))

    def uniform(self, rows: int) -> Floats:
        """Uniform in [0, 1)."""
        return self._generator.random(rows)

    def matrix(self, rows: int, columns: int) -> npt.NDArray[np.float32]:
        """Uniform in [0, 1), single precision: one for each person and day."""
        return self._generator.random((rows, columns), dtype=np.float32)

    def chance(self, rows: int, probability: float | Floats) -> Flags:
        """True with the given probability (one for all, or one for each row)."""
        hit: Flags = self.uniform(rows) < probability
        return hit

    def whole(self, rows: int, low: int, high: int) -> Ints:
        """Whole numbers from `low` to `high`, both included."""
        drawn: Ints = low + (self.uniform(rows) * (high - low + 1)).astype(np.int64)
        return drawn

    def between(self, low: Ints, high: Ints) -> Ints:
        """A whole number in [low, high) for each row; `low` where the range is empty."""
        span = np.maximum(high - low, 0)
        drawn: Ints = low + (self.uniform(len(low)) * span).astype(np.int64)
        return drawn

    def pick(self, rows: int, weights: list[float]) -> Ints:
        """Positions drawn with the given weights."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.searchsorted(edges / edges[-1], self.uniform(rows), side="right").astype(np.int64)

    def pick_by_row(self, table: Floats, row: Ints) -> Ints:
        """Positions drawn with the weights in `table[row]`: each draw has its own weights."""
        edges = np.cumsum(table, axis=1)
        edges = edges / edges[:, -1:] + np.arange(len(table))[:, None]
        drawn = np.searchsorted(edges.ravel(), self.uniform(len(row)) + row, side="right")
        picked: Ints = np.minimum(drawn - row * table.shape[1], table.shape[1] - 1)
        return picked

    def exponential(self, rows: int, mean: float) -> Floats:
        """Exponentially distributed with the given mean."""
        return -np.log1p(-self.uniform(rows)) * mean

    def poisson(self, mean: Floats) -> Ints:
        """Poisson counts by inversion, one mean (up to about 50) for each row."""
        drawn = self.uniform(len(mean))
        count = np.zeros(len(mean), dtype=np.int64)
        term = np.exp(-mean)
        below = term.copy()
        for step in range(1, 200):
            more = drawn >= below
            if not more.any():
                break
            count[more] = step
            term = term * mean / step
            below = below + term
        return count
