"""A service's own figures as series: records, lag, commits, the offset chain, models and references."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from stream_monitor.core.columns import Reason
from stream_monitor.core.incidents import Status
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.status import ServiceStatus
from stream_monitor.telemetry.series import Block, Series, known
from stream_monitor.telemetry.snapshot import IncidentFigures, Snapshot

COUNTS: Final = {
    "consumed": "records_consumed_total",
    "records": "records_total",
    "replayed": "records_replayed_total",
    "miskeyed": "records_miskeyed_total",
    "published": "records_published_total",
    "truncated": "results_truncated_total",
    "without_timestamp": "events_without_timestamp_total",
    "labels": "labels_total",
    "dead_letters": "dead_letters_total",
    "events": "drift_events_total",
    "aborts": "transactions_aborted_total",
}
"""The first part of a key of ServiceStatus.counts → its metric; the other parts are the labels."""

LABEL_STATES: Final = (
    "matched", "waiting", "duplicate", "corrected", "retracted", "expired", "no_prediction",
)  # fmt: skip


def status_block(snapshot: Snapshot) -> Block:
    """The process's counters and commits; counters whose labels are known beforehand begin at 0."""
    status = snapshot.status
    block = [_counted(key, n, status.role) for key, n in _counts(snapshot).items()]
    total, count = status.commit_seconds
    service = (status.role,)
    block += [
        Series("commit_duration_seconds", service, count, "_count"),
        Series("commit_duration_seconds", service, total, "_sum"),
    ]
    block += known(
        service,
        {
            "last_commit_timestamp_seconds": status.last_commit_s,
            "last_step_timestamp_seconds": status.last_step_s,
            "models_loaded_timestamp_seconds": status.models_loaded_s,
            "models_refused": status.models_refused,
        },
    )
    if status.role == "profiler":
        block.append(Series("pending_predictions", (), status.pending_predictions))
    return block


def _counts(snapshot: Snapshot) -> dict[tuple[str, ...], int]:
    keys: list[tuple[str, ...]] = [("aborts",)]
    if snapshot.status.role == "profiler":
        keys += [("labels", state) for state in LABEL_STATES]
        keys += [("dead_letters", reason.value) for reason in Reason]
    else:
        keys.append(("published",))
        keys += [("truncated", model.name) for model in snapshot.models()]
    keys += [
        ("events", model.name, status.value) for model in snapshot.models() for status in Status
    ]
    return {**dict.fromkeys(keys, 0), **snapshot.status.counts}


def _counted(key: tuple[str, ...], n: int, role: str) -> Series:
    metric, labels = COUNTS[key[0]], key[1:]
    return Series(metric, (role,) if metric == "transactions_aborted_total" else labels, n)


def source_block(status: ServiceStatus, now_s: float, is_live: bool) -> Block:
    """Lag and watermark of every partition that is assigned now."""
    watermarks, lags = dict(status.watermark_us), dict(status.lag_records)
    block = [Series("consumer_lag_records", _source(tp), lag) for tp, lag in lags.items()]
    for tp, watermark_us in watermarks.items():
        watermark_s = watermark_us / 1e6
        block.append(Series("watermark_timestamp_seconds", _source(tp), watermark_s))
        if is_live:
            behind_s = max(0.0, now_s - watermark_s) if lags.get(tp) else 0.0
            block.append(Series("consumer_lag_seconds", _source(tp), behind_s))
    return block


def state_block(snapshot: Snapshot) -> Block:
    """The offset chains, the models that are judged here, and their references."""
    block: Block = []
    for chain in snapshot.chains():
        partition = (str(chain.partition),)
        block += [
            Series("chain_violations_total", partition, chain.violations),
            Series("duplicate_markers_total", partition, chain.duplicates),
            Series("deltas_unreadable_total", partition, chain.unreadable),
        ]
    for model in snapshot.models():
        block.append(Series("model_info", (model.name, model.owner, model.tier), 1))
        block.append(Series("late_events_dropped_total", (model.name,), model.late_dropped))
        broken = float(model.is_unreadable)
        block.append(Series("input_schema_broken", (model.name,), broken))
    for reference in snapshot.references():
        labels = (reference.model, reference.version, reference.kind)
        block.append(Series("reference_end_timestamp_seconds", labels, reference.end_s))
        block.append(Series("reference_events", labels, reference.events))
    return block


def incident_block(incidents: Iterable[IncidentFigures]) -> Block:
    """Severity and start of every open incident; of several in one place the worst, since the first."""
    severities: dict[tuple[str, ...], int] = {}
    starts: dict[tuple[str, ...], int] = {}
    for i in incidents:
        labels = (i.model, i.version, i.segment, i.window, i.feature, i.family, i.cause)
        severities[labels] = max(1 + i.is_critical, severities.get(labels, 1))
        starts[labels] = min(i.opened_s, starts.get(labels, i.opened_s))
    return [
        *(Series("incident_severity", labels, worst) for labels, worst in severities.items()),
        *(Series("incident_start_timestamp_seconds", labels, at) for labels, at in starts.items()),
    ]


def _source(tp: TopicPartition) -> tuple[str, str]:
    return tp.topic, str(tp.partition)
