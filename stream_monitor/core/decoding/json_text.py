"""Bytes → a column of JSON texts, and why a text is none: the rejected-row path."""

from __future__ import annotations

import numpy as np
import orjson
import pyarrow as pa

from stream_monitor.core.columns import Reason, Rejected

MAX_DEPTH = 1_024


def json_column(values: list[bytes]) -> pa.StringArray:
    """One string array over the joined bytes; not validated (see reject_unreadable)."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    return pa.StringArray.from_buffers(
        len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(values))
    )


def reject_unreadable(
    values: list[bytes | None], max_bytes: int
) -> tuple[list[bytes], list[Rejected], int]:
    """Values with `{}` in place of those that are too large or not UTF-8, the rejects, and tombstones.

    Tombstones (None) become `{}` as well and are counted, not rejected.
    """
    kept: list[bytes] = []
    rejected: list[Rejected] = []
    tombstones = 0
    for row, value in enumerate(values):
        if value is None:
            tombstones += 1
            kept.append(b"{}")
        elif len(value) > max_bytes:
            message = f"{len(value)} bytes are more than the {max_bytes} allowed"
            rejected.append(Rejected(row, Reason.TOO_LARGE, message))
            kept.append(b"{}")
        else:
            kept.append(value)
    try:
        json_column(kept).validate(full=True)
    except pa.ArrowInvalid:
        for row, value in enumerate(kept):
            try:
                value.decode()
            except UnicodeDecodeError as error:
                message = f"byte {error.start} is not UTF-8"
                rejected.append(Rejected(row, Reason.NOT_UTF8, message))
                kept[row] = b"{}"
    return kept, rejected, tombstones


def explain_malformed(row: int, value: bytes) -> Rejected:
    """Why a text is not a JSON object, without its content."""
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError as error:
        before = value.decode(errors="replace")[: error.pos + 1]
        if sum(map(before.count, "[{")) - sum(map(before.count, "]}")) >= MAX_DEPTH:
            return Rejected(row, Reason.TOO_DEEP, f"nested more deeply than {MAX_DEPTH} levels")
        place = f"line {error.lineno} column {error.colno}"
        return Rejected(row, Reason.MALFORMED, f"not JSON at {place}")
    return Rejected(row, Reason.WRONG_TYPE, "the record is not an object")
