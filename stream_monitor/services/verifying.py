"""`stream-monitor verify`: what was published against what the source topics say, window by window."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson

from stream_monitor.config.loading import Installation
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.published import rfc3339
from stream_monitor.core.replaying import MICRO
from stream_monitor.services.digest_comparison import Compared, compare
from stream_monitor.services.history import Progress, parse_time
from stream_monitor.services.offset_skipping import group_offsets
from stream_monitor.services.operator_ports import Connections
from stream_monitor.services.ports import TopicReader
from stream_monitor.services.published_digests import read_published
from stream_monitor.services.recomputing import Recomputation, Span, committed_offsets
from stream_monitor.services.references import ReferenceReader


@dataclass(frozen=True, slots=True)
class Verification:
    """The records compared, how many of each state, and what the detectors have not read yet."""

    records: tuple[Compared, ...]
    detector_lag: int

    @property
    def counts(self) -> Counter[str]:
        """Records by state."""
        return Counter(record.state for record in self.records)

    @property
    def is_sound(self) -> bool:
        """Whether nothing differs and nothing is missing."""
        return not any(record.is_wrong for record in self.records)


def verify(
    installation: Installation, connections: Connections, model: str | None = None,
    since: str | None = None, until: str | None = None, progress: Progress | None = None,
) -> Verification:  # fmt: skip
    """Recomputes and compares; raises StreamMonitorError where that cannot be done."""
    monitor = installation.monitor
    models = installation.specifications()
    if model is not None and model not in models:
        raise StreamMonitorError(f"model {model} is not configured: add its file")
    span = Span(model, _seconds(since, -1e12), _seconds(until, 1e12))
    reader = connections.reader()
    before = read_published(reader, monitor.topics.results, span)
    committed, extents = committed_offsets(connections, monitor)
    references = ReferenceReader(reader, monitor.topics.references)
    references.load()
    references.close()
    recomputation = Recomputation(connections, monitor, models, references.catalogue, span)
    recomputed = recomputation.run(committed, extents, progress)
    after = read_published(reader, monitor.topics.results, span)
    known = {name: (mark, late) for name, mark, late in _detected(reader, monitor.topics.state)}
    records = compare(recomputed, before, after, models, references.catalogue, known)
    administration = connections.administration()
    detectors = monitor.group("detector")
    lags = group_offsets(administration, detectors, (monitor.topics.deltas,))
    # A delta lies before the control record of its transaction, so a lag of 1 is nothing to read.
    unread = sum(offset.lag for offset in lags if offset.lag > 1)
    return Verification(tuple(records), unread)


def _seconds(text: str | None, without: float) -> float:
    return without if text is None else parse_time(text, "UTC") / MICRO


def _detected(reader: TopicReader, topic: str) -> list[tuple[str, int | None, int]]:
    """Per model the detector's watermark in seconds, and how many events were too late for it."""
    latest: dict[str, bytes] = {}
    for records in reader.read(topic):
        for key, value in zip(records.key, records.value, strict=True):
            if key is not None and value is not None and key.startswith(b'["model"'):
                latest[orjson.loads(key)[1]] = value
    found = []
    for name, value in latest.items():
        watermark_s, late_dropped, *_ = orjson.loads(value)
        found.append((name, watermark_s, late_dropped))
    return found


def as_row(record: Compared) -> dict[str, Any]:
    """What is shown of a record."""
    key = record.key
    return {
        "model": key.model, "version": key.window.version, "segment": key.window.segment,
        "window": key.window.size, "start": rfc3339(key.window.start_s),
        "outcome": key.outcome or None, "revision": record.revision, "state": str(record.state),
        "published": record.published, "recomputed": record.recomputed, "why": record.why,
    }  # fmt: skip
