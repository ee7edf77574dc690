"""Compiles, or loads, what is compiled, before a service takes work: cold, that takes ten seconds or more."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.drift.e_process import dirichlet_evidence
from stream_monitor.core.policy import HOUR_S, ModelSpec
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.references import build_reference
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.windows import WindowSize

_HOURS, _ROWS = 24, 20


@cache
def warm_up() -> None:
    """Counts and compares a few made-up windows, so that every compiled function has run once."""
    numeric = (Feature("x", FeatureKind.NUMERIC), Feature("discrete", FeatureKind.NUMERIC))
    schema = Schema((*numeric, Feature("c", FeatureKind.CATEGORICAL)))
    spec = ModelSpec("warming", schema, pane_s=HOUR_S, windows=(WindowSize(HOUR_S),))
    reference = build_reference(spec, [_columns(0.0, _HOURS)], "1").segments[ALL]
    bins = reference.total.profile.layout.binning
    shifted = build_reference(spec, [_columns(2.0, 1)], "1", binning=bins)
    view = ReferenceView(reference, spec.windows[0].name)
    view.compare(shifted.segments[ALL].total, {})
    dirichlet_evidence(np.array([1, 1]), np.array([1, 1]))


def _columns(shift: float, hours: int) -> InferenceColumns:
    n = hours * _ROWS
    x = np.linspace(-1, 1, n) + shift
    codes = (np.arange(n) + int(shift)) % 3
    text, none = pa.nulls(n, pa.string()), np.empty(0, np.int64)
    return InferenceColumns(
        model="warming",
        row=np.arange(n),
        prediction_id=pa.array(np.arange(n).astype(str), pa.string()),
        version=pa.DictionaryArray.from_arrays(np.zeros(n, np.int64), pa.array(["1"])),
        timestamp_us=(np.arange(n) // _ROWS) * HOUR_S * 1_000_000,
        is_timestamped=np.ones(n, np.bool_),
        numeric=np.stack([np.rint(2 * x), x]),
        numeric_state=np.zeros((2, n), np.uint8),
        categorical=(pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b", "c"])),),
        categorical_state=np.zeros((1, n), np.uint8),
        segments=(),
        predicted_label=text,
        score=np.full(n, 0.5),
        predicted_value=np.full(n, np.nan),
        latency_ms=np.full(n, 1.0),
        status=np.full(n, 200),
        sampled_row=none,
        coerced_row=none,
        coerced_feature=none,
    )
