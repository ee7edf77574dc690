"""One installation's configuration, monitor.yaml; model.py has the models', one file each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from stream_monitor.config.alerting import AlertingConfig
from stream_monitor.config.kafka_settings import KafkaSettings
from stream_monitor.config.section import Section, written, wrong
from stream_monitor.config.units import Duration, PositiveDuration, Size

Membership = Literal["static", "dynamic"]
TimeMode = Literal["live", "history"]
Start = Literal["earliest", "latest"]
PendingTopic = Literal["auto", "always", "never"]
DeadLetterPayload = Literal["none", "hash", "truncated", "full"]

_NAME_PATTERN: Final = r"^[A-Za-z0-9._-]{1,200}$"


def _kafka_name(text: str) -> str:
    if re.match(_NAME_PATTERN, text) is None:
        raise PydanticCustomError("name", "must be 1 to 200 letters, digits, dots, - or _")
    return text


Name = Annotated[
    str, AfterValidator(_kafka_name), Field(json_schema_extra={"pattern": _NAME_PATTERN + r"|\$\{"})
]


class TopicsConfig(Section):
    """The topics that are read, and name, partitions and copies of those that are written."""

    inference: Name = "inference"
    """Topic of the predictions, yours."""
    labels: Name = "labels"
    """Topic of the labels, yours: as many partitions as inference, the same partitioner."""
    events: Name = "drift-events"
    """Topic of the drift events: what your alerting reads."""
    prefix: Name = "stream-monitor"
    """Prefix of the topics that only stream_monitor reads and writes."""
    partitions: int = Field(default=6, ge=1)
    """Partitions of deltas, state and results: the most detectors that can share the work."""
    events_partitions: int = Field(default=1, ge=1)
    """Partitions of the drift events."""
    replication: int = Field(default=3, ge=1)
    """Copies of each topic that `topics create` makes; at most the number of brokers."""

    @property
    def deltas(self) -> str:
        """What profilers send to detectors."""
        return f"{self.prefix}.deltas"

    @property
    def state(self) -> str:
        """Detectors' state, compacted."""
        return f"{self.prefix}.state"

    @property
    def references(self) -> str:
        """Binnings and references, compacted."""
        return f"{self.prefix}.references"

    @property
    def results(self) -> str:
        """One record per closed window and revision."""
        return f"{self.prefix}.results"

    @property
    def pending(self) -> str:
        """What the label join holds, where the source topics keep too little to restore it."""
        return f"{self.prefix}.pending"

    @property
    def dead_letters(self) -> str:
        """Rejected records."""
        return f"{self.prefix}.dead-letters"

    @model_validator(mode="after")
    def _distinct(self) -> TopicsConfig:
        taken = {
            self.deltas, self.state, self.references, self.results, self.dead_letters, self.pending,
        }  # fmt: skip
        problems = []
        for key in ("inference", "labels", "events"):
            topic = getattr(self, key)
            if topic in taken:
                problems.append((key, f"must be a topic of its own; {topic} is used already"))
            taken.add(topic)
        if problems:
            raise wrong(problems)
        return self


