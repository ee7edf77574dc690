"""A known shift in 100,000 loans: who alarms in the first window after it, and who does not at all."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from benchmarks.detection.rows import Row, at_most, fact_row, rate_row
from benchmarks.processes import ROOT
from stream_monitor import ReferencePeriod, replay
from stream_monitor.config.model import ModelConfig

NAME: Final = "car_loan"
TABLE: Final = ROOT / "tests" / "data" / "car_loan.parquet"
REFERENCE_ROWS: Final = 50_000
SHIFTED_FROM_ROW: Final = 75_000
ROWS_PER_DAY: Final = 165
SHIFTED: Final = ("car_value", "salary_range", "loan_length", "repaid_loan_on_prev_car")
UNCHANGED: Final = ("size_of_downpayment", "driver_tenure", "debt_to_income_ratio")
NUMERIC: Final = ("car_value", "debt_to_income_ratio", "driver_tenure", "loan_length")
CATEGORICAL: Final = ("repaid_loan_on_prev_car", "salary_range", "size_of_downpayment")
_SIZES: Final = ("15d", "1d")
Found = dict[str, Any]


def run(is_quick: bool) -> list[Row]:
    """Rows of windows of fifteen days and of one."""
    return [row for size in (_SIZES[:1] if is_quick else _SIZES) for row in _of(size)]


def instants() -> tuple[np.datetime64, np.datetime64]:
    """When the reference ends and when the shift begins."""
    times = pq.read_table(TABLE, columns=["timestamp"])["timestamp"].to_numpy()
    return times[REFERENCE_ROWS], times[SHIFTED_FROM_ROW]


def _of(size: str) -> list[Row]:
    kinds = dict.fromkeys(NUMERIC, "numeric") | dict.fromkeys(CATEGORICAL, "categorical")
    model = ModelConfig.model_validate(
        {
            "name": "car_loan",
            "pane": "1d",
            "windows": [{"size": size, "origin": "2018-01-01"}],
            "features": kinds,
            "prediction": "class",
            "columns": {
                "id": "id", "timestamp": "timestamp",
                "prediction": {"label": "y_pred", "score": "y_pred_proba"},
            },
        }
    )  # fmt: skip
    found = replay(TABLE, model, ReferencePeriod(rows=REFERENCE_ROWS)).windows.to_pylist()
    end, shift = instants()
    judged = [row for row in found if _start(row) >= end and row["verdict"] in ("ok", "drift")]
    n = int(size[:-1]) * ROWS_PER_DAY
    before = [row for row in judged if _end(row) <= shift and row["feature"] in kinds]
    after = [row for row in judged if _start(row) >= shift and row["feature"] in UNCHANGED]
    first = min(_start(row) for row in judged if _start(row) >= shift)
    alarmed = {
        row["feature"]
        for row in judged
        if _start(row) == first and row["verdict"] == "drift" and row["feature"] in SHIFTED
    }
    return [
        fact_row(
            NAME, f"shifted features that alarm in the first window of {size}", len(alarmed), "of 4",
            "4", len(alarmed) == 4,
        ),
        _quiet(f"windows of {size} before the shift, all features", before, n),
        _quiet(f"windows of {size} after it, the three unchanged features", after, n),
    ]  # fmt: skip


def _quiet(case: str, judged: list[Found], n: int) -> Row:
    hits = sum(row["verdict"] == "drift" for row in judged)
    alpha = max(row["alpha"] for row in judged)
    return rate_row(
        NAME, case, hits, len(judged), at_most(0.01), alpha=alpha, floor="default", n=n,
        m=REFERENCE_ROWS, note="per feature and reference (validation, sliding)",
    )  # fmt: skip


def _start(row: Found) -> np.datetime64:
    return np.datetime64(row["start"].rstrip("Z"))


def _end(row: Found) -> np.datetime64:
    return np.datetime64(row["end"].rstrip("Z"))
