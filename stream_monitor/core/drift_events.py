"""From a window's verdicts to drift events: every feature's incident goes on by one window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stream_monitor.core.incidents import IncidentTrack, Transition, identify
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.results import DriftEvent, FeatureResult, WindowResult
from stream_monitor.core.verdicts import VerdictState

_TRACKS_PER_RECORD = 128

TrackKey = tuple[str, str, str, str, str]
"""Version, segment, size, feature, reference."""
TrackGroup = tuple[str, str, str, str]
"""Version, segment, size, and which share of the features: tracks that are stored in one record."""


def group_of(where: TrackKey, spec: ModelSpec) -> TrackGroup:
    """The group of a track: by a hash of the feature's name, so many that about 128 tracks are in each."""
    tracks = len(spec.schema.features) * len(spec.references)
    groups = max(1, -(-tracks // _TRACKS_PER_RECORD))
    return *where[:3], f"{int(identify(where[3])[:8], 16) % groups}/{groups}"


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
        if feature.state is VerdictState.NO_REFERENCE and track.is_judged(key.start_s):
            continue  # A reference came within the window: the part that it judged decides.
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
