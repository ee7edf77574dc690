"""The JSON of events that speak of the input itself: offsets that do not follow on, records that break."""

from __future__ import annotations

from typing import Any

from stream_monitor.core.incidents import identify
from stream_monitor.core.input_schema import BUCKET_S, InputSchemaChange
from stream_monitor.core.published import rfc3339
from stream_monitor.core.windows import format_duration
from stream_monitor.core.wire import Marker


def integrity_event(marker: Marker, app: str, partition: int) -> dict[str, Any]:
    """The event of a marker that did not follow on in a deltas partition: which offsets it brought."""
    ranges = [[p.topic, p.partition, p.start, p.end] for p in marker.progress]
    return {
        "type": "integrity",
        "id": identify(app, "integrity", marker.epoch, str(marker.sequence), str(partition)),
        "status": "integrity_violation",
        "revision": 0,
        "model": "",
        "feature": "",
        "instance": marker.instance,
        "partition": partition,
        "offsets": ranges,
    }


def input_schema_event(change: InputSchemaChange, model: str, app: str) -> dict[str, Any]:
    """The event of a model whose records broke (revision 0) or can be read again (revision 1).

    Without `window` and with null times where no event time was known.
    """
    bucket = change.bucket
    start_s = bucket.start_s
    end = None if start_s is None else rfc3339(start_s + BUCKET_S)
    opened = None if change.opened_s is None else rfc3339(change.opened_s)
    event: dict[str, Any] = {
        "type": "input_schema",
        "id": identify(app, "input_schema", model, str(change.ordinal), str(change.opened_s)),
        "status": "input_schema_broken" if change.is_broken else "input_schema_resolved",
        "alert_status": "firing" if change.is_broken else "resolved",
        "revision": 0 if change.is_broken else 1,
        "supersedes": None if change.is_broken else 0,
        "model": model,
        "feature": "",
        "starts_at": opened,
        "ends_at": None if change.is_broken else end,
        "records": bucket.records,
        "dead": bucket.dead,
        "share": bucket.dead / bucket.records,
    }
    if start_s is not None:
        window = {"size": format_duration(BUCKET_S), "start": rfc3339(start_s), "end": end}
        event["window"] = window | {"timezone": "UTC"}
    return event
