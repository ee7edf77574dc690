"""Judging an outcome's performance in one window: against the labelled reference, and the windows before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_monitor.core.budget import alpha_of, performance_kinds
from stream_monitor.core.history_references import can_fill
from stream_monitor.core.performance.change import compare_performance
from stream_monitor.core.performance.rolling import MATURE, Performance
from stream_monitor.core.performance.tally import Tally
from stream_monitor.core.policy import PERFORMANCE, ReferenceKind
from stream_monitor.core.results import FeatureResult, WindowKey, feature_result
from stream_monitor.core.verdicts import judge
from stream_monitor.core.windows import Window, WindowSize

if TYPE_CHECKING:
    from stream_monitor.core.model_state import ModelState

TallyKey = tuple[str, str, str]
"""Segment, size, outcome."""


@dataclass(frozen=True, slots=True)
class TalliedWindow:
    """One mature window of a version."""

    version: str
    window: Window
    tally: Tally


def judge_performance(
    state: ModelState, key: WindowKey, size: WindowSize, window: Window, found: Performance
) -> tuple[FeatureResult, ...]:
    """Results per reference; nothing before the performance is mature. Remembers the window's tally."""
    if found.maturity < state.spec.min_maturity.get(found.outcome, MATURE):
        return ()
    spec, where = state.spec, (key.segment, key.size, found.outcome)
    segments = state.catalogue.segments(spec, key.profile_id)
    alpha = alpha_of(spec, size, key.segment, segments)
    policy = spec.policy(PERFORMANCE + found.outcome)
    results = []
    windows: Sequence[Tally]
    for kind in performance_kinds(spec):
        if kind.is_frozen:
            windows = state.catalogue.tallies(spec, key.profile_id, *where)
        else:
            windows = _recent(state, where, window, size)
        if kind.is_frozen and not windows:
            continue  # it was built without labels
        compared = compare_performance(
            found.outcome,
            found.tally,
            windows,
            needs_windows=not kind.is_frozen and can_fill(kind, size, spec),
        )
        verdicts = tuple(judge(m, policy, alpha) for m in compared.measurements)
        results.append(feature_result(compared, kind, verdicts))
    _remember(state, where, TalliedWindow(key.version, window, found.tally))
    return tuple(results)


def _recent(
    state: ModelState, where: TallyKey, window: Window, size: WindowSize
) -> Sequence[Tally]:
    """Tallies of the windows that ended within the sliding reference before a window, versions together."""
    oldest = window.start_s - state.spec.reach_s(ReferenceKind.SLIDING, size)
    found: dict[int, list[Tally]] = {}
    for held in state.tallies.get(where, ()):
        if oldest <= held.window.start_s and held.window.end_s <= window.start_s:
            found.setdefault(held.window.start_s, []).append(held.tally)
    return [Tally.sum(found[start]) for start in sorted(found)]


def _remember(state: ModelState, where: TallyKey, held: TalliedWindow) -> None:
    others = (
        other
        for other in state.tallies.get(where, ())
        if (other.version, other.window) != (held.version, held.window)
    )
    ordered = sorted((*others, held), key=lambda t: (t.window.start_s, t.version))
    state.tallies[where] = tuple(ordered)
    state.changed.add(("tally", (where, held.version, held.window.start_s)))
