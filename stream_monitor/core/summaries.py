"""Signed summaries of reference windows: what the window-to-window null compares a window with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.binning import GUARD_BINS, NumericBinning
from stream_monitor.core.drift.window_null import (
    arcsine_share,
    combine_bonferroni,
    log_shape,
    predictive_p,
    scaled_mean,
)
from stream_monitor.core.profile.categorical import CategoricalSummary
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.verdicts import MINIMUM_WINDOWS

Counts = NDArray[np.int64]


def coarse_counts(counts: Counts, binning: NumericBinning) -> Counts:
    """Counts on the coarse bins, guards pooled into the edge bins."""
    inner = counts[binning.inner]
    coarse = np.add.reduceat(inner, list(binning.coarse))
    coarse[0] += counts[:GUARD_BINS].sum()
    coarse[-1] += counts[len(counts) - GUARD_BINS :].sum()
    return coarse


def decile_counts(coarse: Counts) -> Counts:
    """Pairs of coarse bins."""
    return np.add.reduceat(coarse, list(range(0, len(coarse), 2)))


def location(summary: NumericSummary, binning: NumericBinning) -> float | None:
    """The scaled mean of a window."""
    return scaled_mean(summary.counts, summary.bin_means, binning.median, binning.iqr)


@dataclass(frozen=True)
class NumericWindows:
    """K reference windows of one numeric feature: NaN where a window has no rows."""

    binning: NumericBinning
    total: Counts
    locations: NDArray[np.float64]
    shapes: NDArray[np.float64]

    @classmethod
    def of(
        cls, windows: Sequence[NumericSummary], total: Counts, binning: NumericBinning
    ) -> NumericWindows:
        """The summaries of a reference's windows; each one's shape is measured against the others."""
        coarse = [coarse_counts(window.counts, binning) for window in windows]
        return cls(
            binning,
            total,
            _floats([location(window, binning) for window in windows]),
            _floats([log_shape(total - counts, counts) for counts in coarse]),
        )

    def p(self, window: NumericSummary) -> float | None:
        """p of a window's location and shape among the reference windows; None with too few of them."""
        shape = log_shape(self.total, coarse_counts(window.counts, self.binning))
        return _combined([(location(window, self.binning), self.locations), (shape, self.shapes)])


@dataclass(frozen=True)
class ShareWindows:
    """Arcsine shares of K reference windows (one column per share); NaN where a window has no rows."""

    shares: NDArray[np.float64]

    @classmethod
    def of_categories(cls, windows: Sequence[CategoricalSummary]) -> ShareWindows:
        """Shares of each category and of the unseen ones."""
        return cls(np.array([arcsine_shares(with_unseen(w), w.n) for w in windows]))

    @classmethod
    def of_rates(cls, counts: Sequence[tuple[int, int]]) -> ShareWindows:
        """One rate as (count, of) per window."""
        return cls(np.array([[_nan(arcsine_share(x, n))] for x, n in counts]))

    def p(self, counts: Counts, n: int) -> float | None:
        """p of a window's shares among the reference windows; None with too few of them."""
        if not n or not len(self.shares):
            return None
        window = arcsine_shares(counts, n)
        met = (self.shares > 0).any(axis=0) | (counts > 0)
        return _combined(
            [(float(window[i]), self.shares[:, i]) for i in np.flatnonzero(met)]
            or [(0.0, self.shares[:, 0])]
        )


def with_unseen(window: CategoricalSummary) -> Counts:
    """Counts of the known categories, then of all unseen ones together."""
    return np.append(window.counts, window.unseen)


def arcsine_shares(counts: Counts, n: int) -> NDArray[np.float64]:
    """arcsin√ of each share; NaN without rows."""
    if not n:
        return np.full(len(counts), np.nan)
    return np.asarray(np.arcsin(np.sqrt(counts / n)))


def _combined(pairs: Sequence[tuple[float | None, NDArray[np.float64]]]) -> float | None:
    found = []
    for value, reference in pairs:
        known = reference[np.isfinite(reference)]
        if value is None or not math.isfinite(value) or len(known) < MINIMUM_WINDOWS:
            continue
        p = predictive_p(value, known)
        if p is not None:
            found.append(p)
    return combine_bonferroni(found) if found else None


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([_nan(value) for value in values], dtype=np.float64)


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
