"""From a window's verdicts to drift events: every feature's incident goes on by one window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stream_monitor.core.incidents import IncidentTrack, Transition, identify
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.results import DriftEvent, FeatureResult, WindowResult

TrackKey = tuple[str, str, str, str, str]
"""Version, segment, size, feature, reference."""


def follow_incidents(
    result: WindowResult, tracks: Mapping[TrackKey, IncidentTrack], spec: ModelSpec, app: str
) -> tuple[dict[TrackKey, IncidentTrack], list[DriftEvent]]:
    """The tracks that a window moved on, and what there is to publish; muted features have neither."""
    key, size = result.key, result.size
    moved: dict[TrackKey, IncidentTrack] = {}
    events: list[DriftEvent] = []
    for feature in result.features:
        if spec.policy(feature.feature).mute:
            continue
        where = (key.version, key.segment, key.size, feature.feature, feature.reference.value)
        track = tracks.get(where) or _inherited_track(where, tracks, spec)
        moved[where], transitions = track.observe(key.start_s, feature.state, size)
        events += [_event(t, where, feature, result, spec, app) for t in transitions]
    return moved, events


def _event(
    transition: Transition, where: TrackKey, feature: FeatureResult, result: WindowResult,
    spec: ModelSpec, app: str,
) -> DriftEvent:  # fmt: skip
    key, start_s = result.key, transition.window_start_s
    return DriftEvent(
        identify(app, spec.name, *where, str(start_s)),
        identify(app, spec.name, *where[1:], str(transition.opened_s)),
        transition.status,
        transition.revision,
        replace(key, start_s=start_s),
        result.size,
        result.size.window_at(start_s),
        feature.feature,
        feature.reference,
        transition.opened_s,
        feature if start_s == key.start_s else None,
    )


def _inherited_track(
    where: TrackKey, tracks: Mapping[TrackKey, IncidentTrack], spec: ModelSpec
) -> IncidentTrack:
    """A new version goes on from where the latest other version stands, its incidents included."""
    size = next(s for s in spec.windows if s.name == where[2])
    others = [
        (track.verdicts[-1][0], other[0], track)
        for other, track in tracks.items()
        if other[1:] == where[1:] and track.verdicts
    ]
    if not others:
        return IncidentTrack()
    _, _, latest = max(others, key=lambda found: found[:2])
    return IncidentTrack(latest.state(size))
