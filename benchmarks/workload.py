"""The traffic that is measured: JSON events of about 650 bytes, their model, their reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from numpy.typing import NDArray

from stream_monitor.config.loading import Installation, load_config
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.records import Records
from stream_monitor.core.references import build_reference
from stream_monitor.services.references import publish_reference
from stream_monitor.services.topics import owned_topics
from stream_monitor.services.wiring import wire

MODEL: Final = "bench"
NUMERIC: Final = tuple(f"numeric_{i:02d}" for i in range(12))
CATEGORICAL: Final = tuple(f"categorical_{i}" for i in range(8))
REFERENCE_START_S: Final = 1_735_689_600  # 2025-01-01
REFERENCE_DAYS: Final = 36
REFERENCE_EVENTS: Final = 36_000
STRUCTURE: Final[dict[str, Any]] = {
    "prediction_id": "VARCHAR",
    "model": "VARCHAR",
    "model_version": "VARCHAR",
    "timestamp": "VARCHAR",
    "features": {**dict.fromkeys(NUMERIC, "DOUBLE"), **dict.fromkeys(CATEGORICAL, "VARCHAR")},
    "prediction": {"label": "VARCHAR", "score": "DOUBLE", "value": "DOUBLE"},
    "latency_ms": "DOUBLE",
    "status": "DOUBLE",
}
"""What is read of an event, as DuckDB's json_transform takes it."""

Event = tuple[bytes, bytes]
"""Key and value."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """`count` events whose times are spread evenly over [start_s, start_s + span_s)."""

    count: int
    start_s: float
    span_s: float
    seed: int = 1
    prefix: str = "e"

    def events(self) -> Iterator[Event]:
        """The events in order of time."""
        for first in range(0, self.count, 10_000):
            yield from self._chunk(first, min(10_000, self.count - first))

    def _chunk(self, first: int, n: int) -> Iterator[Event]:
        rng = np.random.default_rng([self.seed, first])
        numeric = _numbers(rng, n)
        categorical = [_categories(rng, n, 5 + 5 * i) for i in range(len(CATEGORICAL))]
        scores = rng.random(n).round(4).tolist()
        step = self.span_s / self.count
        times = (self.start_s + step * np.arange(first, first + n)) * 1_000
        stamps = np.datetime_as_string(times.astype("datetime64[ms]"), timezone="UTC").tolist()
        latency = rng.gamma(3.0, 4.0, n).round(1).tolist()
        rows = zip(
            stamps, zip(*numeric, strict=True), zip(*categorical, strict=True), scores, latency,
            strict=True,
        )  # fmt: skip
        for i, (stamp, numbers, texts, score, ms) in enumerate(rows):
            key = f"{self.prefix}-{first + i:012d}"
            features = dict(zip(NUMERIC, numbers, strict=True))
            features.update(zip(CATEGORICAL, texts, strict=True))
            value = {
                "prediction_id": key,
                "model": MODEL,
                "model_version": "1",
                "timestamp": stamp,
                "features": features,
                "prediction": {"label": "yes" if score > 0.5 else "no", "score": score},
                "latency_ms": ms,
                "status": 200,
            }
            yield key.encode(), orjson.dumps(value)


@dataclass(frozen=True, slots=True)
class PoisonedTraffic:
    """The traffic with every `every`-th event spoilt, in turn in each of eight ways."""

    traffic: Traffic
    every: int = 100

    @property
    def count(self) -> int:
        """Number of records."""
        return self.traffic.count

    def events(self) -> Iterator[Event]:
        """The records in order of time."""
        for i, (key, value) in enumerate(self.traffic.events()):
            yield key, value if i % self.every else _spoilt(value, i // self.every)


def _spoilt(value: bytes, number: int) -> bytes:
    ways = (
        value[:-1],
        b"",
        value.replace(b'"value-', b'"\xff', 1),
        b'{"a":' * 5_000,
        b"[1, 2]",
        value.replace(b'"timestamp":"', b'"timestamp":"not ', 1),
        value.replace(b'"prediction_id"', b'"forgotten_id"', 1),
        value.replace(b'"model":"', b'"model":"un', 1),
    )
    return ways[number % len(ways)]


def _numbers(rng: np.random.Generator, n: int) -> list[list[float]]:
    columns = [rng.normal(50, 10, n) if i % 2 else rng.lognormal(3, 1, n) for i in range(12)]
    return [column.round(3).tolist() for column in columns]


def _categories(rng: np.random.Generator, n: int, kinds: int) -> list[str]:
    names = np.array([f"value-{i:03d}" for i in range(kinds)])
    weights = 1 / np.arange(1, kinds + 1)
    picked: NDArray[np.str_] = names[rng.choice(kinds, n, p=weights / weights.sum())]
    return list(picked.tolist())


def label_event(key: bytes, label: str, stamp: str) -> bytes:
    """A label's value."""
    return orjson.dumps({"prediction_id": key.decode(), "label": label, "timestamp": stamp})


