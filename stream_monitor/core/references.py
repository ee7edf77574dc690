"""References: what normal is. A reference is a sum of profiles and the windows it is a sum of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream_monitor.core.binning import Binning, learn_categories, learn_numeric
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.categorical import CategoricalSummary
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.profile.profile import ALL, Layout, Profile
from stream_monitor.core.windows import Window, WindowSize


@dataclass(frozen=True)
class WindowProfile:
    """One window with what was counted in it."""

    window: Window
    profile: Profile

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


def learn_binning(spec: ModelSpec, columns: Sequence[InferenceColumns]) -> Binning:
    """The binning of a model from its reference rows (all held in memory).

    Raises InvalidSpecification when there are no rows.
    """
    if not sum(chunk.n for chunk in columns):
        raise InvalidSpecification(
            f"the reference of model {spec.name} has no rows: check the model name and time range"
        )
    numeric = tuple(
        learn_numeric(np.concatenate([chunk.numeric[i] for chunk in columns]))
        for i in range(len(spec.schema.numeric))
    )
    categorical = []
    for i in range(len(spec.schema.categorical)):
        values = pa.chunked_array([chunk.categorical[i].cast(pa.string()) for chunk in columns])
        counted = pc.value_counts(values.drop_null()).to_pylist()
        categorical.append(
            learn_categories([c["values"] for c in counted], [c["counts"] for c in counted])
        )
    segments = tuple(
        (key, _largest([chunk.segments[i] for chunk in columns], spec.max_segments))
        for i, key in enumerate(spec.segment_keys)
    )
    return Binning(spec.schema, numeric, tuple(categorical), segments)


def _largest(columns: Sequence[pa.DictionaryArray], most: int) -> tuple[str, ...]:
    """The most frequent values, in order of name."""
    values = pa.chunked_array([column.cast(pa.string()) for column in columns])
    counted = pc.value_counts(values.drop_null()).to_pylist()
    counted.sort(key=lambda c: (-c["counts"], c["values"]))
    return tuple(sorted(c["values"] for c in counted[:most]))


def build_reference(
    spec: ModelSpec,
    columns: Sequence[InferenceColumns],
    version: str,
    period: Window | None = None,
    kind: ReferenceKind = ReferenceKind.VALIDATION,
) -> Reference:
    """A reference from its rows: learns the binning, counts the panes, sums the windows.

    `period` is the time that the rows cover, by default from the first to the last event's pane; windows
    that reach beyond it are part of the total only.
    """
    layout = Layout(learn_binning(spec, columns), spec.outcomes)
    counter = ProfileCounter(spec.name, spec.segment_keys, spec.pane_s)
    for chunk in columns:
        counter.count(chunk, layout)
    panes: dict[str, dict[int, Profile]] = {}
    for delta in counter.drain():
        segment = panes.setdefault(delta.key.segment, {})
        pane = delta.key.pane_s
        counted = delta.profile.without_outcomes()
        segment[pane] = segment[pane].merge(counted) if pane in segment else counted
    start = period.start_s if period else min(panes[ALL])
    end = period.end_s if period else max(panes[ALL]) + spec.pane_s
    segments = {
        name: SegmentReference(
            WindowProfile(Window(start, end), sum_profiles(profiles.values(), layout.of(name))),
            {
                size.name: group_windows(profiles, size, start, end, layout.of(name))
                for size in spec.windows
            },
        )
        for name, profiles in panes.items()
    }
    return Reference(spec.name, version, kind, layout, start, end, segments)


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


def sliding_reference(
    history: Sequence[WindowProfile], window: Window, size: WindowSize, spec: ModelSpec
) -> SegmentReference | None:
    """The windows of one size that ended within `sliding_s` before a window and are final by then.

    Final means past the correction horizon when the judged window closes, so the answer does not depend
    on when it is asked. None without any.
    """
    until = min(window.start_s, window.end_s - spec.correction_horizon_s)
    kept = tuple(
        earlier
        for earlier in history
        if window.start_s - spec.sliding_s <= earlier.window.start_s
        and earlier.window.end_s <= until
    )
    if not kept:
        return None
    span = Window(kept[0].window.start_s, kept[-1].window.end_s)
    total = sum_profiles((earlier.profile for earlier in kept), kept[0].profile.layout)
    return SegmentReference(WindowProfile(span, total), {size.name: kept})
