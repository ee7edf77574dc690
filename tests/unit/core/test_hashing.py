import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.hashing import murmur2, partition_of

KNOWN = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


def signed(keys: pa.Array) -> list[int]:
    return [int(h) for h in murmur2(keys).astype(np.int32)]


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.large_string()])
def test_hashes_are_those_of_kafka_s_java_client(kind: pa.DataType) -> None:
    assert signed(pa.array(list(KNOWN), kind)) == list(KNOWN.values())


def test_bytes_above_127_are_unsigned() -> None:
    for length in range(1, 8):
        key = bytes([200, 255, 128, 177, 201, 254, 129][:length])
        assert signed(pa.array([key])) == [_reference(key)]


def test_a_slice_and_an_empty_column_are_hashed_as_they_are() -> None:
    assert signed(pa.array(["x", "21", "abc"]).slice(1)) == [KNOWN["21"], KNOWN["abc"]]
    assert signed(pa.array([], pa.string())) == []


def test_no_key_hashes_as_an_empty_one() -> None:
    assert signed(pa.array([None, "21"])) == [_reference(b""), KNOWN["21"]]


def test_partitions_are_the_positive_hash_modulo_their_number() -> None:
    found = partition_of(pa.array(list(KNOWN)), 7)
    assert found.tolist() == [(h & 0x7FFFFFFF) % 7 for h in KNOWN.values()]


def _reference(key: bytes) -> int:
    """MurmurHash2 word by word in unbounded integers."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    h ^= h >> 15
    return h - 2**32 if h >= 2**31 else h
