"""The newest published records of a model: what metrics show, also after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_monitor.core.performance.rolling import MATURE

LatestKey = tuple[str, ...]
"""Kind of record, version, segment, window size."""


def newest_of(
    record: Mapping[str, Any], latest: Mapping[LatestKey, Mapping[str, Any]]
) -> list[LatestKey]:
    """The keys under which a record is the newest.

    Performance has two: the newest window's, and the newest that most labels have reached, which an alert
    can rest on.
    """
    kind = record["type"] + (f":{record['outcome']}" if "outcome" in record else "")
    kinds = [kind, f"{kind}:mature"] if record.get("maturity", 0) >= MATURE else [kind]
    window = record["window"]
    keys = [(name, record["version"], record["segment"], window["size"]) for name in kinds]
    return [
        key
        for key in keys
        if key not in latest or latest[key]["window"]["start"] <= window["start"]
    ]
