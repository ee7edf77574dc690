"""The oracle: what one pass over the source topics finds, deduplicated and joined by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from stream_monitor.connectors.memory import MemoryBroker, MemoryTopicReader
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.published import rfc3339, to_json
from stream_monitor.core.records import Records
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.replaying import MICRO, replay_rows
from stream_monitor.core.tables import TableRows

Published = list[dict[str, Any]]
Label = tuple[str | None, int]
"""The label and its time in µs."""
Place = tuple[str, str, str, str, str]
Ranges = list[dict[str, int]]


def offline_pass(
    broker: MemoryBroker, models: Mapping[str, ModelSpec], catalogue: ReferenceCatalogue
) -> Published:
    """The records that a detector which had everything in the order of time would publish."""
    first: dict[str, tuple[int, str, bytes]] = {}
    erased = set()
    for name, body, value, sent_ms, _ in _bodies(broker, "inference"):
        if body is None:
            erased.add(name)
            continue
        time_us = _microseconds(body)
        if body["model"] in models and time_us <= (sent_ms + 300_000) * 1_000:
            first.setdefault(name, (time_us, body["model"], value))
    labels: dict[tuple[str, str], list[Label]] = {}
    outcomes = {outcome.name for spec in models.values() for outcome in spec.outcomes}
    for name, body, _, sent_ms, _ in _bodies(broker, "labels"):
        if name in erased or (body is not None and "label" not in body):
            continue
        for outcome in sorted(outcomes) if body is None else {body.get("outcome", "label")}:
            told = (None, sent_ms * 1_000) if body is None else (body["label"], _microseconds(body))
            labels.setdefault((name, outcome), []).append(told)
    published: Published = []
    decoder = InferenceDecoder(models, 1_000_000, 10**14)
    for name, spec in models.items():
        ids = sorted((i for i in first if first[i][1] == name), key=lambda i: first[i][0])
        if not ids:
            continue
        [events] = decoder.decode(_records([first[i][2] for i in ids])).columns
        for outcome in spec.outcomes:
            held = [
                _held(labels.get((i, outcome.name), []), first[i][0] + outcome.horizon_s * MICRO)
                for i in ids
            ]
            rows = TableRows(
                events, pa.array([text for text, _ in held], pa.string()),
                np.array([time_us for _, time_us in held], np.int64),
            )  # fmt: skip
            found = replay_rows(rows, spec, catalogue, "app", outcome.name)
            records = [to_json(output, name) for output in found]
            is_first = outcome is spec.outcomes[0]
            published += [r for r in records if r.get("outcome", is_first) in (True, outcome.name)]
    return orjson.loads(orjson.dumps(published))  # type: ignore[no-any-return]


def sources(broker: MemoryBroker, models: Mapping[str, ModelSpec]) -> dict[Place, Ranges]:
    """Where the first events of all ids lie, by model, version, segment, window size and start."""
    seen: set[str] = set()
    found: dict[Place, dict[int, list[int]]] = {}
    for name, body, _, sent_ms, (partition, offset) in _bodies(broker, "inference"):
        if body is None or name in seen or body["model"] not in models:
            continue
        time_us = _microseconds(body)
        if time_us > (sent_ms + 300_000) * 1_000:
            continue
        seen.add(name)
        for size in models[body["model"]].windows:
            start_s = size.window_at(time_us // MICRO).start_s
            who, when = (body["model"], body["model_version"]), (size.name, rfc3339(start_s))
            for segment in ("all", *(f"{k}={v}" for k, v in body["tags"].items())):
                offsets = found.setdefault((*who, segment, *when), {})
                offsets.setdefault(partition, []).append(offset)
    return {place: _ranges(offsets) for place, offsets in found.items()}


def _ranges(offsets: dict[int, list[int]]) -> Ranges:
    return [
        {"partition": p, "first": min(own), "last": max(own), "rows": len(own)}
        for p, own in sorted(offsets.items())
    ]


def _held(labels: list[Label], latest_us: int) -> Label:
    """The label that counts in the end: the last within the horizon; saying it again changes nothing."""
    held: Label = (None, 0)
    for text, time_us in labels:
        if time_us <= latest_us and text != held[0]:
            held = (text, time_us)
    return held


def _bodies(
    broker: MemoryBroker, topic: str
) -> Iterator[tuple[str, dict[str, Any] | None, bytes, int, tuple[int, int]]]:
    """Id, object, bytes, time and place of the records that hold one; None for tombstones of a key."""
    for found in MemoryTopicReader(broker).read(topic):
        times = found.timestamp_ms.tolist()
        places = list(zip(found.partition.tolist(), found.offset.tolist(), strict=True))
        for key, value, time_ms, at in zip(found.key, found.value, times, places, strict=True):
            if value is None:
                yield (key or b"").decode(), None, b"", time_ms, at
                continue
            try:
                body = orjson.loads(value)
            except orjson.JSONDecodeError:
                continue
            if isinstance(body, dict) and "timestamp" in body:
                yield body["prediction_id"], body, value, time_ms, at


def _microseconds(body: dict[str, Any]) -> int:
    return int(np.datetime64(body["timestamp"].removesuffix("+00:00"), "us").astype(np.int64))


def _records(values: list[bytes | None]) -> Records:
    n = len(values)
    zeros = np.zeros(n, np.int64)
    return Records("inference", zeros.astype(np.int32), np.arange(n), zeros, [None] * n, values)
