"""What was counted in one window, as tables over all features: what judging reads.

They are made once per window and add up like the counts they are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.arcsines import arcsines
from stream_monitor.core.binning import COARSE_BINS, GUARD_BINS, CategoricalBinning, NumericBinning
from stream_monitor.core.drift.scaled_moments import scaled_moments
from stream_monitor.core.policy import Aspect
from stream_monitor.core.profile.categorical import CategoricalPart
from stream_monitor.core.profile.numeric import NumericPart
from stream_monitor.core.profile.profile import Profile

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Kept = NDArray[np.bool_]

NUMERIC_RATES: Final = (
    Aspect.MISSING, Aspect.NON_FINITE, Aspect.WRONG_TYPE, Aspect.OUT_OF_RANGE, Aspect.ZERO,
)  # fmt: skip
CATEGORICAL_RATES: Final = (Aspect.MISSING, Aspect.WRONG_TYPE, Aspect.NEW_CATEGORY)


@dataclass(frozen=True)
class NumericLayout:
    """The binnings of F numeric features as tables; `group` is the coarse bin of each of B bins."""

    binnings: tuple[NumericBinning, ...]

    @cached_property
    def group(self) -> Counts:
        """(F, B): guards belong to the edge bins."""
        width = max((b.bins for b in self.binnings), default=0)
        group = np.zeros((len(self.binnings), width), np.int64)
        for row, binning in zip(group, self.binnings, strict=True):
            row[[GUARD_BINS + start for start in binning.coarse[1:]]] = 1
        return np.cumsum(group, axis=1)

    @cached_property
    def bins(self) -> Counts:
        """(F,): the number of bins, guards included."""
        return np.array([b.bins for b in self.binnings], np.int64)

    @cached_property
    def scales(self) -> Floats:
        """(3, F): median, IQR and step."""
        rows = [(b.median, b.iqr, b.step) for b in self.binnings]
        return np.ascontiguousarray(np.array(rows, np.float64).reshape(-1, 3).T)

    @cached_property
    def is_discrete(self) -> NDArray[np.bool_]:
        """(F,): whether the bins are values."""
        return np.array([b.is_discrete for b in self.binnings], np.bool_)


@dataclass(frozen=True)
class NumericTable:
    """F numeric features of one window or of a sum of windows.

    `fine` and `sums` are (F, B): rows per bin, and their quantised sums; `coarse` is (F, COARSE_BINS),
    guards pooled into the edge bins; `n` counts finite values; `marked` of `rows` are the rates of
    NUMERIC_RATES, both (5, F). `extremes` (2, F) are the least and the largest value on the scale of
    the location, NaN without values.
    """

    layout: NumericLayout
    fine: Counts
    sums: Counts
    coarse: Counts
    n: Counts
    marked: Counts
    rows: Counts
    extremes: Floats

    @cached_property
    def mean(self) -> Floats:
        """(F,): in the features' units; NaN without rows."""
        medians, _, steps = self.layout.scales
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(medians + steps * (self.sums.sum(axis=1) / self.n))

    @cached_property
    def moments(self) -> Floats:
        """(2, F): location, the scaled mean, and spread, the log variance; NaN where there is none."""
        return np.asarray(self._moments[:2])

    @cached_property
    def moment_noise(self) -> Floats:
        """(2, F): the sampling variances of `moments`, from the bins' means; NaN where there is none."""
        return np.asarray(self._moments[2:])

    @cached_property
    def _moments(self) -> Floats:
        return np.asarray(scaled_moments(self.fine, self.sums, *self.layout.scales))

    @cached_property
    def rates(self) -> Floats:
        """(5, F): arcsin√ of the rates; NaN without rows."""
        return arcsines(self.marked, self.rows)


@dataclass(frozen=True)
class CategoricalLayout:
    """Where the categories of F features lie in one row of all: feature f at starts[f] to starts[f + 1].

    The last one of each feature counts all values that the reference does not know.
    """

    binnings: tuple[CategoricalBinning, ...]

    @cached_property
    def starts(self) -> Counts:
        """(F + 1,): offsets."""
        lengths = [len(b.categories) + 1 for b in self.binnings]
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Which places are those of known categories."""
        known = np.ones(int(self.starts[-1]), np.bool_)
        known[self.starts[1:] - 1] = False
        return known

    @cached_property
    def places(self) -> NDArray[np.bool_]:
        """(F, widest): which places of a padded table hold categories."""
        lengths = np.diff(self.starts) - 1
        return np.asarray(np.arange(lengths.max(initial=0)) < lengths[:, None])


@dataclass(frozen=True)
class CategoricalTable:
    """F categorical features of one window or of a sum of windows.

    `counts` holds the rows per category in the layout's order; `n` counts values; `marked` of `rows`
    are the rates of CATEGORICAL_RATES, both (3, F).
    """

    layout: CategoricalLayout
    counts: Counts
    n: Counts
    marked: Counts
    rows: Counts

    @cached_property
    def shares(self) -> Floats:
        """arcsin√ of each category's share; NaN without rows."""
        return arcsines(self.counts, np.repeat(self.n, np.diff(self.layout.starts)))

    @cached_property
    def rates(self) -> Floats:
        """(3, F): arcsin√ of the rates; NaN without rows."""
        return arcsines(self.marked, self.rows)