def write_config(
    folder: Path, bootstrap: str, name: str, monitor: dict[str, Any], model: dict[str, Any],
    topics: dict[str, str],
) -> Path:  # fmt: skip
    """A monitor.yaml with its one model in a folder of its own; the settings given are added."""
    place = folder / name
    (place / "models").mkdir(parents=True)
    settings = {
        "name": name,
        "kafka": {"bootstrap.servers": bootstrap},
        "metrics": {"host": "127.0.0.1", "port": 0},
        "log": {"level": "warning", "format": "json"},
        "topics": {"prefix": "bench", "partitions": 4, "replication": 1, **topics},
        **monitor,
    }
    kinds = dict.fromkeys(NUMERIC, "numeric") | dict.fromkeys(CATEGORICAL, "categorical")
    described = {
        "features": kinds,
        "prediction": "class",
        "windows": [{"size": "1d"}],
        "references": {"validation": True},
        "outcomes": {"label": {"classes": ["yes", "no"], "positive": "yes", "horizon": "1d"}},
        **model,
    }
    (place / "models" / f"{MODEL}.yaml").write_text(json.dumps(described))
    path = place / "monitor.yaml"
    path.write_text(json.dumps(settings))
    return path


def create_topics(
    bootstrap: str, installation: Installation, partitions: int, *others: str
) -> None:
    """The two source topics, others like them, and those that stream_monitor owns."""
    topics = installation.monitor.topics
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = [NewTopic(name, partitions, 1) for name in (topics.inference, topics.labels, *others)]
    for future in admin.create_topics(new).values():
        future.result(60)
    wire(installation).topics().create(owned_topics(topics))


def publish(installation: Installation, traffic: Traffic, model: str = MODEL) -> None:
    """Learns a model's reference from a stretch of traffic and publishes it."""
    spec = installation.specifications()[model]
    chunks = decoded(installation, list(traffic.events()))
    producer = wire(installation).producer("reference")
    reference = build_reference(spec, chunks, "1")
    publish_reference(reference, producer, installation.monitor.topics.references)
    producer.close()


def decoded(installation: Installation, events: list[Event]) -> list[InferenceColumns]:
    """Events as columns."""
    n = len(events)
    rows = np.arange(n)
    keys: list[bytes | None] = [key for key, _ in events]
    values: list[bytes | None] = [value for _, value in events]
    late_ms = np.full(n, 2**42)  # a record time that no event time is ahead of
    records = Records("inference", np.zeros(n, np.int32), rows, late_ms, keys, values)
    decoder = InferenceDecoder(installation.specifications(), 1_000_000, 0)
    return decoder.decode(records).columns


def send(bootstrap: str, topic: str, traffic: Traffic | PoisonedTraffic, compression: str) -> float:
    """Writes the traffic, keyed and partitioned as Java clients do; returns the mean size in bytes."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": compression,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    size = 0
    for i, (key, value) in enumerate(traffic.events()):
        size += len(value)
        producer.produce(topic, value, key)
        if i % 50_000 == 0:
            producer.flush(60)
    if producer.flush(120):
        raise RuntimeError("the broker did not take the events")
    return size / traffic.count


def installation_at(path: Path) -> Installation:
    """The configuration alone, without this process's environment."""
    return load_config(path, {"HOSTNAME": "bench"})