class ProfilerConfig(Section):
    """The service that turns records into deltas."""

    instance: Name = "local"
    """Stable name of this process, unique among profilers; left out: ${HOSTNAME:-local}."""
    membership: Membership = "static"
    """static: a restart keeps its partitions; dynamic: partitions move at once (autoscaling)."""
    start: Start = "earliest"
    """Where a group without committed offsets starts to read."""
    commit_interval: PositiveDuration = written("1s")
    """A batch is committed after this time."""
    max_records: int = Field(default=50_000, ge=1)
    """A batch is committed at this many records."""
    max_bytes: Size = written("16MB")
    """A batch is committed at this size."""
    max_record_bytes: Size = written("1MB")
    """A larger record is a dead letter, reason too_large."""
    out_of_order: Duration = written("1m")
    """Event time may run back by this much within a partition before a window can close early."""
    idle_timeout: PositiveDuration = written("30s")
    """A partition read to its end for this long no longer holds windows open."""
    marker_interval: PositiveDuration = written("5s")
    """Without traffic, progress is reported this often."""
    future_tolerance: Duration = written("5m")
    """An event further ahead of its record's time is a dead letter, reason future_timestamp."""
    store: Path = Path("data/pending")
    """Folder of predictions that wait for labels; relative to the working directory."""
    memory_limit: Size = written("1GB")
    """Memory of the pending store."""
    pending_topic: PendingTopic = "auto"
    """A topic to restore the store from: always, never, or auto: where `topics create` made it since a source
    keeps too little, or restoring from them would take more than a minute."""
    dead_letter_payload: DeadLetterPayload = "hash"
    """What a dead letter shows of its record: none, hash and length, its beginning, or all."""

    @model_validator(mode="after")
    def _batch_holds_a_record(self) -> ProfilerConfig:
        if self.max_record_bytes > self.max_bytes:
            raise wrong([("max_record_bytes", "must not be larger than max_bytes")])
        return self


class DetectorConfig(Section):
    """The service that merges deltas, closes windows and judges them."""

    instance: Name = "local"
    """Stable name of this process, unique among detectors; left out: ${HOSTNAME:-local}."""
    membership: Membership = "static"
    """static: a restart keeps its partitions; dynamic: partitions move at once (autoscaling)."""
    commit_interval: PositiveDuration = written("1s")
    """A batch is committed after this time."""
    max_records: int = Field(default=10_000, ge=1)
    """A batch is committed at this many deltas and markers."""


class MetricsConfig(Section):
    """The HTTP server of /metrics, /live and /ready."""

    host: str = "0.0.0.0"
    """Address to listen on."""
    port: int = Field(default=9108, ge=0, le=65_535)
    """Port to listen on; 0 takes any free one."""


class AlarmBudgetConfig(Section):
    """False alarms that are accepted; every test's α follows from it."""

    alarms_per_week: float = Field(default=1.0, gt=0)
    """Expected false alarms of one model per week."""
    max_alpha: float = Field(default=0.001, gt=0, lt=1)
    """The largest α that any single test may use."""
    segments_share: float = Field(default=0.5, gt=0, lt=1)
    """The share of them that may be of segments, all together, where a model has segments."""


class LogConfig(Section):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level that is logged."""
    format: Literal["auto", "json", "console"] = "auto"
    """auto: console on a terminal, json elsewhere."""


class MonitorConfig(Section):
    """monitor.yaml. Durations are in seconds and sizes in bytes."""

    name: Name = "stream-monitor"
    """Prefix of consumer groups and transactional ids: one per installation on a cluster."""
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    """librdkafka's settings as written; bootstrap.servers is localhost:9092 if left out."""
    topics: TopicsConfig = TopicsConfig()
    """Topics that are read and written."""
    time: TimeMode = "live"
    """live: quiet partitions let windows close by broker time; history: only events move time."""
    profiler: ProfilerConfig = ProfilerConfig()
    """The service that turns records into deltas."""
    detector: DetectorConfig = DetectorConfig()
    """The service that judges windows."""
    metrics: MetricsConfig = MetricsConfig()
    """The HTTP server of /metrics, /live and /ready."""
    alarm_budget: AlarmBudgetConfig = AlarmBudgetConfig()
    """False alarms that are accepted of a model that sets no budget of its own."""
    log: LogConfig = LogConfig()
    """Logs."""
    alerting: AlertingConfig = AlertingConfig()
    """What `stream-monitor rules` writes into every rule."""
    calendar: Path | None = None
    """File of named days and deployments, shown as hints and muting at will; relative to monitor.yaml."""
    models: Path = Path("models")
    """Folder of the model files, one per model; relative to monitor.yaml."""

    def group(self, service: str) -> str:
        """The consumer group of the profilers or the detectors."""
        return f"{self.name}-{service}"