@dataclass(frozen=True)
class WindowTables:
    """Both tables of a window."""

    numeric: NumericTable
    categorical: CategoricalTable

    @classmethod
    def of(cls, profile: Profile) -> WindowTables:
        """The tables of a profile's features."""
        return cls(_numeric_table(profile.numeric), _categorical_table(profile.categorical))


def sum_tables(windows: Sequence[WindowTables], kept: Kept | None = None) -> WindowTables:
    """The tables of all windows together, of at least one.

    `kept` is (K, F), numeric features first: False leaves a window out of that feature's sums.
    """
    numeric, categorical = windows[0].numeric.layout, windows[0].categorical.layout
    mine = its = binned = spread = None
    if kept is not None:
        mine, its = np.hsplit(kept, [len(numeric.binnings)])
        binned, spread = mine[:, :, None], np.repeat(its, np.diff(categorical.starts), axis=1)
    masks = {"fine": binned, "sums": binned, "coarse": binned, "counts": spread}

    def total(part: str, name: str) -> Any:
        tables = [getattr(getattr(window, part), name) for window in windows]
        return _total(tables, masks.get(name, mine if part == "numeric" else its))

    extremes = np.stack([window.numeric.extremes for window in windows])
    if mine is not None:
        extremes = np.where(mine[:, None, :], extremes, np.nan)
    ends = np.stack([np.fmin.reduce(extremes[:, 0]), np.fmax.reduce(extremes[:, 1])])
    return WindowTables(
        NumericTable(
            layout=numeric, extremes=ends, **{name: total("numeric", name) for name in _NUMERIC}
        ),
        CategoricalTable(categorical, *(total("categorical", name) for name in _CATEGORICAL)),
    )


_NUMERIC = ("fine", "sums", "coarse", "n", "marked", "rows")
_CATEGORICAL = ("counts", "n", "marked", "rows")


def _total(tables: Sequence[Counts], kept: NDArray[np.bool_] | None) -> Counts:
    total = np.zeros_like(tables[0])
    for k, table in enumerate(tables):
        total += table if kept is None else table * kept[k]
    return total


def _numeric_table(part: NumericPart) -> NumericTable:
    layout = _layout(NumericLayout, part.params)
    a = {name: array[0] for name, array in part.arrays.items()}
    fine = np.ascontiguousarray(a["counts"])
    coarse, inside = _pooled(fine, layout.group, layout.bins)
    n = fine.sum(axis=1)
    rows = n + a["missing"] + a["wrong_type"] + a["non_finite"]
    marked = [a["missing"], a["non_finite"], a["wrong_type"], n - inside, a["zero"]]
    medians, iqrs, _ = layout.scales
    ends = np.stack([a["minimum"], a["maximum"]])
    return NumericTable(
        layout, fine, np.ascontiguousarray(a["sums"]), coarse, n,
        np.stack(marked), np.stack([rows, rows, rows, n, n]),
        np.where(np.isfinite(ends), np.arcsinh((ends - medians) / (2 * iqrs)), np.nan),
    )  # fmt: skip


def _categorical_table(part: CategoricalPart) -> CategoricalTable:
    layout = _layout(CategoricalLayout, part.params)
    a = {name: array[0] for name, array in part.arrays.items()}
    counts = np.empty(len(layout.known), np.int64)
    counts[layout.known] = a["counts"][layout.places]
    counts[~layout.known] = a["unseen"]
    n = a["counts"].sum(axis=1) + a["unseen"]
    rows = n + a["missing"] + a["wrong_type"]
    marked = np.stack([a["missing"], a["wrong_type"], a["unseen"]])
    return CategoricalTable(layout, counts, n, marked, np.stack([rows, rows, n]))


_LAYOUTS: dict[int, tuple[tuple[Any, ...], Any]] = {}


def _layout(kind: Any, params: tuple[Any, ...]) -> Any:
    """The layout of a binning's tuple, kept per tuple: comparing binnings by value takes too long."""
    found = _LAYOUTS.get(id(params))
    if found is None or found[0] is not params or not isinstance(found[1], kind):
        if len(_LAYOUTS) > 256:
            _LAYOUTS.clear()
        found = _LAYOUTS[id(params)] = (params, kind(params))
    return found[1]


@njit(cache=True, nogil=True)
def _pooled(fine: Counts, group: Counts, bins: Counts) -> tuple[Counts, Counts]:
    """Coarse counts with guards pooled into the edge bins, and the rows outside guards."""
    coarse = np.zeros((len(fine), COARSE_BINS), np.int64)
    inside = np.zeros(len(fine), np.int64)
    for f in range(len(fine)):
        for b in range(bins[f]):
            coarse[f, group[f, b]] += fine[f, b]
            if GUARD_BINS <= b < bins[f] - GUARD_BINS:
                inside[f] += fine[f, b]
    return coarse, inside
