"""Renders /metrics from what the services hold now; nothing is remembered but what was left out."""

from __future__ import annotations

import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from stream_monitor import __version__
from stream_monitor.telemetry.judged_series import (
    bin_blocks,
    feature_blocks,
    performance_block,
    window_block,
)
from stream_monitor.telemetry.metrics import TABLE, full_name
from stream_monitor.telemetry.series import Block, Series, label_text
from stream_monitor.telemetry.service_series import (
    incident_block,
    source_block,
    state_block,
    status_block,
)
from stream_monitor.telemetry.shown_records import shown_performance, shown_windows
from stream_monitor.telemetry.snapshot import Snapshot

log = structlog.get_logger()

MAX_SERIES: Final = 20_000
FEATURES_WITH_BINS: Final = 20


class MetricsCollector(Collector):
    """All metrics of one process, which runs one service or both.

    `is_live` is False where event time is history: then lag in seconds means nothing. Beyond
    `max_series` whole blocks are left out, the least telling first, counted and logged.
    """

    def __init__(
        self,
        snapshots: Sequence[Snapshot],
        is_live: bool = True,
        max_series: int = MAX_SERIES,
        features_with_bins: int = FEATURES_WITH_BINS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._snapshots = snapshots
        self._is_live = is_live
        self._max_series = max_series
        self._features_with_bins = features_with_bins
        self._clock = clock
        self._lock = threading.Lock()
        self._dropped = 0
        self._is_dropping = False

    def collect(self) -> Iterator[Family]:
        """The metric families that have a series, in the table's order."""
        page = _Page(self._max_series)
        for block in self._blocks():
            page.add(block)
        page.show(Series("series_dropped_total", (), self._note(page.dropped)))
        return iter([page.families[metric] for metric in TABLE if metric in page.families])

    def _blocks(self) -> Iterator[Block]:
        """From what must be shown to what can be missed."""
        yield [Series("build_info", (__version__, platform.python_version()), 1)]
        now_s = self._clock()
        for snapshot in self._snapshots:
            yield status_block(snapshot)
            yield source_block(snapshot.status, now_s, self._is_live)
            yield state_block(snapshot)
        yield incident_block(i for snapshot in self._snapshots for i in snapshot.incidents())
        records = [record for snapshot in self._snapshots for record in snapshot.latest_records()]
        windows = shown_windows(records)
        yield from map(window_block, windows)
        yield from map(performance_block, shown_performance(records, windows))
        yield from feature_blocks(windows)
        yield from bin_blocks(windows, self._features_with_bins)

    def _note(self, dropped: Counter[str]) -> int:
        """Adds what this page leaves out to the total; the log tells when that begins and ends."""
        with self._lock:
            self._dropped += dropped.total()
            was_dropping, self._is_dropping = self._is_dropping, bool(dropped)
            total = self._dropped
        if dropped and not was_dropping:
            log.warning(
                "series left out of /metrics", dropped=dict(dropped), max_series=self._max_series
            )
        elif was_dropping and not dropped:
            log.info("all series are shown again")
        return total


class _Page:
    """What one scrape shows: every series once, at most `max_series`, blocks whole or not at all."""

    def __init__(self, max_series: int) -> None:
        self.families: dict[str, Family] = {}
        self.dropped: Counter[str] = Counter()
        self._left = max_series
        self._seen: set[tuple[str, tuple[str, ...], str]] = set()

    def add(self, block: Block) -> None:
        """Shows a block if there is room, and counts it as dropped if not."""
        if len(block) > self._left:
            self.dropped.update(series.metric for series in block)
            return
        for series in block:
            series = series._replace(labels=tuple(map(label_text, series.labels)))
            identity = (series.metric, series.labels, series.suffix)
            if identity in self._seen:
                self.dropped[series.metric] += 1
                continue
            self._seen.add(identity)
            self._left -= 1
            self.show(series)

    def show(self, series: Series) -> None:
        """Adds the series to its family."""
        metric, name = TABLE[series.metric], full_name(series.metric)
        family = self.families.get(series.metric)
        if family is None:
            base = name.removesuffix("_total")
            family = self.families[series.metric] = Family(
                base, metric.help, metric.kind, metric.unit
            )
        labels = dict(zip(metric.labels, series.labels, strict=True))
        family.add_sample(name + series.suffix, labels, series.value)
