"""A feature's values as counts: what a binning is learned from, whether they were all held or sketched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Distinct finite values, rising, and how many rows each stands for."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls, values: NDArray[np.float64], counts: NDArray[np.int64] | None = None
    ) -> ValueCounts:
        """From values in any order, each of one row or of `counts` rows; those not finite are left out."""
        is_finite = np.isfinite(values)
        if counts is None:
            return cls(*np.unique(values[is_finite], return_counts=True))
        distinct, place = np.unique(values[is_finite], return_inverse=True)
        summed = np.zeros(len(distinct), np.int64)
        np.add.at(summed, place, counts[is_finite])
        return cls(distinct, summed)

    @property
    def rows(self) -> int:
        """All rows."""
        return int(self.counts.sum())

    def merge(self, other: ValueCounts) -> ValueCounts:
        """The rows of both."""
        return ValueCounts.of(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.counts, other.counts]),
        )

    def quantiles(self, shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """As numpy.quantile gives them of all rows; raises IndexError without rows."""
        ends = np.cumsum(self.counts)
        position = np.asarray(shares, np.float64) * (int(ends[-1]) - 1)
        below = np.floor(position).astype(np.int64)
        above = np.minimum(below + 1, int(ends[-1]) - 1)
        low, high = (
            self.values[np.searchsorted(ends, rank, side="right")] for rank in (below, above)
        )
        share = position - below
        # From the nearer side, as numpy does, so that both give the same number.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.where(
                share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share)
            )

    def deviation(self) -> float:
        """Standard deviation of all rows; infinite where the squares are too large, NaN without rows."""
        if not len(self.values):
            return math.nan
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.average(self.values, weights=self.counts)
            return math.sqrt(np.average((self.values - mean) ** 2, weights=self.counts))
