"""Bytes from anywhere, of any size: read, refused with a reason, or counted as unreadable; nothing else."""

from __future__ import annotations

import json
import resource
import struct
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.decoding.labels import LabelDecoder
from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.join_log import JoinStep, decode_entry, encode_entries
from stream_monitor.core.profile.counter import Delta
from stream_monitor.core.profile.profile import ProfileKey
from stream_monitor.core.reference_records import (
    ReferenceAssembler,
    dump_references,
    encode_reference,
    parse_references,
)
from stream_monitor.core.references import build_reference
from stream_monitor.core.source_notes import decode_note
from stream_monitor.core.wire import (
    MAGIC,
    EncodedDelta,
    Marker,
    PartitionProgress,
    decode_profile,
    decode_record,
    encode_delta,
    encode_marker,
    encode_profile,
    frame,
    unframe,
)
from tests.laws.mergeables import LAYOUT, MERGEABLES
from tests.unit.core.builders import HOUR_S, events, model_spec, records

FUZZ = settings(max_examples=60, deadline=None)
SPEC = model_spec(segment_keys=("origin",))
PROFILE = MERGEABLES["profile"].count([("numeric", ((1.0, 0), (3.0, 0)))])
(PAYLOAD,) = encode_profile(PROFILE)
KEY = ProfileKey("flights", "3", "all", 1_500, LAYOUT.profile_id)
DELTA = encode_delta(Delta(KEY, PROFILE), "epoch", 4)[0]
MARKER = encode_marker(
    Marker("p", "e", 4, (PartitionProgress("t", "id", 0, 5, 9, 1),), (("t", 1),), 2)
)
REFERENCE = encode_reference(
    build_reference(
        SPEC,
        [events(np.linspace(0, 3 * HOUR_S, 50, endpoint=False), np.arange(50.0), ["UA"] * 50,
                segment=["JFK"] * 50)],
        "1",
    )
)  # fmt: skip
ENTRY = encode_entries("id", {"inference": (1, 5)}, [JoinStep(erased=("a",))])[0]
MODELS = {"flights": SPEC}
MAX_BYTES = 200_000


def read_record(data: bytes) -> None:
    decoded = decode_record(data)
    if isinstance(decoded, EncodedDelta):
        decoded.decode(LAYOUT)


READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "record, a delta": (read_record, DELTA),
    "record, a marker": (read_record, MARKER),
    "profile": (lambda data: decode_profile(data, LAYOUT), PAYLOAD),
    "frame": (unframe, frame({"a": [1]}, b"body")),
    "join entry": (decode_entry, ENTRY),
    "reference file": (parse_references, dump_references(REFERENCE)),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)  # fmt: skip


def reads_or_refuses(read: Callable[[bytes], object], data: bytes) -> None:
    with suppress(UnreadableBytes):
        read(data)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@FUZZ
