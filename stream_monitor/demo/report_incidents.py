"""Drift events folded into the incidents that the report lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stream_monitor.demo.report_records import (
    ALL,
    NOTHING,
    Record,
    Span,
    change_in_words,
    loudness,
    span_of,
)

MOST_LISTED = 200
# What identifies a judged feature in a window: the incident's events are looked up in the results.
Judged = tuple[str, str, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident; `until` is the last window that drifted, `is_open` says not yet recovered."""

    model: str
    version: str
    segment: str
    feature: str
    reference: str
    severity: str
    since: Span
    until: Span
    is_open: bool
    windows: int
    moved: str


def incidents_of(events: Iterable[Record], windows: Iterable[Record]) -> list[Incident]:
    """One incident per id, in the order of opening; retracted events count as never published."""
    newest: dict[str, Record] = {}
    for event in events:
        before = newest.get(event["id"])
        if before is None or event.get("revision", 0) >= before.get("revision", 0):
            newest[event["id"]] = event
    grouped: dict[str, list[Record]] = defaultdict(list)
    for event in newest.values():
        if event["status"] != "retracted":
            grouped[event["incident"]].append(event)
    results = _judged_features(windows)
    found = [_incident(group, results) for group in grouped.values()]
    return sorted((i for i in found if i), key=lambda i: (i.since.start, i.feature, i.reference))


def most_severe(incidents: Sequence[Incident]) -> list[Incident]:
    """The incidents to list, in their order: critical and long ones where there are too many."""
    ranked = sorted(incidents, key=lambda i: (i.severity != "critical", -i.windows))
    listed = {id(incident) for incident in ranked[:MOST_LISTED]}
    return [incident for incident in incidents if id(incident) in listed]


def _incident(group: Sequence[Record], results: Mapping[Judged, Record]) -> Incident | None:
    drifting = sorted(
        (e for e in group if e["status"] in ("opened", "ongoing")), key=lambda e: span_of(e).start
    )
    if not drifting:
        return None
    judged = [
        {**results.get(_judged_by(event, event["references"][0]), {}), **_stated(event)}
        for event in drifting
    ]
    worst = max(judged, key=lambda j: (loudness(j), j.get("ratio") or 0.0))
    first = drifting[0]
    return Incident(
        model=first["model"],
        version=str(first["version"]),
        segment=first.get("segment", ALL),
        feature=first["feature"],
        reference=" + ".join(first["references"]),
        severity=worst.get("severity") or NOTHING,
        since=span_of(first),
        until=span_of(drifting[-1]),
        is_open=all(event["status"] != "recovered" for event in group),
        windows=len(drifting),
        moved=change_in_words(worst),
    )


def _stated(event: Record) -> dict[str, object]:
    return {key: value for key, value in event.items() if value is not None and value != []}


def _judged_features(windows: Iterable[Record]) -> dict[Judged, Record]:
    return {
        _judged_by({**window, **feature}, feature["reference"]): feature
        for window in windows
        for feature in window.get("features", ())
    }


def _judged_by(record: Record, reference: str) -> Judged:
    window = record["window"]
    return (
        record["model"],
        str(record["version"]),
        record.get("segment", ALL),
        str(window.get("size")),
        window["start"],
        record["feature"],
        reference,
    )
