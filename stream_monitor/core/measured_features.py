"""Measurements of all features of one kind: the deciding tests' figures under both nulls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.feature_kernels import (
    SCORES,
    categorical_scores,
    good_turing,
    numeric_scores,
    rate_ps,
)
from stream_monitor.core.policy import Aspect, FeaturePolicy, Test
from stream_monitor.core.summaries import CategoricalWindows, NumericWindows, p_of_rates
from stream_monitor.core.verdicts import MINIMUM_WINDOWS, Measurement, floors_of
from stream_monitor.core.window_tables import (
    CATEGORICAL_RATES,
    NUMERIC_RATES,
    CategoricalTable,
    Floats,
    NumericTable,
)

Measured = list[tuple[Measurement, ...]]

_KS, _CHI_SQUARE, _SHARE = (
    SCORES.index(name) for name in ("ks", "chi_square", "largest_share_change")
)
_UNCHANGED: Final = {
    aspect: Measurement(aspect, "two_proportion", 0.0, 1.0, None, 0.0) for aspect in Aspect
}
"""A rate of nobody on both sides: by far the most of them, so one object stands for all."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One aspect of F features; NaN in `p` where there is nothing to test, in `p_window` for None."""

    aspect: Aspect
    test: str
    statistic: Floats
    p: Floats
    p_window: Floats
    effect: Floats
    smallest_p: Floats

    def needing_windows(self, is_thin: NDArray[np.bool_]) -> _Column:
        """The same without a say where windows are too few and rows alone would decide."""
        smallest = np.where(is_thin & (self.p < 1), 1.0, self.smallest_p)
        return replace(self, smallest_p=smallest)

    def measurements(self) -> list[Measurement | None]:
        """One per feature; None where there is nothing to test."""
        is_tested = ~np.isnan(self.p)
        unchanged = is_tested & (self.statistic == 0) & (self.effect == 0)
        if self.test != "two_proportion":
            unchanged[:] = False
        shared = _UNCHANGED[self.aspect]
        found = [shared if is_shared else None for is_shared in unchanged.tolist()]
        for i, figures in self._rows(np.flatnonzero(is_tested & ~unchanged)):
            statistic, p, p_window, effect, smallest = figures
            found[i] = Measurement(
                self.aspect, self.test, statistic, p,
                None if math.isnan(p_window) else p_window, effect, smallest,
            )  # fmt: skip
        return found

    def _rows(self, wanted: NDArray[np.int64]) -> Iterator[tuple[int, tuple[float, ...]]]:
        figures = (self.statistic, self.p, self.p_window, self.effect, self.smallest_p)
        columns = [column[wanted].tolist() for column in figures]
        return zip(wanted.tolist(), zip(*columns, strict=True), strict=True)


def measure_numeric(
    k: NumericTable, w: NumericTable, windows: NumericWindows, policies: Sequence[FeaturePolicy],
    needs_windows: bool,
) -> tuple[Floats, Measured]:  # fmt: skip
    """Scores (F, 7) and the measurements of numeric features.

    Where a discrete feature's D stays below its floor, the p of KS is the bound that
    `kolmogorov_smirnov` tells of: nothing below the floor drifts, whatever its p.
    """
    layout = k.layout
    by_shares = np.array([policy.test is Test.CHI_SQUARE for policy in policies], np.bool_)
    scores, decided = numeric_scores(
        k.fine, k.sums, k.coarse, w.fine, w.sums, w.coarse, layout.scales, layout.is_discrete, by_shares
    )  # fmt: skip
    p, smallest = decided
    for i in np.flatnonzero(layout.is_discrete & ~by_shares & ~np.isnan(p)).tolist():
        floor, _ = floors_of(Aspect.DISTRIBUTION, "ks", policies[i])
        if scores[i, _KS] >= floor and policies[i].test is not Test.NONE:
            exact = kolmogorov_smirnov(k.fine[i], w.fine[i], discrete=True)
            p[i] = exact.p if exact and exact.p is not None else p[i]
    _forget_untested(p, policies)
    p_window = windows.p(w)
    shares = _by_shares(scores, np.where(by_shares, p, np.nan), p_window, smallest)
    ks = _Column(
        Aspect.DISTRIBUTION, "ks", scores[:, _KS], np.where(by_shares, np.nan, p), p_window,
        scores[:, _KS], smallest,
    )  # fmt: skip
    rates = _rates(NUMERIC_RATES, k, w, windows)
    outside = NUMERIC_RATES.index(Aspect.OUT_OF_RANGE)
    rates[outside] = _by_extremes(rates[outside], windows.p_of_extremes(w, k))
    columns = [ks, shares, *rates]
    return scores, _by_feature(columns, needs_windows)


