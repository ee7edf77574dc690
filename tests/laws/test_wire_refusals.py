"""Bytes that this version did not write are refused with UnreadableBytes and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.profile.counter import Delta
from stream_monitor.core.profile.profile import Profile, ProfileKey
from stream_monitor.core.wire import (
    EncodedDelta,
    Marker,
    PartitionProgress,
    decode_profile,
    decode_record,
    encode_delta,
    encode_marker,
    encode_profile,
    frame,
    profile_digest,
    unframe,
)
from tests.laws.mergeables import LAYOUT, MERGEABLES

FUZZ = settings(max_examples=80, deadline=None)
ROWS = [
    *[("numeric", ((value, 0), (3.0, 0))) for value in (1.0, -4.0, 1e9)],
    *[("categorical", ((f"new {i}", 0), ("AA", 0))) for i in range(70)],
    ("traffic", (12.0, 200, True, True, 1)),
    ("score", (0.5,)),
    *[("source", (p, 7 * p)) for p in (0, 1, 1, 3)],
    *[("unknown_fields", (names,)) for names in (["tax"], None, ["tax", "vat"])],
    ("outcome:label", ("late", "late", 0.5, 1.0, 10**9, 1)),
    ("outcome:value", ("7.5", "", 0.5, 8.5, 10**9, 1)),
]
PROFILE: Profile = MERGEABLES["profile"].count(ROWS)
(PAYLOAD,) = encode_profile(PROFILE)
KEY = ProfileKey("flights", "3", "all", 1_500, LAYOUT.profile_id)
PROGRESS = (
    PartitionProgress("inference", "id-1", 0, 5, 9, 1_000_000),
    PartitionProgress("labels", "id-2", 1, 0, 0, None, True, True, 7),
)
MARKER = Marker("p-0", "epoch", 4, PROGRESS, (("inference", 1), ("labels", 2)), 2)
(DELTA_BYTES,) = encode_delta(Delta(KEY, PROFILE), "epoch", 4)
RECORDS = [DELTA_BYTES, encode_marker(MARKER)]


def refuses_or_reads(record: bytes) -> None:
    try:
        decoded = decode_record(record)
        if isinstance(decoded, EncodedDelta):
            decoded.decode(LAYOUT)
    except UnreadableBytes:
        pass


def test_a_delta_reads_back_with_its_commit_and_key() -> None:
    decoded = decode_record(DELTA_BYTES)
    assert isinstance(decoded, EncodedDelta)
    assert (decoded.epoch, decoded.sequence) == ("epoch", 4)
    assert decoded.decode(LAYOUT) == Delta(KEY, PROFILE)


def test_a_marker_reads_back() -> None:
    assert decode_record(encode_marker(MARKER)) == MARKER


def test_every_truncation_is_refused() -> None:
    for end in range(len(PAYLOAD)):
        with pytest.raises(UnreadableBytes):
            decode_profile(PAYLOAD[:end], LAYOUT)


@pytest.mark.parametrize("more", [b"\0", PAYLOAD, b"0" * 12])
def test_bytes_after_a_profile_are_refused(more: bytes) -> None:
    with pytest.raises(UnreadableBytes):
        decode_profile(PAYLOAD + more, LAYOUT)


@pytest.mark.parametrize("record", RECORDS)
def test_another_magic_or_version_is_refused(record: bytes) -> None:
    for head in (b"XX\2", b"SM\0", b"SM\1", b"SM\3", b"SM\xff"):
        with pytest.raises(UnreadableBytes):
            decode_record(head + record[3:])


def test_a_later_version_says_to_upgrade() -> None:
    with pytest.raises(UnreadableBytes, match="version 3 is not known: upgrade"):
        unframe(b"SM\3" + PAYLOAD[3:])


def test_an_earlier_version_says_that_it_is_older() -> None:
    with pytest.raises(UnreadableBytes, match="version 1 is not known: an older"):
        unframe(b"SM\1" + PAYLOAD[3:])


@given(st.sampled_from(RECORDS), st.data())
@FUZZ
def test_flipped_bits_raise_nothing_but_unreadable_bytes(
    record: bytes, data: st.DataObject
) -> None:
    changed = bytearray(record)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(record) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    refuses_or_reads(bytes(changed))


@given(st.binary(max_size=80), st.booleans())
@FUZZ
def test_arbitrary_bytes_raise_nothing_but_unreadable_bytes(data: bytes, is_framed: bool) -> None:
    refuses_or_reads(frame({"type": "delta"}, data) if is_framed else data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(st.sampled_from(RECORDS), st.data())
@FUZZ
def test_any_value_in_any_header_field_raises_nothing_but_unreadable_bytes(
    record: bytes, data: st.DataObject
) -> None:
    header, body = unframe(record)
    header[data.draw(st.sampled_from(sorted(header)))] = data.draw(JSON)
    refuses_or_reads(frame(header, body))


FIELDS = ["part", "array", "size", "bytes", "feature", "unseen", "ranges", "names"]


@given(st.data())
@FUZZ
def test_any_value_in_any_array_entry_raises_nothing_but_unreadable_bytes(
    data: st.DataObject,
) -> None:
    header, body = unframe(PAYLOAD)
    entry = data.draw(st.sampled_from(header["arrays"]))
    entry[data.draw(st.sampled_from(FIELDS))] = data.draw(JSON)
    refuses_or_reads(frame(unframe(DELTA_BYTES)[0], frame(header, body)))


@given(st.data())
@FUZZ
def test_any_value_in_a_marker_s_progress_is_refused_or_typed(data: st.DataObject) -> None:
    header, body = unframe(encode_marker(MARKER))
    header["progress"][0][data.draw(st.integers(0, 8))] = data.draw(JSON)
    try:
        decoded = decode_record(frame(header, body))
    except UnreadableBytes:
        return
    assert isinstance(decoded, Marker)
    step = decoded.progress[0]
    assert all(isinstance(n, int) for n in (step.partition, step.start, step.end, step.lag))
    assert isinstance(step.watermark_us, int | None)


@pytest.mark.parametrize(
    "unseen",
    [
        [["f" * 17, "x", 1]],
        [["-1", "x", 1]],
        [["a", "x", 0]],
        [["a", "x", 2**63]],
        [["a", "x"]],
        [[5, "x", 1]],
        [[f"{i:x}", "x", 1] for i in range(65)],
    ],
)
def test_unseen_categories_out_of_range_are_refused(unseen: list[object]) -> None:
    entry = {"part": "categorical", "feature": 0, "unseen": unseen, "bytes": 0}
    with pytest.raises(UnreadableBytes):
        decode_profile(frame({"arrays": [entry]}, b""), LAYOUT)


@pytest.mark.parametrize(
    ("part", "entry"),
    [
        ("source", {"ranges": [[-1, 0, 0, 1]]}),
        ("source", {"ranges": [[2**31, 0, 0, 1]]}),
        ("source", {"ranges": [[0, 5, 4, 1]]}),
        ("source", {"ranges": [[0, 0, 2**63, 1]]}),
        ("source", {"ranges": [[0, 0, 0, 0]]}),
        ("source", {"ranges": [[p, 0, 0, 1] for p in range(129)]}),
        ("traffic", {"ranges": [[0, 0, 0, 1]]}),
        ("unknown_fields", {"names": [["tax", 0]]}),
        ("unknown_fields", {"names": [["tax", 2**63]]}),
        ("unknown_fields", {"names": [[f"field {i}", 1] for i in range(17)]}),
        ("source", {"names": [["tax", 1]]}),
    ],
)
def test_lists_out_of_range_or_of_another_part_are_refused(
    part: str, entry: dict[str, object]
) -> None:
    with pytest.raises(UnreadableBytes):
        decode_profile(frame({"arrays": [{"part": part, **entry, "bytes": 0}]}, b""), LAYOUT)


def test_what_was_written_without_places_and_unknown_fields_is_read() -> None:
    older = PROFILE.without("source", "unknown_fields")
    (payload,) = encode_profile(older)
    assert b"source" not in payload
    found = decode_profile(payload, LAYOUT)
    assert found == older
    assert found.unknown_fields is None
    assert profile_digest(found) == profile_digest(PROFILE)
    assert found.merge(PROFILE).parts["source"] == PROFILE.parts["source"]


def test_an_index_beyond_its_array_is_refused() -> None:
    body = (10**6).to_bytes(4, "little") + (1).to_bytes(8, "little")
    entry = {"part": "traffic", "array": "status", "size": 6, "bytes": 12}
    with pytest.raises(UnreadableBytes, match="beyond"):
        decode_profile(frame({"arrays": [entry]}, body), LAYOUT)


def test_an_array_of_another_size_than_the_layout_s_is_refused() -> None:
    entry = {"part": "traffic", "array": "status", "size": 7, "bytes": 0}
    with pytest.raises(UnreadableBytes, match="7 entries, the layout 6"):
        decode_profile(frame({"arrays": [entry]}, b""), LAYOUT)


def test_a_header_longer_than_its_record_is_refused() -> None:
    with pytest.raises(UnreadableBytes, match="longer"):
        unframe(b"SM\2" + (2**31).to_bytes(4, "little") + b"{}")


def test_a_profile_of_another_layout_is_refused() -> None:
    with pytest.raises(UnreadableBytes):
        decode_profile(PAYLOAD, type(LAYOUT)(type(LAYOUT.binning)(LAYOUT.binning.schema)))


def test_payloads_stay_below_the_asked_size() -> None:
    assert len(encode_profile(PROFILE, 5_000)) > 1
    assert all(len(payload) <= 5_000 + 4_096 for payload in encode_profile(PROFILE, 5_000))
