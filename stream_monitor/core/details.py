"""What is shown of a compared feature beside its verdicts: worked out when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from stream_monitor.core.evidence import Bins, category_bins, numeric_bins
from stream_monitor.core.feature_kernels import SCORES
from stream_monitor.core.profile.categorical import CategoricalSummary
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.window_tables import CategoricalTable, Floats, NumericTable

Figures = Mapping[str, float | None]


class Details(Protocol):
    """The features of one kind of a window beside a reference, by index."""

    def scores(self, i: int) -> Figures:
        """All scores; None where nothing can be measured."""

    def summary(self, i: int) -> Figures:
        """The window's own figures; None without rows."""

    def bins(self, i: int) -> Bins:
        """Both histograms."""


@dataclass(frozen=True, slots=True)
class NumericDetails:
    """Details of numeric features; `table` holds their scores (F, 7)."""

    reference: NumericTable
    window: WindowProfile
    table: Floats

    def scores(self, i: int) -> Figures:
        """As in Details."""
        scores = _scores(self.table[i], SCORES)
        distance = scores["wasserstein"]
        scores["wasserstein_iqr"] = (
            None if distance is None else distance / self.reference.layout.binnings[i].iqr
        )
        return scores

    def summary(self, i: int) -> Figures:
        """As in Details."""
        w = self.window.numeric[i]
        return {
            "mean": w.mean, "sd": w.sd, "median": w.median, "min": w.minimum, "max": w.maximum,
            "missing_share": _missing_share(w),
        }  # fmt: skip

    def bins(self, i: int) -> Bins:
        """As in Details."""
        binning = self.reference.layout.binnings[i]
        width = len(binning.coarse)
        k, x = self.reference.coarse[i], self.window.tables.numeric.coarse[i]
        return numeric_bins(binning, k[:width], x[:width])


@dataclass(frozen=True, slots=True)
class CategoricalDetails:
    """Details of categorical features."""

    reference: CategoricalTable
    window: WindowProfile
    table: Floats

    def scores(self, i: int) -> Figures:
        """As in Details."""
        return _scores(self.table[i], SCORES[:-1])

    def summary(self, i: int) -> Figures:
        """As in Details."""
        w = self.window.categorical[i]
        return {
            "distinct": float(w.distinct),
            "unseen_share": w.unseen / w.n if w.n else None,
            "missing_share": _missing_share(w),
        }

    def bins(self, i: int) -> Bins:
        """As in Details."""
        layout = self.reference.layout
        place = slice(layout.starts[i], layout.starts[i + 1])
        counts = self.window.tables.categorical.counts
        return category_bins(
            (*layout.binnings[i].categories, "other"), self.reference.counts[place], counts[place]
        )


def _scores(row: Floats, names: tuple[str, ...]) -> dict[str, float | None]:
    found = zip(names, row.tolist(), strict=False)
    return {name: None if math.isnan(value) else value for name, value in found}


def _missing_share(w: NumericSummary | CategoricalSummary) -> float | None:
    return w.missing / w.rows if w.rows else None
