"""A model with one feature of each kind, and the hour at which its streams begin."""

from __future__ import annotations

from typing import Any

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
