"""Rules about stream_monitor itself: is every model judged, in time, from all records?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stream_monitor.alerting.alert import Alert, quoted
from stream_monitor.alerting.incident_rules import OWNERS
from stream_monitor.config.model import ModelConfig
from stream_monitor.core.policy import Family
from stream_monitor.core.windows import format_duration

_OWNED: Final = f"* on (model) group_left (owner, tier) {OWNERS}"
_LATE_WINDOWS: Final = 2
_SERVICES: Final = ("profiler", "detector")


def monitor_alerts(max_lag_s: int) -> list[Alert]:
    """Rules that hold for every model."""
    return [*_of_services(max_lag_s), *_of_records(), *_of_models()]


def _of_services(max_lag_s: int) -> list[Alert]:
    lag = format_duration(max_lag_s)
    return [
        *(
            Alert(
                f"{service.title()}Down", "critical", Family.SYSTEM,
                f'absent(stream_monitor_last_step_timestamp_seconds{{service="{service}"}})',
                f"no {service} of stream_monitor is running",
                f"Prometheus sees no {service}: nothing is {verb} until one is back. Nothing is lost while "
                "the topics keep their records.",
            )
            for service, verb in zip(_SERVICES, ("counted", "judged"), strict=True)
        ),
        Alert(
            "Stuck", "critical", Family.SYSTEM,
            "time() - max by (service) (stream_monitor_last_commit_timestamp_seconds) > 300",
            "no {{ $labels.service }} has committed for five minutes",
            "The last commit of any {{ $labels.service }} was {{ $value | humanizeDuration }} ago.",
        ),
        Alert(
            "Lag", "warning", Family.SYSTEM,
            f"max by (topic) (stream_monitor_consumer_lag_seconds) > {max_lag_s}",
            f"{{{{ $labels.topic }}}} is read more than {lag} behind",
            "The slowest partition of {{ $labels.topic }} is {{ $value | humanizeDuration }} behind.",
            hold="10m",
        ),
    ]  # fmt: skip


def _of_records() -> list[Alert]:
    return [
        Alert(
            "IntegrityViolated", "critical", Family.SYSTEM,
            "max(increase(stream_monitor_chain_violations_total[1h])) > 0",
            "records were lost or counted twice",
            "Source offsets left a gap or overlapped within the last hour. Windows that it touches say "
            "exact: false.",
            hold="0s", keep="1h",
        ),
        Alert(
            "InputSchemaBroken", "critical", Family.DATA,
            f"(max by (model) (stream_monitor_input_schema_broken) == 1) {_OWNED}",
            "{{ $labels.model }}: records cannot be read",
            "More than 5 % of the records of {{ $labels.model }} become dead letters: somebody changed a "
            "schema. `stream-monitor dead-letters list` shows them.",
            hold="1m",
        ),
        Alert(
            "DeadLetters", "warning", Family.DATA,
            "sum by (topic) (increase(stream_monitor_records_total{result=\"dead\"}[15m]))\n"
            "> 0.01 * sum by (topic) (increase(stream_monitor_records_total[15m]))",
            "more than 1 % of {{ $labels.topic }} become dead letters",
            "{{ $value | printf `%.0f` }} records of {{ $labels.topic }} could not be read in 15 minutes.",
        ),
    ]  # fmt: skip


def _of_models() -> list[Alert]:
    """References, model files, and what /metrics leaves out."""
    return [
        Alert(
            "ReferenceObsolete", "warning", Family.SYSTEM,
            "(max by (model, kind) (stream_monitor_reference_obsolete) == 1) " + _OWNED,
            "{{ $labels.model }}: the {{ $labels.kind }} reference is too old",
            "The {{ $labels.kind }} reference of {{ $labels.model }} is older than its max_age: build or "
            "promote another one.",
            hold="1h", keep="1h",
        ),
        Alert(
            "ReferenceMissing", "info", Family.SYSTEM,
            "(max by (model, version, reference) (stream_monitor_feature_verdict{verdict=\"no_reference\", "
            f'segment="all"}}) == 1) {_OWNED}',
            "{{ $labels.model }} {{ $labels.version }} has no {{ $labels.reference }} reference",
            "Its windows are measured and not judged beside the {{ $labels.reference }} reference until "
            "there is one.",
            hold="1h", keep="1h",
        ),
        Alert(
            "ModelFileRefused", "warning", Family.SYSTEM,
            "max by (service) (stream_monitor_models_refused) > 0",
            "a changed model file is refused",
            "{{ $value }} problems in model files or the calendar: what they said before stays in force. The "
            "log of a {{ $labels.service }} names them.",
            keep="0s",
        ),
        Alert(
            "SeriesDropped", "info", Family.SYSTEM,
            "sum(increase(stream_monitor_series_dropped_total[1h])) > 0",
            "/metrics leaves series out",
            "A page has more series than its cap: alerts on features may be incomplete.",
            keep="1h",
        ),
    ]  # fmt: skip


def model_alerts(models: Sequence[ModelConfig]) -> list[Alert]:
    """Per model: is it judged at all, and do its windows close in time?"""
    return [*map(_not_judged, models), *map(_windows_stale, models)]


def owned(model: ModelConfig) -> dict[str, str]:
    """The labels that route an alert of a model."""
    labels = {"model": model.name, "owner": model.owner, "tier": model.tier}
    return {name: value for name, value in labels.items() if value}


def _not_judged(model: ModelConfig) -> Alert:
    return Alert(
        "ModelNotJudged", "critical", Family.SYSTEM,
        f"absent(stream_monitor_model_info{{model={quoted(model.name)}}})",
        "{{ $labels.model }} is judged by no detector",
        "No detector shows {{ $labels.model }}: it is down, or runs without this model's file. Open "
        "incidents are held as they were.",
        labels=owned(model),
    )  # fmt: skip


def _windows_stale(model: ModelConfig) -> Alert:
    """Where events are of the past, no profiler shows a lag in seconds, and no window is late."""
    window = min((w.window_size() for w in model.windows), key=lambda size: size.size_s)
    late_s = _LATE_WINDOWS * window.longest_s + model.allowed_lateness + (model.max_hold or 0)
    labels = f"model={quoted(model.name)}, window={quoted(window.name)}"
    return Alert(
        "WindowsStale", "warning", Family.SYSTEM,
        f"time() - max(stream_monitor_window_end_timestamp_seconds{{{labels}}}) > {late_s}\n"
        "and on () max(stream_monitor_consumer_lag_seconds)",
        "{{ $labels.model }}: windows no longer close",
        f"The newest window of {window.name} ended {{{{ $value | humanizeDuration }}}} ago: no "
        "predictions come, or a partition holds time back.",
        labels=owned(model),
    )  # fmt: skip
