"""Rows of pairs: a label beside its prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store.columns import PAIRS
from stream_monitor.connectors.pending_store.stored_predictions import Predictions


def pairs_of(
    predictions: Predictions,
    at: NDArray[np.int64],
    ids: pa.Array,
    labels: pa.Table,
    sign: NDArray[np.int64],
) -> pa.Table:
    """One pair per row of `labels` (outcome, label, timestamp_us); `at`: its prediction's position."""
    contexts = predictions.contexts.take(pa.array(predictions.context[at]))
    timestamp_us = predictions.timestamp_us[at]
    columns: dict[str, Any] = {
        "prediction_id": ids,
        "timestamp_us": timestamp_us,
        "score": predictions.score[at],
        "predicted_value": predictions.predicted_value[at],
        "outcome": labels.column("outcome"),
        "label": labels.column("label"),
        "delay_us": labels.column("timestamp_us").to_numpy() - timestamp_us,
        "sign": sign,
    }
    columns |= {name: contexts.column(name) for name in contexts.column_names}
    return pa.table(columns).select(PAIRS.names).cast(PAIRS)
