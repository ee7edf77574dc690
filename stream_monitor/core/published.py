"""The JSON of what is published: window results, performance results and drift events.

Other events are in system_events.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from stream_monitor.core.comparison import Comparison
from stream_monitor.core.evidence import NAMED_FIELD_FROM
from stream_monitor.core.hints.pattern import pattern_of
from stream_monitor.core.profile.source import SourceRange
from stream_monitor.core.profile.unknown_fields import FieldsSummary
from stream_monitor.core.results import (
    DriftEvent,
    FeatureResult,
    Output,
    PerformanceResult,
    WindowKey,
    WindowResult,
)
from stream_monitor.core.verdicts import Verdict, VerdictState
from stream_monitor.core.windows import Window, WindowSize

EVENT_TYPES = {
    "opened": "io.stream-monitor.drift.opened.v1",
    "ongoing": "io.stream-monitor.drift.ongoing.v1",
    "recovered": "io.stream-monitor.drift.recovered.v1",
    "retracted": "io.stream-monitor.drift.retracted.v1",
    "integrity_violation": "io.stream-monitor.integrity.v1",
    "input_schema_broken": "io.stream-monitor.input-schema.broken.v1",
    "input_schema_resolved": "io.stream-monitor.input-schema.resolved.v1",
}
_EVIDENCE = 5


def to_json(output: Output, model: str) -> dict[str, Any]:
    """A JSON-ready record; its `type` is window, performance or drift."""
    if isinstance(output, WindowResult):
        return _window_result(output, model)
    if isinstance(output, PerformanceResult):
        return _performance_result(output, model)
    return _drift_event(output, model)


def rfc3339(seconds: int) -> str:
    """An instant as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _where(key: WindowKey, model: str) -> dict[str, Any]:
    return {
        "model": model, "version": key.version, "segment": key.segment,
        "profile_id": key.profile_id,
    }  # fmt: skip


def _window(window: Window, size: WindowSize) -> dict[str, Any]:
    start, end = rfc3339(window.start_s), rfc3339(window.end_s)
    return {"size": size.name, "start": start, "end": end, "timezone": size.timezone}


def _window_result(result: WindowResult, model: str) -> dict[str, Any]:
    traffic = result.traffic
    return {
        "type": "window",
        **_where(result.key, model),
        "window": _window(result.window, result.size),
        "revision": result.revision,
        "exact": result.is_exact,
        "complete": result.is_complete,
        "inherited": result.is_inherited,
        "obsolete_references": [kind.value for kind in result.obsolete],
        "n": traffic.events,
        "digest": result.digest,
        "traffic": {
            "events": traffic.events, "p50_ms": traffic.p50_ms, "p95_ms": traffic.p95_ms,
            "p99_ms": traffic.p99_ms, "error_share": traffic.error_share,
            "without_timestamp": traffic.without_timestamp,
            "coerced": {
                name: share
                for name, share in zip(result.coercible, traffic.coerced, strict=True)
                if share
            },
        },
        "unknown_fields": _unknown_fields(result.unknown_fields),
        "source": _source(result.source),
        "mean_confidence": result.mean_confidence,
        "trends": {
            t.feature: {"slope": t.slope, "p": t.p, "windows": t.windows} for t in result.trends
        },
        "features": [_feature(feature) for feature in result.features],
    }  # fmt: skip


def _source(ranges: Iterable[SourceRange]) -> list[dict[str, int]]:
    return [asdict(found) for found in ranges]


def _unknown_fields(found: FieldsSummary | None) -> dict[str, Any] | None:
    """A name is shown where enough rows carry it that it is one of a field, and no value used as a key."""
    if found is None:
        return None
    figures = {"looked_at": found.looked, "rows": found.rows, "carried": found.carried}
    return figures | {"fields": {n: k for n, k in found.names.items() if k >= NAMED_FIELD_FROM}}


