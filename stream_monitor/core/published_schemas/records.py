"""One JSON Schema (2020-12) per type of published record: three kinds of events, two of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from stream_monitor.core.hints.hint import HintKind
from stream_monitor.core.hints.pattern import Pattern
from stream_monitor.core.incidents import Status
from stream_monitor.core.policy import Aspect, ReferenceKind
from stream_monitor.core.published_schemas import judged
from stream_monitor.core.published_schemas.shapes import (
    Shape,
    closed,
    count,
    digest,
    flag,
    instant,
    listed,
    named,
    nullable,
    number,
    share,
    text,
    word,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_METRICS: Final = ("accuracy", "precision", "recall", "f1", "auc", "rmse", "mae", "bias", "r2")
_CAUSES: Final = tuple(
    dict.fromkeys(kind.value for kind in (*HintKind, *Aspect) if kind is not HintKind.MOVEMENT)
)
_JUDGED: Final = [
    "kind", "reference", "verdict", "severity", "ratio", "against", "pattern", "cause",
    "judged_until", "evidence", "source",
]  # fmt: skip


class RecordType(StrEnum):
    """The `type` of a published record."""

    DRIFT = "drift"
    INTEGRITY = "integrity"
    INPUT_SCHEMA = "input_schema"
    WINDOW = "window"
    PERFORMANCE = "performance"


def schema_of(kind: RecordType) -> dict[str, Any]:
    """The JSON Schema of one type of record; it refers to no other file."""
    return {
        "$schema": DIALECT, "title": f"stream_monitor: {kind.value} record", **_SCHEMAS[kind]()
    }  # fmt: skip


def _record(
    kind: RecordType, meaning: str, properties: Mapping[str, Shape], optional: tuple[str, ...] = ()
) -> Shape:
    type_ = {**text("The type of record."), "const": kind.value}
    return closed(meaning, {"type": type_, **properties}, optional)


def _identity(of: str) -> Shape:
    return digest(f"The same for every revision; one per {of}.", 32)


def _supersedes() -> Shape:
    return nullable(count("The revision that this one replaces; null for the first."))


def _alert_status() -> Shape:
    return word(("firing", "resolved"), "Whether somebody has to act.")


def _drift() -> Shape:
    properties = {
        "id": _identity("installation, model, version, segment, size, feature, window, incident"),
        "incident": digest("The same for all events of one incident.", 32),
        "status": word(Status, "What the event says of its incident."),
        "alert_status": _alert_status(),
        "revision": judged.revision(),
        "supersedes": _supersedes(),
        **judged.where(),
        "window": judged.window(),
        "references": listed(
            word(ReferenceKind, "A reference."),
            "The references against which it moved, since the incident opened.",
        ),
        "starts_at": instant("Start of the window that opened the incident."),
        "ends_at": nullable(instant("End of the window that resolved it; null while it fires.")),
        **judged.subject(),
        "against": judged.against(),
        "pattern": word(Pattern, "How the change lies in time."),
        "cause": nullable(
            word(_CAUSES, "The kind of the first hint, or the deciding aspect; null without drift.")
        ),
        "judged_until": instant(
            "The figures are of the window before this: its end, or sooner while it is open."
        ),
        **judged.figures(),
        "evidence": judged.evidence(),
        "source": judged.source(),
    }
    shape = _record(
        RecordType.DRIFT,
        "A change of an incident of one feature, in one window. One about a window before the one just "
        "judged has nothing from `kind` on.",
        properties,
        (*_JUDGED, *judged.FIGURES),
    )
    return {**shape, "dependentRequired": {"kind": _JUDGED, "scores": judged.FIGURES}}


def _integrity() -> Shape:
    offsets = {
        "type": "array", "description": "Topic, partition, first offset, offset after the last.",
        "prefixItems": [
            text("The topic."), count("The partition."), count("The first offset."),
            count("The offset after the last."),
        ],
        "minItems": 4, "maxItems": 4,
    }  # fmt: skip
    properties = {
        "id": _identity("commit and deltas partition"),
        "status": word(("integrity_violation",), "Records were lost or counted twice."),
        "revision": {**count("Always 0."), "const": 0},
        "model": {**text("Empty: it may concern every model."), "const": ""},
        "feature": {**text("Empty."), "const": ""},
        "instance": text("The profiler that committed."),
        "partition": count("The partition of the deltas topic."),
        "offsets": listed(offsets, "The source offsets that the commit covers."),
    }
    return _record(
        RecordType.INTEGRITY, "The source offsets of a commit left a gap or overlapped.", properties
    )


def _input_schema() -> Shape:
    properties = {
        "id": _identity("incident: both of its events have it"),
        "status": word(
            ("input_schema_broken", "input_schema_resolved"), "What happened to the input."
        ),
        "alert_status": _alert_status(),
        "revision": {**count("0 when it broke, 1 when it was well again."), "maximum": 1},
        "supersedes": _supersedes(),
        "model": text("The model; empty for records whose model cannot be read."),
        "feature": {**text("Empty."), "const": ""},
        "starts_at": nullable(
            instant("Start of the five minutes that broke; null before any event time.")
        ),
        "ends_at": nullable(instant("End of the five minutes that were well again, else null.")),
        "records": count("Records of the five minutes that showed it."),
        "dead": count("Dead letters among them."),
        "share": share("dead / records."),
        "window": judged.window(),
    }
    return _record(
        RecordType.INPUT_SCHEMA,
        "Many of a model's records cannot be read, or can be again.",
        properties,
        ("window",),
    )


def _feature() -> Shape:
    shape = closed(
        "One feature or subject beside one reference.",
        judged.subject() | judged.figures() | {"bins": judged.bins()},
        (*judged.FIGURES, "bins"),
    )
    return {**shape, "dependentRequired": {"scores": judged.FIGURES}}


def _window() -> Shape:
    trend = closed(
        "The trend of one feature's mean.",
        {
            "slope": number("Change of the mean per window, in the feature's unit."),
            "p": share("p of Mann-Kendall against no trend."),
            "windows": count("Windows that it was taken over."),
        },
    )
    properties = {
        **judged.where(),
        "window": judged.window(),
        "revision": judged.revision(),
        "exact": flag("False if source offsets left a gap or overlapped."),
        "complete": flag(
            "False if it was judged before every source partition had passed its end."
        ),
        "inherited": flag("True if the version uses another version's reference."),
        "obsolete_references": listed(
            word(ReferenceKind, "A frozen reference."), "References older than `max_age`."
        ),
        "n": count("Events of the window."),
        "digest": digest(
            "Equal exactly when every count and sum of two windows is, labels aside.", 32
        ),
        "traffic": _traffic(),
        "unknown_fields": nullable(_unknown_fields()),
        "source": judged.source(),
        "mean_confidence": nullable(share("Mean of max(score, 1 - score); null without scores.")),
        "trends": named(trend, text("A numeric feature."), "Trends over the last windows."),
        "features": listed(_feature(), "Every feature and subject beside every reference."),
        "truncated": {
            **flag("Only in records that would have been too large: parts were left out."),
            "const": True,
        },
    }
    return _record(RecordType.WINDOW, "One closed window and revision.", properties, ("truncated",))


def _traffic() -> Shape:
    latency = "quantile of the latency in ms; null without latencies."
    return closed(
        "The model's traffic.",
        {
            "events": count("Events."),
            "p50_ms": nullable(number(f"The 0.5 {latency}")),
            "p95_ms": nullable(number(f"The 0.95 {latency}")),
            "p99_ms": nullable(number(f"The 0.99 {latency}")),
            "error_share": nullable(share("Share of 5xx; null without statuses.")),
            "without_timestamp": count("Events that took the time of their Kafka record."),
            "coerced": named(
                share("The share."),
                text("A feature."),
                "Shares of sampled events whose JSON type was another than the declared one.",
            ),
        },
    )


def _unknown_fields() -> Shape:
    return closed(
        "Fields of the records' `features` that the schema does not know, on a sample; null where none was "
        "taken, and for segments.",
        {
            "looked_at": count("Events that were looked at: one in 16."),
            "rows": count("Those of them that carry such fields."),
            "carried": count("How many such fields they carry in all."),
            "fields": named(
                count("Looked-at events that carry it."),
                text("A field."),
                "At most 16 of the fields, those that at least three looked-at events carry.",
            ),
        },
    )


def _performance() -> Shape:
    delay = closed(
        "Label time minus prediction time, in seconds; null without labels.",
        {"p50_s": number("The 0.5 quantile."), "p95_s": number("The 0.95 quantile.")},
    )
    properties = {
        **judged.where(),
        "window": judged.window(),
        "revision": judged.revision(),
        "outcome": text("The outcome."),
        "digest": digest("Equal exactly when all counts of the outcome are.", 32),
        "predictions": count("Predictions of the window."),
        "labels": count("Labels that have come."),
        "absent": count("Predictions without a label that count as the class of `absent_means`."),
        "maturity": share("(labels + absent) / predictions; 1 once the horizon has passed."),
        "label_delay": nullable(delay),
        "metrics": named(
            nullable(number("The metric; null cannot be measured.")),
            word(_METRICS, "A metric."),
            "The outcome's metrics: of a class accuracy to auc, of a number rmse to r2.",
        ),
        "source": judged.source(),
        "features": listed(
            _feature(), "The performance beside each reference; empty before it is mature."
        ),
    }
    return _record(
        RecordType.PERFORMANCE, "One outcome of one closed window at one maturity.", properties
    )


_SCHEMAS: Final[Mapping[RecordType, Callable[[], Shape]]] = {
    RecordType.DRIFT: _drift,
    RecordType.INTEGRITY: _integrity,
    RecordType.INPUT_SCHEMA: _input_schema,
    RecordType.WINDOW: _window,
    RecordType.PERFORMANCE: _performance,
}
