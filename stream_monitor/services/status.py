"""What a running service knows of itself; telemetry renders it, nothing else reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Condition, never


@dataclass
class ServiceStatus:
    """Counters rise only after their commit, so that they match what was published.

    `counts` is keyed by a metric's short name and its label values (see telemetry/metrics.py).
    `lag_records`, `watermark_us` and `lag_s` are per source partition, of those assigned now.
    `models_refused` counts what is wrong with model files that changed since `models_loaded_s`.
    `should_stop` is the condition that the service runs under. `is_restored` tells of its partitions,
    `is_answered` of the brokers.
    """

    role: str
    instance: str
    should_stop: Condition = never
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    lag_records: dict[TopicPartition, int] = field(default_factory=dict)
    watermark_us: dict[TopicPartition, int] = field(default_factory=dict)
    pending_predictions: int = 0
    commit_seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])
    last_commit_s: float | None = None
    last_step_s: float | None = None
    is_restored: bool = False
    is_answered: bool = True
    models_loaded_s: float | None = None
    models_refused: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether its partitions are taken up and the brokers answer."""
        return self.is_restored and self.is_answered

    def told(self) -> dict[str, int]:
        """The counters that are not 0, by dotted name, for a log line."""
        return {".".join(name): n for name, n in sorted(self.counts.items()) if n}

    def committed(self, seconds: float, now_s: float) -> None:
        """Notes a commit that took `seconds`."""
        self.commit_seconds[0] += seconds
        self.commit_seconds[1] += 1
        self.last_commit_s = now_s
