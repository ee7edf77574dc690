"""Which windows of a model its topic holds whole, told by the event times of what was read of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import Records
from stream_monitor.core.watermarks import partition_watermark_us, topic_watermark_us
from stream_monitor.core.windows import Window, WindowSize
from stream_monitor.core.wire import PartitionProgress

_MICRO = 1_000_000


class WindowSurvey:
    """Counts a model's events per window of one size, and follows the watermarks of the partitions.

    The first window is the first that begins at `since_us`, or no earlier than the model's first event.
    Partitions in `cut` have lost their oldest records: no window counts that these may belong to.
    """

    def __init__(
        self, spec: ModelSpec, size: WindowSize, out_of_order_us: int,
        since_us: int | None = None, cut: Collection[int] = (),
    ) -> None:  # fmt: skip
        self._spec = spec
        self._size = size
        self._out_of_order_us = out_of_order_us
        self._since_us = since_us
        self._cut = cut
        self._first_us: dict[int, int] = {}
        self._newest_us: dict[int, int] = {}
        self._first_pane_s: int | None = None
        self._rows: Counter[Window] = Counter()

    def add(self, records: Records, columns: Sequence[InferenceColumns]) -> None:
        """Takes a batch up: the events of every model tell time, those of this one are counted."""
        for found in columns:
            where = records.partition[found.row]
            for partition in np.unique(where).tolist():
                times = found.timestamp_us[where == partition]
                self._first_us.setdefault(partition, int(times[0]))
                newest_us = self._newest_us.get(partition, int(times[0]))
                self._newest_us[partition] = max(newest_us, int(times.max()))
            if found.model == self._spec.name:
                pane_s = self._spec.pane_s
                panes, rows = np.unique(
                    found.timestamp_us // (pane_s * _MICRO) * pane_s, return_counts=True
                )
                first_s = int(panes[0])
                self._first_pane_s = min(first_s, self._first_pane_s or first_s)
                for pane, count in zip(panes.tolist(), rows.tolist(), strict=True):
                    self._rows[self._size.window_at(pane)] += count

    def complete(self, partitions: int, idle_us: Mapping[int, int]) -> list[Window]:
        """The windows with events that no event can come to any more, lateness included, in order of time.

        `partitions` is their number; `idle_us` is broker time for those that are idle.
        """
        watermark_us = self._watermark_us(partitions, idle_us)
        from_s = self._from_s()
        if watermark_us is None or from_s is None:
            return []
        closed_s = watermark_us / _MICRO - self._spec.allowed_lateness_s
        return sorted(
            (w for w in self._rows if w.start_s >= from_s and w.end_s <= closed_s),
            key=lambda window: window.start_s,
        )

    def rows(self, period: Window) -> int:
        """Events of the model in a run of whole windows."""
        inside = (w for w in self._rows if period.start_s <= w.start_s < period.end_s)
        return sum(self._rows[window] for window in inside)

    def due_s(self, complete: Sequence[Window], wanted: int) -> int | None:
        """When the last of the wanted windows is whole if every one to come has events.

        None before the model's first event.
        """
        from_s = self._from_s()
        if from_s is None:
            return None
        window = self._size.window_at(complete[-1].end_s if complete else from_s)
        if window.start_s < from_s:
            window = self._size.window_at(window.end_s)
        for _ in range(wanted - len(complete) - 1):
            window = self._size.window_at(window.end_s)
        return window.end_s + self._spec.allowed_lateness_s + self._out_of_order_us // _MICRO

    def _from_s(self) -> int | None:
        """No window counts that begins before this; None before the model's first event."""
        if self._since_us is not None:
            from_s = -(-self._since_us // _MICRO)
        elif self._first_pane_s is not None:
            from_s = self._first_pane_s
        else:
            return None
        left_us = [self._first_us[p] for p in self._cut if p in self._first_us]
        kept_s = (-(-(us + self._out_of_order_us) // _MICRO) for us in left_us)
        return max([from_s, *kept_s])

    def _watermark_us(self, partitions: int, idle_us: Mapping[int, int]) -> int | None:
        progress = []
        for partition in range(partitions):
            mark = partition_watermark_us(
                self._newest_us.get(partition), idle_us.get(partition), self._out_of_order_us
            )
            is_idle = partition in idle_us
            progress.append(PartitionProgress("", "", partition, 0, 0, mark, is_idle, False, 0))
        hold_s = self._spec.max_hold_s
        return topic_watermark_us(
            progress, "", partitions, None if hold_s is None else hold_s * _MICRO
        )
