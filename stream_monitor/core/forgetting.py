"""What a model's state lets go of: all that nothing can change or needs any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stream_monitor.core.cells import settled_at
from stream_monitor.core.drift_events import TrackKey, group_of, newest_starts
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.references import HOURS
from stream_monitor.core.windows import DAY_S, WindowSize

if TYPE_CHECKING:
    from stream_monitor.core.model_state import ModelState

_SLIDING = ReferenceKind.SLIDING
_KEPT_WINDOWS = 3
"""A version or segment is over when it is this many windows, and a day, behind the model's newest one."""


def forget(
    state: ModelState, sizes: Mapping[str, WindowSize], label_watermark_s: int, has_judged: bool
) -> None:
    """Drops what is final by both watermarks (seconds); `has_judged`: windows were judged just now.

    Labels may come this much later than their horizon and events than their windows: `settling_s`.
    """
    horizon = max((o.horizon_s for o in state.spec.outcomes), default=0) + state.spec.settling_s
    if not state.spec.outcomes and state.watermark_s is not None:
        label_watermark_s, horizon = state.watermark_s, 0  # no labels to wait for
    _forget_panes(state, label_watermark_s - horizon)
    for key, closed in list(state.closed.items()):
        if state.is_settled(closed.window) and closed.window.end_s + horizon <= label_watermark_s:
            del state.closed[key]
            state.changed.add(("closed", key))
    _merge_settled(state, label_watermark_s - horizon)
    _forget_history(state)
    _forget_tallies(state, label_watermark_s - horizon)
    final = tuple(stretch for stretch in state.inexact if not state.is_final(stretch.end_s - 1))
    if len(final) < len(state.inexact):
        state.inexact = final
        state.changed.add(("model", state.spec.name))
    before = {name: _settled_before(state, size) for name, size in sizes.items()}
    if has_judged or before != state.settled_before:
        state.settled_before = before
        _forget_tracks(state, sizes)
    if has_judged:
        _forget_latest(state, sizes)


def _forget_panes(state: ModelState, labelled_s: int) -> None:
    """Panes that ended before `labelled_s` get no label any more."""
    for pane, profile in list(state.panes.items()):
        if not state.is_final(pane.pane_s):
            continue
        ends = [size.window_at(pane.pane_s).end_s for size in state.spec.windows]
        if max(ends) <= labelled_s:
            del state.panes[pane]
            state.changed.add(("pane", pane))
        elif "numeric" in profile.parts or "categorical" in profile.parts:
            state.panes[pane] = profile.outcomes_only()
            state.changed.add(("pane", pane))


def _merge_settled(state: ModelState, labelled_s: int) -> None:
    """Merges what only windows of the longer sizes still need: no window that ended by then is measured.

    Hours stay apart where the seasonal reference compares them.
    """
    if state.rolled_s is None or ReferenceKind.SEASONAL in state.spec.references:
        return
    sizes, done_s = state.spec.cell_sizes, min(state.rolled_s, labelled_s)
    for key in [key for key in state.panes if key.pane_s < done_s]:
        at_s = settled_at(key.pane_s, sizes, done_s)
        if at_s != key.pane_s:
            state.move_pane(key, at_s)


def _settled_before(state: ModelState, size: WindowSize) -> int:
    """Windows that start before this are past their correction horizon."""
    return 0 if state.rolled_s is None else size.window_at(state.rolled_s).start_s


def _forget_history(state: ModelState) -> None:
    if state.rolled_s is None:
        return
    longest = max(size.longest_s for size in state.spec.windows)
    kept_s = {size.name: state.spec.history_s(size) for size in state.spec.windows}
    kept_s[HOURS] = state.spec.seasonal_s
    for where, kept in list(state.history.items()):
        oldest = state.rolled_s - kept_s[where[1]] - 2 * longest
        recent = tuple(pair for pair in kept if pair[1].window.start_s >= oldest)
        if len(recent) < len(kept):
            for version, past in kept[: len(kept) - len(recent)]:
                state.changed.add(("history", (where, version, past.window)))
            state.history[where] = recent
        if not recent:
            del state.history[where]


