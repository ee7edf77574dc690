"""Pairs of features of a window beside a reference: what changed between features that did not change."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.association_pattern import (
    log_pattern_distance,
    pattern_noise,
    pattern_strength,
)
from stream_monitor.core.drift.correlation import (
    MINIMUM_ROWS,
    correlation_changes,
    fisher_z,
    fisher_z_noise,
)
from stream_monitor.core.drift.cramers_v import association_change, cramers_v
from stream_monitor.core.drift.distance_null import harmonic_rows, predictive_p_of_distances
from stream_monitor.core.drift.reconstruction import principal_components, reconstruction_error
from stream_monitor.core.drift.score import Score
from stream_monitor.core.drift.window_null import RowNoise, predictive_p_among
from stream_monitor.core.errors import IncompatibleProfiles
from stream_monitor.core.placing import mean_over_windows
from stream_monitor.core.profile.joint import JointPart, JointSummary
from stream_monitor.core.verdicts import LEAST_DOF

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
_OTHER_PAIRS = "joint counts of different pairs cannot be compared"


@dataclass(frozen=True, slots=True)
class PairComparison:
    """One pair of features. Rows are those in which both have a value.

    `reference` and `window` are rank correlations of a numeric pair, Cramér's V of a categorical one (None
    where a side has none); `statistic` is Fisher's z or X². `effect` is |Δr|, or what of the association
    changed on the scale of V. `p_iid` and `p_window` are Bonferroni over all pairs of the kind that could
    be measured; `p_window` is None with fewer than MINIMUM_WINDOWS reference windows. With
    `explained_by_marginal` a feature of the pair has changed itself: the pair does not decide.
    """

    first: str
    second: str
    n_window: int
    n_reference: int
    windows: int
    reference: float | None
    window: float | None
    statistic: float
    p_iid: float
    p_window: float | None
    effect: float
    explained_by_marginal: bool

    @property
    def p(self) -> float:
        """The larger of the two nulls'."""
        return self.p_iid if self.p_window is None else max(self.p_iid, self.p_window)


@dataclass(frozen=True, slots=True)
class JointComparison:
    """Every pair that can be measured, in the order of the parameters; `reconstruction` is reported only."""

    correlations: tuple[PairComparison, ...]
    associations: tuple[PairComparison, ...]
    reconstruction: Score | None


def deciding_pair(pairs: Sequence[PairComparison], floor: float) -> PairComparison | None:
    """The pair that stands for its kind: quiet margins, then effect ≥ floor, then the least p.

    If any pair with quiet margins drifts at some α and this floor, this one does. None without any.
    """
    quiet = [pair for pair in pairs if not pair.explained_by_marginal]
    return min(quiet, key=lambda x: (x.effect < floor, x.p, -x.effect), default=None)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """A categorical pair in the reference's windows, (K,), NaN for none.

    `inverse_rows` is the mean of 1/rows over them, `scale` that of the distances' `harmonic_rows`, `noise`
    that of one row, of strength and of distance.
    """

    strengths: Floats
    distances: Floats
    inverse_rows: float
    scale: float
    noise: tuple[float, float]


