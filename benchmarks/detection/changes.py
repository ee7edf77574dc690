"""What changes in the power rows: values before, values after, and how large the window is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from benchmarks.detection.made_windows import Draw, Rows

Floats = NDArray[np.float64]
Values = Callable[[Generator, tuple[int, int]], Floats]


@dataclass(frozen=True)
class Change:
    """`n` rows of `after` are judged beside a reference of `before`.

    `divergence` is Pearson's Σ (change of a share)²/share, where that is known.
    """

    name: str
    before: Rows
    after: Rows
    n: int
    divergence: float | None = None

    def most_found(self, m: int, alpha: float) -> float | None:
        """How often even a test finds it that knows the change beforehand (Neyman and Pearson)."""
        if self.divergence is None:
            return None
        far = math.sqrt(self.divergence * m * self.n / (m + self.n))
        return float(stats.norm.cdf(far - stats.norm.isf(alpha)))


def _numbers(values: Values) -> Rows:
    return lambda rng, features, rows: Draw(values(rng, (features, rows)))


def _names(*shares: float, missing: float = 0.0) -> Rows:
    bounds = np.cumsum(shares)[:-1]

    def draw(rng: Generator, features: int, rows: int) -> Draw:
        codes = np.searchsorted(bounds, rng.random((features, rows)), side="right")
        return Draw(np.where(rng.random(codes.shape) < missing, -1, codes).astype(np.int64))

    return draw


def _normal(rng: Generator, size: tuple[int, int]) -> Floats:
    return rng.normal(50, 10, size)


def _moved(by: float, times: float = 1.0) -> Rows:
    return _numbers(lambda rng, size: rng.normal(50 + 10 * by, 10 * times, size))


def _gamma(rng: Generator, size: tuple[int, int]) -> Floats:
    """Mean 50 and standard deviation 10, as the normal has, but skewed."""
    return 50 + 10 * (rng.gamma(4.0, 0.5, size) - 2.0)


def _with_share(share: float, change: Callable[[Floats], Floats]) -> Rows:
    def values(rng: Generator, size: tuple[int, int]) -> Floats:
        clean = _normal(rng, size)
        return np.where(rng.random(size) < share, change(clean), clean)

    return _numbers(values)


def _lost(share: float) -> Rows:
    return _with_share(share, lambda x: np.full_like(x, np.nan))


def _five(first: float) -> Rows:
    """Five categories; what the first gains the others lose in proportion."""
    rest = np.array([0.2, 0.15, 0.1, 0.05])
    return _names(first, *(rest * (1 - first) / rest.sum()).tolist())


_NORMAL: Final = _numbers(_normal)

SMALL: Final = (
    Change("mean + 0.1 sd", _NORMAL, _moved(0.1), 10_000),
    Change("mean + 0.25 sd", _NORMAL, _moved(0.25), 5_000),
    Change("mean + 0.5 sd", _NORMAL, _moved(0.5), 5_000),
    Change("spread × 1.2", _NORMAL, _moved(0, 1.2), 5_000),
    Change("shape: normal to gamma 4, same mean and sd", _NORMAL, _numbers(_gamma), 5_000),
    Change(
        "category 0.5 + 3 points, of 2", _names(0.5, 0.5), _names(0.53, 0.47), 5_000, 4 * 0.03**2
    ),
    Change(
        "category 0.5 − 3 points, of 2", _names(0.5, 0.5), _names(0.47, 0.53), 5_000, 4 * 0.03**2
    ),
    Change("category 0.5 + 3 points, of 5", _five(0.5), _five(0.53), 5_000, 4 * 0.03**2),
    Change("category 0.5 + 5 points, of 5", _five(0.5), _five(0.55), 5_000, 4 * 0.05**2),
    Change("category 0.5 − 5 points, of 5", _five(0.5), _five(0.45), 5_000, 4 * 0.05**2),
    Change("new category 0.5 %", _names(0.5, 0.3, 0.2), _names(0.5, 0.3, 0.195, 0.005), 5_000),
    Change("missing 0.2 % to 1.2 %", _lost(0.002), _lost(0.012), 5_000),
    Change("missing 0.2 % to 5.2 %", _lost(0.002), _lost(0.052), 5_000),
    Change("unit × 1,000 on 1 % of rows", _NORMAL, _with_share(0.01, lambda x: 1_000 * x), 5_000),
    Change("rounded to half a sd", _NORMAL, _with_share(1, lambda x: 5 * np.round(x / 5)), 5_000),
)

GROSS: Final = (
    Change("unit × 1,000 on all rows", _NORMAL, _with_share(1, lambda x: 1_000 * x), 500),
    Change("sign flipped", _NORMAL, _with_share(1, lambda x: -x), 500),
    Change("stuck at one value", _NORMAL, _with_share(1, lambda x: np.full_like(x, 47.11)), 500),
    Change("all zero", _NORMAL, _with_share(1, np.zeros_like), 500),
    Change("half missing", _NORMAL, _lost(0.5), 500),
    Change("all missing", _NORMAL, _lost(1.0), 500),
    Change("infinite, 20 % of rows", _NORMAL, _with_share(0.2, lambda x: np.full_like(x, np.inf)), 500),
    Change("category renamed", _names(0.5, 0.3, 0.2), _names(0.0, 0.3, 0.2, 0.5), 500),
    Change("category: half missing", _names(0.5, 0.5), _names(0.5, 0.5, missing=0.5), 500),
)  # fmt: skip

_HALF_AS_FAR: Final = {0.01: 0.0250664, 0.06: 0.150539}
"""D of a shifted normal is 2Φ(shift/2) − 1: the shifts, in standard deviations, of two D."""

LARGE: Final = tuple(
    Change(f"true D {d}", _NORMAL, _moved(shift), 1_000_000) for d, shift in _HALF_AS_FAR.items()
)
