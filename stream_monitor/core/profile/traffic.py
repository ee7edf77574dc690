"""Traffic: events, status classes, latency on log-spaced bins, and the sample of coerced types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.profile.part import Field, Part

LATENCY_EDGES_MS = 0.1 * 2.0 ** (np.arange(81) / 4)
"""81 edges from 0.1 ms to about 105 s, a factor 2^(1/4) apart: quantiles are good to ±9 %."""
STATUS_CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


@dataclass(frozen=True, slots=True)
class TrafficSummary:
    """Latency quantiles in milliseconds (None without latencies); `error_share` is 5xx of all statuses.

    `coerced` holds, per feature (numeric first), the share of sampled events whose JSON type was another
    than the declared one although the value could be read.
    """

    events: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    error_share: float | None
    without_timestamp: int
    coerced: tuple[float, ...]


class TrafficPart(Part):
    """Counts of events whatever their features; parameters: the number of features of the schema."""

    name = "traffic"

    @classmethod
    def fields(cls, params: int) -> tuple[Field, ...]:
        """Events, statuses, latencies and the sample."""
        return (
            Field("events", ()),
            Field("without_timestamp", ()),
            Field("status", (len(STATUS_CLASSES),)),
            Field("latency", (len(LATENCY_EDGES_MS) + 1,)),
            Field("sampled", ()),
            Field("coerced", (params,)),
        )

    def update(
        self,
        latency_ms: NDArray[np.float64],
        status: NDArray[np.int64],
        is_timestamped: NDArray[np.bool_],
        slot: NDArray[np.int64],
    ) -> None:
        """Counts n events into each row's slot (−1: not counted)."""
        rows = np.flatnonzero(slot >= 0)
        where = slot[rows]
        self.arrays["events"] += np.bincount(where, minlength=self.slots)
        np.add.at(self.arrays["without_timestamp"], where[~is_timestamped[rows]], 1)
        classes = status[rows] // 100
        classes[(classes < 1) | (classes > 5)] = 0
        np.add.at(self.arrays["status"], (where, classes), 1)
        latency = latency_ms[rows]
        timed = ~np.isnan(latency)
        bins = np.searchsorted(LATENCY_EDGES_MS, latency[timed], side="right")
        np.add.at(self.arrays["latency"], (where[timed], bins), 1)

    def update_sample(
        self,
        sampled: NDArray[np.int64],
        coerced_row: NDArray[np.int64],
        coerced_feature: NDArray[np.int64],
        slot: NDArray[np.int64],
    ) -> None:
        """Counts the looked-at rows and the (row, feature) pairs whose JSON type was another."""
        where = slot[sampled]
        np.add.at(self.arrays["sampled"], where[where >= 0], 1)
        where = slot[coerced_row]
        kept = where >= 0
        np.add.at(self.arrays["coerced"], (where[kept], coerced_feature[kept]), 1)

    def summarise(self) -> TrafficSummary:
        """The first slot's figures."""
        status, latency = self.arrays["status"][0], self.arrays["latency"][0]
        answered = int(status[1:].sum())
        sampled = max(1, int(self.arrays["sampled"][0]))
        return TrafficSummary(
            events=int(self.arrays["events"][0]),
            p50_ms=_quantile(latency, 0.5),
            p95_ms=_quantile(latency, 0.95),
            p99_ms=_quantile(latency, 0.99),
            error_share=int(status[5]) / answered if answered else None,
            without_timestamp=int(self.arrays["without_timestamp"][0]),
            coerced=tuple(float(c) for c in self.arrays["coerced"][0] / sampled),
        )


def _quantile(counts: NDArray[np.int64], q: float) -> float | None:
    """The upper edge of the bin that holds the quantile: never too low by a bin."""
    n = int(counts.sum())
    if not n:
        return None
    index = int(np.searchsorted(np.cumsum(counts), q * n))
    return float(LATENCY_EDGES_MS[min(index, len(LATENCY_EDGES_MS) - 1)])