def _forget_tallies(state: ModelState, labelled_s: int) -> None:
    """Tallies that no window can be judged by any more, which still waits for labels."""
    longest = max(size.longest_s for size in state.spec.windows)
    kept_s = {size.name: state.spec.reach_s(_SLIDING, size) for size in state.spec.windows}
    for where, held in list(state.tallies.items()):
        oldest = labelled_s - kept_s[where[1]] - 2 * longest
        recent = tuple(t for t in held if t.window.start_s >= oldest)
        if len(recent) < len(held):
            gone = held[: len(held) - len(recent)]
            state.changed |= {("tally", (where, t.version, t.window.start_s)) for t in gone}
            state.tallies[where] = recent


def _forget_tracks(state: ModelState, sizes: Mapping[str, WindowSize]) -> None:
    """Folds settled windows, and drops tracks that a new one would equal or that another goes on from.

    A version whose last window lies a recovery behind another version's is over: a new version has its
    incidents.
    """
    newest = newest_starts(state.tracks)
    versions = Counter(where[1:] for where in state.tracks)
    for where, track in list(state.tracks.items()):
        size, before_s = sizes[where[2]], state.settled_before[where[2]]
        settled = track.settled(before_s, size)
        last_s = track.windows[-1][0]
        behind_s = newest[where[1:]] - last_s
        over_s = max(DAY_S, size.longest_s * max(_KEPT_WINDOWS, size.recover_after))
        is_alone = versions[where[1:]] == 1
        is_over = behind_s >= over_s or (is_alone and settled.is_blank(size))
        if last_s < before_s and is_over:
            del state.tracks[where]
        elif settled is not track:
            state.tracks[where] = settled
        else:
            continue
        state.changed.add(("tracks", group_of(where, state.spec)))


def _forget_latest(state: ModelState, sizes: Mapping[str, WindowSize]) -> None:
    """Drops the newest records of versions and segments that are over."""
    ends: dict[tuple[str, ...], float] = {}
    for key, record in state.latest.items():
        ends[key[1:]] = max(_end_s(record), ends.get(key[1:], 0.0))
    newest: dict[str, float] = {}
    for place, end in ends.items():
        newest[place[2]] = max(end, newest.get(place[2], end))
    alive = {(k.version, k.segment, k.size) for k in (*state.closed, *state.waiting)}
    for key in list(state.latest):
        size = sizes[key[3]]
        over_s = max(DAY_S, size.longest_s * _KEPT_WINDOWS)
        if key[1:] not in alive and newest[key[3]] - ends[key[1:]] >= over_s:
            del state.latest[key]
            state.changed.add(("latest", key))


def _end_s(record: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(record["window"]["end"]).timestamp()


def forget_what_is_not_configured(state: ModelState) -> None:
    """After a restart with another configuration: nothing of window sizes, features, references gone."""
    sizes = {size.name for size in state.spec.windows}
    subjects = set(state.spec.subjects)

    def is_gone(where: TrackKey) -> bool:
        return where[2] not in sizes or where[3] not in subjects

    for track in [where for where in state.tracks if is_gone(where)]:
        del state.tracks[track]
        state.changed.add(("tracks", group_of(track, state.spec)))
    for key in [key for key in state.closed if key.size not in sizes]:
        del state.closed[key]
        state.changed.add(("closed", key))
    for latest in [key for key in state.latest if key[3] not in sizes]:
        del state.latest[latest]
        state.changed.add(("latest", latest))
    outcomes = {outcome.name for outcome in state.spec.outcomes}
    for lost in [k for k in state.tallies if k[1] not in sizes or k[2] not in outcomes]:
        for tallied in state.tallies.pop(lost):
            state.changed.add(("tally", (lost, tallied.version, tallied.window.start_s)))
    kept = sizes | ({HOURS} if ReferenceKind.SEASONAL in state.spec.references else set())
    for where in [where for where in state.history if where[1] not in kept]:
        for version, past in state.history.pop(where):
            state.changed.add(("history", (where, version, past.window)))
