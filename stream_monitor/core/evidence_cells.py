"""Both sides' counts in the cells by which the evidence on one aspect of a feature grows."""

from __future__ import annotations

from typing import Final

import numpy as np

from stream_monitor.core.comparison import Comparison
from stream_monitor.core.policy import Aspect
from stream_monitor.core.schema import FeatureKind, Schema
from stream_monitor.core.verdicts import Measurement
from stream_monitor.core.window_tables import (
    CATEGORICAL_RATES,
    NUMERIC_RATES,
    CategoricalTable,
    Counts,
    NumericTable,
    WindowTables,
)

_RARE: Final = 5
"""Categories that fewer rows of the reference hold are one cell with the values that it lacks."""


def sides_of(
    compared: Comparison, measured: Measurement, schema: Schema, k: WindowTables, w: WindowTables
) -> tuple[Counts, Counts]:  # fmt: skip
    """Counts of a reference (k) and a window (w): coarse bins, categories, or rows with a mark and without.

    Cells depend on the reference alone, so they stay the same while the window grows.
    """
    aspect = measured.aspect
    if compared.kind is FeatureKind.NUMERIC:
        i = schema.numeric.index(compared.feature)
        if aspect is Aspect.DISTRIBUTION:
            return k.numeric.coarse[i], w.numeric.coarse[i]
        at = NUMERIC_RATES.index(aspect)
        return _marked(k.numeric, at, i), _marked(w.numeric, at, i)
    i = schema.categorical.index(compared.feature)
    if aspect is Aspect.DISTRIBUTION:
        return _categories(k.categorical, w.categorical, i)
    at = CATEGORICAL_RATES.index(aspect)
    if measured.test == "good_turing":
        return _unseen(k.categorical, i), _marked(w.categorical, at, i)
    return _marked(k.categorical, at, i), _marked(w.categorical, at, i)


def _marked(table: NumericTable | CategoricalTable, at: int, i: int) -> Counts:
    marked = table.marked[at, i]
    return np.array([table.rows[at, i] - marked, marked])


def _categories(k: CategoricalTable, w: CategoricalTable, i: int) -> tuple[Counts, Counts]:
    """The common ones, and all others in the last cell; left out where the reference has no others.

    A reference that defines the categories lacks values that a window has without drift: among the rare
    ones they take the place of those that the reference has too many of.
    """
    own = slice(k.layout.starts[i], k.layout.starts[i + 1])
    of, by = k.counts[own], w.counts[own]
    is_common = of >= _RARE
    is_common[-1] = False
    others = of[~is_common].sum()
    if not others:
        return of[is_common], by[is_common]
    return np.append(of[is_common], others), np.append(by[is_common], by[~is_common].sum())


def _unseen(table: CategoricalTable, i: int) -> Counts:
    """Rows that are worth what the reference says of values that it lacks, by Good and Turing.

    N1 and N2 categories were seen once and twice: unseen mass N1/m with variance (N1 + 2·N2)/m², which a
    share known from r = m·N1/(N1 + 2·N2) rows has, N1/m of them unseen.
    """
    counts = table.counts[table.layout.starts[i] : table.layout.starts[i + 1] - 1]
    m, once, twice = int(counts.sum()), int((counts == 1).sum()), int((counts == 2).sum())
    if not once:
        return np.array([m, 0])
    rows = max(1, m * once // (once + 2 * twice))
    unseen = rows * once // m
    return np.array([rows - unseen, unseen])
