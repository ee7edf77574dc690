"""When the performance of a model's closed windows is measured again, and whether that is news."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from stream_monitor.core.cells import cell_at
from stream_monitor.core.drift_events import follow_incidents, group_of
from stream_monitor.core.performance.rolling import measure_performance
from stream_monitor.core.performance_judging import judge_performance
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.core.results import (
    DriftEvent,
    Judged,
    Measured,
    PerformanceResult,
    WindowKey,
)
from stream_monitor.core.schema import Outcome
from stream_monitor.core.windows import WindowSize
from stream_monitor.core.wire import profile_digest

if TYPE_CHECKING:
    from stream_monitor.core.model_state import ModelState


def remeasurable(state: ModelState, label_watermark_s: int) -> set[WindowKey]:
    """Closed windows with new labels, or of which a horizon has passed unpublished."""
    found = state.to_remeasure & state.closed.keys()
    for outcome in state.spec.outcomes:
        until_s = label_watermark_s - outcome.horizon_s
        is_news = outcome.absent_means is not None and _passes_a_cell(state, until_s, outcome)
        for key, closed in state.closed.items():
            measured = closed.performance.get(outcome.name)
            if measured is None or not measured.is_final:
                has_passed = closed.window.end_s <= until_s
                if has_passed or (is_news and closed.window.start_s < until_s):
                    found.add(key)
    return found


def _passes_a_cell(state: ModelState, until_s: int, outcome: Outcome) -> bool:
    """Whether predictions count as absent now that did not at the last step."""
    if state.label_watermark_s is None:
        return True
    before_s = state.label_watermark_s - outcome.horizon_s
    cells = (cell_at(at, state.spec.cell_sizes).start_s for at in (before_s, until_s))
    return len(set(cells)) > 1


def measure(
    state: ModelState, key: WindowKey, size: WindowSize, label_watermark_s: int
) -> list[PerformanceResult | DriftEvent]:
    """Performance at close, when maturity passes a step, and whatever differs past the horizon.

    What is published is judged, and moves the outcome's incidents on.
    """
    found: list[PerformanceResult | DriftEvent] = []
    window = state.closed[key].window
    panes = state.panes_of(key, window)
    if not panes:
        return found  # its panes' state could not be read
    profile = reduce(Profile.merge, panes.values())
    for outcome in state.spec.outcomes:
        closed = state.closed[key]
        until_s = label_watermark_s - outcome.horizon_s
        has_passed = window.end_s <= until_s
        passed = _passed(panes, outcome, state.spec, until_s, profile.layout)
        performance = measure_performance(profile, outcome, has_passed, passed)
        before = closed.performance.get(outcome.name)
        has_matured = before is None or performance.step > before.step
        if not has_matured and not has_passed:
            continue
        labels = Profile(profile.layout, {"outcome": profile.outcome(outcome.name)})
        digest = profile_digest(labels)
        counted = (performance.predictions, performance.absent, digest)
        is_news = before is None or has_matured or counted != before.counted
        revision = 0 if before is None else before.revision + is_news
        after = Measured(performance.step, revision, counted, has_passed)
        if after != before:
            measured = {**closed.performance, outcome.name: after}
            state.closed[key] = replace(closed, performance=measured)
            state.changed.add(("closed", key))
        if is_news:
            judged = judge_performance(state, key, size, window, performance)
            result = PerformanceResult(
                key, size, window, revision, digest, performance, judged, profile.source
            )
            found += [result, *follow(state, result)]
    return found


def follow(state: ModelState, result: Judged) -> list[DriftEvent]:
    """Moves the incidents of what was judged on by one window; returns what there is to publish."""
    moved, events = follow_incidents(result, state.tracks, state.spec, state.app)
    state.tracks |= moved
    state.changed |= {("tracks", group_of(where, state.spec)) for where in moved}
    return events


def _passed(
    panes: Mapping[int, Profile], outcome: Outcome, spec: ModelSpec, until_s: int, layout: Layout
) -> Profile | None:
    """The cells of a window that ended by `until_s`, where a missing label means a class.

    Whole cells, so that it does not matter which panes are rolled up already.
    """
    if outcome.absent_means is None:
        return None
    over = (pane for at, pane in panes.items() if cell_at(at, spec.cell_sizes).end_s <= until_s)
    return reduce(Profile.merge, over, Profile(layout))
