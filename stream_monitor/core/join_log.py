"""What a commit did to one partition's join, as records: the sources cut down to what the join needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.wire import MAX_PAYLOAD_BYTES, frame, unframe

Ranges = Mapping[str, tuple[int, int]]
"""Source offsets [start, end) per topic."""

_MOST_ROWS: Final = 5_000
"""Of one record: a prediction takes about 60 bytes, its id and a long label included."""


@dataclass(frozen=True, slots=True)
class JoinStep:
    """One call of the pending store: new predictions with labels (tables), or ids that were erased."""

    predictions: pa.Table | None = None
    labels: pa.Table | None = None
    erased: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JoinEntry:
    """What one commit read of one source partition; `identity` names the topics as the store does.

    A commit may be several entries; all but the last end where the commit began.
    """

    identity: str
    ranges: Ranges
    step: JoinStep


def encode_entries(identity: str, ranges: Ranges, steps: Sequence[JoinStep]) -> list[bytes]:
    """The records of a commit; at least one, so that its offsets are known."""
    parts = [part for step in steps for part in _parts(step)] or [JoinStep()]
    unread = {topic: (start, start) for topic, (start, _) in ranges.items()}
    return [
        _encode(JoinEntry(identity, ranges if i == len(parts) - 1 else unread, part))
        for i, part in enumerate(parts)
    ]


def _parts(step: JoinStep) -> list[JoinStep]:
    """Steps of a bounded number of rows, predictions first; empty ones are left out."""
    found = []
    if step.erased:
        found.append(JoinStep(erased=step.erased))
    for start in range(0, _rows(step.predictions), _MOST_ROWS):
        found.append(JoinStep(predictions=_slice(step.predictions, start)))
    for start in range(0, _rows(step.labels), _MOST_ROWS):
        found.append(JoinStep(labels=_slice(step.labels, start)))
    return found


def _rows(table: pa.Table | None) -> int:
    return 0 if table is None else len(table)


def _slice(table: pa.Table | None, start: int) -> pa.Table | None:
    return None if table is None else table.slice(start, _MOST_ROWS)


def _encode(entry: JoinEntry) -> bytes:
    step = entry.step
    bodies = [b"" if table is None else _ipc(table) for table in (step.predictions, step.labels)]
    header = {
        "type": "join",
        "identity": entry.identity,
        "ranges": {topic: list(span) for topic, span in entry.ranges.items()},
        "erased": list(step.erased),
        "bytes": [len(body) for body in bodies],
    }
    return frame(header, b"".join(bodies))


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def decode_entry(data: bytes) -> JoinEntry:
    """The entry of a record; raises UnreadableBytes."""
    header, body = unframe(data)
    try:
        first, second = (int(n) for n in header["bytes"])
        if first < 0 or second < 0 or first + second != len(body):
            raise UnreadableBytes("a join entry is cut short")
        tables = (_table(body[:first]), _table(body[first:]))
        ranges = {str(t): (int(a), int(b)) for t, (a, b) in header["ranges"].items()}
        erased = tuple(str(name) for name in header["erased"])
        return JoinEntry(str(header["identity"]), ranges, JoinStep(*tables, erased))
    except (KeyError, TypeError, ValueError, AttributeError, OSError, pa.ArrowException) as error:
        raise UnreadableBytes(f"a join entry cannot be read: {type(error).__name__}") from error


def _table(data: bytes) -> pa.Table | None:
    if not data:
        return None
    if len(data) > 8 * MAX_PAYLOAD_BYTES:
        raise UnreadableBytes("a join entry is too large")
    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table
