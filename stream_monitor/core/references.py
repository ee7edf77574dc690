"""References: what normal is. A reference is a sum of profiles and the windows it is a sum of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Final

import numpy as np

from stream_monitor.core.binning import Binning
from stream_monitor.core.cells import cell_at
from stream_monitor.core.columns import InferenceColumns, MatchedColumns
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.learning import BinningLearner, NumericValues, ValueList, no_rows
from stream_monitor.core.policy import HOUR_S, ModelSpec, ReferenceKind
from stream_monitor.core.profile.categorical import CategoricalSummary
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.joint import JointPart, JointSummary
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.profile.profile import ALL, Layout, Profile
from stream_monitor.core.profile.traffic import TrafficSummary
from stream_monitor.core.profile.unknown_fields import FieldsSummary
from stream_monitor.core.window_tables import WindowTables
from stream_monitor.core.windows import Window, WindowSize


@dataclass(frozen=True)
class WindowProfile:
    """One window with what was counted in it, and the features that drifted in it, if it was judged."""

    window: Window
    profile: Profile
    alarmed: tuple[str, ...] = ()

    @cached_property
    def events(self) -> int:
        """Number of events counted."""
        return self.profile.events

    @cached_property
    def traffic(self) -> TrafficSummary:
        """The figures of its traffic, worked out once."""
        return self.profile.traffic.summarise()

    @cached_property
    def unknown_fields(self) -> FieldsSummary | None:
        """What its records carry that the schema does not know; None where none were looked at."""
        return self.profile.unknown_fields

    @property
    def joint(self) -> JointPart | None:
        """The pairs of features that were counted; None for none."""
        name = self.profile.layout.joint_name
        part = None if name is None else self.profile.parts.get(name)
        return part if isinstance(part, JointPart) else None

    @cached_property
    def joint_summary(self) -> JointSummary | None:
        """The correlations and tables of the pairs, worked out once."""
        return None if self.joint is None else self.joint.summarise()

    @cached_property
    def tables(self) -> WindowTables:
        """Its counts as tables over all features, made once."""
        return WindowTables.of(self.profile)

    @cached_property
    def numeric(self) -> tuple[NumericSummary, ...]:
        """Summaries of the numeric features."""
        part = self.profile.numeric
        return tuple(part.summarise(i) for i in range(len(part.params)))

    @cached_property
    def categorical(self) -> tuple[CategoricalSummary, ...]:
        """Summaries of the categorical features."""
        part = self.profile.categorical
        return tuple(part.summarise(i) for i in range(len(part.params)))


@dataclass(frozen=True)
class SegmentReference:
    """One segment of a reference: the whole, and per window size its full windows in order of time."""

    total: WindowProfile
    windows: Mapping[str, tuple[WindowProfile, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """A frozen reference of one model version, with the binning that it fixed.

    It holds event time [start_s, end_s). Versions of the same schema inherit it.
    """

    model: str
    version: str
    kind: ReferenceKind
    layout: Layout
    start_s: int
    end_s: int
    segments: Mapping[str, SegmentReference]

    @property
    def events(self) -> int:
        """Number of events in it."""
        return self.segments[ALL].total.profile.events if ALL in self.segments else 0


def build_reference(
    spec: ModelSpec,
    columns: Iterable[InferenceColumns],
    version: str | None,
    period: Window | None = None,
    kind: ReferenceKind = ReferenceKind.VALIDATION,
    *,
    labels: Iterable[MatchedColumns] = (),
    binning: Binning | None = None,
    values: type[NumericValues] = ValueList,
) -> Reference:
    """A reference from its rows, which are read twice: to learn the binning, and to be counted by it.

    `version` None is that of the earliest event. `period` is the time that the rows cover, by default
    from the first to the last event's pane; windows that reach beyond it are part of the total only.
    `labels` are those of the rows, by which performance is judged. With a `binning` the rows are counted
    by that one, and nothing is learned. With `values` ValueSketch memory does not grow with the rows.

    Raises InvalidSpecification without rows, and StreamMonitorError when the second reading finds others.
    """
    learner = BinningLearner(spec, values)
    for chunk in columns:
        learner.add(chunk)
    version = learner.version if version is None else version
    counter = ReferenceCounter(spec, learner.layout(binning))
    for chunk in columns:
        counter.add(chunk)
    for pairs in labels:
        counter.add_labels(pairs)
    reference = counter.reference(version, period, kind)
    if reference.events != learner.rows:
        raise StreamMonitorError(
            f"{learner.rows} events of {spec.name} were read first and {reference.events} when they were "
            "counted: the topic does not keep them for long enough, choose a later period"
        )
    return reference


class ReferenceCounter:
    """Counts a reference's rows by one layout; memory goes by the time they span, not by their number."""

    def __init__(self, spec: ModelSpec, layout: Layout) -> None:
        self._spec = spec
        self._layout = layout
        self._counter = ProfileCounter(spec.name, spec.segment_keys, spec.pane_s)
        self._segments: dict[str, dict[int, Profile]] = {}
        self._span: Window | None = None
        self._has_labels = False
        # Hours that no pane divides cannot be told from cells.
        has_odd_hours = ReferenceKind.SEASONAL in spec.references and HOUR_S % spec.pane_s
        self._sizes = () if has_odd_hours else spec.cell_sizes

    def add(self, columns: InferenceColumns) -> None:
        """Counts events, those of some panes at a time: a batch of a quiet model has rows of thousands."""
        panes = columns.timestamp_us // (self._spec.pane_s * 1_000_000)
        order = np.argsort(panes, kind="stable")
        starts = np.flatnonzero(np.diff(panes[order], prepend=-1))
        for rows in np.split(order, starts[_PANES::_PANES]):
            some = columns if len(rows) == columns.n else columns.take(np.sort(rows))
            self._counter.count(some, self._layout)
            self._collect()

    def add_labels(self, pairs: MatchedColumns) -> None:
        """Counts labels of events that are or will be added."""
        self._has_labels = True
        self._counter.count_matched(pairs, self._layout)
        self._collect()

    def _collect(self) -> None:
        for delta in self._counter.drain():
            pane_s = delta.key.pane_s
            if delta.key.segment == ALL:
                start, end = pane_s, pane_s + self._spec.pane_s
                held = self._span or Window(start, end)
                self._span = Window(min(held.start_s, start), max(held.end_s, end))
            at = cell_at(pane_s, self._sizes).start_s if self._sizes else pane_s
            cells = self._segments.setdefault(delta.key.segment, {})
            cells[at] = cells[at].merge(delta.profile) if at in cells else delta.profile

    def reference(self, version: str, period: Window | None, kind: ReferenceKind) -> Reference:
        """What was counted (see build_reference); raises InvalidSpecification without rows."""
        spec, layout = self._spec, self._layout
        span = period or self._span
        if self._span is None or span is None:
            raise no_rows(spec.name)
        start, end = span.start_s, span.end_s
        segments = {}
        for name, cells in self._segments.items():
            if not self._has_labels:
                cells = {at: profile.without_outcomes() for at, profile in cells.items()}
            total = WindowProfile(span, sum_profiles(cells.values(), layout.of(name)))
            windows = {
                size.name: group_windows(cells, size, start, end, layout.of(name))
                for size in spec.windows
            }
            if ReferenceKind.SEASONAL in spec.references:
                windows[HOURS] = hours_of(cells)
            segments[name] = SegmentReference(total, windows)
        return Reference(spec.name, version, kind, layout, start, end, segments)


