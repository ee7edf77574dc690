"""Windows of a made-up model, counted as in production: every feature is one repetition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from stream_monitor.core.columns import MISSING, InferenceColumns
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.feature_judging import judge_features
from stream_monitor.core.learning import NumericValues, ValueList
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import ALL, Profile
from stream_monitor.core.references import Reference, WindowProfile, build_reference
from stream_monitor.core.results import FeatureResult
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.windows import DAY_S, Window, WindowSize

SIZE: Final = WindowSize(DAY_S)
START_S: Final = 1_735_689_600
_BLOCK: Final = 50_000


@dataclass(frozen=True)
class Draw:
    """Values of F features × n rows: numbers (NaN for a missing one), or codes of categories (−1 missing)."""

    values: NDArray[np.float64] | NDArray[np.int64]

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.values.dtype.kind == "f"


Rows = Callable[[Generator, int, int], Draw]
"""(rng, features, rows) → values."""


def spec_of(features: int, is_numeric: bool, judges_joint: bool = False) -> ModelSpec:
    """A model of so many features of one kind, judged by the defaults."""
    kind = FeatureKind.NUMERIC if is_numeric else FeatureKind.CATEGORICAL
    names = tuple(Feature(f"f{i:04d}", kind) for i in range(features))
    return ModelSpec(
        "made", Schema(names), pane_s=DAY_S, windows=(SIZE,), judges_joint=judges_joint
    )


def reference_of(
    spec: ModelSpec, windows: Sequence[Draw], values: type[NumericValues] = ValueList
) -> Reference:
    """The reference of consecutive days, each of at least one row."""
    chunks = [_columns(spec, draw, day) for day, draw in enumerate(windows)]
    period = Window(START_S, START_S + len(windows) * DAY_S)
    return build_reference(spec, chunks, "1", period, values=values)


def window_of(spec: ModelSpec, reference: Reference, draw: Draw, day: int = 100) -> WindowProfile:
    """One day's window."""
    counter = ProfileCounter(spec.name, (), DAY_S)
    for first in range(0, draw.values.shape[1], _BLOCK):
        block = Draw(draw.values[:, first : first + _BLOCK])
        counter.count(_columns(spec, block, day), reference.layout)
    profile = Profile(reference.layout)
    for delta in counter.drain():
        profile = profile.merge(delta.profile)
    return WindowProfile(SIZE.window_at(START_S + day * DAY_S), profile)


def judged(
    spec: ModelSpec, reference: Reference, window: WindowProfile, alpha: float
) -> list[FeatureResult]:
    """Every feature's result against the validation reference."""
    view = ReferenceView(reference.segments[ALL], SIZE.name)
    return judge_features(ReferenceKind.VALIDATION, view, window, spec, alpha)


def _columns(spec: ModelSpec, draw: Draw, day: int) -> InferenceColumns:
    n = draw.values.shape[1]
    none, absent = np.empty(0, np.int64), np.full(n, np.nan)
    numbers = draw.values if draw.is_numeric else np.empty((0, n))
    codes = np.empty((0, n), np.int64) if draw.is_numeric else draw.values
    names = pa.array([f"v{i:03d}" for i in range(int(codes.max(initial=0)) + 1)])
    return InferenceColumns(
        model=spec.name,
        row=np.arange(n),
        prediction_id=pa.nulls(n, pa.string()),
        version=pa.DictionaryArray.from_arrays(np.zeros(n, np.int64), pa.array(["1"])),
        timestamp_us=np.full(n, (START_S + day * DAY_S) * 1_000_000),
        is_timestamped=np.ones(n, np.bool_),
        numeric=np.asarray(numbers, np.float64),
        numeric_state=np.where(np.isnan(numbers), MISSING, 0).astype(np.uint8),
        categorical=tuple(
            pa.DictionaryArray.from_arrays(pa.array(row, mask=row < 0), names) for row in codes
        ),
        categorical_state=np.where(codes < 0, MISSING, 0).astype(np.uint8),
        segments=(),
        predicted_label=pa.nulls(n, pa.string()),
        score=absent,
        predicted_value=absent,
        latency_ms=absent,
        status=np.full(n, 200),
        sampled_row=none,
        coerced_row=none,
        coerced_feature=none,
    )
