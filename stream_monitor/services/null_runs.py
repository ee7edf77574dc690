"""A run over a history that is taken as free of drift: what every test said, and how often it alarmed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import pyarrow as pa

from stream_monitor.core.calibrating import Course, Finding, Moment
from stream_monitor.core.drift_events import TrackKey
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.incidents import Status
from stream_monitor.core.policy import Aspect, ModelSpec
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.references import Reference
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.results import (
    DriftEvent,
    FeatureResult,
    Output,
    PerformanceResult,
    WindowResult,
    by_feature,
)
from stream_monitor.core.tables import TableRows
from stream_monitor.core.verdicts import Verdict
from stream_monitor.core.windows import WEEK_S, Window
from stream_monitor.services.history import Progress, ReferencePeriod, judged_outputs, reference_of


@dataclass(frozen=True, slots=True)
class NullRun:
    """What was judged after the reference, muted subjects left out.

    `weeks` is the time judged. `rows` is the median number of events in windows of all segments together,
    by size. `taken_back` are events about open windows that were retracted when these closed.
    """

    courses: tuple[Course, ...]
    weeks: float
    windows: int
    rows: float
    reference_rows: int
    taken_back: int = 0

    @property
    def incidents(self) -> int:
        """How many incidents opened."""
        return sum(course.incidents({}) for course in self.courses)

    def add(self, other: NullRun) -> NullRun:
        """Both runs as one of more weeks; the courses stay apart."""
        return replace(
            self,
            courses=self.courses + other.courses,
            weeks=self.weeks + other.weeks,
            windows=self.windows + other.windows,
            taken_back=self.taken_back + other.taken_back,
        )


def null_run(
    rows: TableRows, spec: ModelSpec, period: ReferencePeriod, progress: Progress | None = None,
    most_windows: int | None = None,
) -> NullRun:  # fmt: skip
    """Judges what comes after the reference period, against a reference built from it.

    `most_windows` ends the run after that many windows of the shortest size. Raises InvalidSpecification
    where less than one window is left to judge.
    """
    reference = reference_of(rows, spec, period)
    judged = after_reference(rows, reference, spec)
    if most_windows is not None and judged.events.n:
        shortest_s = min(size.size_s for size in spec.windows)
        end_us = int(judged.events.timestamp_us[0]) + most_windows * shortest_s * MICRO
        judged = part_of(judged, 0, int(np.searchsorted(judged.events.timestamp_us, end_us)))
    last_s = last_whole_s(judged, spec)
    outputs = judged_outputs(judged, spec, reference, spec.name, progress)
    found = _Collector(spec, last_s)
    found.collect(outputs)
    if not found.has_windows:
        raise InvalidSpecification(
            "no whole window is left to judge after the reference: end the reference earlier "
            "(--reference-rows or --reference-until), or give more history"
        )
    return found.run(reference.events)


def after_reference(rows: TableRows, reference: Reference, spec: ModelSpec) -> TableRows:
    """The rows from the first instant after the reference at which a window of every size starts anew."""
    end_s = reference.end_s
    starts = []
    for size in spec.windows:
        window = size.window_at(end_s)
        starts.append(end_s if window.start_s == end_s else window.end_s)
    first = int(np.searchsorted(rows.events.timestamp_us, max(starts) * MICRO))
    return part_of(rows, first, rows.events.n)


def part_of(rows: TableRows, first: int, last: int) -> TableRows:
    """The rows at positions [first, last)."""
    at = np.arange(first, last)
    index = pa.array(at)
    return replace(
        rows,
        events=rows.events.take(at),
        label=rows.label.take(index),
        label_time_us=rows.label_time_us[at],
    )


def last_whole_s(rows: TableRows, spec: ModelSpec) -> int:
    """The end of the last pane with events: windows that end later have not been seen whole."""
    if not rows.events.n:
        return 0
    pane_us = spec.pane_s * MICRO
    return (int(rows.events.timestamp_us[-1]) // pane_us + 1) * spec.pane_s


class _Collector:
    """Keeps the last revision of every subject in every whole window."""

    def __init__(self, spec: ModelSpec, last_s: int) -> None:
        self._spec = spec
        self._sizes = {size.name: size for size in spec.windows}
        self._last_s = last_s
        self._rows: dict[Window, int] = {}
        self._quiet: dict[tuple[str, Aspect, float, float], Finding] = {}
        self._early: dict[str, Status] = {}
        self.moments: dict[TrackKey, dict[Window, Moment]] = {}

    def collect(self, outputs: Iterable[Output]) -> None:
        """Takes in what is published."""
        for output in outputs:
            if output.window.end_s > self._last_s:
                continue
            if isinstance(output, DriftEvent):
                if output.is_early or output.event_id in self._early:
                    self._early[output.event_id] = output.status
                continue
            key, is_muted = output.key, self._is_muted(output)
            if isinstance(output, WindowResult) and key.segment == ALL:
                self._rows[output.window] = output.traffic.events
            for name, found in by_feature(output.features).items():
                if not self._spec.policy(name).mute:
                    where = (key.version, key.segment, key.size, name)
                    own = self.moments.setdefault(where, {})
                    own[output.window] = self._moment(output.window, found, is_muted)

    @property
    def has_windows(self) -> bool:
        """Whether any window was judged."""
        return bool(self._rows)

    def run(self, reference_rows: int) -> NullRun:
        """Everything that was collected."""
        courses = tuple(
            Course(key, self._sizes[key[2]], [own[w] for w in sorted(own, key=_start)])
            for key, own in self.moments.items()
        )
        start_s = min(window.start_s for window in self._rows)
        end_s = max(window.end_s for window in self._rows)
        return NullRun(
            courses,
            (end_s - start_s) / WEEK_S,
            len(self._rows),
            median(self._rows.values()),
            reference_rows,
            sum(status is Status.RETRACTED for status in self._early.values()),
        )

    def _is_muted(self, output: WindowResult | PerformanceResult) -> bool:
        return self._spec.calendar.mutes(output.window, self._spec.name)

    def _moment(self, window: Window, found: Sequence[FeatureResult], is_muted: bool) -> Moment:
        is_judged = not is_muted and any(r.state.is_judged for r in found)
        findings = (self._finding(r, v) for r in found for v in r.verdicts)
        return Moment(window, is_judged, tuple(findings))

    def _finding(self, result: FeatureResult, verdict: Verdict) -> Finding:
        measurement = verdict.measurement
        finding = Finding(
            result.reference.value, measurement.aspect, verdict.p, measurement.effect,
            verdict.alpha, verdict.floor, measurement.smallest_p <= verdict.alpha,
        )  # fmt: skip
        if measurement.effect:
            return finding
        # Most rates are nobody's on both sides: one value stands for them all.
        key = (finding.reference, finding.aspect, finding.alpha, finding.floor)
        return self._quiet.setdefault(key, finding)


def _start(window: Window) -> int:
    return window.start_s