class JointReference:
    """A reference's pairs prepared for comparing windows of one size."""

    def __init__(self, reference: JointPart, windows: Sequence[JointSummary]) -> None:
        self.params = reference.params
        self.total = reference.summarise()
        self.windows = tuple(windows)
        self._upper = np.triu_indices(len(self.params.features), k=1)

    def compare(self, window: JointPart, quiet: Callable[[str], bool]) -> JointComparison:
        """Every pair of a window."""
        if window.params != self.params:
            raise IncompatibleProfiles(_OTHER_PAIRS)
        summary = window.summarise()
        sides = {side for pair in self.params.pairs for side in (pair.first, pair.second)}
        names = {f.name for f in self.params.features} | {side.name for side in sides}
        loud = frozenset(name for name in names if not quiet(name))
        return JointComparison(
            self._correlations(summary, loud),
            self._associations(summary, loud),
            self._reconstruction(summary),
        )

    def _correlations(
        self, window: JointSummary, loud: frozenset[str]
    ) -> tuple[PairComparison, ...]:
        if not len(self._upper[0]):
            return ()
        own, other = window.correlations[self._upper], self._own_correlations[self._upper]
        n, m = window.n[self._upper], self.total.n[self._upper]
        z, p = correlation_changes(own, n, other, m)
        noise = RowNoise(*fisher_z_noise(n, self._inverse_rows, other))
        p_window = predictive_p_among(fisher_z(own), self._z, LEAST_DOF, noise)
        measured = np.flatnonzero(np.isfinite(p))
        names = [feature.name for feature in self.params.features]
        columns = (
            *self._upper, n, m, np.isfinite(self._z).sum(axis=0), other, own, z,
            np.minimum(1.0, len(measured) * p), np.minimum(1.0, len(measured) * p_window),
            np.abs(own - other),
        )  # fmt: skip
        return tuple(
            PairComparison(
                names[i], names[j], int(rows), int(reference_rows), windows, r_reference, r, score,
                p_rows, None if math.isnan(p_windows) else p_windows, effect,
                names[i] in loud or names[j] in loud,
            )
            for i, j, rows, reference_rows, windows, r_reference, r, score, p_rows, p_windows, effect
            in zip(*(column[measured].tolist() for column in columns), strict=True)
        )  # fmt: skip

    @cached_property
    def _own_correlations(self) -> Floats:
        return self.total.correlations

    @cached_property
    def _z(self) -> Floats:
        """Fisher's z of every pair in every window, (K, pairs)."""
        rows = [window.correlations[self._upper] for window in self.windows]
        z = fisher_z(np.array(rows).reshape(self._rows.shape))
        return np.where(self._rows >= MINIMUM_ROWS, z, np.nan)

    @cached_property
    def _rows(self) -> Floats:
        """Rows of every pair in every window, (K, pairs)."""
        rows = [window.n[self._upper] for window in self.windows]
        return np.array(rows).reshape(len(rows), len(self._upper[0]))

    @cached_property
    def _inverse_rows(self) -> Floats:
        """The mean of 1/(rows − 3) over the windows in which a pair is known."""
        inverse = 1.0 / np.maximum(1.0, self._rows - 3.0)
        return mean_over_windows(np.where(np.isfinite(self._z), inverse, np.nan))

    def _associations(
        self, window: JointSummary, loud: frozenset[str]
    ) -> tuple[PairComparison, ...]:
        scores = [
            association_change(k, w)
            for k, w in zip(self.total.tables, window.tables, strict=True)
        ]  # fmt: skip
        count = sum(score is not None for score in scores)
        found = []
        for at, (pair, score) in enumerate(zip(self.params.pairs, scores, strict=True)):
            if score is None or score.p is None:
                continue
            k, w = self.total.tables[at], window.tables[at]
            p_window, windows = self._association_p(at, w)
            found.append(
                PairComparison(
                    pair.first.name, pair.second.name, score.n, score.m, windows, cramers_v(k),
                    cramers_v(w), score.statistic, min(1.0, count * score.p),
                    None if p_window is None else min(1.0, count * p_window), score.effect,
                    pair.first.name in loud or pair.second.name in loud,
                )
            )  # fmt: skip
        return tuple(found)

    def _association_p(self, at: int, table: Counts) -> tuple[float | None, int]:
        """p of a window's association among the windows', Bonferroni over its two summaries, and K."""
        total, earlier = self.total.tables[at], self._patterns[at]
        along, around = earlier.noise
        n = int(table.sum())
        noise = RowNoise(np.array([along / max(1, n)]), np.array([along * earlier.inverse_rows]))
        strength = predictive_p_among(
            pattern_strength(total, table[None]), earlier.strengths[:, None], LEAST_DOF, noise
        )
        beyond = predictive_p_of_distances(
            log_pattern_distance(total, table[None]), earlier.distances[:, None],
            np.array([around]), harmonic_rows(total.sum(), np.array([n])) / earlier.scale,
            least_dof=LEAST_DOF,
        )  # fmt: skip
        ps = np.concatenate([strength, beyond])
        known = ps[np.isfinite(ps)]
        windows = int(np.isfinite(earlier.strengths).sum())
        return (float(len(known) * known.min()) if len(known) else None), windows

    @cached_property
    def _patterns(self) -> list[_Patterns]:
        """Every categorical pair in every window, each beside all other rows."""
        found = []
        for at, total in enumerate(self.total.tables):
            shape = (len(self.windows), *total.shape)
            tables = np.array([w.tables[at] for w in self.windows], np.int64).reshape(shape)
            others = np.maximum(0, total - tables)
            strengths = pattern_strength(others, tables)
            distances = log_pattern_distance(others, tables)
            n, m = tables.sum(axis=(-2, -1)), others.sum(axis=(-2, -1))
            rows = np.where(np.isfinite(strengths), n, np.nan)
            scales = np.where(np.isfinite(distances), harmonic_rows(m, n), np.nan)
            found.append(
                _Patterns(
                    strengths, distances, float(mean_over_windows(1.0 / rows)),
                    max(1.0, float(mean_over_windows(scales))), pattern_noise(total),
                )
            )  # fmt: skip
        return found

    @cached_property
    def _components(self) -> tuple[NDArray[np.intp], Floats, Floats]:
        """Which features vary in the reference, their correlations, and the components."""
        known = np.flatnonzero(np.isfinite(np.diag(self._own_correlations)))
        correlation = np.nan_to_num(self._own_correlations[np.ix_(known, known)])
        return known, correlation, principal_components(correlation)

    def _reconstruction(self, window: JointSummary) -> Score | None:
        known, correlation, components = self._components
        if len(known) < 2:
            return None
        at = np.ix_(known, known)
        rows = np.diag(self.total.n)[known]
        mean = np.diag(self.total.x)[known] / rows
        sd = np.sqrt(np.diag(self.total.xx)[known] / rows - mean * mean)
        n, x, xy = window.n[at], window.x[at], window.xy[at]
        off = xy - mean[None, :] * x - mean[:, None] * x.T + n * np.outer(mean, mean)
        moments = np.where(n > 0, off / (np.maximum(n, 1) * np.outer(sd, sd)), correlation)
        return reconstruction_error(
            moments, correlation, components, window.rows, self.total.rows
        )  # fmt: skip
