"""A small history without drift for the commands that run over one, and the model of it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.specification import model_spec
from stream_monitor.core.policy import ModelSpec
from stream_monitor.services.history import ReferencePeriod

DAYS, PER_DAY = 70, 200
REFERENCE_DAYS = 30
START_S = 1_709_510_400
"""2024-03-04, a Monday, midnight UTC."""
DAY_S = 86_400
PERIOD = ReferencePeriod(rows=REFERENCE_DAYS * PER_DAY)

MODEL_YAML = """\
# Orders: accepted or refused.
name: orders
pane: 1h
windows: [{size: 1d}]
features:
  amount: numeric  # euros
  weight:
    kind: numeric
    # of the parcel
  country: categorical
prediction: class
outcomes:
  label: {classes: [good, bad], positive: bad, horizon: 1d}
alarm_budget:
  alarms_per_week: 1.0
columns:
  id: id
  timestamp: time
  prediction: {label: predicted, score: score}
  label: label
  label_time: label_time
"""


@dataclass(frozen=True, slots=True)
class Made:
    """The table with the day of each row."""

    table: pa.Table
    day: NDArray[np.int64]


def made(shifted_days: tuple[int, ...] = (), shift: float = 0.0, seed: int = 0) -> Made:
    """Orders over DAYS days, PER_DAY a day; on some days the amounts are `shift` larger."""
    rng = np.random.default_rng(seed)
    n = DAYS * PER_DAY
    day = np.repeat(np.arange(DAYS), PER_DAY)
    second = np.sort(rng.integers(0, DAY_S, (DAYS, PER_DAY)), axis=1).ravel()
    time_us = (START_S + day * DAY_S + second) * 1_000_000
    amount = rng.normal(50, 10, n) + shift * np.isin(day, shifted_days)
    weight = 0.1 * amount + rng.normal(0, 0.5, n)
    is_bad = rng.random(n) < 0.2
    score = np.clip(np.where(is_bad, 0.7, 0.3) + rng.normal(0, 0.15, n), 0, 1)
    instant = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "id": [f"o{i}" for i in range(n)],
            "time": pa.array(time_us, instant),
            "amount": amount,
            "weight": weight,
            "country": rng.choice(["DE", "FR", "NL"], n, p=[0.5, 0.3, 0.2]),
            "predicted": np.where(score > 0.5, "bad", "good"),
            "score": score,
            "label": np.where(is_bad, "bad", "good"),
            "label_time": pa.array(time_us + 60_000_000, instant),
        }
    )
    return Made(table, day)


def model(alarms_per_week: float = 1.0) -> ModelConfig:
    """The model that MODEL_YAML describes, with a budget."""
    return ModelConfig.model_validate(
        {
            "name": "orders", "pane": 3_600, "windows": [{"size": DAY_S}],
            "features": {"amount": "numeric", "weight": "numeric", "country": "categorical"},
            "prediction": "class",
            "outcomes": {
                "label": {"classes": ["good", "bad"], "positive": "bad", "horizon": DAY_S}
            },
            "alarm_budget": {"alarms_per_week": alarms_per_week},
            "columns": {
                "id": "id", "timestamp": "time", "label": "label", "label_time": "label_time",
                "prediction": {"label": "predicted", "score": "score"},
            },
        }
    )  # fmt: skip


def spec(alarms_per_week: float = 1.0) -> ModelSpec:
    """The same as the core sees it."""
    return model_spec(model(alarms_per_week), MonitorConfig())
