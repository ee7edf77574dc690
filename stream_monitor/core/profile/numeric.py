"""Numeric features: bin counts, per-bin sums in fixed point, moments, extremes, decimals, states."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.binning import NumericBinning
from stream_monitor.core.columns import MISSING, WRONG_TYPE
from stream_monitor.core.profile.part import Array, Field, Part

CLIP_STEPS = 2**36
DECIMAL_PLACES = 4
_ROUNDING = 1e-12
_HALF_BITS = 18


@dataclass(frozen=True, slots=True)
class NumericSummary:
    """One feature of one profile: `n` counts finite values; mean, sd, median are None when n is 0.

    `decimals` counts the values that are whole, or have at most one, two or three decimals.
    """

    n: int
    missing: int
    non_finite: int
    wrong_type: int
    zero: int
    clipped: int
    counts: NDArray[np.int64]
    bin_means: NDArray[np.float64]
    mean: float | None
    sd: float | None
    median: float | None
    minimum: float | None
    maximum: float | None
    decimals: tuple[int, ...]

    @property
    def rows(self) -> int:
        """All rows: with a value, without, or with one that does not count."""
        return self.n + self.missing + self.wrong_type + self.non_finite


class NumericPart(Part):
    """Counts of all numeric features; parameters: a tuple of NumericBinning.

    `sums` holds, per bin, Σ q where q = round((x − median)/step), clipped at ±2³⁶ and counted in
    `clipped`; `squares` holds Σa², Σab, Σb² of q = a·2¹⁸ + b, which is Σq² without overflow.
    `decimals` holds how many values need exactly 0, 1, 2 and 3 decimals, good to 10⁻¹² of the value.
    """

    name = "numeric"

    @classmethod
    def fields(cls, params: tuple[NumericBinning, ...]) -> tuple[Field, ...]:
        """Histogram, sums, states and extremes per feature."""
        features = len(params)
        bins = max((binning.bins for binning in params), default=0)
        per_feature = ("missing", "non_finite", "wrong_type", "zero", "clipped")
        return (
            Field("counts", (features, bins)),
            Field("sums", (features, bins)),
            Field("squares", (features, 3)),
            Field("decimals", (features, DECIMAL_PLACES)),
            *(Field(name, (features,)) for name in per_feature),
            Field("minimum", (features,)),
            Field("maximum", (features,)),
        )

    def update(
        self, values: NDArray[np.float64], states: NDArray[np.uint8], slot: NDArray[np.int64]
    ) -> None:
        """Counts values (features, n) with their states into each row's slot (−1: not counted)."""
        if not self.params or not values.shape[1]:
            return
        edges, centres, steps = _kernel_tables(self.params)
        a = self.arrays
        _count(
            values, states, slot, edges, centres, steps, a["counts"], a["sums"], a["squares"],
            a["missing"], a["non_finite"], a["wrong_type"], a["zero"], a["clipped"],
            a["minimum"], a["maximum"], a["decimals"],
        )  # fmt: skip

    def summarise(self, feature: int) -> NumericSummary:
        """The first slot's figures of one feature, in units of the feature."""
        a = {name: array[0, feature] for name, array in self.arrays.items()}
        binning: NumericBinning = self.params[feature]
        counts, sums = a["counts"][: binning.bins], a["sums"][: binning.bins]
        n = int(counts.sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            bin_means = binning.median + binning.step * (sums / counts)
        mean = sd = None
        if n:
            total = int(sums.sum())
            high, cross, low = (int(x) for x in a["squares"])
            square = (high << 2 * _HALF_BITS) + (cross << _HALF_BITS + 1) + low
            mean = binning.median + binning.step * (total / n)
            sd = binning.step * math.sqrt(max(0, square * n - total * total)) / n
        return NumericSummary(
            n=n,
            missing=int(a["missing"]),
            non_finite=int(a["non_finite"]),
            wrong_type=int(a["wrong_type"]),
            zero=int(a["zero"]),
            clipped=int(a["clipped"]),
            counts=counts,
            bin_means=bin_means,
            mean=mean,
            sd=sd,
            median=_binned_median(counts, binning, float(a["minimum"]), float(a["maximum"])),
            minimum=float(a["minimum"]) if n else None,
            maximum=float(a["maximum"]) if n else None,
            decimals=tuple(int(count) for count in np.cumsum(a["decimals"])),
        )


def _binned_median(
    counts: NDArray[np.int64], binning: NumericBinning, minimum: float, maximum: float
) -> float | None:
    """Median by linear interpolation inside its bin, whose borders are cut at the extremes."""
    n = int(counts.sum())
    if not n:
        return None
    before = np.cumsum(counts) - counts
    i = int(np.searchsorted(np.cumsum(counts), n / 2))
    low = max(minimum, binning.edges[i - 1]) if i else minimum
    high = min(maximum, binning.edges[i]) if i < len(binning.edges) else maximum
    share = (n / 2 - before[i]) / counts[i]
    return float(low * (1 - share) + high * share)


_TABLES: dict[int, tuple[tuple[NumericBinning, ...], tuple[Any, ...]]] = {}


def _kernel_tables(params: tuple[NumericBinning, ...]) -> tuple[Any, ...]:
    """Edges padded to a power of two with +inf, and the quantisation of each feature (kept per tuple)."""
    kept = _TABLES.get(id(params))
    if kept is not None and kept[0] is params:
        return kept[1]
    width = 1 << max(len(b.edges) for b in params).bit_length()
    edges = np.full((len(params), width), np.inf)
    for i, binning in enumerate(params):
        edges[i, : len(binning.edges)] = binning.edges
    tables = (
        edges,
        np.array([b.median for b in params]),
        np.array([b.step for b in params]),
    )
    if len(_TABLES) > 256:
        _TABLES.clear()
    _TABLES[id(params)] = (params, tables)
    return tables


@njit(cache=True, nogil=True)
def _count(
    values: Array, states: Array, slot: Array, edges: Array, centres: Array, steps: Array,
    counts: Array, sums: Array, squares: Array, missing: Array, non_finite: Array,
    wrong_type: Array, zero: Array, clipped: Array, minimum: Array, maximum: Array,
    decimals: Array,
) -> None:  # fmt: skip
    clip = float(CLIP_STEPS)
    half = 1 << _HALF_BITS
    width = edges.shape[1]
    for f in range(values.shape[0]):
        row_edges = edges[f]
        for i in range(values.shape[1]):
            s = slot[i]
            if s < 0:
                continue
            state = states[f, i]
            if state == MISSING:
                missing[s, f] += 1
                continue
            if state == WRONG_TYPE:
                wrong_type[s, f] += 1
                continue
            x = values[f, i] + 0.0  # one zero: −0.0 would make an extreme depend on the order
            if not np.isfinite(x):
                non_finite[s, f] += 1
                continue
            low = 0
            jump = width >> 1
            while jump:
                low += jump * (row_edges[low + jump - 1] <= x)
                jump >>= 1
            counts[s, f, low] += 1
            scaled = (x - centres[f]) / steps[f]
            if scaled > clip or scaled < -clip:
                clipped[s, f] += 1
                scaled = clip if scaled > 0 else -clip
            q = np.int64(np.rint(scaled))
            sums[s, f, low] += q
            a = q >> _HALF_BITS
            b = q - a * half
            squares[s, f, 0] += a * a
            squares[s, f, 1] += a * b
            squares[s, f, 2] += b * b
            if x == 0.0:
                zero[s, f] += 1
            minimum[s, f] = min(minimum[s, f], x)
            maximum[s, f] = max(maximum[s, f], x)
            shown = x
            for places in range(DECIMAL_PLACES):
                if abs(shown - np.rint(shown)) <= _ROUNDING * max(1.0, abs(shown)):
                    decimals[s, f, places] += 1
                    break
                shown *= 10.0
