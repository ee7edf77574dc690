"""Columns of the tables that go into the join and come out."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

PREDICTIONS: Final = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("profile_id", pa.string()),
        ("timestamp_us", pa.int64()),
        ("segments", pa.list_(pa.string())),
        ("predicted_label", pa.string()),
        ("score", pa.float64()),
        ("predicted_value", pa.float64()),
    ]
)
LABELS: Final = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("outcome", pa.string()),
        ("label", pa.string()),
        ("timestamp_us", pa.int64()),
        ("offset", pa.int64()),
    ]
)
PAIRS: Final = pa.schema(
    [
        *PREDICTIONS,
        ("outcome", pa.string()),
        ("label", pa.string()),
        ("delay_us", pa.int64()),
        ("sign", pa.int64()),
    ]
)
