"""Reference windows as summaries over all features: what the window-to-window null places a window among."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.arcsines import arcsine_noise
from stream_monitor.core.drift.distance_null import harmonic_rows
from stream_monitor.core.drift.predictive_t import predictive_p_kernel
from stream_monitor.core.drift.window_null import (
    NULL_CODES,
    RowNoise,
    WindowNull,
    log_shape_kernel,
)
from stream_monitor.core.placing import Placing, mean_over_windows
from stream_monitor.core.policy import Aspect
from stream_monitor.core.verdicts import LEAST_DOF
from stream_monitor.core.window_tables import (
    NUMERIC_RATES,
    CategoricalTable,
    Counts,
    Floats,
    Kept,
    NumericTable,
)

ZERO_RATE = NUMERIC_RATES.index(Aspect.ZERO)
SPREAD = 1
"""Among the moments."""
_LEAST_KURTOSIS = 1.5
"""Of values that lie in two groups the squares hardly vary, and what noise their variance has depends on
the shares of the groups, which are a location already. A uniform distribution has 1.8."""


@dataclass(frozen=True)
class NumericWindows:
    """K reference windows of F numeric features: NaN where a window has no rows or is left out.

    `shape_total` (F, bins) is what a window's shape is measured against. A reference window's shape is
    measured against the others that the same total is made of; of differences, against the window before.
    `moment_noise` (2, F) and `rate_noise` (5, F) are the windows' mean sampling variances, `scale` (F,)
    is the mean scale of their shapes (`harmonic_rows`). Spread is known only where it is a summary:
    where the square of a value varies.
    """

    placing: Placing
    shape_total: Counts
    moments: Floats
    moment_noise: Floats
    shapes: Floats
    scale: Floats
    rates: Floats
    rate_noise: Floats
    extremes: Floats

    @classmethod
    def of(
        cls, windows: Sequence[NumericTable], total: NumericTable, placing: Placing, kept: Kept | None
    ) -> NumericWindows:  # fmt: skip
        """The summaries of a reference's windows; `total` is their sum, of AMONG."""
        coarse = _only([w.coarse for w in windows], None if kept is None else kept[:, :, None])
        against, others = _OTHERS[placing.null](coarse, total.coarse, placing)
        pairs = list(zip(others, coarse, strict=True))
        few = total.n.shape
        shapes = _masked(_stacked([_shapes(k, w) for k, w in pairs], few), kept)
        scales = _stacked([harmonic_rows(k.sum(axis=1), w.sum(axis=1)) for k, w in pairs], few)
        moments, noise = (
            _masked(_stacked(rows, (2, *few)), kept)
            for rows in ([w.moments for w in windows], [w.moment_noise for w in windows])
        )
        moments[:, SPREAD, _are_in_two_groups(windows, few)] = np.nan
        return cls(
            placing,
            against,
            moments,
            mean_over_windows(noise),
            shapes,
            mean_over_windows(np.where(placing.is_beside & np.isfinite(shapes), scales, np.nan)),
            *_rates(windows, total, kept),
            _masked(_stacked([w.extremes for w in windows], total.extremes.shape), kept),
        )

    def p_of_extremes(self, window: NumericTable, total: NumericTable) -> Floats:
        """p of the extremes that lie beyond the total's, (F,); NaN for none, or with too few windows.

        The reference defines its own range, so none of its windows is ever outside, and the rate of values
        outside has no variation to be placed in. How far its windows reach has.
        """
        is_outside = np.stack(
            [window.extremes[0] < total.extremes[0], window.extremes[1] > total.extremes[1]]
        )
        reached = np.where(is_outside, window.extremes, np.nan)
        p = np.stack(
            [
                self.placing.p(reached[side], self.extremes[:, side], is_skewed=True)
                for side in range(len(reached))
            ]
        )
        smallest = np.fmin(p[0], p[1])
        return np.asarray(np.minimum(1.0, np.isfinite(p).sum(axis=0) * smallest))

    def p(self, window: NumericTable) -> Floats:
        """p of a window's location, spread and shape, (F,); NaN with too few windows."""
        size = window.moments.size
        noise = RowNoise(window.moment_noise.ravel(), self.moment_noise.ravel())
        signed = self.placing.p(
            window.moments.ravel(),
            self.moments.reshape(len(self.moments), size),
            noise,
            is_skewed=True,
        )
        cells = (self.shape_total > 0).sum(axis=1)
        scale = harmonic_rows(self.shape_total.sum(axis=1), window.coarse.sum(axis=1))
        ratio = scale / np.maximum(1.0, self.scale)
        distance = _shapes(self.shape_total, window.coarse)
        shape = self.placing.p_above(distance, self.shapes, cells - 1.0, ratio)
        every = np.vstack([signed.reshape(window.moments.shape), shape])
        smallest = np.fmin.reduce(every)
        return np.asarray(np.minimum(1.0, np.isfinite(every).sum(axis=0) * smallest))


