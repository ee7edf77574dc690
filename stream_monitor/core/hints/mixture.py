"""Part of the rows changed in one way: how many, and whether nothing else happened."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from stream_monitor.core.hints.feature_evidence import NumericEvidence
from stream_monitor.core.hints.transforms import Floats, Mask, Points, distance, noise

_TELLING: Final = 0.1
"""A bin tells changed rows apart where unchanged ones are at most this fraction as frequent."""
_LEAST_ROWS: Final = 10
_LEAST_TOLD: Final = 0.2
_MOST_Z: Final = 4.0
_MOST_OFF: Final = 0.5
_SMALL: Final = 0.1
_VISIBLE: Final = 0.1
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Mixture:
    """The window as a mixture: a `part` of rows changed (1: all of them), the others as before.

    `likelihood` compares mixtures of one window; `fits` says that the counts agree with this one and
    not with the reference as it is.
    """

    part: float
    likelihood: float
    fits: bool

    @property
    def is_whole(self) -> bool:
        """Whether all rows changed."""
        return self.part == 1.0


def mixture(evidence: NumericEvidence, points: Points, changed: Points) -> Mixture:
    """The best share of changed rows; `points` is the reference, `changed` the same after the change."""
    counts = evidence.window.counts
    most = noise(evidence.window.n, evidence.reference.n)
    base, other = points.histogram(evidence.binning), changed.histogram(evidence.binning)
    tells = (other > 0) & (base <= _TELLING * other)
    if distance(other, counts) <= most and _moments_agree(evidence, changed):
        part, fits = 1.0, distance(base, counts) >= most + _VISIBLE
    else:
        tells[evidence.binning.inner] = False  # inside the range, other changes look alike
        part = _part(evidence, base, other, tells)
        d = distance((1 - part) * base + part * other, counts)
        is_closer = part < _SMALL or 3 * d <= distance(base, counts)
        fits = d <= most and is_closer and _is_told(evidence, base, other, tells)
    z, is_off = _mean_z(evidence, _mixed(points, changed, part), tells)
    shares = (1 - part) * base + part * other
    likelihood = float(counts @ np.log(shares + _TINY)) - min(z * z / 2, 1e3)
    return Mixture(part, likelihood, fits and abs(z) <= _MOST_Z and not is_off)


def _mixed(points: Points, changed: Points, part: float) -> Points:
    return Points(
        np.concatenate([points.values, changed.values]),
        np.concatenate([(1 - part) * points.weights, part * changed.weights]),
    )


def _part(evidence: NumericEvidence, base: Floats, other: Floats, tells: Mask) -> float:
    """From the telling bins where changed rows mostly are there, else least squares of the cdfs."""
    q = evidence.window.counts / evidence.window.n
    told = float(other[tells].sum())
    if told >= _LEAST_TOLD:
        before = float(base[tells].sum())
        part = (float(q[tells].sum()) - before) / (told - before)
    else:
        step = np.cumsum(other - base)
        part = float(np.cumsum(q - base) @ step) / max(float(step @ step), _TINY)
    return min(max(part, 0.0), 1.0)


def _is_told(evidence: NumericEvidence, base: Floats, other: Floats, tells: Mask) -> bool:
    """Whether enough rows lie where hardly any other would, and spread there as changed ones do."""
    counts = evidence.window.counts[tells]
    if evidence.window.clipped:
        return False
    rows, expected = int(counts.sum()), float(base[tells].sum()) * evidence.window.n
    told = float(other[tells].sum())
    if told < _LEAST_TOLD or rows < max(_LEAST_ROWS, expected + 5 * math.sqrt(expected + 1)):
        return False
    return distance(other[tells] / told, counts) <= noise(rows, evidence.reference.n)


def _mean_z(evidence: NumericEvidence, expected: Points, tells: Mask) -> tuple[float, bool]:
    """How many standard errors the mean of the rows in telling bins is off, and if much of its size."""
    counts = np.where(tells, evidence.window.counts, 0)
    rows = int(counts.sum())
    place = np.searchsorted(evidence.binning.edges, expected.values, side="right")
    weights = expected.weights * tells[place]
    if not rows or not weights.sum() or evidence.window.clipped:
        return 0.0, False
    used = counts > 0
    seen = float(counts[used] @ evidence.window.bin_means[used]) / rows
    mean, sd = _moments(Points(expected.values, weights / weights.sum()))
    error = math.hypot(sd * math.sqrt(1 / rows + 1 / evidence.reference.n), evidence.binning.step)
    return (seen - mean) / error, abs(seen - mean) > _MOST_OFF * (abs(mean) + sd)


def _moments(points: Points) -> tuple[float, float]:
    mean = float(points.values @ points.weights)
    return mean, math.sqrt(float((points.values - mean) ** 2 @ points.weights))


def _moments_agree(evidence: NumericEvidence, changed: Points) -> bool:
    """Whether mean, spread and range of the window are those of the changed reference.

    The spread may be off by a factor of two, an extreme by as much as it lies from the mean.
    """
    window, step = evidence.window, evidence.binning.step
    mean, sd = _moments(changed)
    if window.clipped or window.mean is None or window.sd is None:
        return _is_within(evidence, changed, mean)
    error = sd * math.sqrt(1 / window.n + 1 / evidence.reference.n) + step
    is_near = abs(window.mean - mean) <= 5 * error
    is_as_wide = sd / 2 - step <= window.sd <= 2 * sd + step
    return is_near and is_as_wide and _is_within(evidence, changed, mean)


def _is_within(evidence: NumericEvidence, changed: Points, mean: float) -> bool:
    low, high = evidence.window.minimum, evidence.window.maximum
    if low is None or high is None:
        return True
    step = evidence.binning.step
    least, most = float(changed.values.min()), float(changed.values.max())
    is_around = low <= mean <= high
    return is_around and 2 * least - mean - step <= low and high <= 2 * most - mean + step
