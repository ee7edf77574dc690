"""Placing a window among the reference's, one summary at a time, as the documentation has it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import optimize, stats

from stream_monitor.core.binning import NumericBinning
from stream_monitor.core.drift.scaled_moments import scaled_mean
from stream_monitor.core.drift.window_null import log_shape

Summary = Any
Noise = tuple[float | None, Sequence[float | None]]
Look = tuple[float | None, Sequence[float | None], Noise]
NOT_KNOWN: Noise = (None, ())


def among(looks: Sequence[Look], is_skewed: bool = False) -> float | None:
    """Bonferroni over the looks for which 20 windows are there."""
    ps = []
    for c, column, (noise, noises) in looks:
        known = np.array([value for value in column if value is not None])
        if c is not None and len(known) >= 20:
            sd = max(float(known.std(ddof=1)), 1e-9)
            t = (c - known.mean()) / (sd * math.sqrt(1 + 1 / len(known)))
            z = _symmetric(t, known, sd) if is_skewed else abs(t)
            if sd > 1e-9 and noise is not None:
                shared = np.mean([n for n in noises if n is not None])
                ps.append(_beyond(z, sd, len(known), noise, float(shared)))
            else:
                ps.append(min(1.0, 2 * float(stats.t.sf(z, len(known) - 1))))
    return min(1.0, len(ps) * min(ps)) if ps else None


def _beyond(z: float, sd: float, k: int, noise: float, shared: float) -> float:
    """The tail at z·sd·√(1 + 1/k), over the chi-square's Wilson-Hilferty places."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(32)
    step = 2 / (9 * (k - 1))
    possible = sd**2 / np.maximum(0.05, 1 - step + nodes * math.sqrt(step)) ** 3
    variance = np.maximum(0, possible - shared) + noise + possible / k
    tails = 2 * stats.norm.sf(z * sd * math.sqrt(1 + 1 / k) / np.sqrt(variance))
    return float((weights * tails).sum() / weights.sum())


def arcsine_noise(n: int, others: Sequence[int], rate: float) -> Noise:
    own = 1 / (4 * n) if n else None
    return own, [min(1 / (4 * m), rate) if m else None for m in others]


def above(
    shape: float | None, shapes: Sequence[float | None], k: Any, ratio: float
) -> float | None:
    """p of a shape so far up, less what it may have risen by with `ratio` times the values."""
    known = np.array([shape for shape in shapes if shape is not None])
    if shape is None or len(known) < 20:
        return None
    distances, g = np.exp(known), np.count_nonzero(k) - 1.0
    mean, error = distances.mean(), distances.std(ddof=1) / math.sqrt(len(known))
    excess = max(0.0, mean - g)
    c = shape - math.log((g + excess * max(1.0, ratio)) / (g + excess))
    if c <= known.mean():
        return 1.0
    sd = max(float(known.std(ddof=1)), 1e-9)
    t = (c - known.mean()) / (sd * math.sqrt(1 + 1 / len(known)))
    p = min(1.0, 2 * float(stats.t.sf(_symmetric(t, known, sd), len(known) - 1)))
    if ratio <= 1:
        return p
    nodes, weights = np.polynomial.hermite_e.hermegauss(32)
    step = 2 / (9 * 2 * (mean / error) ** 2)
    x = np.maximum(0, mean / np.maximum(0.05, 1 - step + nodes * math.sqrt(step)) ** 3 - g)
    most = distances.var(ddof=1) * (1 + math.sqrt(2 / (len(known) - 1)))
    shown = np.clip(most - 2 * g - 4 * x, 0, 2 * x * x)
    narrow = np.minimum(1, most / (2 * g + 4 * x)) / ratio + 1 - 1 / ratio
    between = shown / ratio + (1 - 1 / ratio) * 2 * x * x
    variance = narrow * (2 * g + 4 * ratio * x) + ratio**2 * between
    a = (g + ratio * x) ** 2 / variance
    tails = stats.gamma.sf(math.exp(shape), a, scale=(g + ratio * x) / a)
    return max(p, float((weights * tails).sum() / weights.sum()))


def scale_ratio(k: Any, x: Any, coarse: Sequence[Any]) -> float:
    """By how much more the scale of a window's chi-square is than the reference windows'."""
    held = [(c.sum(), k.sum() - c.sum()) for c in coarse if log_shape(k - c, c) is not None]
    scales = [n * m / (n + m) for n, m in held]
    scale = k.sum() * x.sum() / max(1, k.sum() + x.sum())
    return float(scale / max(1.0, np.mean(scales))) if scales else 1.0


def _symmetric(t: float, known: Any, sd: float) -> float:
    """The root of z + g·(z² − 1)/6 = |t|, by search."""
    g = math.copysign(1, t) * float(((known - known.mean()) ** 3).mean()) / sd**3
    if g <= 0 or abs(t) <= 1:
        return abs(t)
    return float(
        optimize.brentq(lambda z: z + g * (z * z - 1) / 6 - abs(t), 0.0, abs(t), xtol=1e-14)
    )


def moments(s: Summary, binning: NumericBinning) -> tuple[float | None, ...]:
    """Location and spread, and the noise of both."""
    location = scaled_mean(s.counts, s.bin_means, binning.median, binning.iqr)
    if not s.n or location is None:
        return (None,) * 4
    filled = s.counts > 0
    scaled = np.arcsinh((s.bin_means[filled] - binning.median) / (2 * binning.iqr))
    q, n = s.counts[filled] / s.counts.sum(), int(s.counts.sum())
    variance, fourth = (float((q * (scaled - location) ** power).sum()) for power in (2, 4))
    if n < 10:
        return location, None, variance / n, None
    noise = (max(0.0, fourth - variance**2) + 2 * variance**2 / n) / (variance + 0.001) ** 2 / n
    return location, math.log(variance + 0.001), variance / n, noise
