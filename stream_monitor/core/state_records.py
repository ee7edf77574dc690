"""A detector's state as records of the compacted state topic: only what changed, each key bounded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from stream_monitor.core.drift_events import group_of
from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.performance.tally import tally_from_json, tally_to_json
from stream_monitor.core.performance_judging import TalliedWindow
from stream_monitor.core.profile.profile import Profile, ProfileKey
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.results import WindowKey
from stream_monitor.core.state_json import (
    chain_from_json,
    chain_to_json,
    closed_from_json,
    closed_to_json,
    inputs_from_json,
    inputs_to_json,
    track_from_json,
    track_to_json,
)
from stream_monitor.core.windows import Window
from stream_monitor.core.wire import (
    MAX_PAYLOAD_BYTES,
    decode_profile,
    encode_profile,
    frame,
    unframe,
)

StateRecord = tuple[bytes, bytes | None]
"""Key and value; None deletes."""


class StateRecords:
    """Writes changes and reads them back; it remembers in how many pieces each key is in the topic."""

    def __init__(self) -> None:
        self._pieces: dict[bytes, int] = {}

    def changes(self, state: PartitionState) -> list[StateRecord]:
        """Records of everything that changed since the last call, and clears the marks of change."""
        records = self._json(["chain"], chain_to_json(state))
        for name in sorted(state.changed_inputs):
            records += self._json(["input_schema", name], inputs_to_json(state.inputs[name]))
        state.changed_inputs.clear()
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
            past = {(v, p.window): p for v, p in model.history.get(where, ())}
            kept = past.get((version, window))
            head = {"end_s": window.end_s, "alarmed": kept.alarmed if kept else ()}
            return self._profile(key, kept.profile if kept else None, head)
        if kind == "tally":
            (where, version, start_s) = what
            tallies = {(t.version, t.window.start_s): t for t in model.tallies.get(where, ())}
            held = tallies.get((version, start_s))
            value = None if held is None else [held.window.end_s, tally_to_json(held.tally)]
            return self._json(["tally", name, *where, version, start_s], value)
        if kind == "closed":
            place = [what.version, what.segment, what.size, what.start_s, what.profile_id]
            closed = model.closed.get(what)
            value = None if closed is None else closed_to_json(closed)
            return self._json(["closed", name, *place], value)
        if kind == "tracks":
            tracks = {w[3:]: t for w, t in model.tracks.items() if group_of(w, model.spec) == what}
            listed = [[name, track_to_json(track)] for (name,), track in sorted(tracks.items())]
            return self._json(["tracks", name, *what], listed or None)
        if kind == "latest":
            return self._json(["latest", name, *what], model.latest.get(what))
        inexact = [[w.start_s, w.end_s] for w in model.inexact]
        return self._json(["model", name], [model.watermark_s, model.late_dropped, inexact])

    def _json(self, key: list[Any], value: Any) -> list[StateRecord]:
        """A value as JSON in pieces of at most MAX_PAYLOAD_BYTES; None deletes."""
        data = b"" if value is None else orjson.dumps(value)
        starts = range(0, len(data), MAX_PAYLOAD_BYTES)
        return self._written(key, [data[at : at + MAX_PAYLOAD_BYTES] for at in starts])

    def _written(self, key: list[Any], pieces: list[bytes]) -> list[StateRecord]:
        """The pieces, and deletions of those that there were more before."""
        base = orjson.dumps(key)
        before = self._pieces.pop(base, 0)
        if pieces:
            self._pieces[base] = len(pieces)
        written: list[StateRecord] = [
            (orjson.dumps([*key, i]), piece) for i, piece in enumerate(pieces)
        ]
        return written + [(orjson.dumps([*key, i]), None) for i in range(len(pieces), before)]

    def _profile(
        self, key: list[Any], profile: Profile | None, more: dict[str, Any]
    ) -> list[StateRecord]:
        payloads = [] if profile is None else encode_profile(profile)
        header = {"key": key, **more}
        return self._written(key, [frame(header, payload) for payload in payloads])

    def restore(
        self, state: PartitionState, records: Iterable[tuple[bytes | None, bytes | None]]
    ) -> int:
        """Fills an empty state from a topic's records in order; returns how many could not be read."""
        found: dict[bytes, dict[int, bytes]] = {}
        unreadable = 0
        for key, value in records:
            try:
                *name, piece = orjson.loads(key) if key is not None else []
                base = orjson.dumps(name)
                if type(piece) is not int:
                    raise TypeError("the key does not end in the number of its piece")
            except (orjson.JSONDecodeError, TypeError, ValueError):
                unreadable += key is not None and value is not None
                continue
            found.setdefault(base, {}).pop(piece, None)
            if value is not None:
                found[base][piece] = value
        for base, pieces in found.items():
            if pieces:
                self._pieces[base] = max(pieces) + 1
                unreadable += self._restore_key(state, orjson.loads(base), pieces)
        for model in state.models.values():
            model.resume()
        return unreadable

    def _restore_key(self, state: PartitionState, key: list[Any], pieces: dict[int, bytes]) -> int:
        """Reads one key's pieces; returns how many could not be read."""
        in_order = [pieces[i] for i in sorted(pieces)]
        whole = in_order if key and key[0] in ("pane", "history") else [b"".join(in_order)]
        unreadable = 0
        for value in whole:
            try:
                self._read(state, key, value)
            except (UnreadableBytes, KeyError, IndexError, TypeError, ValueError):
                unreadable += 1
        return unreadable

    def _read(self, state: PartitionState, key: list[Any], value: bytes) -> None:
        kind = key[0]
        if kind == "chain":
            chain_from_json(state, orjson.loads(value))
            return
        if kind == "input_schema":
            state.inputs[key[1]] = inputs_from_json(orjson.loads(value))
            return
        model = state.models.get(key[1])
        if model is None:
            return
        if kind in ("pane", "history"):
            _read_profile(model, key, value)
        elif kind == "closed":
            where = WindowKey(*key[2:7])
            model.closed[where] = closed_from_json(where.start_s, orjson.loads(value))
        elif kind == "tally":
            _read_tally(model, key, orjson.loads(value))
        elif kind == "tracks":
            _read_tracks(model, key, orjson.loads(value))
        elif kind == "latest":
            model.latest[key[2], key[3], key[4], key[5]] = orjson.loads(value)
        else:
            model.watermark_s, model.late_dropped, inexact = orjson.loads(value)
            model.inexact = tuple(Window(start_s, end_s) for start_s, end_s in inexact)


