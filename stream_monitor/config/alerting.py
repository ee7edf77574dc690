"""What alert rules are generated from, beside the models: links, and the model's own service."""

from __future__ import annotations

from pydantic import Field, model_validator

from stream_monitor.config.section import Section, written, wrong
from stream_monitor.config.units import PositiveDuration


class AlertingConfig(Section):
    """What `stream-monitor rules` writes into every rule."""

    runbooks: str = "docs/runbooks"
    """Where the runbooks are: an alert links the page of its name there."""
    dashboards: str = "http://localhost:3000"
    """Address of Grafana, for links to the dashboards."""
    max_lag: PositiveDuration = written("10m")
    """Alert when reading is behind by more than this."""


class ServiceConfig(Section):
    """The service that answers with the model, by its own metrics; a rule whose metrics are not named is
    left out."""

    selector: str | None = Field(default=None, min_length=1)
    """Labels of the service's targets, such as job="flights-api": is it up?"""
    requests: str | None = Field(default=None, min_length=1)
    """Counter of requests, under the same labels: traffic and errors."""
    status_label: str = "code"
    """Its label with the HTTP status."""
    duration: str | None = Field(default=None, min_length=1)
    """Histogram of durations in seconds, without _bucket, under the same labels."""
    containers: str | None = Field(default=None, min_length=1)
    """Labels of the service's containers in cAdvisor's metrics: processor and memory."""
    gpus: str | None = Field(default=None, min_length=1)
    """Labels of its GPUs in the metrics of the DCGM exporter."""
    nodes: str | None = Field(default=None, min_length=1)
    """Labels of its machines in the metrics of the node exporter: disk."""
    consumer_group: str | None = Field(default=None, min_length=1)
    """Consumer group with which it reads its input, in the metrics of the Kafka exporter."""
    max_latency_s: float = Field(default=0.5, gt=0)
    """Alert when the 99th percentile of the duration is above this, in seconds."""
    max_error_ratio: float = Field(default=0.001, gt=0, lt=1)
    """Alert when a larger share of the requests ends with a status of 500 or more."""
    max_utilization: float = Field(default=0.8, gt=0, lt=1)
    """Alert when a larger share of its processor, memory or disk time is used."""
    max_gpu_utilization: float = Field(default=0.9, gt=0, lt=1)
    """Alert when a larger share of its GPU time is used."""
    max_queue: int = Field(default=10_000, gt=0)
    """Alert when more messages wait for it."""

    @model_validator(mode="after")
    def _targets_are_named(self) -> ServiceConfig:
        if self.selector is None and (self.requests or self.duration):
            raise wrong([("selector", "must be set for requests and duration")])
        return self
