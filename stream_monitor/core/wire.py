"""The wire format of profiles, deltas and markers: versioned, bounded, no pickle.

A profile is written as sparse entries that add up, so one too large for a record is several records,
each a profile of its own. Version 2: magic `SM`, version byte, orjson header, arrays.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.listings import is_listing, listings_of, read_listing
from stream_monitor.core.profile.counter import Delta
from stream_monitor.core.profile.part import Part
from stream_monitor.core.profile.profile import Layout, Profile, ProfileKey
from stream_monitor.core.profile.source import SourcePart
from stream_monitor.core.profile.unknown_fields import UnknownFieldsPart

MAGIC: Final = b"SM"
VERSION: Final = 2
MAX_PAYLOAD_BYTES: Final = 900_000
_ENTRY_BYTES = 12
_MAX_HEADER_BYTES = 64 * 2**20
_COUNTS = np.dtype([("i", "<u4"), ("v", "<i8")])
_EXTREMES = np.dtype([("i", "<u4"), ("v", "<f8")])
_HEAD = struct.Struct("<2sBI")


def encode_profile(profile: Profile, max_bytes: int = MAX_PAYLOAD_BYTES) -> list[bytes]:
    """One or more payloads, each under about `max_bytes`, that merge to the profile."""
    payloads: list[bytes] = []
    header: list[dict[str, Any]] = []
    body: list[bytes] = []
    size = 0

    def flush() -> None:
        nonlocal size
        payloads.append(frame({"arrays": header}, b"".join(body)))
        header.clear()
        body.clear()
        size = 0

    for entry, data in _entries(profile):
        step = max(1, (max_bytes - 4_096) // _ENTRY_BYTES) * _ENTRY_BYTES
        for start in range(0, max(len(data), 1), step):
            piece = data[start : start + step]
            cost = len(piece) + 64 + (len(orjson.dumps(entry)) if is_listing(entry) else 0)
            if body and size + cost > max_bytes - 4_096:
                flush()
            header.append({**entry, "bytes": len(piece)})
            body.append(piece)
            size += cost
    flush()
    return payloads


def _entries(profile: Profile) -> list[tuple[dict[str, Any], bytes]]:
    found: list[tuple[dict[str, Any], bytes]] = []
    for name, part in sorted(profile.parts.items()):
        for array_name, array in part.arrays.items():
            flat = array[0].reshape(-1)
            is_count = flat.dtype == np.int64
            where = np.flatnonzero(flat if is_count else np.isfinite(flat))
            if len(where):
                packed = np.empty(len(where), dtype=_COUNTS if is_count else _EXTREMES)
                packed["i"], packed["v"] = where, flat[where]
                entry = {"part": name, "array": array_name, "size": len(flat)}
                found.append((entry, packed.tobytes()))
        found += [(entry, b"") for entry in listings_of(name, part)]
    return found


def profile_digest(profile: Profile) -> str:
    """32 hex digits, equal exactly when every count and sum is.

    Where the rows lie and which fields nobody asked for is left out: a table of the same rows has neither.
    """
    digest = hashlib.blake2b(digest_size=16)
    for payload in encode_profile(profile.without(SourcePart.name, UnknownFieldsPart.name)):
        digest.update(payload)
    return digest.hexdigest()


def decode_profile(payload: bytes, layout: Layout) -> Profile:
    """The profile of one payload; raises UnreadableBytes unless it fits the layout exactly.

    Only a joint part of other parameters, from before or after a change of them, is passed over.
    """
    header, body = unframe(payload)
    parts: dict[str, Part] = {}
    offset = 0
    try:
        for entry in header["arrays"]:
            name = entry["part"]
            if is_listing(entry):
                read_listing(_part(parts, name, layout), entry)
                continue
            end = offset + int(entry["bytes"])
            if end > len(body) or entry["bytes"] < 0:
                raise UnreadableBytes("a profile is cut short")
            if not layout.is_foreign_joint(name):
                part = _part(parts, name, layout)
                _read_array(part, entry["array"], int(entry["size"]), body[offset:end])
            offset = end
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UnreadableBytes(f"a profile does not fit its layout: {error!r}") from error
    if offset != len(body):
        raise UnreadableBytes("a profile is followed by other bytes")
    return Profile(layout, parts)


def _part(parts: dict[str, Part], name: str, layout: Layout) -> Part:
    if name not in parts:
        parts[name] = layout.empty_part(name)
    return parts[name]


def _read_array(part: Part, name: str, size: int, data: bytes) -> None:
    flat = part.arrays[name][0].reshape(-1)
    if size != len(flat):
        raise UnreadableBytes(f"{part.name}.{name} has {size} entries, the layout {len(flat)}")
    packed = np.frombuffer(data, dtype=_COUNTS if flat.dtype == np.int64 else _EXTREMES)
    if len(packed) and int(packed["i"].max()) >= len(flat):
        raise UnreadableBytes(f"{part.name}.{name} holds an index beyond its {len(flat)} entries")
    flat[packed["i"]] = packed["v"]
    part.arrays[name] = flat.reshape(part.arrays[name].shape)


def encode_delta(delta: Delta, epoch: str, sequence: int) -> list[bytes]:
    """The records of one delta: each names its commit (as the marker will), its key, and a payload."""
    key = delta.key
    head = {
        "type": "delta", "epoch": epoch, "sequence": sequence,
        "model": key.model, "version": key.version, "segment": key.segment,
        "pane_s": key.pane_s, "profile_id": key.profile_id,
    }  # fmt: skip
    return [frame(head, payload) for payload in encode_profile(delta.profile)]


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """What one commit read of one source partition: offsets [start, end) and its time.

    `watermark_us` is None until an event was seen; `is_idle` says that the partition's end was reached
    and nothing came for the idle time-out; `is_flushed` that no more will come (history mode's end).
    """

    topic: str
    topic_id: str
    partition: int
    start: int
    end: int
    watermark_us: int | None
    is_idle: bool = False
    is_flushed: bool = False
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Marker:
    """The receipt of one profiler commit, written last to every deltas partition.

    `deltas` is the number of delta records that the commit wrote to the marker's partition;
    `partitions` the partition count of each source topic. `rejected` has one (model, dead letters,
    records) per model that the commit read of; "" stands for records whose model could not be read.
    """

    instance: str
    epoch: str
    sequence: int
    progress: tuple[PartitionProgress, ...]
    partitions: tuple[tuple[str, int], ...]
    deltas: int
    rejected: tuple[tuple[str, int, int], ...] = ()


def encode_marker(marker: Marker) -> bytes:
    """The record of a marker."""
    return frame(
        {
            "type": "marker",
            "instance": marker.instance,
            "epoch": marker.epoch,
            "sequence": marker.sequence,
            "partitions": [list(pair) for pair in marker.partitions],
            "deltas": marker.deltas,
            "rejected": [list(counts) for counts in marker.rejected],
            "progress": [
                [p.topic, p.topic_id, p.partition, p.start, p.end, p.watermark_us, p.is_idle,
                 p.is_flushed, p.lag]
                for p in marker.progress
            ],
        },
        b"",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class EncodedDelta:
    """A delta whose profile is not yet decoded: its layout is found by the key's profile id."""

    epoch: str
    sequence: int
    key: ProfileKey
    payload: bytes

    def decode(self, layout: Layout) -> Delta:
        """The delta under the model's layout; raises UnreadableBytes."""
        return Delta(self.key, decode_profile(self.payload, layout.of(self.key.segment)))


def decode_record(data: bytes) -> EncodedDelta | Marker:
    """A record of the deltas topic; raises UnreadableBytes."""
    head, payload = unframe(data)
    try:
        if head["type"] == "delta":
            key = ProfileKey(
                str(head["model"]), str(head["version"]), str(head["segment"]),
                int(head["pane_s"]), str(head["profile_id"]),
            )  # fmt: skip
            return EncodedDelta(str(head["epoch"]), int(head["sequence"]), key, payload)
        return Marker(
            str(head["instance"]),
            str(head["epoch"]),
            int(head["sequence"]),
            tuple(_progress(fields) for fields in head["progress"]),
            tuple((str(topic), int(count)) for topic, count in head["partitions"]),
            int(head["deltas"]),
            tuple((str(m), int(dead), int(n)) for m, dead, n in head.get("rejected", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableBytes(f"a deltas record lacks {error}") from error


def _progress(fields: list[Any]) -> PartitionProgress:
    topic, topic_id, partition, start, end, watermark_us, is_idle, is_flushed, lag = fields
    return PartitionProgress(
        str(topic), str(topic_id), int(partition), int(start), int(end),
        None if watermark_us is None else int(watermark_us), bool(is_idle), bool(is_flushed), int(lag),
    )  # fmt: skip


def frame(header: dict[str, Any], body: bytes) -> bytes:
    """A header and a body as versioned bytes."""
    head = orjson.dumps(header)
    return _HEAD.pack(MAGIC, VERSION, len(head)) + head + body


def unframe(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and body of `frame`; raises UnreadableBytes for anything else."""
    if len(data) < _HEAD.size:
        raise UnreadableBytes("fewer bytes than a header")
    magic, version, size = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise UnreadableBytes("not written by stream_monitor")
    if version != VERSION:
        raise UnreadableBytes(f"wire version {version} is not known: {_what_to_do(version)}")
    if size > min(_MAX_HEADER_BYTES, len(data) - _HEAD.size):
        raise UnreadableBytes("a header longer than its record")
    try:
        header = orjson.loads(data[_HEAD.size : _HEAD.size + size])
    except orjson.JSONDecodeError as error:
        raise UnreadableBytes("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise UnreadableBytes("a header that is not an object")
    return header, data[_HEAD.size + size :]


def _what_to_do(version: int) -> str:
    if version > VERSION:
        return "upgrade stream_monitor"
    return "an older stream_monitor wrote it, build references and topics anew"
