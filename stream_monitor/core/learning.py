"""What a model's binning is learned from, taken up chunk by chunk: every value, or sketches of them."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasketches import frequent_items_error_type, frequent_strings_sketch, kll_doubles_sketch
from numpy.typing import NDArray

from stream_monitor.core.binning import Binning, fit_numeric, learn_categories
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.joint_params import JointParams, choose_joint
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.value_counts import ValueCounts

SKETCH_K: Final = 4_096
"""Size of a feature's KLL sketch: some 100 kB, rank errors within RANK_ERROR."""
RANK_ERROR: Final = kll_doubles_sketch.get_normalized_rank_error(SKETCH_K, True)
"""Share of the rows by which a bin's share may miss, 99 times of 100: 0.10 %, where a fine bin has 1.25 %."""
_LG_CATEGORIES: Final = 15
"""Up to 24,576 categories are counted exactly, beyond them within 0.011 % of the rows."""


class NumericValues(Protocol):
    """The values of one numeric feature."""

    def add(self, values: NDArray[np.float64]) -> None:
        """Takes values up; those not finite are left out."""

    def counts(self) -> ValueCounts:
        """What they are learned from."""


class ValueList:
    """Every value, held in memory."""

    def __init__(self) -> None:
        self._chunks: list[NDArray[np.float64]] = []

    def add(self, values: NDArray[np.float64]) -> None:
        """As NumericValues.add."""
        self._chunks.append(values)

    def counts(self) -> ValueCounts:
        """As NumericValues.counts."""
        return ValueCounts.of(np.concatenate(self._chunks or [np.empty(0)]))


class ValueSketch:
    """Exact counts of up to SKETCH_K distinct values; beyond them a KLL sketch (Karnin, Lang, Liberty 2016).

    The sketch draws which values it keeps, so two sketches of the same values differ within their error.
    """

    def __init__(self) -> None:
        self._sketch = kll_doubles_sketch(SKETCH_K)
        self._exact: ValueCounts | None = ValueCounts.of(np.empty(0))

    def add(self, values: NDArray[np.float64]) -> None:
        """As NumericValues.add."""
        finite = values[np.isfinite(values)]
        self._sketch.update(finite)
        if self._exact is not None:
            merged = self._exact.merge(ValueCounts.of(finite))
            self._exact = merged if len(merged.values) <= SKETCH_K else None

    def counts(self) -> ValueCounts:
        """As NumericValues.counts; of a sketch also the smallest and the largest value, as one row more."""
        if self._exact is not None:
            return self._exact
        kept, rows = zip(*self._sketch, strict=True)
        ends = (self._sketch.get_min_value(), self._sketch.get_max_value())
        return ValueCounts.of(np.array([*kept, *ends]), np.array([*rows, 1, 1], np.int64))


class CategoryCounts:
    """Rows per category of one column; of more than 24,576 categories the frequent ones."""

    def __init__(self) -> None:
        self._sketch = frequent_strings_sketch(_LG_CATEGORIES)

    def add(self, column: pa.DictionaryArray) -> None:
        """Takes values up; null is none."""
        for found in pc.value_counts(column.cast(pa.string()).drop_null()).to_pylist():
            self._sketch.update(found["values"], found["counts"])

    def counts(self) -> dict[str, int]:
        """Rows per category."""
        kept = self._sketch.get_frequent_items(frequent_items_error_type.NO_FALSE_NEGATIVES, 0)
        return {name: rows for name, rows, _, _ in kept}


class BinningLearner:
    """Takes the rows of a model's reference up, and learns what they are to be counted by.

    With `values` ValueSketch its memory does not grow with the rows.
    """

    def __init__(self, spec: ModelSpec, values: type[NumericValues] = ValueSketch) -> None:
        self._spec = spec
        self._numeric = [values() for _ in spec.schema.numeric]
        self._categorical = [CategoryCounts() for _ in spec.schema.categorical]
        self._segments = [CategoryCounts() for _ in spec.segment_keys]
        self._first: tuple[int, str] | None = None
        self.rows = 0

    def add(self, columns: InferenceColumns) -> None:
        """Takes events up."""
        if not columns.n:
            return
        for values, numbers in zip(self._numeric, columns.numeric, strict=True):
            values.add(numbers)
        for counts, column in zip(self._categorical, columns.categorical, strict=True):
            counts.add(column)
        for counts, column in zip(self._segments, columns.segments, strict=True):
            counts.add(column)
        at = int(np.argmin(columns.timestamp_us))
        first = (int(columns.timestamp_us[at]), columns.version[at].as_py())
        self._first = first if self._first is None else min(self._first, first)
        self.rows += columns.n

    @property
    def version(self) -> str:
        """The version of the earliest event; raises InvalidSpecification without rows."""
        if self._first is None:
            raise no_rows(self._spec.name)
        return self._first[1]

    def layout(self, binning: Binning | None = None) -> Layout:
        """What the rows are to be counted by, with a given binning or a learned one.

        Raises InvalidSpecification when a binning is to be learned without rows.
        """
        binning = binning or self._binning()
        return Layout(binning, self._spec.outcomes, joint=self._joint(binning))

    def _binning(self) -> Binning:
        spec = self._spec
        if not self.rows:
            raise no_rows(spec.name)
        numeric = tuple(fit_numeric(values.counts()) for values in self._numeric)
        found = [column.counts() for column in self._categorical]
        categorical = tuple(learn_categories([*c], [*c.values()]) for c in found)
        segments = tuple(
            (key, _largest(column.counts(), spec.max_segments))
            for key, column in zip(spec.segment_keys, self._segments, strict=True)
        )
        return Binning(spec.schema, numeric, categorical, segments)

    def _joint(self, binning: Binning) -> JointParams | None:
        """What is counted in pairs: the important features, and the declared pairs' frequent categories."""
        spec = self._spec
        if not spec.judges_joint:
            return None
        importance = {name: policy.importance for name, policy in spec.policies.items()}
        paired = {name for pair in spec.joint_pairs for name in pair}
        counts = {
            name: self._categorical[spec.schema.categorical.index(name)].counts() for name in paired
        }
        return choose_joint(binning, importance, spec.joint_features, spec.joint_pairs, counts)


def _largest(counts: dict[str, int], most: int) -> tuple[str, ...]:
    """The most frequent values, in order of name."""
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    return tuple(sorted(ranked[:most]))


def no_rows(model: str) -> InvalidSpecification:
    """The error of a reference without rows."""
    return InvalidSpecification(
        f"the reference of model {model} has no rows: check the model name and time range"
    )
