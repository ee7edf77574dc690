"""Evidence: both sides' histograms, to draw one against the other and to say what moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream_monitor.core.binning import GUARD_BINS, NumericBinning
from stream_monitor.core.window_tables import Counts

NAMED_FROM: Final = 10
"""A category is published by name only where so many rows of the reference or the window hold it."""

NAMED_FIELD_FROM: Final = 3
"""An unknown field is named where so many looked-at rows carry it: they stand for 16 times as many."""

_SHOWN_CATEGORIES = 20


@dataclass(frozen=True, slots=True)
class Bins:
    """Histograms to draw one against the other: labels and the shares of both sides."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    window: tuple[float, ...]


def numeric_bins(binning: NumericBinning, k: Counts, x: Counts) -> Bins:
    """The coarse bins of a reference (k) and a window (x)."""
    return Bins(_numeric_labels(binning), _shares_of(k), _shares_of(x))


def _shares_of(counts: Counts) -> tuple[float, ...]:
    total = int(counts.sum())
    return tuple(float(c) / total if total else 0.0 for c in counts)


def _numeric_labels(binning: NumericBinning) -> tuple[str, ...]:
    """Where each coarse bin begins; the last label has both ends."""
    starts = [binning.edges[GUARD_BINS - 1 + start] for start in binning.coarse]
    ends = [*starts[1:], binning.edges[-GUARD_BINS]]
    return tuple(f"{a:.4g} … {b:.4g}" for a, b in zip(starts, ends, strict=True))


def category_bins(categories: tuple[str, ...], k: Counts, x: Counts) -> Bins:
    """The categories with the largest shares on either side; the rest is left out of the picture.

    The last one counts all values that the reference does not know: such values are never named. So
    are none that fewer than NAMED_FROM rows hold on both sides, since few rows can be one person's.
    """
    p, q = _shares_of(k), _shares_of(x)
    last = len(categories) - 1
    named = [i for i in range(last) if max(int(k[i]), int(x[i])) >= NAMED_FROM]
    ranked = sorted([*named, last], key=lambda i: -max(p[i], q[i]))[:_SHOWN_CATEGORIES]
    shown = sorted(ranked)
    return Bins(
        tuple(categories[i] for i in shown), tuple(p[i] for i in shown), tuple(q[i] for i in shown)
    )