def test_arbitrary_and_damaged_bytes_are_read_or_refused(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    reads_or_refuses(read, data.draw(st.binary(max_size=200)))
    start, size = data.draw(st.integers(0, len(good))), data.draw(st.integers(0, 40))
    reads_or_refuses(read, good[:start] + data.draw(st.binary(max_size=40)) + good[start + size :])
    reads_or_refuses(read, good[:start])
    reads_or_refuses(read, good + good)


@pytest.mark.parametrize("name", [name for name in READERS if name != "reference file"])
@given(data=st.data())
@FUZZ
def test_any_header_is_read_or_refused(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    header, body = unframe(good)
    field = data.draw(st.sampled_from([*header, "another"]))
    reads_or_refuses(read, frame(header | {field: data.draw(JSON)}, body))
    del header[data.draw(st.sampled_from([*header]))]
    reads_or_refuses(read, frame(header, body))


@given(data=st.data())
@FUZZ
def test_damaged_references_are_counted_and_others_read(data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(REFERENCE) - 1))
    key, value = REFERENCE[row]
    header, body = unframe(value)
    header[data.draw(st.sampled_from([*header]))] = data.draw(JSON)
    damaged = [*REFERENCE[:row], (key, frame(header, body)), *REFERENCE[row + 1 :]]
    noise = [(data.draw(st.binary(max_size=9)), data.draw(st.binary(max_size=30)))]
    ReferenceAssembler().add([*damaged, *noise])
    assembler = ReferenceAssembler()
    assert len(assembler.add([*noise, *REFERENCE])) == 1
    assert assembler.unreadable == 1


@given(JSON | st.text(max_size=30))
@FUZZ
def test_a_note_is_read_or_none(value: object) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    note = decode_note(text, 5)
    assert note is None or 0 <= note.begin <= 5


NESTED = 100_000
VAST: dict[str, bytes] = {
    "deep lists": b"[" * NESTED + b"]" * NESTED,
    "deep objects": b'{"a":' * NESTED + b"1" + b"}" * NESTED,
    "open brackets": b"[" * MAX_BYTES,
    "a number of 5,000 digits": b'{"prediction_id": "a", "timestamp": ' + b"9" * 5_000 + b"}",
    "numbers beyond a double": b'{"prediction_id": "a", "model": "flights", "features": {"amount": '
    b'1e999, "carrier": -1e999}, "latency_ms": 1e400, "status": -1e300}',
    "a text of escapes": b'{"prediction_id": "' + b"\\u0000" * 30_000 + b'"}',
    "a key of 100 kB": b'{"' + b"k" * 100_000 + b'": 1}',
    "20,000 keys": json.dumps({f"k{i}": i for i in range(20_000)}).encode()[:MAX_BYTES],
    "20,000 times one key": b"{" + b'"model": "x",' * 10_000 + b'"model": "flights"}',
    "lone surrogate": b'{"prediction_id": "\\ud800", "model": "flights", "features": {}}',
    "not UTF-8": b"\xff\xfe" * 1_000,
    "zeros": bytes(100_000),
    "byte order mark": b"\xef\xbb\xbf{}",
    "nothing": b"",
    "blanks": b" " * 100_000,
    "too large": b"{" + b" " * MAX_BYTES + b"}",
}  # fmt: skip


@pytest.mark.parametrize("name", VAST)
def test_vast_and_odd_texts_are_events_or_rejects_with_a_reason(name: str) -> None:
    good = b'{"prediction_id": "x", "model": "flights", "features": {"amount": 1, "carrier": "UA"}}'
    batch = records([good, VAST[name], good])
    found = InferenceDecoder(MODELS, MAX_BYTES, 300_000).decode(batch)
    rows = [int(row) for columns in found.columns for row in columns.row]
    rejected = [reject.row for reject in found.rejected]
    assert sorted(rows + rejected) == [0, 1, 2]
    assert {0, 2} <= set(rows)
    assert all(reject.reason and len(reject.message) < 200 for reject in found.rejected)
    labels = LabelDecoder(MAX_BYTES, 300_000).decode(records([VAST[name]]))
    assert labels.columns.n + len(labels.rejected) == 1


@pytest.mark.parametrize("name", VAST)
def test_vast_and_odd_texts_are_refused_as_headers(name: str) -> None:
    text = VAST[name]
    for read, _ in READERS.values():
        reads_or_refuses(read, text)
        reads_or_refuses(read, struct.pack("<2sBI", MAGIC, 1, len(text)) + text)


@pytest.mark.parametrize(
    "entry",
    [
        {"size": 2**62, "bytes": 12}, {"size": 6, "bytes": 2**62}, {"size": -1, "bytes": 0},
        {"size": 6, "bytes": -12}, {"size": 1e308, "bytes": 0}, {"size": 6, "bytes": 1e308},
        {"size": "6" * 5_000, "bytes": 0}, {"size": 6, "bytes": 11}, {"size": True, "bytes": 1},
    ],
)  # fmt: skip
def test_claims_of_vast_sizes_take_no_memory(entry: dict[str, object]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    header = {"arrays": [{"part": "traffic", "array": "status", **entry}]}
    with pytest.raises(UnreadableBytes):
        decode_profile(frame(header, b"x" * 12), LAYOUT)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000  # kB
