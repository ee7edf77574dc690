"""Regression metrics from error sums."""

from __future__ import annotations

import math

from stream_monitor.core.profile.outcome import HALF_BITS, OutcomePart


def number_metrics(part: OutcomePart) -> dict[str, float | None]:
    """RMSE, MAE and bias (mean of predicted − actual) in units of the label, and R².

    Exact up to the outcome's resolution; None without labels, R² also None for a constant label.
    """
    n = int(part.arrays["labels"][0]) - int(part.arrays["invalid"][0])
    if n <= 0:
        return dict.fromkeys(("rmse", "mae", "bias", "r2"))
    unit = part.params.resolution
    squares = square_sum(part, "error")
    total = int(part.arrays["actual"][0])
    spread = square_sum(part, "actual") * n - total * total
    return {
        "rmse": unit * math.sqrt(squares / n),
        "mae": unit * int(part.arrays["absolute_error"][0]) / n,
        "bias": unit * int(part.arrays["error"][0]) / n,
        "r2": 1 - squares * n / spread if spread > 0 else None,
    }


def square_sum(part: OutcomePart, name: str) -> int:
    """Σ of the squares of `error` or `actual`, in squared steps of the outcome's resolution."""
    high, cross, low = (int(x) for x in part.arrays[f"square_{name}"][0])
    return (high << 2 * HALF_BITS) + (cross << HALF_BITS + 1) + low
