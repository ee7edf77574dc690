"""Checks of the newest source records: keys, and whether the partitioner is the one that joins need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import orjson
import pyarrow as pa

from stream_monitor.config.loading import Installation
from stream_monitor.core.hashing import partition_of
from stream_monitor.core.records import Records
from stream_monitor.services.finding import Finding, found, guarded
from stream_monitor.services.operator_ports import Connections

_LOOKED_AT = 1_000
"""Offsets at the end of each partition."""


@dataclass
class _Keys:
    """What the keys of a topic's newest records look like; an `example` is (key, partition, its own)."""

    records: int = 0
    null: int = 0
    misplaced: int = 0
    unlike_id: int = 0
    example: tuple[str, int, int] | None = None

    def add(self, records: Records, partitions: int) -> None:
        """Looks at a batch."""
        rows = [i for i, key in enumerate(records.key) if key is not None]
        self.records += len(records)
        self.null += len(records) - len(rows)
        if not rows:
            return
        keys = pa.array([records.key[i] for i in rows], pa.binary())
        own = partition_of(keys, partitions)
        where = records.partition[rows]
        wrong = np.flatnonzero(own != where)
        self.misplaced += len(wrong)
        if len(wrong) and self.example is None:
            at = int(wrong[0])
            text = (keys[at].as_py() or b"").decode("utf-8", "replace")[:40]
            self.example = (text, int(where[at]), int(own[at]))
        self.unlike_id += sum(_is_unlike_id(records.key[i], records.value[i]) for i in rows)


def probe_keys(connections: Connections, installation: Installation) -> list[Finding]:
    """The newest records of both source topics."""
    topics = installation.monitor.topics
    has_outcomes = any(spec.outcomes for spec in installation.specifications().values())
    findings: list[Finding] = []
    for topic in (topics.inference, topics.labels):
        findings += guarded(f"keys of {topic}", partial(_probe, connections, topic, has_outcomes))
    return findings


def _probe(connections: Connections, topic: str, has_outcomes: bool) -> list[Finding]:
    extents = connections.administration().extents([topic])
    ranges = {
        at: (max(extent.beginning, extent.stable_end - _LOOKED_AT), extent.stable_end)
        for at, extent in extents.items()
    }
    keys = _Keys()
    reader = connections.ranges()
    try:
        for fetched in reader.read(ranges):
            keys.add(fetched.records, len(extents))
    finally:
        reader.close()
    return _judged(topic, keys, has_outcomes)


def _judged(topic: str, keys: _Keys, has_outcomes: bool) -> list[Finding]:
    if not keys.records:
        return [found("ok", f"topic {topic}: no records yet, so keys could not be looked at")]
    findings = []
    if keys.example is not None:
        key, partition, own = keys.example
        message = (
            f"topic {topic}: {keys.misplaced} of the newest {keys.records} records lie in another partition "
            f"than murmur2 of their key names (key {key} in partition {partition} instead of {own}), so "
            "labels miss their predictions: set partitioner=murmur2_random in producers on librdkafka, whose "
            "default is consistent_random, or key by the prediction id and let Java's default choose"
        )
        findings.append(found("error", message))
    if keys.null:
        state = "error" if has_outcomes else "warning"
        message = (
            f"topic {topic}: {keys.null} of the newest {keys.records} records have no key: labels miss "
            "their predictions and duplicates are not recognised; use the prediction id as key"
        )
        findings.append(found(state, message))
    if keys.unlike_id:
        message = (
            f"topic {topic}: {keys.unlike_id} of the newest {keys.records} records have a key other than "
            "their prediction_id: that joins only if predictions and labels share the same key"
        )
        findings.append(found("warning", message))
    return findings or [found("ok", f"topic {topic}: keys of {keys.records} records are in place")]


def _is_unlike_id(key: bytes | None, value: bytes | None) -> bool:
    try:
        body = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return False  # Not our business here: it becomes a dead letter.
    if not isinstance(body, dict) or "prediction_id" not in body or key is None:
        return False
    return str(body["prediction_id"]).encode() != key
