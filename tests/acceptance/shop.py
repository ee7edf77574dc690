"""A folder as a user has it: monitor.yaml, models and six weeks of flights in two formats."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from stream_monitor.demo import flights

MODELS = {
    "flights": """
        pane: 1h
        windows: [{size: 1d, timezone: America/New_York}]
        features: {dep_delay: numeric, carrier: categorical}
        prediction: class
        outcomes: {label: {classes: [on_time, late], positive: late, horizon: 2d}}
        columns:
          {id: prediction_id, timestamp: timestamp, label: label, label_time: label_time,
           prediction: {label: guess}}
    """,
    "year": """
        pane: 1h
        windows: [{size: 1d, timezone: America/New_York}]
        features: {dep_delay: numeric, distance: numeric}
        columns: {id: prediction_id, timestamp: timestamp}
    """,
}
WRONG_MODEL = """
    windows: [{size: 1d, timezon: UTC}]
    features: {dep_delay: numeric}
"""


def furnish(folder: Path) -> None:
    """Writes everything; `wrong/` beside it is the same with a key that does not exist."""
    installation(folder, MODELS)
    installation(folder / "wrong", {"flights": WRONG_MODEL})
    table = flights.load()
    end = pa.scalar(datetime(2013, 2, 15, 5, tzinfo=UTC), table["timestamp"].type)
    table = table.filter(pc.less(table["timestamp"], end))
    is_late = pc.fill_null(pc.greater(table["dep_delay"], 15), False)
    table = table.append_column("guess", pc.if_else(is_late, flights.LATE, flights.ON_TIME))
    columns = ["prediction_id", "timestamp", "carrier", "dep_delay", "label", "label_time", "guess"]
    pq.write_table(table.select(columns), folder / "flights.parquet")
    pyarrow.csv.write_csv(table.select(columns), folder / "flights.csv")


def installation(folder: Path, models: Mapping[str, str]) -> None:
    (folder / "models").mkdir(parents=True)
    (folder / "monitor.yaml").write_text("name: shop\n")
    for name, text in models.items():
        (folder / "models" / f"{name}.yaml").write_text(text)
