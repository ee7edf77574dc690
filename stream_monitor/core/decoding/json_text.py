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
    """Values with `{}` in place of those that cannot be read, the rejects, and how many are tombstones.

    Rejected here are those that are too large, not UTF-8, or neither in braces nor in brackets.
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
        elif value[:1] == b"{" and value[-1:] == b"}":
            kept.append(value)
        else:
            why = _explain_no_object(row, value)
            rejected += [why] if why else []
            kept.append(b"{}" if why else value)
    try:
        json_column(kept).validate(full=True)
    except pa.ArrowInvalid:
        for row, value in enumerate(kept):
            why = _explain_encoding(row, value)
            if why:
                rejected.append(why)
                kept[row] = b"{}"
    return kept, rejected, tombstones


def _explain_no_object(row: int, value: bytes) -> Rejected | None:
    """Why a text that is not in braces is no JSON; None if it may be: with space around it, or an array.

    Most broken records are cut short or something else, and show it so: DuckDB need not stumble over them.
    """
    inner = value.strip()
    if inner[:1] + inner[-1:] in (b"{}", b"[]"):
        return None  # DuckDB reads it, and an array is refused as no object
    return _explain_encoding(row, value) or explain_malformed(row, value)


def _explain_encoding(row: int, value: bytes) -> Rejected | None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return Rejected(row, Reason.NOT_UTF8, f"byte {error.start} is not UTF-8")
    return None


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
