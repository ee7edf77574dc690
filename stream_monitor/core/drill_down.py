"""Drill-down: which segment carries a drift of all events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.policy import Aspect
from stream_monitor.core.schema import FeatureKind, Schema
from stream_monitor.core.window_tables import CATEGORICAL_RATES, NUMERIC_RATES, WindowTables

LEAST_SHARE: Final = 0.5
"""A segment carries a drift when at least this much of the effect goes away without it."""
_MOST_NAMED: Final = 3
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A segment, and the share of the effect that goes away when it is taken out of both sides, 0 to 1."""

    segment: str
    share: float


@dataclass(frozen=True, slots=True)
class Sides:
    """The same events in a reference and in a window."""

    reference: WindowTables
    window: WindowTables


def carriers_of(
    feature: str, kind: FeatureKind, aspect: Aspect, schema: Schema, whole: Sides,
    segments: Mapping[str, Sides],
) -> tuple[Carrier, ...]:  # fmt: skip
    """The segments that carry a drift, the heaviest first, at most three; none if it is everywhere.

    The effect is that of the aspect's test on coarse bins. A segment of most of the traffic does not carry
    a drift that the others show as well: without it they still do.
    """
    names = schema.numeric if kind is FeatureKind.NUMERIC else schema.categorical
    i = names.index(feature)

    def effect(sides: Sides, without: Sides | None = None) -> float:
        k, w = (_cells(t, kind, aspect, i) for t in (sides.reference, sides.window))
        if without is not None:
            k = k - _cells(without.reference, kind, aspect, i)
            w = w - _cells(without.window, kind, aspect, i)
        return _effect(k, w, kind is FeatureKind.NUMERIC and aspect is Aspect.DISTRIBUTION)

    all_of_it = effect(whole)
    if not all_of_it:
        return ()
    found = [
        Carrier(name, 1 - effect(whole, sides) / all_of_it) for name, sides in segments.items()
    ]
    heavy = sorted(
        (c for c in found if c.share >= LEAST_SHARE), key=lambda c: (-c.share, c.segment)
    )
    return tuple(heavy[:_MOST_NAMED])


def _cells(tables: WindowTables, kind: FeatureKind, aspect: Aspect, i: int) -> Counts:
    """Counts of one feature: its bins or categories, or marked and other rows."""
    is_numeric = kind is FeatureKind.NUMERIC
    table = tables.numeric if is_numeric else tables.categorical
    if aspect is Aspect.DISTRIBUTION:
        if is_numeric:
            return np.asarray(tables.numeric.coarse[i])
        starts = tables.categorical.layout.starts
        return tables.categorical.counts[starts[i] : starts[i + 1]]
    rates = NUMERIC_RATES if is_numeric else CATEGORICAL_RATES
    marked, rows = (array[rates.index(aspect), i] for array in (table.marked, table.rows))
    return np.array([marked, rows - marked])


def _effect(k: Counts, w: Counts, is_ordered: bool) -> float:
    """The largest change of a share, cumulative if ordered; 0 where a side is empty."""
    m, n = int(k.sum()), int(w.sum())
    if m <= 0 or n <= 0:
        return 0.0
    change = w / n - k / m
    return float(np.abs(np.cumsum(change) if is_ordered else change).max())
