"""One model's state in a detector: panes, windows that wait to close, history and incidents.

Pure: deltas and watermarks in, results out. `fork` is cheap, since everything held is a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from stream_monitor.core.cells import held_at, places
from stream_monitor.core.drift_events import TrackKey
from stream_monitor.core.early_looks import look
from stream_monitor.core.explaining import Explainer, segments_of
from stream_monitor.core.forgetting import forget, forget_what_is_not_configured
from stream_monitor.core.history_references import one_history
from stream_monitor.core.incidents import IncidentTrack
from stream_monitor.core.inexact import Inexact, marked, touches
from stream_monitor.core.judging import judge_window
from stream_monitor.core.latest import newest_of
from stream_monitor.core.measuring import follow, measure, remeasurable
from stream_monitor.core.performance_judging import TalliedWindow, TallyKey
from stream_monitor.core.policy import TREND_WINDOWS, ModelSpec, ReferenceKind
from stream_monitor.core.profile.counter import Delta
from stream_monitor.core.profile.profile import ALL, Profile, ProfileKey
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import HOURS, WindowProfile, hours_of
from stream_monitor.core.results import (
    ClosedWindow,
    Output,
    WindowKey,
    WindowResult,
)
from stream_monitor.core.trends import trends_of
from stream_monitor.core.turns import turns
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import Window, WindowSize
from stream_monitor.core.wire import profile_digest

HistoryKey = tuple[str, str, str]
"""Segment, size, profile id."""


@dataclass
class ModelState:
    """The state; `changed` names what changed since it was last cleared (see state_records).

    `latest` keeps the newest published record per (type, version, segment, size), for metrics.
    `label_watermark_s` is the label watermark of the last step, `settled_before` per window size the
    start of the first window then that late events could still reach: both None or empty after a restore.
    """

    spec: ModelSpec
    app: str
    catalogue: ReferenceCatalogue
    panes: dict[ProfileKey, Profile] = field(default_factory=dict)
    waiting: dict[WindowKey, Window] = field(default_factory=dict)
    closed: dict[WindowKey, ClosedWindow] = field(default_factory=dict)
    history: dict[HistoryKey, tuple[tuple[str, WindowProfile], ...]] = field(default_factory=dict)
    tracks: dict[TrackKey, IncidentTrack] = field(default_factory=dict)
    tallies: dict[TallyKey, tuple[TalliedWindow, ...]] = field(default_factory=dict)
    latest: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    inexact: Inexact = ()
    late_dropped: int = 0
    watermark_s: int | None = None
    label_watermark_s: int | None = None
    settled_before: dict[str, int] = field(default_factory=dict)
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
            tallies=dict(self.tallies),
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
        if profile.events and self.is_final(key.pane_s):
            if key.segment == ALL:
                self.late_dropped += profile.events
                self.changed.add(("model", self.spec.name))
            profile = profile.labels_only()
            if not profile.parts:
                return
        if not is_exact:
            self.doubt(key.pane_s, key.pane_s)
        at_s = held_at(key.pane_s, self.spec.cell_sizes, self.rolled_s)
        self._put(replace(key, pane_s=at_s), profile)
        for size in self.spec.windows:
            window = size.window_at(key.pane_s)
            where = WindowKey(key.version, key.segment, size.name, window.start_s, key.profile_id)
            if where not in self.closed:
                if not self.is_settled(window):
                    self.waiting[where] = window
            elif profile.events and not self.is_settled(window):
                self.to_revise.add(where)
            else:
                self.to_remeasure.add(where)

    def _put(self, key: ProfileKey, profile: Profile) -> None:
        self.panes[key] = self.panes[key].merge(profile) if key in self.panes else profile
        self.changed.add(("pane", key))

    def doubt(self, from_s: int, to_s: int) -> None:
        """No window that touches the panes from one instant to another, both included, is exact."""
        pane_s = self.spec.pane_s
        start_s, end_s = (at // pane_s * pane_s for at in (from_s, to_s + pane_s))
        self.inexact = marked(self.inexact, start_s, end_s)
        self.changed.add(("model", self.spec.name))

    def advance(
        self, watermark_s: int, label_watermark_s: int, reached_s: int | None = None
    ) -> list[Output]:
        """Closes what is due, revises what changed, and forgets what is final; watermarks in seconds.

        All in the order of time, looks at open windows too: a window's sliding reference holds the
        revisions before it.
        `reached_s` is how far every source partition has come, by default the watermark.
        """
        before_s = self.watermark_s
        if before_s is None or watermark_s > before_s:
            self.watermark_s = watermark_s
            self.changed.add(("model", self.spec.name))
            self._roll_up()
        reached_s = watermark_s if reached_s is None else reached_s
        sizes = {size.name: size for size in self.spec.windows}
        outputs: list[Output] = []
        for at_s, _, key in turns(self, before_s, sizes):
            if at_s < sizes[key.size].window_at(key.start_s).end_s:
                outputs += look(self, key, sizes[key.size], at_s)
                continue
            if key in self.waiting:
                self.closed[key] = ClosedWindow(self.waiting.pop(key))
            else:
                closed = self.closed[key]
                self.closed[key] = replace(closed, revision=closed.revision + 1)
            outputs += self._judge(key, sizes[key.size], reached_s)
            outputs += measure(self, key, sizes[key.size], label_watermark_s)
        for key in sorted(remeasurable(self, label_watermark_s)):
            outputs += measure(self, key, sizes[key.size], label_watermark_s)
        self.to_revise.clear()
        self.to_remeasure.clear()
        self.label_watermark_s = label_watermark_s
        forget(self, sizes, label_watermark_s, bool(outputs))
        return outputs

    def note(self, record: dict[str, Any]) -> None:
        """Keeps a published record if it is of the newest window of its kind."""
        for where in newest_of(record, self.latest):
            self.latest[where] = record
            self.changed.add(("latest", where))

    def resume(self) -> None:
        """After a restore: forgets what is not configured any more, and waits for windows to close.

        Every window of a held pane that was not closed does.
        """
        forget_what_is_not_configured(self)
        self._roll_up()
        for key in self.panes:
            for size in self.spec.windows:
                window = size.window_at(key.pane_s)
                where = WindowKey(
                    key.version, key.segment, size.name, window.start_s, key.profile_id
                )
                if where not in self.closed and not self.is_settled(window):
                    self.waiting[where] = window

    @property
    def rolled_s(self) -> int | None:
        """Panes of cells that ended by this are past their correction horizon, and rolled up."""
        return None if self.watermark_s is None else self.watermark_s - self.spec.settling_s

    def is_settled(self, window: Window) -> bool:
        """Whether a window is past its correction horizon."""
        last_s = window.end_s + self.spec.settling_s
        return self.watermark_s is not None and last_s <= self.watermark_s

    def is_final(self, pane_s: int) -> bool:
        """Whether every window that holds an instant is past its correction horizon."""
        return all(self.is_settled(size.window_at(pane_s)) for size in self.spec.windows)

    def _roll_up(self) -> None:
        """Merges the panes that are past their correction horizon into their cells."""
        for key in list(self.panes):
            at_s = held_at(key.pane_s, self.spec.cell_sizes, self.rolled_s)
            if at_s != key.pane_s:
                self.move_pane(key, at_s)

    def move_pane(self, key: ProfileKey, at_s: int) -> None:
        """Keeps what is held under a key at another start."""
        self._put(replace(key, pane_s=at_s), self.panes.pop(key))
        self.changed.add(("pane", key))

    def panes_of(self, key: WindowKey, window: Window) -> dict[int, Profile]:
        """What is held of a window, by start; at least one unless it is forgotten."""
        spec = self.spec
        names = (
            ProfileKey(spec.name, key.version, key.segment, at, key.profile_id)
            for at in places(window, spec.pane_s, spec.cell_sizes, self.rolled_s)
        )
        return {name.pane_s: self.panes[name] for name in names if name in self.panes}

    def _judge(self, key: WindowKey, size: WindowSize, reached_s: int) -> list[Output]:
        closed = self.closed[key]
        window = closed.window
        panes = self.panes_of(key, window)
        profile = reduce(Profile.merge, panes.values())
        judged = WindowProfile(window, profile.without_outcomes())
        hours = hours_of(panes) if self._keeps_hours else ()
        results = judge_window(
            judged, key, size, self.spec, self.catalogue, self._past(key, size.name), hours,
            self._past(key, HOURS),
        )  # fmt: skip
        if any(r.state is VerdictState.DRIFT for r in results):
            results = self._explainer(judged, key).explained(results)
        alarmed = tuple(sorted({r.feature for r in results if r.state is VerdictState.DRIFT}))
        self._remember(key, size.name, replace(judged, alarmed=alarmed))
        if size is min(self.spec.windows, key=lambda s: s.size_s):
            for hour in hours:
                self._remember(key, HOURS, hour)
        result = WindowResult(
            key=key,
            size=size,
            window=window,
            revision=closed.revision,
            is_exact=not touches(self.inexact, window),
            is_complete=window.end_s + self.spec.allowed_lateness_s <= reached_s,
            is_inherited=self.catalogue.is_inherited(self.spec.name, key.version, key.profile_id),
            digest=profile_digest(judged.profile),
            traffic=judged.traffic,
            coercible=profile.layout.bins.schema.names,
            mean_confidence=judged.profile.score.summarise(),
            features=results,
            trends=trends_of(self._recent(key, size), judged),
            obsolete=self.catalogue.obsolete(self.spec, key.profile_id, window.end_s),
            source=profile.source,
            unknown_fields=judged.unknown_fields,
        )
        self.changed.add(("closed", key))
        return [result, *follow(self, result)]

    def _explainer(self, judged: WindowProfile, key: WindowKey) -> Explainer:
        segments = segments_of(self, judged.window, key)
        names = (key.segment, *segments)
        past = {name: self._past(replace(key, segment=name), key.size) for name in names}
        return Explainer(judged, key, self.spec, self.catalogue, past, segments)

    def _recent(self, key: WindowKey, size: WindowSize) -> list[WindowProfile]:
        """The last windows before one, versions together."""
        past = [p for p in self._past(key, size.name) if p[1].window.start_s < key.start_s]
        return one_history(past[-2 * TREND_WINDOWS :], (), self.catalogue.sums)[1 - TREND_WINDOWS :]

    @property
    def _keeps_hours(self) -> bool:
        return ReferenceKind.SEASONAL in self.spec.references

    def final_windows(self, segment: str, size: str, profile_id: str) -> list[WindowProfile]:
        """The windows of the history that can change no more, versions together, in order of time."""
        past = self.history.get((segment, size, profile_id), ())
        found = one_history(past, (), self.catalogue.sums)
        return [window for window in found if self.is_settled(window.window)]

    def _past(self, key: WindowKey, size: str) -> tuple[tuple[str, WindowProfile], ...]:
        return self.history.get((key.segment, size, key.profile_id), ())

    def _remember(self, key: WindowKey, size: str, judged: WindowProfile) -> None:
        where = (key.segment, size, key.profile_id)
        kept = [
            (version, past)
            for version, past in self.history.get(where, ())
            if (version, past.window) != (key.version, judged.window)
        ]
        kept.append((key.version, judged))
        self.history[where] = tuple(sorted(kept, key=lambda p: (p[1].window.start_s, p[0])))
        self.changed.add(("history", (where, key.version, judged.window)))