def measure_categorical(
    k: CategoricalTable, w: CategoricalTable, windows: CategoricalWindows,
    policies: Sequence[FeaturePolicy], needs_windows: bool,
) -> tuple[Floats, Measured]:  # fmt: skip
    """The same of categorical features; the last column of the scores is empty."""
    scores, (p, smallest) = categorical_scores(k.counts, w.counts, k.layout.starts)
    _forget_untested(p, policies)
    shares = _by_shares(scores, p, windows.p(w), smallest)
    *rates, unseen = _rates(CATEGORICAL_RATES, k, w, windows)
    has_unseen = k.marked[-1] > 0
    unseen = replace(unseen, p=np.where(has_unseen, unseen.p, np.nan))
    new = _new_category(k, w, has_unseen)
    if needs_windows:
        known = np.isfinite(windows.rates[:, -1]).sum(axis=0)
        new = new.needing_windows(known < MINIMUM_WINDOWS)
    columns = [shares, *rates, unseen]
    return scores, _by_feature(columns, needs_windows, new)


def _forget_untested(p: Floats, policies: Sequence[FeaturePolicy]) -> None:
    p[[policy.test is Test.NONE for policy in policies]] = np.nan


def _by_shares(scores: Floats, p: Floats, p_window: Floats, smallest: Floats) -> _Column:
    """χ² and the largest share change as a Bonferroni pair; the effect is the change of a share."""
    chi, share = scores[:, _CHI_SQUARE], scores[:, _SHARE]
    statistic = np.where(np.isnan(chi), share, chi)
    return _Column(Aspect.DISTRIBUTION, "chi_square", statistic, p, p_window, share, smallest)


def _rates(
    aspects: Sequence[Aspect], k: NumericTable | CategoricalTable,
    w: NumericTable | CategoricalTable, windows: NumericWindows | CategoricalWindows,
) -> list[_Column]:  # fmt: skip
    """One column per rate of the tables."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = w.marked / w.rows
        effect = np.abs(rate - k.marked / k.rows)
    p = rate_ps(k.marked, k.rows, w.marked, w.rows)
    p_window = p_of_rates(windows, w, p < 1)
    nothing = np.zeros(rate.shape[1:])
    return [
        _Column(aspect, "two_proportion", rate[a], p[a], p_window[a], effect[a], nothing)
        for a, aspect in enumerate(aspects)
    ]


def _by_extremes(rate: _Column, p: Floats) -> _Column:
    """The rate of values outside, placed among the windows by how far they reach.

    Where they reach no further than the reference itself, its own windows were outside: the rate varies.
    """
    placed = np.where(np.isnan(p), rate.p_window, p)
    return replace(rate, p_window=np.where(np.isnan(rate.p_window), np.nan, placed))


def _new_category(
    k: CategoricalTable, w: CategoricalTable, has_unseen: NDArray[np.bool_]
) -> _Column:
    """Good–Turing, where the reference holds only known categories."""
    expected, p = good_turing(k.counts, w.counts, k.layout.starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = w.marked[-1] / w.n
    return _Column(
        Aspect.NEW_CATEGORY, "good_turing", share, np.where(has_unseen, np.nan, p),
        np.full(len(p), np.nan), np.maximum(0.0, share - expected), np.zeros(len(p)),
    )  # fmt: skip


def _by_feature(columns: Sequence[_Column], needs_windows: bool, *ready: _Column) -> Measured:
    """The measurements of each feature, in the order of the columns."""
    if needs_windows:
        columns = [column.needing_windows(np.isnan(column.p_window)) for column in columns]
    rows = zip(*(column.measurements() for column in (*columns, *ready)), strict=True)
    return [tuple(found for found in row if found is not None) for row in rows]
