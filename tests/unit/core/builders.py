"""Small values for the core's tests: columns, deltas, markers and references from plain numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns, MatchedColumns
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import Delta, ProfileCounter
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.profile.source import SourceRows
from stream_monitor.core.records import Records
from stream_monitor.core.schema import Feature, FeatureKind, Outcome, Schema
from stream_monitor.core.windows import WindowSize
from stream_monitor.core.wire import Marker, PartitionProgress

HOUR_S = 3_600
MICRO = 1_000_000
SCHEMA = Schema(
    (Feature("amount", FeatureKind.NUMERIC), Feature("carrier", FeatureKind.CATEGORICAL))
)
LABEL = Outcome(classes=("late", "on_time"), positive="late", horizon_s=2 * HOUR_S)


def model_spec(**changed: Any) -> ModelSpec:
    """A model with one feature of each kind, an outcome, and windows of one hour."""
    values: dict[str, Any] = {
        "name": "flights", "schema": SCHEMA, "outcomes": (LABEL,), "pane_s": 300,
        "windows": (WindowSize(HOUR_S),), "allowed_lateness_s": 300,
        "correction_horizon_s": HOUR_S,
    }  # fmt: skip
    return ModelSpec(**{**values, **changed})


def texts(values: Sequence[str | None]) -> pa.StringArray:
    """A column of texts."""
    return pa.array(values, pa.string())


def events(
    time_s: Sequence[float] | NDArray[Any], amount: Any = 1.0, carrier: Any = "UA",
    version: Any = "1", segment: Any = None, score: Any = np.nan, label: Any = None,
) -> InferenceColumns:  # fmt: skip
    """Events of the model above; a single value stands for all rows, `segment` for one segment key."""
    n = len(time_s)
    numbers = np.broadcast_to(np.asarray(amount, np.float64), n).copy()
    carriers = [carrier] * n if isinstance(carrier, str | None) else list(carrier)
    versions = [version] * n if isinstance(version, str) else list(version)
    labels = [label] * n if isinstance(label, str | None) else list(label)
    segments = () if segment is None else (texts(segment).dictionary_encode(),)
    none = np.empty(0, np.int64)
    return InferenceColumns(
        model="flights",
        row=np.arange(n),
        prediction_id=texts([f"p{i}" for i in range(n)]),
        version=texts(versions).dictionary_encode(),
        timestamp_us=(np.asarray(time_s, np.float64) * MICRO).astype(np.int64),
        is_timestamped=np.ones(n, np.bool_),
        numeric=numbers[None, :],
        numeric_state=np.isnan(numbers)[None, :].astype(np.uint8),
        categorical=(texts(carriers).dictionary_encode(),),
        categorical_state=np.array([[c is None for c in carriers]], np.uint8),
        segments=segments,
        predicted_label=texts(labels),
        score=np.broadcast_to(np.asarray(score, np.float64), n).copy(),
        predicted_value=np.full(n, np.nan),
        latency_ms=np.full(n, 10.0),
        status=np.full(n, 200),
        sampled_row=none,
        coerced_row=none,
        coerced_feature=none,
    )


def matched_labels(
    time_s: Sequence[float], label: Any, predicted: Any = "late", version: str = "1",
    profile_id: str = "", sign: int = 1, delay_s: float = 60.0,
) -> MatchedColumns:  # fmt: skip
    """Labels beside the predictions made at `time_s`."""
    n = len(time_s)
    return MatchedColumns(
        model="flights",
        outcome="label",
        version=texts([version] * n),
        profile_id=texts([profile_id] * n),
        segments=(),
        timestamp_us=(np.asarray(time_s, np.float64) * MICRO).astype(np.int64),
        predicted_label=texts([predicted] * n if isinstance(predicted, str) else predicted),
        score=np.full(n, np.nan),
        predicted_value=np.full(n, np.nan),
        label=texts([label] * n if isinstance(label, str) else label),
        delay_us=np.full(n, int(delay_s * MICRO)),
        sign=np.full(n, sign),
    )


def deltas(
    spec: ModelSpec, layout: Layout, found: InferenceColumns | None = None,
    labels: MatchedColumns | None = None, source: SourceRows | None = None,
) -> list[Delta]:  # fmt: skip
    """What one commit with these events, which lie at `source`, and labels adds."""
    counter = ProfileCounter(spec.name, spec.segment_keys, spec.pane_s)
    if found is not None:
        counter.count(found, layout, source)
    if labels is not None:
        counter.count_matched(labels, layout)
    return counter.drain()


def progress(
    start: int, end: int, watermark_s: int | None = None, topic: str = "inference",
    partition: int = 0, topic_id: str = "id", **flags: Any,
) -> PartitionProgress:  # fmt: skip
    """Progress of one source partition, the watermark in seconds."""
    watermark_us = None if watermark_s is None else watermark_s * MICRO
    return PartitionProgress(topic, topic_id, partition, start, end, watermark_us, **flags)


def marker(*steps: PartitionProgress, sequence: int = 0, n: int = 0, epoch: str = "e") -> Marker:
    """A marker over one inference and one labels partition."""
    return Marker("p", epoch, sequence, steps, (("inference", 1), ("labels", 1)), n)


def records(values: Sequence[bytes | None], timestamp_ms: int = 1_700_000_000_000) -> Records:
    """Records of one partition, all with one time."""
    n = len(values)
    return Records(
        "inference", np.zeros(n, np.int32), np.arange(n), np.full(n, timestamp_ms), [None] * n,
        list(values),
    )  # fmt: skip