_PANES: Final = 64
"""How many panes are counted at a time: each has a slot for every bin of every feature."""
HOURS: Final = "hours"
"""Stands for a window size where the hours are kept that `seasonal` compares with those of earlier weeks."""


def hours_of(panes: Mapping[int, Profile]) -> tuple[WindowProfile, ...]:
    """Panes (by start) added up by the hour that they start in, in order of time; labels left out."""
    grouped: dict[int, list[Profile]] = {}
    for at, profile in panes.items():
        grouped.setdefault(at // HOUR_S * HOUR_S, []).append(profile.without_outcomes())
    return tuple(
        WindowProfile(Window(at, at + HOUR_S), reduce(Profile.merge, grouped[at]))
        for at in sorted(grouped)
    )


def sum_profiles(profiles: Iterable[Profile], layout: Layout) -> Profile:
    """The merge of any number of profiles; empty for none."""
    return reduce(Profile.merge, profiles, Profile(layout))


def group_windows(
    panes: Mapping[int, Profile], size: WindowSize, start_s: int, end_s: int, layout: Layout
) -> tuple[WindowProfile, ...]:
    """The windows that lie wholly in [start_s, end_s), each the sum of its panes, in order of time."""
    grouped: dict[Window, list[Profile]] = {}
    for pane, profile in panes.items():
        grouped.setdefault(size.window_at(pane), []).append(profile)
    return tuple(
        WindowProfile(window, sum_profiles(grouped[window], layout))
        for window in sorted(grouped, key=lambda w: w.start_s)
        if window.start_s >= start_s and window.end_s <= end_s
    )
