"""murmur2, the hash of Kafka's default partitioner, over whole columns of keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray


def murmur2(keys: pa.Array) -> NDArray[np.uint32]:
    """One hash per string or binary value (null hashes as empty)."""
    binary = keys.cast(pa.binary()) if not pa.types.is_binary(keys.type) else keys
    buffers = binary.buffers()
    offsets = np.frombuffer(buffers[1], np.int32)[binary.offset : binary.offset + len(binary) + 1]
    data = np.frombuffer(buffers[2], np.uint8) if buffers[2] is not None else np.zeros(0, np.uint8)
    hashed: NDArray[np.uint32] = _murmur2(data, offsets)
    return hashed


def partition_of(keys: pa.Array, partitions: int) -> NDArray[np.int64]:
    """The partition that Java's default partitioner and librdkafka's `murmur2_random` choose."""
    positive = (murmur2(keys) & np.uint32(0x7FFFFFFF)).astype(np.int64)
    return positive % partitions


@njit(cache=True, nogil=True)
def _murmur2(data: Any, offsets: Any) -> Any:
    m = np.uint32(0x5BD1E995)
    out = np.empty(len(offsets) - 1, np.uint32)
    for i in range(len(out)):
        start, end = offsets[i], offsets[i + 1]
        length = end - start
        h = np.uint32(np.uint32(0x9747B28C) ^ np.uint32(length))
        at = start
        while end - at >= 4:
            k = np.uint32(
                np.uint32(data[at])
                | np.uint32(data[at + 1]) << np.uint32(8)
                | np.uint32(data[at + 2]) << np.uint32(16)
                | np.uint32(data[at + 3]) << np.uint32(24)
            )
            k = np.uint32(k * m)
            k = np.uint32(k ^ (k >> np.uint32(24)))
            k = np.uint32(k * m)
            h = np.uint32(np.uint32(h * m) ^ k)
            at += 4
        rest = end - at
        if rest == 3:
            h = np.uint32(h ^ np.uint32(data[at + 2]) << np.uint32(16))
        if rest >= 2:
            h = np.uint32(h ^ np.uint32(data[at + 1]) << np.uint32(8))
        if rest >= 1:
            h = np.uint32(np.uint32(h ^ np.uint32(data[at])) * m)
        h = np.uint32(h ^ (h >> np.uint32(13)))
        h = np.uint32(h * m)
        out[i] = np.uint32(h ^ (h >> np.uint32(15)))
    return out
