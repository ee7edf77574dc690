"""A detector's state as records of the compacted state topic: only what changed, each key bounded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from stream_monitor.core.chain import Chain
from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.incidents import IncidentState, IncidentTrack, Status
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.profile.profile import Profile, ProfileKey
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.results import ClosedWindow, Measured, WindowKey
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import Window
from stream_monitor.core.wire import (
    PartitionProgress,
    decode_profile,
    encode_profile,
    frame,
    unframe,
)

StateRecord = tuple[bytes, bytes | None]
"""Key and value; None deletes."""


class StateRecords:
    """Writes changes and reads them back; it remembers how many chunks each profile has in the topic."""

    def __init__(self) -> None:
        self._chunks: dict[bytes, int] = {}

    def changes(self, state: PartitionState) -> list[StateRecord]:
        """Records of everything that changed since the last call, and clears the marks of change."""
        records: list[StateRecord] = [_record(["chain"], _chain_to_json(state))]
        for name, model in sorted(state.models.items()):
            for kind, what in sorted(model.changed, key=repr):
                records += self._changed(name, model, kind, what)
            model.changed.clear()
        return records

    def _changed(self, name: str, model: ModelState, kind: str, what: Any) -> list[StateRecord]:
        if kind == "pane":
            key = ["pane", name, what.version, what.segment, what.pane_s, what.profile_id]
            return self._profile(key, model.panes.get(what), {})
        if kind == "history":
            where, version, window = what
            key = ["history", name, *where, version, window.start_s]
            held = {(v, p.window): p.profile for v, p in model.history.get(where, ())}
            return self._profile(key, held.get((version, window)), {"end_s": window.end_s})
        if kind == "closed":
            key = [
                "closed",
                name,
                what.version,
                what.segment,
                what.size,
                what.start_s,
                what.profile_id,
            ]
            closed = model.closed.get(what)
            if closed is None:
                return [_record(key, None)]
            figures = {
                name: [m.step, m.revision, *m.counted, m.is_final]
                for name, m in closed.performance.items()
            }
            value = [closed.window.end_s, closed.revision, figures]
            return [_record(key, value)]
        if kind == "tracks":
            tracks = {w[3:]: t for w, t in model.tracks.items() if w[:3] == what}
            value = [[*where, _track_to_json(track)] for where, track in sorted(tracks.items())]
            return [_record(["tracks", name, *what], value)]
        if kind == "latest":
            return [_record(["latest", name, *what], model.latest.get(what))]
        return [
            _record(["model", name], [model.watermark_s, model.late_dropped, sorted(model.inexact)])
        ]

    def _profile(
        self, key: list[Any], profile: Profile | None, more: dict[str, Any]
    ) -> list[StateRecord]:
        base = orjson.dumps(key)
        payloads = [] if profile is None else encode_profile(profile)
        before = self._chunks.get(base, 0)
        self._chunks[base] = len(payloads)
        if not payloads:
            del self._chunks[base]
        header = {"key": key, **more}
        written: list[StateRecord] = [
            (orjson.dumps([*key, i]), frame(header, payload)) for i, payload in enumerate(payloads)
        ]
        gone = range(len(payloads), before)
        return written + [(orjson.dumps([*key, i]), None) for i in gone]

    def restore(
        self, state: PartitionState, records: Iterable[tuple[bytes | None, bytes | None]]
    ) -> int:
        """Fills an empty state from a topic's records in order; returns how many could not be read."""
        latest: dict[bytes, bytes] = {}
        for key, value in records:
            if key is not None:
                latest.pop(key, None)
                if value is not None:
                    latest[key] = value
        unreadable = 0
        for key, value in latest.items():
            try:
                self._read(state, orjson.loads(key), value)
            except (UnreadableBytes, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                unreadable += 1
        for model in state.models.values():
            model.wait_for_open_windows()
            model.changed.clear()
        return unreadable

    def _read(self, state: PartitionState, key: list[Any], value: bytes) -> None:
        kind = key[0]
        if kind == "chain":
            _chain_from_json(state, orjson.loads(value))
            return
        model = state.models.get(key[1])
        if model is None:
            return
        if kind in ("pane", "history"):
            self._read_profile(model, key, value)
        elif kind == "closed":
            end_s, revision, performance = orjson.loads(value)
            where = WindowKey(*key[2:7])
            figures = {
                name: Measured(step, n, (predictions, digest), is_final)
                for name, (step, n, predictions, digest, is_final) in performance.items()
            }
            model.closed[where] = ClosedWindow(Window(where.start_s, end_s), revision, figures)
        elif kind == "tracks":
            for feature, reference, data in orjson.loads(value):
                model.tracks[key[2], key[3], key[4], feature, reference] = _track_from_json(data)
        elif kind == "latest":
            model.latest[key[2], key[3], key[4], key[5]] = orjson.loads(value)
        else:
            watermark_s, model.late_dropped, inexact = orjson.loads(value)
            model.watermark_s = watermark_s
            model.inexact = frozenset(inexact)

    def _read_profile(self, model: ModelState, key: list[Any], value: bytes) -> None:
        header, payload = unframe(value)
        base = orjson.dumps(header["key"])
        self._chunks[base] = max(self._chunks.get(base, 0), key[-1] + 1)
        if key[0] == "pane":
            _, name, version, segment, pane_s, profile_id, _ = key
            pane = ProfileKey(name, version, segment, pane_s, profile_id)
            profile = _decode(model, profile_id, segment, payload)
            held = model.panes.get(pane)
            model.panes[pane] = held.merge(profile) if held else profile
            return
        _, _, segment, size, profile_id, version, start_s, _ = key
        window = Window(start_s, header["end_s"])
        profile = _decode(model, profile_id, segment, payload)
        where = (segment, size, profile_id)
        kept = {(v, p.window): p for v, p in model.history.get(where, ())}
        if (version, window) in kept:
            profile = kept[version, window].profile.merge(profile)
        kept[version, window] = WindowProfile(window, profile)
        ordered = sorted(kept.items(), key=lambda item: (item[0][1].start_s, item[0][0]))
        model.history[where] = tuple((v, held) for (v, _), held in ordered)


def _decode(model: ModelState, profile_id: str, segment: str, payload: bytes) -> Profile:
    layout = model.catalogue.layout(model.spec, profile_id)
    if layout is None:
        raise UnreadableBytes(f"no reference has the profile id {profile_id}")
    return decode_profile(payload, layout.of(segment))


def _record(key: list[Any], value: Any) -> StateRecord:
    return orjson.dumps(key), None if value is None else orjson.dumps(value)


def _chain_to_json(state: PartitionState) -> list[Any]:
    chain = state.chain
    progress = [
        [
            p.topic,
            p.topic_id,
            p.partition,
            p.start,
            p.end,
            p.watermark_us,
            p.is_idle,
            p.is_flushed,
            p.lag,
        ]
        # In the order of arrival: of a topic made anew, the later id's watermark counts.
        for p in chain.progress.values()
    ]
    return [chain.violations, chain.duplicates, progress, dict(state.partitions), state.unreadable]


def _chain_from_json(state: PartitionState, data: list[Any]) -> None:
    violations, duplicates, progress, partitions, state.unreadable = data
    steps = [PartitionProgress(*fields) for fields in progress]
    known = {(step.topic_id, step.topic, step.partition): step for step in steps}
    state.chain = Chain(known, violations, duplicates)
    state.partitions = partitions


def _track_to_json(track: IncidentTrack) -> list[Any]:
    base = track.base
    return [
        [base.opened_s, list(base.recent), base.quiet],
        [[start, verdict.value] for start, verdict in track.verdicts],
        [[start, status.value, opened, n] for start, status, opened, n in track.published],
    ]


def _track_from_json(data: list[Any]) -> IncidentTrack:
    (opened_s, recent, quiet), verdicts, published = data
    return IncidentTrack(
        IncidentState(opened_s, tuple(recent), quiet),
        tuple((start, VerdictState(verdict)) for start, verdict in verdicts),
        tuple((start, Status(status), opened, n) for start, status, opened, n in published),
    )
