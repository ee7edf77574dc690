"""For every alert: series with which it fires, and series with which it must not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Case:
    """Series as promtool writes them, one value a minute, and what fires after `at`."""

    alert: str
    series: dict[str, str]
    fires: list[dict[str, str]] = field(default_factory=list)
    at: str = "30m"


INFO: Final = (
    'stream_monitor_model_info{model="flights", owner="flights-team", tier="1", instance="d-0"}'
)
LOANS_INFO: Final = 'stream_monitor_model_info{model="loans", instance="d-0"}'
_OWNED: Final = {"model": "flights", "owner": "flights-team", "tier": "1"}
_ALWAYS: Final = "1x60"
_API: Final = 'http_requests_total{job="flights-api", code="%s"}'
_BUCKET: Final = 'http_request_duration_seconds_bucket{job="flights-api", le="%s"}'
_POD: Final = '{namespace="models", pod="flights-1", container="app"}'


def incident(
    feature: str, family: str, cause: str, values: str = _ALWAYS, instance: str = "d-0"
) -> dict[str, str]:
    """One open incident of flights, of a detector that runs throughout."""
    labels = (
        f'model="flights", version="1", segment="all", window="1h", feature="{feature}", '
        f'family="{family}", cause="{cause}", instance="{instance}"'
    )
    return {INFO: _ALWAYS, f"stream_monitor_incident_severity{{{labels}}}": values}


def _moved(severity: str, family: str, feature: str, cause: str) -> dict[str, str]:
    return {
        **_OWNED, "severity": severity, "family": family, "feature": feature, "cause": cause,
        "segment": "all", "window": "1h",
    }  # fmt: skip


def _of_incidents(alert: str, family: str, feature: str, cause: str, other: str) -> list[Case]:
    """A warning, a critical incident, and one of another kind."""
    warning = _moved("warning", family, feature, cause)
    return [
        Case(alert, incident(feature, family, cause), [warning]),
        Case(
            alert, incident(feature, family, cause, "2x60"), [warning, warning | {"severity": "critical"}]
        ),
        Case(alert, incident("temp", "data", other)),
        Case(alert, {INFO: _ALWAYS}),
    ]  # fmt: skip


def _of_service(
    alert: str, severity: str, firing: dict[str, str], calm: dict[str, str]
) -> list[Case]:
    labels = {**_OWNED, "severity": severity, "family": "system"}
    return [Case(alert, firing, [labels]), Case(alert, calm)]


def _of_monitor(
    alert: str, severity: str, family: str, firing: dict[str, str], calm: dict[str, str], *,
    at: str = "30m", **labels: str,
) -> list[Case]:  # fmt: skip
    expected = {"severity": severity, "family": family, **labels}
    return [Case(alert, firing, [expected], at), Case(alert, calm, at=at)]


_USAGE: Final = {
    f"container_spec_cpu_quota{_POD}": "100000x60",
    f"container_spec_cpu_period{_POD}": "100000x60",
}
_WINDOW: Final = (
    'stream_monitor_window_end_timestamp_seconds{model="flights", version="1", segment="all", '
    'window="1h"}'
)
_LAG: Final = 'stream_monitor_consumer_lag_seconds{topic="inference", partition="0"}'
_NO_REFERENCE: Final = (
    'stream_monitor_feature_verdict{model="flights", version="2", segment="all", window="1h", '
    'feature="temp", reference="validation", verdict="no_reference"}'
)
_OBSOLETE: Final = (
    'stream_monitor_reference_obsolete{model="flights", version="1", segment="all", window="1h", '
    'kind="training"}'
)
_LATENCY: Final = (
    'stream_monitor_model_latency_seconds{model="loans", version="1", segment="all", window="1h", '
    'quantile="0.99"}'
)
_FAILED: Final = (
    'stream_monitor_model_error_ratio{model="loans", version="1", segment="all", window="1h"}'
)

CASES: Final[list[Case]] = [
    *_of_incidents("FeatureDrift", "data", "temp", "distribution", "missing_burst"),
    *_of_incidents("MissingBurst", "data", "temp", "missing_burst", "distribution"),
    *_of_incidents("CategoriesChanged", "data", "carrier", "new_category", "scale"),
    *_of_incidents("PredictionDrift", "model", "prediction.label", "distribution", "scale"),
    *_of_incidents("PerformanceDrop", "model", "performance.label", "accuracy", "scale"),
    *_of_incidents("VolumeChange", "system", "traffic.volume", "volume", "scale"),
    *_of_service(
        "ApiDown", "critical",
        {'up{job="flights-api", instance="a"}': "0x60"},
        {'up{job="flights-api", instance="a"}': "0x60", 'up{job="flights-api", instance="b"}': "1x60"},
    ),
    *_of_service(
        "LatencyHigh", "warning",
        {_BUCKET % "0.5": "0+98x60", _BUCKET % "1": "0+100x60", _BUCKET % "+Inf": "0+100x60"},
        {_BUCKET % "0.5": "0+100x60", _BUCKET % "1": "0+100x60", _BUCKET % "+Inf": "0+100x60"},
    ),
    *_of_service(
        "ErrorsHigh", "critical",
        {_API % "200": "0+998x60", _API % "503": "0+2x60"},
        {_API % "200": "0+9999x60", _API % "503": "0+1x60"},
    ),
    *_of_service(
        "NoTraffic", "warning", {_API % "200": "1000x60"}, {_API % "200": "1000+1x60"}
    ),
    *_of_service(
        "CpuHigh", "warning",
        {**_USAGE, f"container_cpu_usage_seconds_total{_POD}": "0+51x60"},
        {**_USAGE, f"container_cpu_usage_seconds_total{_POD}": "0+45x60"},
    ),
    *_of_service(
        "MemoryHigh", "warning",
        {f"container_memory_working_set_bytes{_POD}": "81x60",
         f"container_spec_memory_limit_bytes{_POD}": "100x60"},
        {f"container_memory_working_set_bytes{_POD}": "81x60",
         f"container_spec_memory_limit_bytes{_POD}": "0x60"},
    ),
    *_of_service(
        "GpuHigh", "warning",
        {'DCGM_FI_DEV_GPU_UTIL{pod="flights-1", gpu="0"}': "91x60"},
        {'DCGM_FI_DEV_GPU_UTIL{pod="other-1", gpu="0"}': "91x60"},
    ),
    *_of_service(
        "DiskBusy", "warning",
        {'node_disk_io_time_seconds_total{job="node", device="sda"}': "0+50x60"},
        {'node_disk_io_time_seconds_total{job="node", device="sda"}': "0+40x60"},
    ),
    *_of_service(
        "QueueLong", "warning",
        {'kafka_consumergroup_lag{consumergroup="flights-scorer", partition="0"}': "6000x60",
         'kafka_consumergroup_lag{consumergroup="flights-scorer", partition="1"}': "6000x60"},
        {'kafka_consumergroup_lag{consumergroup="other", partition="0"}': "60000x60"},
    ),
    *_of_monitor(
        "LatencyHigh", "warning", "system", {LOANS_INFO: _ALWAYS, _LATENCY: "0.6x60"},
        {LOANS_INFO: _ALWAYS, _LATENCY: "0.4x60"}, model="loans", window="1h",
    ),
    *_of_monitor(
        "ErrorsHigh", "critical", "system", {LOANS_INFO: _ALWAYS, _FAILED: "0.002x60"},
        {LOANS_INFO: _ALWAYS, _FAILED: "0.0005x60"}, model="loans", window="1h",
    ),
    *_of_monitor(
        "ProfilerDown", "critical", "system", {},
        {'stream_monitor_last_step_timestamp_seconds{service="profiler"}': "1x60"}, service="profiler",
    ),
    *_of_monitor(
        "DetectorDown", "critical", "system", {},
        {'stream_monitor_last_step_timestamp_seconds{service="detector"}': "1x60"}, service="detector",
    ),
    *_of_monitor(
        "Stuck", "critical", "system",
        {'stream_monitor_last_commit_timestamp_seconds{service="detector", instance="d-0"}': "60x60"},
        {'stream_monitor_last_commit_timestamp_seconds{service="detector", instance="d-0"}': "60x60",
         'stream_monitor_last_commit_timestamp_seconds{service="detector", instance="d-1"}': "0+60x60"},
        service="detector",
    ),
    *_of_monitor(
        "Lag", "warning", "system",
        {'stream_monitor_consumer_lag_seconds{topic="inference", partition="0"}': "601x60"},
        {'stream_monitor_consumer_lag_seconds{topic="inference", partition="0"}': "599x60"},
        topic="inference",
    ),
    *_of_monitor(
        "IntegrityViolated", "critical", "system",
        {'stream_monitor_chain_violations_total{partition="0"}': "0x20 1x40"},
        {'stream_monitor_chain_violations_total{partition="0"}': "_x20 1x40"},
    ),
    *_of_monitor(
        "InputSchemaBroken", "critical", "data",
        {INFO: _ALWAYS, 'stream_monitor_input_schema_broken{model="flights"}': "1x60"},
        {INFO: _ALWAYS, 'stream_monitor_input_schema_broken{model="flights"}': "0x60"}, **_OWNED,
    ),
    *_of_monitor(
        "DeadLetters", "warning", "data",
        {'stream_monitor_records_total{topic="inference", result="valid"}': "0+98x60",
         'stream_monitor_records_total{topic="inference", result="dead"}': "0+2x60"},
        {'stream_monitor_records_total{topic="inference", result="valid"}': "0+999x60",
         'stream_monitor_records_total{topic="inference", result="dead"}': "0+1x60"},
        topic="inference",
    ),
    *_of_monitor(
        "ReferenceObsolete", "warning", "system", {INFO: "1x200", _OBSOLETE: "1x200"},
        {INFO: "1x200", _OBSOLETE: "0x200"}, at="90m", kind="training", **_OWNED,
    ),
    *_of_monitor(
        "ReferenceMissing", "info", "system", {INFO: "1x200", _NO_REFERENCE: "1x200"},
        {INFO: "1x200", _NO_REFERENCE: "0x200"}, at="90m", version="2", reference="validation", **_OWNED,
    ),
    *_of_monitor(
        "ModelFileRefused", "warning", "system",
        {'stream_monitor_models_refused{service="detector", instance="d-0"}': "1x60"},
        {'stream_monitor_models_refused{service="detector", instance="d-0"}': "0x60"},
        service="detector",
    ),
    *_of_monitor(
        "SeriesDropped", "info", "system", {"stream_monitor_series_dropped_total": "0+5x60"},
        {"stream_monitor_series_dropped_total": "5x60"},
    ),
    *_of_monitor("ModelNotJudged", "critical", "system", {LOANS_INFO: _ALWAYS},
                 {LOANS_INFO: _ALWAYS, INFO: _ALWAYS}, **_OWNED),
    *_of_monitor(
        "WindowsStale", "warning", "system", {_WINDOW: "0x300", _LAG: "0x300"},
        {_WINDOW: "0+60x300", _LAG: "0x300"}, at="180m", **_OWNED,
    ),
    Case("WindowsStale", {_WINDOW: "0x300"}, at="180m"),
]  # fmt: skip
"""What each alert does by itself; how it holds over restarts is in test_rules.py."""
