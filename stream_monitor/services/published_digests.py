"""The digests of what was published: the newest revision of every window and performance record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from stream_monitor.core.results import WindowKey
from stream_monitor.services.ports import TopicReader
from stream_monitor.services.recomputing import Span


@dataclass(frozen=True, slots=True, order=True)
class RecordKey:
    """What revisions have in common; `outcome` is "" for a window record."""

    model: str
    window: WindowKey
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """One record: `n` counts its events, or its labels if it is of performance.

    `is_final` says that a performance record was published when no label could come any more.
    """

    key: RecordKey
    end_s: int
    revision: int
    digest: str
    n: int
    is_exact: bool
    is_final: bool


def read_published(reader: TopicReader, topic: str, span: Span) -> dict[RecordKey, Published]:
    """The newest revision of everything in the span."""
    found: dict[RecordKey, Published] = {}
    for records in reader.read(topic):
        for value in records.value:
            record = _published(value)
            if record is None:
                continue
            where = record.key
            if not span.takes(where.model, where.window.start_s, record.end_s):
                continue
            if where not in found or found[where].revision <= record.revision:
                found[where] = record
    return found


def _published(value: bytes | None) -> Published | None:
    """A record of the results topic; None for other kinds."""
    body: dict[str, Any] = orjson.loads(value) if value is not None else {}
    kind = body.get("type")
    if kind not in ("window", "performance"):
        return None
    window = body["window"]
    key = WindowKey(
        body["version"], body["segment"], window["size"], _seconds(window["start"]),
        body["profile_id"],
    )  # fmt: skip
    is_window = kind == "window"
    # Before the horizon has passed, maturity is the share of the predictions that have labels.
    known = 0 if is_window else body["labels"] + body.get("absent", 0)
    return Published(
        RecordKey(body["model"], key, "" if is_window else body["outcome"]),
        _seconds(window["end"]),
        body["revision"],
        body["digest"],
        body["n"] if is_window else body["labels"],
        bool(body.get("exact", True)),
        not is_window and body["maturity"] == 1.0 and known < body["predictions"],
    )


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