def _feature(result: FeatureResult) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "feature": result.feature,
        "kind": result.kind.value,
        "reference": result.reference.value,
        "verdict": result.state.value,
        "severity": result.severity.value if result.severity else None,
        "ratio": _finite(result.ratio),
    }
    comparison, deciding = result.comparison, result.deciding
    if comparison is None:
        return shown
    return shown | {
        "deciding": deciding.measurement.aspect.value if deciding else None,
        "n_window": comparison.n_window,
        "n_reference": comparison.n_reference,
        "k_windows": comparison.windows,
        "aspects": [_aspect(verdict) for verdict in result.verdicts],
        "carried_by": [{"segment": c.segment, "share": c.share} for c in result.carriers],
        "hints": [
            {
                "kind": h.kind.value,
                "text": h.text,
                "confidence": h.confidence,
                "detail": dict(h.detail),
            }
            for h in result.hints
        ],
        "scores": {name: _finite(value) for name, value in comparison.scores.items()},
        "summary": {name: _finite(value) for name, value in comparison.summary.items()},
        "bins": {
            "labels": list(comparison.bins.labels),
            "reference": list(comparison.bins.reference),
            "window": list(comparison.bins.window),
        },
    }


def _aspect(verdict: Verdict) -> dict[str, Any]:
    m = verdict.measurement
    return {
        "aspect": m.aspect.value,
        "test": m.test,
        "statistic": _finite(m.statistic),
        "p_iid": m.p_iid,
        "p_window": m.p_window,
        "p": verdict.p,
        "alpha": verdict.alpha,
        "effect": _finite(m.effect),
        "floor": verdict.floor,
        "verdict": verdict.state.value,
        "severity": verdict.severity.value if verdict.severity else None,
    }


def _performance_result(result: PerformanceResult, model: str) -> dict[str, Any]:
    performance = result.performance
    return {
        "type": "performance",
        **_where(result.key, model),
        "window": _window(result.window, result.size),
        "revision": result.revision,
        "outcome": performance.outcome,
        "digest": result.digest,
        "predictions": performance.predictions,
        "labels": performance.labels,
        "absent": performance.absent,
        "maturity": performance.maturity,
        "label_delay": asdict(performance.delay) if performance.delay else None,
        "metrics": {name: _finite(value) for name, value in performance.metrics.items()},
        "source": _source(result.source),
        "features": [_feature(feature) for feature in result.features],
    }


def _drift_event(event: DriftEvent, model: str) -> dict[str, Any]:
    is_firing = event.status.value in ("opened", "ongoing")
    shown = {
        "type": "drift",
        "id": event.event_id,
        "incident": event.incident_id,
        "status": event.status.value,
        "alert_status": "firing" if is_firing else "resolved",
        "revision": event.revision,
        "supersedes": event.revision - 1 if event.revision else None,
        **_where(event.key, model),
        "window": _window(event.window, event.size),
        "feature": event.feature,
        "references": list(event.references),
        "starts_at": rfc3339(event.opened_s),
        "ends_at": None if is_firing else rfc3339(event.window.end_s),
    }
    if event.result is None:
        return shown
    feature = _feature(event.result)
    feature.pop("bins", None)
    shown["against"] = {r.reference.value: _against(r) for r in event.results}
    moved = {r.reference.value for r in event.results if r.state is VerdictState.DRIFT}
    quiet = {r.reference.value for r in event.results if r.state is VerdictState.OK}
    shown["pattern"] = pattern_of(moved, quiet)
    shown["cause"] = event.result.cause
    shown["judged_until"] = rfc3339(event.until_s)
    shown["source"] = _source(event.source)
    return shown | feature | {"evidence": _evidence(event.result.comparison)}


def _against(result: FeatureResult) -> dict[str, Any]:
    """What one reference says, in short."""
    severity = result.severity.value if result.severity else None
    ratio = _finite(result.ratio)
    return {"verdict": result.state.value, "severity": severity, "ratio": ratio}


def _evidence(comparison: Comparison | None) -> list[dict[str, Any]]:
    """The bins or categories whose shares moved most, before → after."""
    if comparison is None:
        return []
    bins = comparison.bins
    moved = sorted(
        zip(bins.labels, bins.reference, bins.window, strict=True),
        key=lambda row: -abs(row[2] - row[1]),
    )
    return [{"bin": label, "before": p, "after": q} for label, p, q in moved[:_EVIDENCE] if p != q]


def event_headers(event: dict[str, Any], app: str) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents binary-mode headers of an event."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{event['id']}.{event['revision']}",
        "ce_type": EVENT_TYPES[event["status"]],
        "ce_source": f"/stream-monitor/{app}/{event['model']}",
        "ce_subject": event["feature"],
        "content-type": "application/json",
    }
    if "window" in event:
        headers["ce_time"] = event.get("judged_until", event["window"]["end"])
    return tuple((name, value.encode()) for name, value in headers.items())


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
