"""Time to judge one closed window, beside SciPy's tests on raw values of as many features."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from benchmarks.results import Row, median_row, repeated, show
from benchmarks.wide_model import CATEGORICAL, NUMERIC, SIZE, WideModel
from stream_monitor.core.budget import alpha_of
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.feature_judging import judge_features
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import ALL, Profile
from stream_monitor.core.references import (
    Reference,
    SegmentReference,
    WindowProfile,
    build_reference,
    sum_profiles,
)
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.tables import ColumnMapping, read_rows
from stream_monitor.core.verdicts import judge
from stream_monitor.core.windows import DAY_S, Window

FEATURES: Final = (20, 200)
WINDOWS: Final = 35
ROWS_PER_WINDOW: Final = 2_000
SAMPLE: Final = 10_000
REPEATS: Final = 15
START_S: Final = 1_735_689_600
_CATEGORIES: Final = np.array([f"value-{i}" for i in range(20)])
_NAME: Final = "judging"


def run(repeats: int = REPEATS) -> list[Row]:
    """All rows."""
    return [row for features in FEATURES for row in _of(features, repeats)] + [_wide(repeats)]


def _wide(repeats: int) -> Row:
    """Both references of a wide model; each time one window more has come, and the sliding one is new."""
    model = WideModel(START_S, np.random.default_rng(0))
    windows = [model.window(day) for day in range(WINDOWS + repeats + 1)]
    frozen = ReferenceView(_sum_of(windows[:WINDOWS]), SIZE.name)
    days = iter(range(WINDOWS, len(windows)))

    def judge_both() -> None:
        day = next(days)
        sliding = ReferenceView(_sum_of(windows[day - WINDOWS : day]), SIZE.name)
        for kind, view in ((ReferenceKind.VALIDATION, frozen), (ReferenceKind.SLIDING, sliding)):
            judge_features(kind, view, windows[day], model.spec, 1e-5)

    judge_both()  # compiles, and prepares the frozen reference
    taken = repeated(judge_both, repeats, time.thread_time)
    case = f"{NUMERIC + CATEGORICAL:,} features × 2 references"
    return median_row(_NAME, case, taken, "s", "one core; the sliding one is added up anew")


def _sum_of(windows: Sequence[WindowProfile]) -> SegmentReference:
    span = Window(windows[0].window.start_s, windows[-1].window.end_s)
    total = sum_profiles((w.profile for w in windows), windows[0].profile.layout)
    return SegmentReference(WindowProfile(span, total), {SIZE.name: tuple(windows)})


def _of(features: int, repeats: int) -> list[Row]:
    spec = _spec(features)
    rng = np.random.default_rng(features)
    reference = _reference(spec, rng)
    profile = _window(spec, reference, rng)
    kept = ReferenceView(reference.segments[ALL], SIZE.name)
    _judge(spec, kept, profile)

    def with_new_view() -> None:
        _judge(spec, ReferenceView(reference.segments[ALL], SIZE.name), profile)

    def with_kept_view() -> None:
        _judge(spec, kept, profile)

    scipy = _Scipy(features, rng)
    ours = _milliseconds(with_kept_view, repeats)
    fresh = _milliseconds(with_new_view, repeats)
    theirs = _milliseconds(scipy.test, max(3, repeats // 3))
    ratio = statistics.median(theirs) / statistics.median(ours)
    return [
        median_row(_NAME, f"{features} features, validation", ours, "ms", "reference prepared"),
        median_row(_NAME, f"{features} features, sliding", fresh, "ms", "a new reference"),
        median_row(
            _NAME, f"{features} features, SciPy", theirs, "ms", "ks_2samp (asymptotic), chi2_contingency"
        ),
        Row(_NAME, f"{features} features, SciPy ÷ validation", ratio, "×"),
    ]  # fmt: skip


def _milliseconds(action: Callable[[], object], repeats: int) -> list[float]:
    return [seconds * 1e3 for seconds in repeated(action, repeats, time.process_time)]


def _judge(spec: ModelSpec, view: ReferenceView, profile: Profile) -> None:
    window = WindowProfile(SIZE.window_at(START_S + WINDOWS * DAY_S), profile)
    alpha = alpha_of(spec, SIZE, "all", 0)
    for found in view.compare(window, spec.policies):
        for measurement in found.measurements:
            judge(measurement, spec.policy(found.feature), alpha)


def _spec(features: int) -> ModelSpec:
    return ModelSpec(
        "judged",
        Schema(
            tuple(
                Feature(f"f{i:03d}", FeatureKind.CATEGORICAL if i % 5 >= 3 else FeatureKind.NUMERIC)
                for i in range(features)
            )
        ),
        windows=(SIZE,),
    )


def _table(
    spec: ModelSpec, rng: np.random.Generator, start_s: int, rows: int, days: int
) -> pa.Table:
    times = start_s * 1_000_000 + np.arange(rows) * (days * DAY_S * 1_000_000 // rows)
    columns: dict[str, object] = {"timestamp": pa.array(times, pa.timestamp("us", "UTC"))}
    for name in spec.schema.numeric:
        columns[name] = rng.lognormal(3, 1, rows)
    for name in spec.schema.categorical:
        columns[name] = pa.array(_CATEGORIES[rng.integers(0, len(_CATEGORIES), rows)])
    return pa.table(columns)


def _reference(spec: ModelSpec, rng: np.random.Generator) -> Reference:
    table = _table(spec, rng, START_S, WINDOWS * ROWS_PER_WINDOW, WINDOWS)
    return build_reference(spec, [read_rows(table, ColumnMapping(), spec).events], "1")


def _window(spec: ModelSpec, reference: Reference, rng: np.random.Generator) -> Profile:
    table = _table(spec, rng, START_S + WINDOWS * DAY_S, SAMPLE, 1)
    counter = ProfileCounter(spec.name, (), DAY_S)
    counter.count(read_rows(table, ColumnMapping(), spec).events, reference.layout)
    return counter.drain()[0].profile


class _Scipy:
    """Raw samples on both sides, categories as codes already."""

    def __init__(self, features: int, rng: np.random.Generator) -> None:
        numeric = features * 3 // 5
        self._numeric = [(_numbers(rng), _numbers(rng)) for _ in range(numeric)]
        self._codes = [(_codes(rng), _codes(rng)) for _ in range(features - numeric)]

    def test(self) -> None:
        """One p per feature."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for a, b in self._numeric:
                stats.ks_2samp(a, b, method="asymp")
            for x, y in self._codes:
                stats.chi2_contingency(np.stack([np.bincount(x), np.bincount(y)]))


def _numbers(rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.lognormal(3, 1, SAMPLE)


def _codes(rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.integers(0, len(_CATEGORIES), SAMPLE)


if __name__ == "__main__":
    show(run())