def _read_tracks(model: ModelState, key: list[Any], listed: list[Any]) -> None:
    """Tracks of groups as another number of features made them are written anew."""
    version, segment, size, _ = group = (key[2], key[3], key[4], key[5])
    for feature, data in listed:
        where = (version, segment, size, feature)
        model.tracks[where] = track_from_json(data)
        if group_of(where, model.spec) != group:
            model.changed |= {("tracks", group), ("tracks", group_of(where, model.spec))}


def _read_tally(model: ModelState, key: list[Any], data: list[Any]) -> None:
    _, _, segment, size, outcome, version, start_s = key
    end_s, tally = data
    read = TalliedWindow(version, Window(start_s, end_s), tally_from_json(tally))
    held = (*model.tallies.get((segment, size, outcome), ()), read)
    ordered = sorted(held, key=lambda t: (t.window.start_s, t.version))
    model.tallies[segment, size, outcome] = tuple(ordered)


def _read_profile(model: ModelState, key: list[Any], value: bytes) -> None:
    header, payload = unframe(value)
    if key[0] == "pane":
        _, name, version, segment, pane_s, profile_id = key
        pane = ProfileKey(name, version, segment, pane_s, profile_id)
        profile = _decode(model, profile_id, segment, payload)
        held = model.panes.get(pane)
        model.panes[pane] = held.merge(profile) if held else profile
        return
    _, _, segment, size, profile_id, version, start_s = key
    window = Window(start_s, header["end_s"])
    profile = _decode(model, profile_id, segment, payload)
    where = (segment, size, profile_id)
    kept = {(v, p.window): p for v, p in model.history.get(where, ())}
    if (version, window) in kept:
        profile = kept[version, window].profile.merge(profile)
    kept[version, window] = WindowProfile(window, profile, tuple(header["alarmed"]))
    ordered = sorted(kept.items(), key=lambda item: (item[0][1].start_s, item[0][0]))
    model.history[where] = tuple((v, held) for (v, _), held in ordered)


def _decode(model: ModelState, profile_id: str, segment: str, payload: bytes) -> Profile:
    layout = model.catalogue.layout(model.spec, profile_id)
    if layout is None:
        raise UnreadableBytes(f"no reference has the profile id {profile_id}")
    return decode_profile(payload, layout.of(segment))
