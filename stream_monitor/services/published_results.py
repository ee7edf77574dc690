"""Reading back the results topic: the newest revision of every window, filtered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from stream_monitor.config.loading import Installation
from stream_monitor.core.published import rfc3339
from stream_monitor.core.replaying import MICRO
from stream_monitor.services.history import parse_time
from stream_monitor.services.wiring import wire


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """What to show; None shows all. Times bound the windows, RFC 3339 or dates in UTC."""

    model: str | None = None
    feature: str | None = None
    segment: str | None = None
    since: str | None = None
    until: str | None = None
    every_revision: bool = False


def read_results(
    installation: Installation, wanted: ResultFilter, kind: str
) -> list[dict[str, Any]]:
    """Records of one kind (window or performance) in order of window and segment."""
    since, until = (_bound(text) for text in (wanted.since, wanted.until))
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for records in wire(installation).reader().read(installation.monitor.topics.results):
        for value in records.value:
            record = orjson.loads(value) if value is not None else {}
            if record.get("type") != kind or not _fits(record, wanted, since, until):
                continue
            key = _identity(record, wanted.every_revision)
            if key not in found or found[key]["revision"] <= record["revision"]:
                found[key] = record
    return sorted(found.values(), key=lambda r: (r["window"]["start"], r["model"], r["segment"]))


def _identity(record: dict[str, Any], every_revision: bool) -> tuple[Any, ...]:
    window = record["window"]
    key = tuple(record[name] for name in ("model", "version", "segment", "profile_id"))
    key += (window["size"], window["start"], record.get("outcome"))
    return (*key, record["revision"]) if every_revision else key


def _fits(
    record: dict[str, Any], wanted: ResultFilter, since: str | None, until: str | None
) -> bool:
    window = record["window"]
    return (
        wanted.model in (None, record["model"])
        and wanted.segment in (None, record["segment"])
        and (since is None or window["end"] > since)
        and (until is None or window["start"] < until)
    )


def _bound(text: str | None) -> str | None:
    return None if text is None else rfc3339(parse_time(text, "UTC") // MICRO)