def _are_in_two_groups(windows: Sequence[NumericTable], few: tuple[int, ...]) -> NDArray[np.bool_]:
    """Features whose values have a kurtosis too small for a spread of their own, (F,)."""
    excess = mean_over_windows(_stacked([w.moment_noise[SPREAD] * w.n for w in windows], few))
    return np.asarray(excess < _LEAST_KURTOSIS - 1.0)


def _among(
    coarse: Sequence[Counts], total: Counts, placing: Placing
) -> tuple[Counts, list[Counts]]:
    return total, [total - counts for counts in coarse]


def _of_differences(
    coarse: Sequence[Counts], total: Counts, placing: Placing
) -> tuple[Counts, list[Counts]]:
    nobody = np.zeros_like(total)
    return total, [nobody, *coarse][: len(coarse)]


def _in_slots(
    coarse: Sequence[Counts], total: Counts, placing: Placing
) -> tuple[Counts, list[Counts]]:
    sums: dict[int, Counts] = {}
    slots = placing.slots_of_windows.tolist()
    for slot, counts in zip(slots, coarse, strict=True):
        sums[slot] = sums[slot] + counts if slot in sums else counts
    others = [sums[slot] - counts for slot, counts in zip(slots, coarse, strict=True)]
    return sums.get(placing.slot, np.zeros_like(total)), others


_OTHERS: dict[
    WindowNull, Callable[[Sequence[Counts], Counts, Placing], tuple[Counts, list[Counts]]]
] = {
    WindowNull.AMONG: _among,
    WindowNull.DIFFERENCES: _of_differences,
    WindowNull.SLOTS: _in_slots,
}


@dataclass(frozen=True)
class CategoricalWindows:
    """K reference windows of F categorical features: NaN where a window has no rows or is left out."""

    placing: Placing
    starts: Counts
    shares: Floats
    share_noise: Floats
    rates: Floats
    rate_noise: Floats

    @classmethod
    def of(
        cls, windows: Sequence[CategoricalTable], total: CategoricalTable, placing: Placing,
        kept: Kept | None,
    ) -> CategoricalWindows:  # fmt: skip
        """The summaries of a reference's windows."""
        starts = total.layout.starts
        many = total.counts.shape
        spread = None if kept is None else np.repeat(kept, np.diff(starts), axis=1)
        of = np.repeat(total.n, np.diff(starts))
        noises = [arcsine_noise(np.repeat(w.n, np.diff(starts)), total.counts, of) for w in windows]
        return cls(
            placing,
            starts,
            _masked(_stacked([w.shares for w in windows], many), spread),
            mean_over_windows(_masked(_stacked(noises, many), spread)),
            *_rates(windows, total, kept),
        )

    def p(self, window: CategoricalTable) -> Floats:
        """p of a window's shares, Bonferroni over the categories that were met; NaN as above."""
        return np.asarray(
            _p_of_shares(
                NULL_CODES[self.placing.null], window.shares, self.shares, self.starts,
                self.placing.slots_of_windows, self.placing.slot, arcsine_noise(window.n),
                self.share_noise, LEAST_DOF,
            )
        )  # fmt: skip


