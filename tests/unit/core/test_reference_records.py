import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.reference_records import (
    ReferenceAssembler,
    dump_references,
    encode_reference,
    parse_references,
)
from stream_monitor.core.references import Reference, build_reference
from stream_monitor.core.wire import encode_profile
from tests.unit.core.builders import HOUR_S, events, model_spec

SPEC = model_spec(segment_keys=("origin",))
Records = list[tuple[bytes, bytes]]


def build(seed: int, n: int = 400, version: str = "1") -> Reference:
    rng = np.random.default_rng(seed)
    carriers = [f"c{i}" for i in rng.integers(0, 700, n)]
    found = events(
        np.linspace(0, 3 * HOUR_S, n, endpoint=False), rng.normal(seed, 1, n), carriers,
        segment=["JFK", None] * (n // 2),
    )  # fmt: skip
    return build_reference(SPEC, [found], version)


FIRST, SECOND, OTHER = build(1), build(2, 80), build(3, version="2")


def read(records: Records) -> list[Reference]:
    assembler = ReferenceAssembler()
    found = assembler.add(records)
    assert assembler.unreadable == 0
    return found


def test_a_reference_reads_back() -> None:
    (found,) = read(encode_reference(FIRST))
    assert found == FIRST
    assert found.layout.profile_id == FIRST.layout.profile_id


def test_profiles_in_many_pieces_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = len(encode_reference(FIRST))
    monkeypatch.setattr(
        "stream_monitor.core.reference_records.encode_profile", lambda p: encode_profile(p, 4_300)
    )
    records = encode_reference(FIRST)
    assert len(records) > 2 * whole
    assert read(records) == [FIRST]


def test_keys_are_unique_and_begin_with_model_version_and_kind() -> None:
    keys = [key.decode() for key, _ in encode_reference(FIRST)]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("flights·1·validation·") for key in keys)


def test_nothing_is_given_before_the_last_record() -> None:
    records = encode_reference(FIRST)
    assembler = ReferenceAssembler()
    assert [len(assembler.add([record])) for record in records] == [0] * (len(records) - 1) + [1]


def test_records_arriving_twice_change_nothing() -> None:
    records = encode_reference(FIRST)
    twice = [record for record in records for _ in range(2)]
    assert read(twice)[0] == FIRST


def test_two_versions_may_be_interleaved() -> None:
    one, two = encode_reference(FIRST), encode_reference(OTHER)
    mixed = [record for pair in zip(one, two, strict=False) for record in pair]
    rest = [*one[len(two) :], *two[len(one) :]]
    assert sorted(r.version for r in read([*mixed, *rest])) == ["1", "2"]


def test_a_later_generation_between_the_records_of_an_earlier_one_is_whole() -> None:
    old, new = encode_reference(FIRST), encode_reference(SECOND)
    for i in range(1, len(new)):
        mixed = [*old[:3], *new[:i], *old[3:], *new[i:]]
        assert read(mixed)[-1] == SECOND


def test_after_compaction_the_newest_generation_is_read_among_remains_of_the_old() -> None:
    old, new = encode_reference(FIRST), encode_reference(SECOND)
    latest = dict(old)
    for key, value in new:
        latest.pop(key, None)
        latest[key] = value
    assert read(list(latest.items())) == [SECOND]


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_damaged_records_are_counted_and_never_raise(data: st.DataObject) -> None:
    records = encode_reference(SECOND)
    i = data.draw(st.integers(0, len(records) - 1))
    value = bytearray(records[i][1])
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    damaged = [*records[:i], (records[i][0], bytes(value)), *records[i + 1 :]]
    assembler = ReferenceAssembler()
    found = assembler.add(damaged)
    assert len(found) <= 1
    assert assembler.add([(b"junk", b"junk"), (None, b""), (b"gone", None)]) == []
    assert assembler.unreadable >= 1


def test_a_file_of_references_reads_back() -> None:
    records = encode_reference(FIRST)
    data = dump_references(records)
    assert parse_references(data) == records
    assert data.count(b"\n") == len(records)


@pytest.mark.parametrize("data", [b"x", b"[1,2]", b'["a"]', b'["a","zz"]', b"{}", b'["a",null]'])
def test_a_file_of_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableBytes):
        parse_references(data)
