"""Published records as flat rows, one per window × feature × reference: for tables and files."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_SCORES = (
    "ks", "chi_square", "psi", "jensen_shannon", "wasserstein", "largest_share_change",
)  # fmt: skip
_SUMMARY = ("mean", "sd", "median", "missing_share")
_METRICS = ("accuracy", "precision", "recall", "f1", "auc", "rmse", "mae", "bias", "r2")
_DELAYS = ("label_delay_p50_s", "label_delay_p95_s")

_TEXT = ("model", "version", "segment", "window", "start", "end", "feature", "reference")
FEATURE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in _TEXT]
    + [
        ("revision", pa.int64()), ("n", pa.int64()), ("n_reference", pa.int64()),
        ("k_windows", pa.int64()), ("verdict", pa.string()), ("severity", pa.string()),
        ("deciding", pa.string()), ("ratio", pa.float64()), ("p", pa.float64()),
        ("alpha", pa.float64()), ("effect", pa.float64()), ("floor", pa.float64()),
    ]
    + [(name, pa.float64()) for name in (*_SCORES, *_SUMMARY)]
    + [("exact", pa.bool_()), ("complete", pa.bool_()), ("digest", pa.string())]
)  # fmt: skip
PERFORMANCE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in (*_TEXT[:6], "outcome")]
    + [(name, pa.int64()) for name in ("revision", "predictions", "labels", "absent")]
    + [(name, pa.float64()) for name in ("maturity", *_DELAYS, *_METRICS)]
    + [("digest", pa.string())]
)


def feature_rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a window record, with the figures of each feature's deciding aspect."""
    common = _common(record) | {k: record[k] for k in ("revision", "exact", "complete")}
    return [_feature_row(common | {"digest": record["digest"]}, f) for f in record["features"]]


def _feature_row(common: dict[str, Any], feature: dict[str, Any]) -> dict[str, Any]:
    deciding = feature.get("deciding")
    aspects = feature.get("aspects", [])
    aspect: dict[str, Any] = next((a for a in aspects if a["aspect"] == deciding), {})
    return (
        common
        | {name: feature.get(name) for name in ("feature", "reference", "n_reference", "k_windows")}
        | {name: feature.get(name) for name in ("verdict", "severity", "deciding", "ratio")}
        | {"n": feature.get("n_window")}
        | {name: aspect.get(name) for name in ("p", "alpha", "effect", "floor")}
        | {name: feature.get("scores", {}).get(name) for name in _SCORES}
        | {name: feature.get("summary", {}).get(name) for name in _SUMMARY}
    )


def performance_row(record: dict[str, Any]) -> dict[str, Any]:
    """The row of a performance record."""
    names = ("outcome", "revision", "predictions", "labels", "absent", "maturity", "digest")
    metrics, delay = record["metrics"], record["label_delay"] or {}
    return (
        _common(record)
        | {name: record[name] for name in names}
        | {name: delay.get(name.removeprefix("label_delay_")) for name in _DELAYS}
        | {name: metrics.get(name) for name in _METRICS}
    )


def _common(record: dict[str, Any]) -> dict[str, Any]:
    window = record["window"]
    return {
        "model": record["model"], "version": record["version"], "segment": record["segment"],
        "window": window["size"], "start": window["start"], "end": window["end"],
    }  # fmt: skip