def p_of_rates(
    windows: NumericWindows | CategoricalWindows, window: NumericTable | CategoricalTable, asked: Kept
) -> Floats:  # fmt: skip
    """p of a window's rates, (rates, F); NaN where it is not asked for, or with too few windows."""
    c = np.where(asked, window.rates, np.nan)
    own, theirs = arcsine_noise(window.rows), windows.rate_noise
    p = windows.placing.p(
        c.ravel(),
        windows.rates.reshape(len(windows.rates), asked.size),
        RowNoise(own.ravel(), theirs.ravel()),
    ).reshape(asked.shape)
    if isinstance(windows, NumericWindows):  # zeros are values, and as skewed as those
        noise = RowNoise(own[ZERO_RATE], theirs[ZERO_RATE])
        p[ZERO_RATE] = windows.placing.p(
            c[ZERO_RATE], windows.rates[:, ZERO_RATE], noise, is_skewed=True
        )
    return p


def _rates(
    windows: Sequence[NumericTable] | Sequence[CategoricalTable],
    total: NumericTable | CategoricalTable,
    kept: Kept | None,
) -> tuple[Floats, Floats]:
    """The windows' rates, and the mean noise of their rows."""
    noises = [arcsine_noise(w.rows, total.marked, total.rows) for w in windows]
    return (
        _masked(_stacked([w.rates for w in windows], total.rows.shape), kept),
        mean_over_windows(_masked(_stacked(noises, total.rows.shape), kept)),
    )


def _only(tables: Sequence[Counts], kept: NDArray[np.bool_] | None) -> list[Counts]:
    if kept is None:
        return list(tables)
    return [table * use for table, use in zip(tables, kept, strict=True)]


def _stacked(rows: Sequence[NDArray[Any]], shape: tuple[int, ...]) -> Floats:
    return np.stack(rows) if rows else np.zeros((0, *shape))


def _masked(values: Floats, kept: NDArray[np.bool_] | None) -> Floats:
    """NaN where a window is left out; features are the last axis."""
    if kept is None:
        return values
    middle = (1,) * (values.ndim - 2)
    return np.where(kept.reshape(len(kept), *middle, -1), values, np.nan)


@njit(cache=True, nogil=True)
def _shapes(k: Counts, w: Counts) -> Floats:
    found = np.empty(len(k))
    for f in range(len(k)):
        found[f] = log_shape_kernel(k[f], w[f])
    return found


@njit(cache=True, nogil=True)
def _p_of_shares(
    null: int, c: Floats, reference: Floats, starts: Counts, slots: Counts, slot: int, noise: Floats,
    mean_noise: Floats, least_dof: int,
) -> Floats:  # fmt: skip
    """Unseen values count where a reference window has some. Two categories are one summary."""
    found = np.full(len(starts) - 1, math.nan)
    for f in range(len(found)):
        smallest, met = math.nan, 0
        last = starts[f + 1] - 1
        for i in range(starts[f], starts[f + 1]):
            if _is_met(0.0 if i == last else c[i], reference, i):
                p = predictive_p_kernel(
                    null, c[i], reference, i, slots, slot, noise[f], mean_noise[i], least_dof
                )
                smallest = p if math.isnan(smallest) else min(smallest, p)
                met += 1
        if met == 2 and not c[last] > 0.0:
            met = 1
        if not math.isnan(smallest):
            found[f] = min(1.0, met * smallest)
    return found


@njit(cache=True, nogil=True)
def _is_met(c: float, reference: Floats, i: int) -> bool:
    met = c > 0.0
    for k in range(len(reference)):
        met |= reference[k, i] > 0.0
    return met
