"""From a window's verdicts to drift events: every feature's incidents go on by one window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stream_monitor.core.incidents import (
    IncidentTrack,
    Moved,
    OpenIncident,
    Transition,
    identify,
)
from stream_monitor.core.policy import ModelSpec, Severity
from stream_monitor.core.results import (
    DriftEvent,
    EarlyFinding,
    FeatureResult,
    Judged,
    by_feature,
    movement,
)
from stream_monitor.core.verdicts import VerdictState

_TRACKS_PER_RECORD = 128

TrackKey = tuple[str, str, str, str]
"""Version, segment, size, feature."""
TrackGroup = tuple[str, str, str, str]
"""Version, segment, size, and which share of the features: tracks that are stored in one record."""


def group_of(where: TrackKey, spec: ModelSpec) -> TrackGroup:
    """The group of a track: by a hash of the feature's name, so many that about 128 tracks are in each."""
    groups = max(1, -(-len(spec.schema.features) // _TRACKS_PER_RECORD))
    return *where[:3], f"{int(identify(where[3])[:8], 16) % groups}/{groups}"


def follow_incidents(
    result: Judged, tracks: Mapping[TrackKey, IncidentTrack], spec: ModelSpec, app: str
) -> tuple[dict[TrackKey, IncidentTrack], list[DriftEvent]]:  # fmt: skip
    """The tracks that a window moved on, and what there is to publish; muted features have neither.

    A window that the calendar mutes neither opens incidents nor ends them.
    """
    key, size = result.key, result.size
    moved: dict[TrackKey, IncidentTrack] = {}
    events: list[DriftEvent] = []
    is_muted = spec.calendar.mutes(result.window, spec.name)
    for name, found in by_feature(result.features).items():
        if spec.policy(name).mute:
            continue
        where = (key.version, key.segment, key.size, name)
        track = track_of(where, tracks, spec)
        is_unknown = all(f.state is VerdictState.NO_REFERENCE for f in found)
        if is_unknown and track.is_judged(key.start_s):
            continue  # A reference came within the window: the part that it judged decides.
        now = None if is_muted else moved_of(found)
        worst = max(found, key=movement)
        is_critical = any(r.severity is Severity.CRITICAL for r in found)
        moved[where], transitions = track.observe(
            key.start_s, now, size, is_critical, worst.cause or ""
        )
        events += [_event(t, where, found, result, spec, app) for t in transitions]
    return moved, events


def open_incidents(
    tracks: Mapping[TrackKey, IncidentTrack], spec: ModelSpec
) -> list[tuple[TrackKey, OpenIncident]]:
    """The incidents that are open; of versions that judge one after the other, those of the newest."""
    newest = newest_starts(tracks)
    sizes = {size.name: size for size in spec.windows}
    return [
        (where, incident)
        for where, track in tracks.items()
        if track.windows[-1][0] == newest[where[1:]]
        and (track.base.open or any(moved for _, moved, *_ in track.windows))
        for incident in track.state(sizes[where[2]]).open
    ]


def newest_starts(tracks: Mapping[TrackKey, IncidentTrack]) -> dict[tuple[str, ...], int]:
    """Start of the last window of any version, by segment, size and feature."""
    newest: dict[tuple[str, ...], int] = {}
    for where, track in tracks.items():
        start_s = track.windows[-1][0]
        newest[where[1:]] = max(start_s, newest.get(where[1:], start_s))
    return newest


def moved_of(results: Iterable[FeatureResult]) -> Moved:
    """The references against which a feature drifts; None where none could judge it."""
    judged = [r for r in results if r.state.is_judged]
    if not judged:
        return None
    return tuple(sorted(r.reference.value for r in judged if r.state is VerdictState.DRIFT))


def _event(
    transition: Transition, where: TrackKey, found: Sequence[FeatureResult], result: Judged,
    spec: ModelSpec, app: str,
) -> DriftEvent:  # fmt: skip
    key, start_s, opened = result.key, transition.window_start_s, str(transition.opened_s)
    is_now = start_s == key.start_s
    return DriftEvent(
        event_id=identify(app, spec.name, *where, str(start_s), opened),
        incident_id=identify(app, spec.name, *where[1:], opened),
        status=transition.status,
        revision=transition.revision,
        key=replace(key, start_s=start_s),
        size=result.size,
        window=result.size.window_at(start_s),
        feature=where[3],
        references=transition.references,
        opened_s=transition.opened_s,
        results=tuple(found) if is_now else (),
        until_s=result.until_s if isinstance(result, EarlyFinding) else result.window.end_s,
        source=result.source if is_now else (),
    )


def track_of(
    where: TrackKey, tracks: Mapping[TrackKey, IncidentTrack], spec: ModelSpec
) -> IncidentTrack:
    """A track; a new version goes on from where the latest other version stands, its incidents included."""
    if where in tracks:
        return tracks[where]
    size = next(s for s in spec.windows if s.name == where[2])
    others = [
        (track.windows[-1][0], other[0], track)
        for other, track in tracks.items()
        if other[1:] == where[1:] and track.windows
    ]
    if not others:
        return IncidentTrack()
    _, _, latest = max(others, key=lambda found: found[:2])
    return IncidentTrack(latest.state(size))
