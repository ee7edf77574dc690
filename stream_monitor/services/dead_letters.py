"""Rejected records become dead letters: reason and source in the headers, payload by policy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from stream_monitor import __version__
from stream_monitor.core.columns import Rejected
from stream_monitor.core.records import Records
from stream_monitor.services.ports import Outgoing

_SHOWN_BYTES = 1_024


def dead_letters(
    records: Records, rejected: Iterable[Rejected], topic: str, payload: str, stage: str
) -> list[Outgoing]:
    """One record per reject, keyed as the original; `payload` is none, hash, truncated or full."""
    letters = []
    for reject in rejected:
        value = records.value[reject.row]
        headers = {
            "topic": records.topic,
            "partition": str(int(records.partition[reject.row])),
            "offset": str(int(records.offset[reject.row])),
            "timestamp": str(int(records.timestamp_ms[reject.row])),
            "stage": stage,
            "reason": reject.reason.value,
            "message": reject.message,
            "version": __version__,
        }
        pairs = tuple((name, text.encode()) for name, text in headers.items())
        shown = _shown(value or b"", payload)
        letters.append(Outgoing(topic, records.key[reject.row], shown, None, pairs))
    return letters


def _shown(value: bytes, payload: str) -> bytes | None:
    if payload == "full":
        return value
    if payload == "truncated":
        return value[:_SHOWN_BYTES]
    if payload == "hash":
        digest = hashlib.blake2b(value, digest_size=16).hexdigest()
        return f'{{"hash":"{digest}","length":{len(value)}}}'.encode()
    return None
