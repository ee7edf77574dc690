"""References as records of the references topic (or lines of a file): one header, then profiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from stream_monitor.core.binning import binning_from_json, binning_to_json
from stream_monitor.core.errors import StreamMonitorError, UnreadableBytes
from stream_monitor.core.incidents import identify
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.profile.joint_params import joint_from_json, joint_to_json
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.core.references import Reference, SegmentReference, WindowProfile
from stream_monitor.core.schema import Outcome, OutcomeKind
from stream_monitor.core.windows import Window
from stream_monitor.core.wire import decode_profile, encode_profile, frame, unframe


def encode_reference(reference: Reference) -> list[tuple[bytes, bytes]]:
    """(key, value) records. Their number is in the first; a reader waits for all of one generation."""
    base = f"{reference.model}·{reference.version}·{reference.kind}"
    bodies: list[tuple[dict[str, Any], bytes]] = []
    for segment, held in sorted(reference.segments.items()):
        bodies += _encode(held.total, {"segment": segment, "size": None})
        for size, windows in sorted(held.windows.items()):
            for window in windows:
                bodies += _encode(window, {"segment": segment, "size": size})
    generation = identify(base, *(payload.hex() for _, payload in bodies))
    header = {
        "type": "reference", "model": reference.model, "version": reference.version,
        "kind": reference.kind.value, "start_s": reference.start_s, "end_s": reference.end_s,
        "binning": binning_to_json(reference.layout.binning), "generation": generation,
        "joint": reference.layout.joint and joint_to_json(reference.layout.joint),
        "outcomes": [_outcome_to_json(o) for o in reference.layout.outcomes], "parts": len(bodies),
    }  # fmt: skip
    records = [(f"{base}·0".encode(), frame(header, b""))]
    for i, (head, payload) in enumerate(bodies, 1):
        head |= {"type": "part", "generation": generation}
        records.append((f"{base}·{i}".encode(), frame(head, payload)))
    return records


def _encode(held: WindowProfile, head: dict[str, Any]) -> list[tuple[dict[str, Any], bytes]]:
    head = {**head, "start_s": held.window.start_s, "end_s": held.window.end_s}
    return [(dict(head), payload) for payload in encode_profile(held.profile)]


@dataclass(slots=True)
class _Arriving:
    header: dict[str, Any] | None = None
    parts: dict[bytes, bytes] = field(default_factory=dict)


class ReferenceAssembler:
    """Puts references together from their records, in whatever order they come."""

    def __init__(self) -> None:
        self._arriving: dict[tuple[bytes, str], _Arriving] = {}
        self.unreadable = 0

    def add(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> list[Reference]:
        """The references that became whole; records that cannot be read are counted."""
        whole = []
        for key, value in records:
            if key is None or value is None:
                continue
            try:
                found = self._add(key, value)
            except (StreamMonitorError, KeyError, TypeError, ValueError):
                self.unreadable += 1
                continue
            if found is not None:
                whole.append(found)
        return whole

    def _add(self, key: bytes, value: bytes) -> Reference | None:
        head, _ = unframe(value)
        base = key.rpartition("·".encode())[0]
        own = (base, str(head["generation"]))
        arriving = self._arriving.setdefault(own, _Arriving())
        if head["type"] == "reference":
            arriving.header = head
        else:
            arriving.parts[key] = value
        if arriving.header is None or len(arriving.parts) < arriving.header["parts"]:
            return None
        # Compaction has taken parts of generations that began earlier: they will never be whole.
        for other in [name for name in self._arriving if name[0] == base]:
            del self._arriving[other]
            if other == own:
                break
        return _assemble(arriving.header, arriving.parts)


def _assemble(header: dict[str, Any], parts: dict[bytes, bytes]) -> Reference:
    outcomes = tuple(_outcome_from_json(o) for o in header["outcomes"])
    joint = header["joint"] and joint_from_json(header["joint"])
    layout = Layout(binning_from_json(header["binning"]), outcomes, joint=joint)
    profiles: dict[tuple[str, str | None, Window], Profile] = {}
    for value in parts.values():
        head, payload = unframe(value)
        where = (head["segment"], head["size"], Window(head["start_s"], head["end_s"]))
        profile = decode_profile(payload, layout.of(head["segment"]))
        profiles[where] = profiles[where].merge(profile) if where in profiles else profile
    segments: dict[str, SegmentReference] = {}
    for segment in sorted({segment for segment, _, _ in profiles}):
        total = None
        windows: dict[str, list[WindowProfile]] = {}
        for (name, size, window), profile in sorted(
            profiles.items(), key=lambda p: p[0][2].start_s
        ):
            if name == segment and size is None:
                total = WindowProfile(window, profile)
            elif name == segment and size is not None:
                windows.setdefault(size, []).append(WindowProfile(window, profile))
        if total is None:
            raise UnreadableBytes(f"the reference lacks the whole of segment {segment}")
        segments[segment] = SegmentReference(total, {k: tuple(v) for k, v in windows.items()})
    return Reference(
        header["model"], header["version"], ReferenceKind(header["kind"]), layout,
        header["start_s"], header["end_s"], segments,
    )  # fmt: skip


def _outcome_to_json(outcome: Outcome) -> list[Any]:
    return [
        outcome.name, outcome.kind.value, list(outcome.classes), outcome.positive,
        outcome.horizon_s, outcome.resolution, outcome.absent_means,
    ]  # fmt: skip


def _outcome_from_json(data: list[Any]) -> Outcome:
    name, kind, classes, positive, horizon_s, resolution, *absent = data
    return Outcome(
        name, OutcomeKind(kind), tuple(classes), positive, horizon_s, resolution, *absent
    )


def dump_references(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Records as lines of JSON, for a file."""
    return b"".join(
        orjson.dumps([key.decode(), value.hex()], option=orjson.OPT_APPEND_NEWLINE)
        for key, value in records
    )


def parse_references(data: bytes) -> list[tuple[bytes, bytes]]:
    """The records of dump_references; raises UnreadableBytes."""
    try:
        lines = [orjson.loads(line) for line in data.splitlines()]
        return [(key.encode(), bytes.fromhex(value)) for key, value in lines]
    except (orjson.JSONDecodeError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableBytes("the file holds no reference of stream_monitor") from error
