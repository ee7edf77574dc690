"""Two watched models and the settings of an installation that judges them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.specification import model_spec
from stream_monitor.core.policy import ModelSpec

HOUR_S = 3_600
DAY_S = 86_400
T0 = 1_360_270_800
"""2013-02-07T21:00Z: streams that begin here cross a midnight."""
SOURCE_PARTITIONS = 4
DELTAS_PARTITIONS = 3
CARRIERS = ("UA", "AA", "B6")
ORIGINS = ("JFK", "LGA")
CLASSES = ("late", "on_time")


def monitor(time: str = "history", deltas: int = 40, **profiler: Any) -> MonitorConfig:
    """Settings with small batches; intervals count steps of the tests' clocks.

    A detector takes `deltas` records of their topic at a time.
    """
    return MonitorConfig.model_validate(
        {
            "name": "app",
            "time": time,
            "topics": {"partitions": DELTAS_PARTITIONS, "replication": 1},
            "profiler": {
                "commit_interval": "1s", "out_of_order": "1m", "marker_interval": "3s",
                "max_records": 60, **profiler,
            },
            "detector": {"commit_interval": "1s", "max_records": deltas},
        }
    )  # fmt: skip


def model(name: str, numeric: str, categorical: str, **changed: Any) -> ModelSpec:
    """A model with one feature of each kind, windows of an hour and of a day, and late labels."""
    config: dict[str, Any] = {
        "name": name, "pane": "5m",
        "windows": [{"size": "1h", "recover_after": 2}, {"size": "1d"}],
        "features": {numeric: "numeric", categorical: "categorical"},
        "prediction": "class", "segments": ["origin"],
        "references": {"validation": {}, "sliding": {}},
        "outcomes": {
            "label": {
                "kind": "class", "classes": list(CLASSES), "positive": "late", "horizon": "3d",
            }
        },
        "allowed_lateness": "5m", "correction_horizon": "3d", **changed,
    }  # fmt: skip
    return model_spec(ModelConfig.model_validate(config), monitor())


@cache
def watched() -> Mapping[str, ModelSpec]:
    """The models by name; their deltas meet in different partitions."""
    return {
        "flights": model("flights", "distance", "carrier"),
        "fares": model("fares", "price", "carrier"),
    }
