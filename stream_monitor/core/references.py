"""References: what normal is. A reference is a sum of profiles and the windows it is a sum of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream_monitor.core.binning import Binning, learn_categories, learn_numeric
from stream_monitor.core.columns import InferenceColumns, MatchedColumns
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import HOUR_S, ModelSpec, ReferenceKind
from stream_monitor.core.profile.categorical import CategoricalSummary
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.joint import JointPart, JointSummary
from stream_monitor.core.profile.joint_params import JointParams, choose_joint
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.profile.profile import ALL, Layout, Profile
from stream_monitor.core.profile.traffic import TrafficSummary
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
    *,
    labels: Sequence[MatchedColumns] = (),
    binning: Binning | None = None,
) -> Reference:
    """A reference from its rows: learns the binning, counts the panes, sums the windows.

    `period` is the time that the rows cover, by default from the first to the last event's pane; windows
    that reach beyond it are part of the total only. `labels` are those of the rows, by which performance
    is judged. With a `binning` the rows are counted by that one, and nothing is learned.
    """
    binning = binning or learn_binning(spec, columns)
    layout = Layout(binning, spec.outcomes, joint=_joint_of(binning, spec, columns))
    counter = ProfileCounter(spec.name, spec.segment_keys, spec.pane_s)
    for chunk in columns:
        counter.count(chunk, layout)
    for pairs in labels:
        counter.count_matched(pairs, layout)
    panes: dict[str, dict[int, Profile]] = {}
    for delta in counter.drain():
        segment = panes.setdefault(delta.key.segment, {})
        pane = delta.key.pane_s
        counted = delta.profile if labels else delta.profile.without_outcomes()
        segment[pane] = segment[pane].merge(counted) if pane in segment else counted
    start = period.start_s if period else min(panes[ALL])
    end = period.end_s if period else max(panes[ALL]) + spec.pane_s
    segments = {
        name: SegmentReference(
            WindowProfile(Window(start, end), sum_profiles(profiles.values(), layout.of(name))),
            {
                size.name: group_windows(profiles, size, start, end, layout.of(name))
                for size in spec.windows
            }
            | ({HOURS: hours_of(profiles)} if ReferenceKind.SEASONAL in spec.references else {}),
        )
        for name, profiles in panes.items()
    }
    return Reference(spec.name, version, kind, layout, start, end, segments)


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


def _joint_of(
    binning: Binning, spec: ModelSpec, columns: Sequence[InferenceColumns]
) -> JointParams | None:
    """What is counted in pairs: the important features, and the declared pairs' frequent categories."""
    if not spec.judges_joint:
        return None
    importance = {name: policy.importance for name, policy in spec.policies.items()}
    counts: dict[str, dict[str, int]] = {}
    for name in {name for pair in spec.joint_pairs for name in pair}:
        i = spec.schema.categorical.index(name)
        values = pa.chunked_array([chunk.categorical[i].cast(pa.string()) for chunk in columns])
        found = pc.value_counts(values.drop_null()).to_pylist()
        counts[name] = {c["values"]: c["counts"] for c in found}
    return choose_joint(binning, importance, spec.joint_features, spec.joint_pairs, counts)


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
