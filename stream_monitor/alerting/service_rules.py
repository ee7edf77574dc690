"""Rules about the services that answer with the models, from their own metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream_monitor.alerting.alert import Alert, Severity, quoted
from stream_monitor.alerting.incident_rules import OWNERS
from stream_monitor.alerting.monitor_rules import owned
from stream_monitor.config.alerting import ServiceConfig
from stream_monitor.config.model import ModelConfig
from stream_monitor.core.policy import Family


def service_alerts(models: Sequence[ModelConfig]) -> list[Alert]:
    """What the models' files name; latency and errors of the others from their events."""
    found = [alert for model in models for alert in _of_service(model)]
    return [*found, *_from_events(models)]


def _of_service(model: ModelConfig) -> Iterator[Alert]:
    subject = "The service of {{ $labels.model }}:"
    for found in (*_of_api(model.service), *_of_resources(model.service)):
        yield _alert(found, subject, owned(model))


def _alert(found: _Found, subject: str, labels: dict[str, str]) -> Alert:
    name, severity, expr, what, value = found
    return Alert(
        name, severity, Family.SYSTEM, expr,
        f"{{{{ $labels.model }}}}: {what}", f"{subject} {what} ({{{{ $value | {value} }}}}).",
        dashboard="stream-monitor-overview", variables=("model",), labels=labels,
    )  # fmt: skip


_Found = tuple[str, Severity, str, str, str]
"""Name, severity, expression, what it means, how its value is shown."""


def _of_api(service: ServiceConfig) -> Iterator[_Found]:
    at = service.selector
    if at is not None:
        yield (
            "ApiDown", "critical", f"max(up{{{at}}}) == 0 or absent(up{{{at}}})", "its API is down",
            "printf `%.0f`",
        )  # fmt: skip
    if service.duration is not None:
        buckets = f"sum by (le) (rate({service.duration}_bucket{{{at}}}[5m]))"
        yield (
            "LatencyHigh", "warning",
            f"histogram_quantile(0.99, {buckets}) > {service.max_latency_s:g}",
            f"its 99th percentile of latency is above {1_000 * service.max_latency_s:g} ms",
            "humanizeDuration",
        )  # fmt: skip
    if service.requests is not None:
        every = f"sum(rate({service.requests}{{{at}}}[5m]))"
        failed = f'sum(rate({service.requests}{{{at}, {service.status_label}=~"5.."}}[5m]))'
        yield (
            "ErrorsHigh", "critical", f"{failed} / {every} > {service.max_error_ratio:g}",
            f"more than {100 * service.max_error_ratio:g} % of the answers are errors",
            "humanizePercentage",
        )  # fmt: skip
        yield "NoTraffic", "warning", f"{every} == 0", "it gets no requests", "printf `%.0f`"


def _of_resources(service: ServiceConfig) -> Iterator[_Found]:
    most = f"> {service.max_utilization:g}"
    percent = f"{100 * service.max_utilization:g} %"
    if service.containers is not None:
        at = f'{{{service.containers}, container!=""}}'
        yield (
            "CpuHigh", "warning",
            f"sum(rate(container_cpu_usage_seconds_total{at}[5m]))\n/ sum(container_spec_cpu_quota{at} "
            f"/ container_spec_cpu_period{at}) {most}",
            f"it uses more than {percent} of its processors", "humanizePercentage",
        )  # fmt: skip
        yield (
            "MemoryHigh", "warning",
            f"max(container_memory_working_set_bytes{at}\n/ (container_spec_memory_limit_bytes{at} > 0)) "
            f"{most}",
            f"it uses more than {percent} of its memory", "humanizePercentage",
        )  # fmt: skip
    if service.gpus is not None:
        yield (
            "GpuHigh", "warning",
            f"avg(DCGM_FI_DEV_GPU_UTIL{{{service.gpus}}}) / 100 > {service.max_gpu_utilization:g}",
            f"it uses more than {100 * service.max_gpu_utilization:g} % of its GPUs",
            "humanizePercentage",
        )  # fmt: skip
    if service.nodes is not None:
        yield (
            "DiskBusy", "warning",
            f"max(rate(node_disk_io_time_seconds_total{{{service.nodes}}}[5m])) {most}",
            f"a disk is busy for more than {percent} of the time", "humanizePercentage",
        )  # fmt: skip
    if service.consumer_group is not None:
        group = f"consumergroup={quoted(service.consumer_group)}"
        yield (
            "QueueLong", "warning",
            f"sum(kafka_consumergroup_lag{{{group}}}) > {service.max_queue}",
            f"more than {service.max_queue:,} messages wait for it", "humanize",
        )  # fmt: skip


def _from_events(models: Sequence[ModelConfig]) -> Iterator[Alert]:
    """Of models whose service tells less: what their events say of the newest window."""
    defaults = ServiceConfig()
    owners = f"* on (model) group_left (owner, tier) {OWNERS}"
    subject = "In the newest {{ $labels.window }} window of {{ $labels.model }}"
    latency = (
        f'max by (model, window) (stream_monitor_model_latency_seconds{{quantile="0.99", segment="all"'
        f"{_without(m.name for m in models if m.service.duration)}}}) > {defaults.max_latency_s:g}"
    )
    errors = (
        f'max by (model, window) (stream_monitor_model_error_ratio{{segment="all"'
        f"{_without(m.name for m in models if m.service.requests)}}}) > {defaults.max_error_ratio:g}"
    )
    rows: tuple[_Found, ...] = (
        (
            "LatencyHigh", "warning", f"({latency}) {owners}",
            f"the 99th percentile of latency is above {1_000 * defaults.max_latency_s:g} ms",
            "humanizeDuration",
        ),
        (
            "ErrorsHigh", "critical", f"({errors}) {owners}",
            f"more than {100 * defaults.max_error_ratio:g} % of the answers are errors",
            "humanizePercentage",
        ),
    )  # fmt: skip
    for found in rows:
        yield _alert(found, subject, {})


def _without(names: Iterator[str]) -> str:
    """A matcher that leaves models out, after other matchers."""
    return "".join(f", model!={quoted(name)}" for name in names)
