"""Looking at a window that is still open: what of it moves incidents. When is in turns.py."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from stream_monitor.core.drift_events import track_of
from stream_monitor.core.early_judging import judge_part, part_reference
from stream_monitor.core.explaining import Explainer
from stream_monitor.core.measuring import follow
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.results import DriftEvent, EarlyFinding, FeatureResult, WindowKey
from stream_monitor.core.windows import Window, WindowSize

if TYPE_CHECKING:
    from stream_monitor.core.model_state import ModelState


def look(state: ModelState, key: WindowKey, size: WindowSize, until_s: int) -> list[DriftEvent]:
    """Judges an open window by its panes before an instant; what drifts moves incidents on.

    Once per feature and window, and only where no incident is open: that one may be about references that
    do not judge parts, for which the window must not count as quiet.
    """
    window = size.window_at(key.start_s)
    panes = state.panes_of(key, Window(window.start_s, until_s))
    if not panes or state.spec.calendar.mutes(window, state.spec.name):
        return []
    profile = reduce(Profile.merge, panes.values())
    part = WindowProfile(Window(window.start_s, until_s), profile.without_outcomes())
    totals: dict[tuple[ReferenceKind, str], WindowProfile | None] = {}
    found: list[FeatureResult] = []
    for kind in (kind for kind in state.spec.kinds_for(size) if kind.is_frozen):
        reference = part_reference(
            kind, until_s - window.start_s, key, size, state.spec, state.catalogue
        )
        if reference is not None:
            totals[kind, key.segment] = reference.view.total
            judged = judge_part(kind, reference, part, key, size, state.spec, state.catalogue)
            found += (r for r in judged if _is_news(state, key, size, r.feature))
    if not found:
        return []
    explainer = Explainer(part, key, state.spec, state.catalogue, {}, {}, totals)
    explained = explainer.explained(found)
    return follow(state, EarlyFinding(key, size, window, until_s, explained, profile.source))


def _is_news(state: ModelState, key: WindowKey, size: WindowSize, feature: str) -> bool:
    where = (key.version, key.segment, key.size, feature)
    track = track_of(where, state.tracks, state.spec)
    return not track.is_judged(key.start_s) and not track.state(size).open
