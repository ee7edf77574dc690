"""What the source topics hold as a table in canonical columns, for replays and references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from stream_monitor.config.columns import ColumnsConfig, PredictionColumns
from stream_monitor.config.loading import Installation
from stream_monitor.config.model import ModelConfig
from stream_monitor.core.columns import InferenceColumns, LabelColumns
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.decoding.labels import LabelDecoder
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.history import parse_time
from stream_monitor.services.operator_ports import RangeReader
from stream_monitor.services.wiring import wire

_LABEL, _LABEL_TIME = "label", "label_time"


@dataclass(frozen=True, slots=True)
class TopicRows:
    """A model's events in runs of offsets with event time in [since_us, until_us), read anew each time.

    `opened` gives a reader, which is closed at the end of each reading.
    """

    installation: Installation
    opened: Callable[[], RangeReader]
    model: str
    ranges: Mapping[TopicPartition, tuple[int, int]]
    since_us: int | None = None
    until_us: int | None = None

    def __iter__(self) -> Iterator[InferenceColumns]:
        reader = self.opened()
        try:
            batches = (fetched.records for fetched in reader.read(self.ranges))
            specs = self.installation.specifications()
            yield from _events(
                batches, self.installation, specs, self.model, self.since_us, self.until_us
            )
        finally:
            reader.close()


def read_events(
    installation: Installation, model: str, since: str | None, until: str | None,
    *, is_masked: bool = True,
) -> Iterator[InferenceColumns]:  # fmt: skip
    """The model's events in the inference topic with event time in [since, until).

    Without `is_masked`, category values are as written even where the model hashes or drops them.
    """
    specs = installation.specifications()
    if not is_masked:
        specs = {name: replace(spec, masks={}) for name, spec in specs.items()}
    if model not in specs:
        raise StreamMonitorError(f"model {model} is not configured: add its file")
    first, last = (time_bound(text, specs[model]) for text in (since, until))
    batches = wire(installation).reader().read(installation.monitor.topics.inference)
    return _events(batches, installation, specs, model, first, last)


def inference_decoder(
    installation: Installation, specs: Mapping[str, ModelSpec]
) -> InferenceDecoder:
    """A decoder with the profiler's limits."""
    settings = installation.monitor.profiler
    return InferenceDecoder(specs, settings.max_record_bytes, settings.future_tolerance * 1_000)


def _events(
    batches: Iterable[Records], installation: Installation, specs: Mapping[str, ModelSpec],
    model: str, since_us: int | None, until_us: int | None,
) -> Iterator[InferenceColumns]:  # fmt: skip
    decoder = inference_decoder(installation, specs)
    for records in batches:
        for columns in decoder.decode(records).columns:
            if columns.model == model:
                within = columns.timestamp_us >= (since_us or 0)
                if until_us is not None:
                    within &= columns.timestamp_us < until_us
                if within.any():
                    yield columns.take(np.flatnonzero(within))


def read_topics(
    installation: Installation, model: str, since: str | None, until: str | None
) -> pa.Table:
    """Events with their labels as a table of canonical columns (see with_canonical_columns)."""
    spec = installation.specifications().get(model)
    # The table's reader masks the values, which must not happen twice.
    chunks = list(read_events(installation, model, since, until, is_masked=False))
    if spec is None or not chunks:
        raise StreamMonitorError(f"the inference topic holds no events of {model} in this time")
    table = pa.concat_tables([_table(chunk, spec) for chunk in chunks])
    return _with_labels(table, _read_labels(installation))


def with_canonical_columns(model: ModelConfig) -> ModelConfig:
    """The model with `columns` that fit read_topics."""
    columns = ColumnsConfig(
        id="prediction_id",
        timestamp="timestamp",
        model_version="model_version",
        prediction=PredictionColumns(
            label="prediction.label", score="prediction.score", value="prediction.value"
        ),
        label=_LABEL,
        label_time=_LABEL_TIME,
        latency="latency_ms",
        status="status",
    )
    return model.model_copy(update={"columns": columns})


def _table(chunk: InferenceColumns, spec: ModelSpec) -> pa.Table:
    columns: dict[str, Any] = {
        "prediction_id": chunk.prediction_id,
        "timestamp": pa.array(chunk.timestamp_us, pa.timestamp("us", "UTC")),
        "model_version": chunk.version.cast(pa.string()),
        "prediction.label": chunk.predicted_label,
        "prediction.score": pa.array(chunk.score, from_pandas=True),
        "prediction.value": pa.array(chunk.predicted_value, from_pandas=True),
        "latency_ms": pa.array(chunk.latency_ms, from_pandas=True),
        "status": chunk.status,
    }
    for i, name in enumerate(spec.schema.numeric):
        columns[name] = pa.array(chunk.numeric[i], mask=chunk.numeric_state[i] != 0)
    for i, name in enumerate(spec.schema.categorical):
        columns[name] = chunk.categorical[i].cast(pa.string())
    for key, segment in zip(spec.segment_keys, chunk.segments, strict=True):
        columns.setdefault(key, segment.cast(pa.string()))
    return pa.table(columns)


def _read_labels(installation: Installation) -> list[LabelColumns]:
    monitor = installation.monitor
    decoder = LabelDecoder(
        monitor.profiler.max_record_bytes, monitor.profiler.future_tolerance * 1_000
    )
    reader = wire(installation).reader()
    return [decoder.decode(records).columns for records in reader.read(monitor.topics.labels)]


def _with_labels(table: pa.Table, chunks: list[LabelColumns]) -> pa.Table:
    """The last label of each prediction, whatever its outcome; null where none came."""
    latest: dict[str, tuple[str | None, int]] = {}
    for chunk in chunks:
        rows = zip(
            chunk.prediction_id.to_pylist(), chunk.label.to_pylist(), chunk.timestamp_us.tolist(),
            strict=True,
        )  # fmt: skip
        latest.update({name: (label, time_us) for name, label, time_us in rows})
    found = [latest.get(name, (None, 0)) for name in table["prediction_id"].to_pylist()]
    times = pa.array(
        [time_us if label is not None else None for label, time_us in found], pa.int64()
    )
    return table.append_column(
        _LABEL, pa.array([label for label, _ in found], pa.string())
    ).append_column(_LABEL_TIME, times.cast(pa.timestamp("us", "UTC")))


def time_bound(text: str | None, spec: ModelSpec) -> int | None:
    """Microseconds of a date or RFC 3339 in the model's time zone; None for none."""
    return None if text is None else parse_time(text, spec.windows[0].timezone)
