"""Predictions and labels as rows, and what a join made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from stream_monitor.connectors.pending_store.columns import LABELS, PREDICTIONS
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Joined, PendingStore

HORIZONS_US = {("m1", "click"): 10, ("m1", "buy"): 30, ("m2", "click"): 20}
INFERENCE = TopicPartition("inference", 0)
LABELLED = TopicPartition("labels", 0)


def prediction(prediction_id: str, timestamp_us: int = 0, **columns: Any) -> dict[str, Any]:
    row = {
        "prediction_id": prediction_id,
        "model": "m1",
        "version": "3",
        "profile_id": "p",
        "timestamp_us": timestamp_us,
        "segments": ["JFK", None],
        "predicted_label": "late",
        "score": 0.5,
        "predicted_value": None,
    }
    return row | columns


def label(
    prediction_id: str,
    value: str | None,
    timestamp_us: int = 1,
    outcome: str = "click",
    offset: int = 0,
) -> dict[str, Any]:
    return {
        "prediction_id": prediction_id,
        "outcome": outcome,
        "label": value,
        "timestamp_us": timestamp_us,
        "offset": offset,
    }


def join(
    store: PendingStore,
    predictions: Sequence[dict[str, Any]] = (),
    labels: Sequence[dict[str, Any]] = (),
) -> Joined:
    return store.join(
        0,
        pa.Table.from_pylist(list(predictions), PREDICTIONS),
        pa.Table.from_pylist(list(labels), LABELS),
        HORIZONS_US,
    )


def erase(store: PendingStore, *ids: str) -> pa.Table:
    return store.erase(0, pa.array(ids, pa.string()))


def signs(pairs: Joined | pa.Table) -> list[tuple[str, str, int, int]]:
    """(id, label, delay, sign) of each pair, those of one id in their order."""
    rows = (pairs.pairs if isinstance(pairs, Joined) else pairs).to_pylist()
    return [(row["prediction_id"], row["label"], row["delay_us"], row["sign"]) for row in rows]


def comparable(joined: Joined) -> tuple[list[bool], list[str], list[str]]:
    """All that was joined, pairs in one order, NaN equal to itself."""
    return joined.is_new.tolist(), sorted_rows(joined.pairs), joined.label_states


def sorted_rows(rows: pa.Table) -> list[str]:
    """Rows in one order, NaN equal to itself."""
    return sorted(repr(list(row.values())) for row in rows.to_pylist())
