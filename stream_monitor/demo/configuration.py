"""The demo's configuration: what monitor.yaml and models/flights.yaml would say."""

from __future__ import annotations

from pathlib import Path

from stream_monitor.config.loading import Installation
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.demo.flights import (
    CATEGORICAL_FEATURES,
    LATE,
    NUMERIC_FEATURES,
    ON_TIME,
    TIME_ZONE,
)


def demo_model() -> ModelConfig:
    """The flights model: daily windows in New York time, labels within two days."""
    kinds = dict.fromkeys(NUMERIC_FEATURES, "numeric")
    kinds |= dict.fromkeys(CATEGORICAL_FEATURES, "categorical")
    return ModelConfig.model_validate(
        {
            "name": "flights",
            "owner": "flights-team",
            "tier": "2",
            "pane": "1h",
            "windows": [{"size": "1d", "timezone": TIME_ZONE}],
            "features": kinds,
            "prediction": "class",
            "outcomes": {
                "label": {
                    "kind": "class", "classes": [ON_TIME, LATE], "positive": LATE, "horizon": "2d",
                }
            },
            "columns": {
                "id": "prediction_id", "timestamp": "timestamp", "label": "label",
                "label_time": "label_time",
                "prediction": {"label": "predicted_label", "score": "score"},
            },
        }
    )  # fmt: skip


def demo_installation(store: Path, port: int) -> Installation:
    """One profiler and one detector in this process, in history mode: only events move time."""
    monitor = MonitorConfig.model_validate(
        {
            "name": "demo",
            "time": "history",
            "topics": {"partitions": 4, "replication": 1},
            "profiler": {
                "instance": "demo", "membership": "dynamic", "commit_interval": "1s",
                "max_records": 2_500, "store": str(store),
            },
            "detector": {"instance": "demo", "membership": "dynamic", "commit_interval": "1s"},
            "metrics": {"host": "127.0.0.1", "port": port},
        }
    )  # fmt: skip
    return Installation(monitor, (demo_model(),))
