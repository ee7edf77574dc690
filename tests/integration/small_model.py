"""A model with one feature of each kind, its records, its reference, and the hour at which they begin."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stream_monitor.core.published import rfc3339
from tests.integration.installation import Installation

START_S = 1_700_006_400
MODEL: dict[str, Any] = {
    "name": "m",
    "pane": "5m",
    "windows": [{"size": "1h"}],
    "features": {"x": "numeric", "c": "categorical"},
    "prediction": "class",
    "outcomes": {"label": {"kind": "class", "classes": ["no", "yes"], "horizon": "1h"}},
    "columns": {"timestamp": "timestamp"},
}


def event(number: int, model: str = "m") -> tuple[bytes, bytes]:
    """An event every 10 s."""
    name = f"{model}-{number}"
    body = {
        "prediction_id": name, "model": model, "model_version": "1",
        "timestamp": rfc3339(START_S + 10 * number),
        "features": {"x": float(number % 17), "c": "ab"[number % 2]},
        "prediction": {"label": "yes", "score": 0.75},
    }  # fmt: skip
    return name.encode(), json.dumps(body).encode()


def label(number: int) -> tuple[bytes, bytes]:
    """Its label, a minute later."""
    name = f"m-{number}"
    when = rfc3339(START_S + 10 * number + 60)
    body = {"prediction_id": name, "label": ["no", "yes"][number % 3 > 0], "timestamp": when}
    return name.encode(), json.dumps(body).encode()


def build_reference(installation: Installation) -> None:
    """The model's reference, of the day before."""
    n = range(600)
    times = pa.array([(START_S - 86_400 + i) * 10**6 for i in n], pa.timestamp("us", "UTC"))
    columns = {"timestamp": times, "x": [float(i % 17) for i in n], "c": ["ab"[i % 2] for i in n]}
    rows = installation.folder / "reference.parquet"
    pq.write_table(pa.table(columns), rows)
    installation.run("reference", "build", "m", str(rows))
