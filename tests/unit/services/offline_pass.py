"""The oracle: what one pass over the source topics finds, with the join done by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from stream_monitor.connectors.memory import MemoryBroker, MemoryTopicReader
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.published import to_json
from stream_monitor.core.records import concatenate
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.replaying import MICRO, replay_rows
from stream_monitor.core.tables import TableRows

MAX_BYTES, TOLERANCE_MS = 1_000_000, 300_000
Published = list[dict[str, Any]]


def offline_pass(
    broker: MemoryBroker, models: Mapping[str, ModelSpec], catalogue: ReferenceCatalogue
) -> Published:
    """The records that a detector which had everything in order would publish."""
    reader = MemoryTopicReader(broker)
    inference = concatenate("inference", list(reader.read("inference")))
    decoded = InferenceDecoder(models, MAX_BYTES, TOLERANCE_MS).decode(inference)
    labels = _labels(value for found in reader.read("labels") for value in found.value)
    published: Published = []
    for events in decoded.columns:
        spec = models[events.model]
        rows = _rows(_first_of_each_id(events), spec, labels)
        outputs = replay_rows(rows, spec, catalogue, "app")
        published += [to_json(output, events.model) for output in outputs]
    return orjson.loads(orjson.dumps(published))  # type: ignore[no-any-return]


def _labels(values: Iterable[bytes | None]) -> dict[str, list[tuple[int, str | None]]]:
    """(time in µs, label) per prediction in the order of arrival."""
    found: dict[str, list[tuple[int, str | None]]] = {}
    for value in values:
        try:
            body = orjson.loads(value or b"")
            time = np.datetime64(body["timestamp"].split("+")[0], "us")
            found.setdefault(body["prediction_id"], []).append((int(time.astype(int)), body["label"]))
        except (orjson.JSONDecodeError, TypeError, KeyError):
            continue
    return found


def _first_of_each_id(events: InferenceColumns) -> InferenceColumns:
    seen: set[str] = set()
    first = []
    for at, name in enumerate(events.prediction_id.to_pylist()):
        if name not in seen:
            first.append(at)
            seen.add(name)
    return events.take(np.array(first, np.int64))


def _rows(
    events: InferenceColumns, spec: ModelSpec, labels: Mapping[str, list[tuple[int, str | None]]]
) -> TableRows:
    order = np.argsort(events.timestamp_us, kind="stable")
    horizon_us = spec.outcomes[0].horizon_s * MICRO
    valid: list[tuple[int, str | None]] = []
    names = events.prediction_id.to_pylist()
    for at in order.tolist():
        held: tuple[int, str | None] = (0, None)
        for time_us, label in labels.get(names[at], []):
            is_within = time_us - int(events.timestamp_us[at]) <= horizon_us
            if is_within and label != held[1]:
                held = (time_us, label)
        valid.append(held)
    # A sampled row stays one whatever its place: the marks are moved with the rows.
    place = np.argsort(order)
    moved = InferenceColumns(
        model=events.model,
        row=np.arange(events.n),
        prediction_id=events.prediction_id.take(pa.array(order)),
        version=events.version.take(pa.array(order)),
        timestamp_us=events.timestamp_us[order],
        is_timestamped=events.is_timestamped[order],
        numeric=events.numeric[:, order],
        numeric_state=events.numeric_state[:, order],
        categorical=tuple(c.take(pa.array(order)) for c in events.categorical),
        categorical_state=events.categorical_state[:, order],
        segments=tuple(s.take(pa.array(order)) for s in events.segments),
        predicted_label=events.predicted_label.take(pa.array(order)),
        score=events.score[order],
        predicted_value=events.predicted_value[order],
        latency_ms=events.latency_ms[order],
        status=events.status[order],
        sampled_row=np.sort(place[events.sampled_row]),
        coerced_row=place[events.coerced_row],
        coerced_feature=events.coerced_feature,
    )
    return TableRows(
        moved,
        pa.array([label for _, label in valid], pa.string()),
        np.array([time_us for time_us, _ in valid], np.int64),
    )
