"""A year of null traffic through the whole judging: how many incidents a week does a budget of one allow?

20 features with a weekly season, 3 segments, hourly and daily windows, validation and sliding references.
Variants: nothing changes; windows differ by normal effects of 0.2 standard deviations; five other features
truly drift for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.incidents import Status
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import build_reference
from stream_monitor.core.results import DriftEvent
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.windows import DAY_S, Window, WindowSize

HOUR_S: Final = 3_600
START_S: Final = 4 * DAY_S
"""A Monday."""
REFERENCE_WEEKS: Final = 5
NUMERIC, CATEGORICAL = 12, 8
SEGMENTS: Final = ("a", "b", "c")
_SHARES: Final = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])


@dataclass(frozen=True, slots=True)
class Variant:
    """A kind of null traffic: `effect` is the standard deviation between windows, in units of the rows'.

    `drifting` features move by one standard deviation when the reference ends, and stay there.
    """

    name: str
    effect: float = 0.0
    drifting: int = 0


VARIANTS: Final = (
    Variant("nothing changes"),
    Variant("windows differ by 0.2 sd", effect=0.2),
    Variant("five other features drift for good", drifting=5),
)


def incidents_per_week(
    variant: Variant, weeks: int, seed: int, rows: int = 150
) -> tuple[float, int]:
    """False incidents a week (those of features that did not drift), and true ones in all."""
    spec = _spec(variant)
    rng = np.random.default_rng(seed)
    catalogue = ReferenceCatalogue()
    reference = [
        _hour(spec, variant, hour, rng, rows, False) for hour in range(REFERENCE_WEEKS * 168)
    ]
    end_s = START_S + REFERENCE_WEEKS * 7 * DAY_S
    catalogue.add(build_reference(spec, reference, "1", Window(START_S, end_s)))
    opened = Counter(_opened(spec, catalogue, variant, weeks, rng, rows))
    true = {f"x{i:02d}" for i in range(NUMERIC, NUMERIC + variant.drifting)}
    false = sum(n for feature, n in opened.items() if feature not in true)
    return false / weeks, sum(n for feature, n in opened.items() if feature in true)


def _opened(
    spec: ModelSpec, catalogue: ReferenceCatalogue, variant: Variant, weeks: int,
    rng: np.random.Generator, rows: int,
) -> Iterator[str]:  # fmt: skip
    """The feature of every incident that opens."""
    state = ModelState(spec, "weeks", catalogue)
    layout = catalogue.layout_for(spec, "1")
    first = REFERENCE_WEEKS * 168
    for hour in range(first, first + weeks * 168):
        counter = ProfileCounter(spec.name, spec.segment_keys, spec.pane_s)
        counter.count(_hour(spec, variant, hour, rng, rows, True), layout)
        for delta in counter.drain():
            state.add(delta)
        now_s = START_S + (hour + 1) * HOUR_S
        for output in state.advance(now_s, now_s):
            if isinstance(output, DriftEvent) and output.status is Status.OPENED:
                yield output.feature


def _spec(variant: Variant) -> ModelSpec:
    numeric = [Feature(f"x{i:02d}", FeatureKind.NUMERIC) for i in range(NUMERIC + variant.drifting)]
    names = [Feature(f"c{i}", FeatureKind.CATEGORICAL) for i in range(CATEGORICAL)]
    plain = ModelSpec("null", Schema((*numeric, *names)))
    return replace(
        plain,
        segment_keys=("s",),
        pane_s=HOUR_S,
        windows=(WindowSize(HOUR_S, k=2, n=3, recover_after=6), WindowSize(DAY_S)),
        allowed_lateness_s=0,
        correction_horizon_s=0,
    )


def _hour(
    spec: ModelSpec, variant: Variant, hour: int, rng: np.random.Generator, rows: int, is_live: bool
) -> InferenceColumns:
    """One hour's events: twice as many at noon, values that follow the hour and the weekend."""
    day, of_day = divmod(hour, 24)
    season = np.sin(2 * np.pi * of_day / 24) + (day % 7 >= 5)
    n = int(rng.poisson(rows * (1 + 0.5 * np.sin(2 * np.pi * (of_day - 6) / 24))))
    features = NUMERIC + variant.drifting
    strength = np.linspace(0, 0.5, features)[:, None]
    level = strength * season + variant.effect * rng.normal(size=(features, 1))
    values = rng.normal(size=(features, n)) + level
    if is_live and variant.drifting:
        values[NUMERIC:] += 1.0
    shares = _SHARES * np.exp(0.2 * season * np.linspace(-1, 1, 6))
    shares /= shares.sum()
    codes = rng.choice(6, size=(CATEGORICAL, n), p=shares)
    known = pa.array([f"v{i}" for i in range(6)])
    segments = pa.DictionaryArray.from_arrays(rng.integers(0, 3, n), pa.array(SEGMENTS))
    none = np.empty(0, np.int64)
    text = pa.nulls(n, pa.string())
    return InferenceColumns(
        model=spec.name,
        row=np.arange(n),
        prediction_id=pa.array(np.arange(n).astype(str), pa.string()),
        version=pa.DictionaryArray.from_arrays(np.zeros(n, np.int64), pa.array(["1"])),
        timestamp_us=np.full(n, (START_S + hour * HOUR_S) * 1_000_000),
        is_timestamped=np.ones(n, np.bool_),
        numeric=values,
        numeric_state=np.zeros((features, n), np.uint8),
        categorical=tuple(pa.DictionaryArray.from_arrays(row, known) for row in codes),
        categorical_state=np.zeros((CATEGORICAL, n), np.uint8),
        segments=(segments,),
        predicted_label=text,
        score=np.full(n, np.nan),
        predicted_value=np.full(n, np.nan),
        latency_ms=np.full(n, 10.0),
        status=np.full(n, 200),
        sampled_row=none,
        coerced_row=none,
        coerced_feature=none,
    )
