"""One model's state in a detector: panes, windows that wait to close, history and incidents.

Pure: deltas and watermarks in, results out. `fork` is cheap, since everything held is a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from stream_monitor.core.drift_events import TrackKey, follow_incidents
from stream_monitor.core.incidents import IncidentTrack
from stream_monitor.core.judging import judge_window
from stream_monitor.core.latest import newest_of
from stream_monitor.core.performance.rolling import measure_performance
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import Delta
from stream_monitor.core.profile.profile import ALL, Profile, ProfileKey
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.results import (
    ClosedWindow,
    Measured,
    Output,
    PerformanceResult,
    WindowKey,
    WindowResult,
)
from stream_monitor.core.windows import Window, WindowSize
from stream_monitor.core.wire import profile_digest

HistoryKey = tuple[str, str, str]
"""Segment, size, profile id."""


@dataclass
class ModelState:
    """The state; `changed` names what changed since it was last cleared (see state_records).

    `latest` keeps the newest published record per (type, version, segment, size), for metrics.
    """

    spec: ModelSpec
    app: str
    catalogue: ReferenceCatalogue
    panes: dict[ProfileKey, Profile] = field(default_factory=dict)
    waiting: dict[WindowKey, Window] = field(default_factory=dict)
    closed: dict[WindowKey, ClosedWindow] = field(default_factory=dict)
    history: dict[HistoryKey, tuple[tuple[str, WindowProfile], ...]] = field(default_factory=dict)
    tracks: dict[TrackKey, IncidentTrack] = field(default_factory=dict)
    latest: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    inexact: frozenset[int] = frozenset()
    late_dropped: int = 0
    watermark_s: int | None = None
    to_revise: set[WindowKey] = field(default_factory=set)
    to_remeasure: set[WindowKey] = field(default_factory=set)
    changed: set[tuple[str, object]] = field(default_factory=set)

    def fork(self) -> ModelState:
        """A copy that can be changed and thrown away."""
        return replace(
            self,
            panes=dict(self.panes),
            waiting=dict(self.waiting),
            closed=dict(self.closed),
            history=dict(self.history),
            tracks=dict(self.tracks),
            latest=dict(self.latest),
            to_revise=set(self.to_revise),
            to_remeasure=set(self.to_remeasure),
            changed=set(self.changed),
        )

    def add(self, delta: Delta, is_exact: bool = True) -> None:
        """Adds a delta to its pane and notes the windows that it touches.

        Events of a pane whose windows are all final are dropped and counted in `late_dropped`; the
        labels beside them are not.
        """
        key, profile = delta.key, delta.profile
        if profile.events and self._is_final(key.pane_s):
            if key.segment == ALL:
                self.late_dropped += profile.events
                self.changed.add(("model", self.spec.name))
            profile = profile.labels_only()
            if not profile.parts:
                return
        self.panes[key] = self.panes[key].merge(profile) if key in self.panes else profile
        self.changed.add(("pane", key))
        if not is_exact:
            self.inexact |= {key.pane_s}
            self.changed.add(("model", self.spec.name))
        for size in self.spec.windows:
            window = size.window_at(key.pane_s)
            where = WindowKey(key.version, key.segment, size.name, window.start_s, key.profile_id)
            if where not in self.closed:
                if not self._is_settled(window):
                    self.waiting[where] = window
            elif profile.events and not self._is_settled(window):
                self.to_revise.add(where)
            else:
                self.to_remeasure.add(where)

    def advance(self, watermark_s: int, label_watermark_s: int) -> list[Output]:
        """Closes what is due, revises what changed, and forgets what is final; watermarks in seconds.

        Both in the order of the windows' ends: a window's sliding reference holds the revisions before it.
        """
        if self.watermark_s is None or watermark_s > self.watermark_s:
            self.watermark_s = watermark_s
            self.changed.add(("model", self.spec.name))
        sizes = {size.name: size for size in self.spec.windows}
        outputs: list[Output] = []
        due = {
            key: window
            for key, window in self.waiting.items()
            if window.end_s + self.spec.allowed_lateness_s <= self.watermark_s
        }
        late = {key: self.closed[key].window for key in self.to_revise & self.closed.keys()}
        turns = due | late
        for key in sorted(turns, key=lambda k: (turns[k].end_s, sizes[k.size].size_s, k)):
            if key in due:
                self.closed[key] = ClosedWindow(self.waiting.pop(key))
            else:
                closed = self.closed[key]
                self.closed[key] = replace(closed, revision=closed.revision + 1)
            outputs += self._judge(key, sizes[key.size])
            outputs += self._measure(key, sizes[key.size], label_watermark_s)
        for key in sorted(self._remeasurable(label_watermark_s)):
            outputs += self._measure(key, sizes[key.size], label_watermark_s)
        self.to_revise.clear()
        self.to_remeasure.clear()
        self._forget(sizes, label_watermark_s)
        return outputs

    def note(self, record: dict[str, Any]) -> None:
        """Keeps a published record if it is of the newest window of its kind."""
        for where in newest_of(record, self.latest):
            self.latest[where] = record
            self.changed.add(("latest", where))

    def wait_for_open_windows(self) -> None:
        """After a restore: every window of a held pane that was not closed waits to close."""
        for key in self.panes:
            for size in self.spec.windows:
                window = size.window_at(key.pane_s)
                where = WindowKey(
                    key.version, key.segment, size.name, window.start_s, key.profile_id
                )
                if where not in self.closed and not self._is_settled(window):
                    self.waiting[where] = window

    def _is_settled(self, window: Window) -> bool:
        """Whether a window is past its correction horizon."""
        last_s = window.end_s + self.spec.settling_s
        return self.watermark_s is not None and last_s <= self.watermark_s

    def _is_final(self, pane_s: int) -> bool:
        return all(self._is_settled(size.window_at(pane_s)) for size in self.spec.windows)

    def _profile(self, key: WindowKey, window: Window) -> Profile:
        """The sum of a window's panes, of which there is at least one."""
        names = (
            ProfileKey(self.spec.name, key.version, key.segment, pane, key.profile_id)
            for pane in range(window.start_s, window.end_s, self.spec.pane_s)
        )
        return reduce(Profile.merge, (self.panes[name] for name in names if name in self.panes))

    def _judge(self, key: WindowKey, size: WindowSize) -> list[Output]:
        closed = self.closed[key]
        window = closed.window
        judged = WindowProfile(window, self._profile(key, window))
        past = self.history.get((key.segment, size.name, key.profile_id), ())
        results = judge_window(judged, key, size, self.spec, self.catalogue, past)
        self._remember(key, size, judged)
        panes = set(range(window.start_s, window.end_s, self.spec.pane_s))
        result = WindowResult(
            key=key,
            size=size,
            window=window,
            revision=closed.revision,
            is_exact=not panes & self.inexact,
            is_inherited=self.catalogue.is_inherited(self.spec.name, key.version, key.profile_id),
            digest=profile_digest(judged.profile.without_outcomes()),
            traffic=judged.profile.traffic.summarise(),
            coercible=(*self.spec.schema.numeric, *self.spec.schema.categorical),
            mean_confidence=judged.profile.score.summarise(),
            features=results,
        )
        self.changed.add(("closed", key))
        moved, events = follow_incidents(result, self.tracks, self.spec, self.app)
        self.tracks |= moved
        self.changed |= {("tracks", where[:3]) for where in moved}
        return [result, *events]

    def _remember(self, key: WindowKey, size: WindowSize, judged: WindowProfile) -> None:
        where = (key.segment, size.name, key.profile_id)
        kept = [
            (version, past)
            for version, past in self.history.get(where, ())
            if (version, past.window) != (key.version, judged.window)
        ]
        kept.append((key.version, judged))
        self.history[where] = tuple(sorted(kept, key=lambda p: (p[1].window.start_s, p[0])))
        self.changed.add(("history", (where, key.version, judged.window)))

    def _remeasurable(self, label_watermark_s: int) -> set[WindowKey]:
        """Closed windows with new labels, or whose horizon has passed unpublished."""
        horizons = {o.name: o.horizon_s for o in self.spec.outcomes}
        passed = {
            key
            for key, closed in self.closed.items()
            if any(
                closed.window.end_s + horizon <= label_watermark_s
                and (name not in closed.performance or not closed.performance[name].is_final)
                for name, horizon in horizons.items()
            )
        }
        return (self.to_remeasure & self.closed.keys()) | passed

    def _measure(self, key: WindowKey, size: WindowSize, label_watermark_s: int) -> list[Output]:
        """Performance at close, when maturity passes a step, and whatever differs past the horizon."""
        found: list[Output] = []
        for outcome in self.spec.outcomes:
            closed = self.closed[key]
            has_passed = closed.window.end_s + outcome.horizon_s <= label_watermark_s
            profile = self._profile(key, closed.window)
            performance = measure_performance(profile, outcome, has_passed)
            before = closed.performance.get(outcome.name)
            has_matured = before is None or performance.step > before.step
            if not has_matured and not has_passed:
                continue
            labels = Profile(profile.layout, {"outcome": profile.outcome(outcome.name)})
            digest = profile_digest(labels)
            counted = (performance.predictions, digest)
            is_news = before is None or has_matured or counted != before.counted
            revision = 0 if before is None else before.revision + is_news
            after = Measured(performance.step, revision, counted, has_passed)
            if after != before:
                measured = {**closed.performance, outcome.name: after}
                self.closed[key] = replace(closed, performance=measured)
                self.changed.add(("closed", key))
            if is_news:
                found.append(
                    PerformanceResult(key, size, closed.window, revision, digest, performance)
                )
        return found

    def _forget(self, sizes: Mapping[str, WindowSize], label_watermark_s: int) -> None:
        """Drops panes, closed windows and history that nothing can change or needs any more."""
        horizon = max((o.horizon_s for o in self.spec.outcomes), default=0)
        if not self.spec.outcomes and self.watermark_s is not None:
            label_watermark_s = self.watermark_s  # no labels to wait for
        for pane, profile in list(self.panes.items()):
            if not self._is_final(pane.pane_s):
                continue
            ends = [size.window_at(pane.pane_s).end_s for size in self.spec.windows]
            if max(ends) + horizon <= label_watermark_s:
                del self.panes[pane]
                self.changed.add(("pane", pane))
            elif "numeric" in profile.parts or "categorical" in profile.parts:
                self.panes[pane] = profile.outcomes_only()
                self.changed.add(("pane", pane))
        for key, closed in list(self.closed.items()):
            if (
                self._is_settled(closed.window)
                and closed.window.end_s + horizon <= label_watermark_s
            ):
                del self.closed[key]
                self.changed.add(("closed", key))
        self._prune_history()
        for where, track in self.tracks.items():
            settled = track.settled(self._settled_before(sizes[where[2]]), sizes[where[2]])
            if settled is not track:
                self.tracks[where] = settled
                self.changed.add(("tracks", where[:3]))

    def _settled_before(self, size: WindowSize) -> int:
        """Windows that start before this are past their correction horizon."""
        if self.watermark_s is None:
            return 0
        return size.window_at(self.watermark_s - self.spec.settling_s).start_s

    def _prune_history(self) -> None:
        if self.watermark_s is None:
            return
        longest = max(size.size_s for size in self.spec.windows)
        oldest = self.watermark_s - self.spec.sliding_s - 2 * longest - self.spec.settling_s
        for where, kept in list(self.history.items()):
            recent = tuple(pair for pair in kept if pair[1].window.start_s >= oldest)
            if len(recent) < len(kept):
                for version, past in kept[: len(kept) - len(recent)]:
                    self.changed.add(("history", (where, version, past.window)))
                self.history[where] = recent
