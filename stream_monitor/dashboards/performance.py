"""How well one model predicts, with the maturity of the labels that say so."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stream_monitor.dashboards.frame import Panel, dashboard, link_to
from stream_monitor.dashboards.panels import MATURE, Query, figure, time_series
from stream_monitor.dashboards.tables import Column, Label, Value, table_of
from stream_monitor.dashboards.variables import (
    ANY_SEGMENT,
    OUTCOME,
    WINDOW,
    datasource,
    outcome,
    window_variables,
)

_MATURITY: Final = "performance_maturity_ratio"
_CLASSES: Final = ("accuracy", "precision", "recall", "f1", "auc")
_NUMBERS: Final = ("rmse", "mae", "bias")


def performance() -> Dashboard:
    """The dashboard."""
    description = "One model's performance where labels have come, and how many of them have."
    rows = [("Now", _now()), ("Over time", _over_time()), ("Labels", _labels())]
    variables = [datasource(), *window_variables(), outcome()]
    return dashboard("performance", description, variables, rows, since="now-30d")


def _measure(name: str, selector: str = OUTCOME) -> str:
    return f"max(stream_monitor_model_{name}{{{selector}}})"


def _where_mature(name: str) -> str:
    return f"{_measure(name)} and {_measure(_MATURITY)} >= 0.8"


def _now() -> list[Panel]:
    end = _measure("performance_window_end_timestamp_seconds")
    return [
        figure("Accuracy", "Share of right classes among labelled predictions.", "percentunit",
               Query(_measure("accuracy")), decimals=1),
        figure("F1", "Of the positive class.", "none", Query(_measure("f1")), decimals=3),
        figure("AUC", "Area under the ROC curve of the score.", "none", Query(_measure("auc")),
               decimals=3),
        figure("RMSE", "Root of the mean squared error, in the label's unit.", "short",
               Query(_measure("rmse")), decimals=2),
        figure("R²", "Coefficient of determination.", "none", Query(_measure("r2")), decimals=3),
        figure("Maturity", "Share of the window's predictions whose label has come; below 0.8 the "
               "figures beside it can still move.", "percentunit", Query(_measure(_MATURITY)),
               steps=MATURE, decimals=1),
        figure("Labels", "Labels that have come for the window's predictions.", "short",
               Query(_measure("labels"))),
        figure("Age of performance", "Time since the end of the window that the performance is of.",
               "s", Query(f"time() - {end}"), decimals=1),
    ]  # fmt: skip


def _over_time() -> list[Panel]:
    confidence = _measure("confidence", WINDOW)
    return [
        time_series("Classes", "Only where at least 0.8 of the labels have come.", "none",
                    *(Query(_where_mature(name), name) for name in _CLASSES), span=12, top=1),
        time_series("Numbers", "Errors in the label's unit, only where at least 0.8 of the labels "
                    "have come.", "short",
                    *(Query(_where_mature(name), name) for name in _NUMBERS), span=12),
        time_series("Maturity", "Share of predictions whose label has come, in the window that the "
                    "performance is of; the line is 0.8.", "percentunit",
                    Query(_measure(_MATURITY), "maturity"), span=12, steps=MATURE, top=1),
        time_series("Confidence beside accuracy", "Confidence is of the newest window and needs no "
                    "labels, accuracy is of the newest with labels: a gap that widens means a model "
                    "that is surer than it is right.", "none", Query(confidence, "confidence"),
                    Query(_where_mature("accuracy"), "accuracy"), span=12),
    ]  # fmt: skip


def _labels() -> list[Panel]:
    selector = f'{ANY_SEGMENT}, outcome="$outcome"'
    link = link_to(
        "performance", "The segment", model="$model", version="$version", window="$window",
        segment="${__data.fields.segment}",
    )  # fmt: skip
    columns: list[Column] = [
        Label("segment", link),
        Value("labels", _by_segment("labels", selector), "short"),
        Value("maturity", _by_segment(_MATURITY, selector), "percentunit", 1, MATURE),
        Value("accuracy", _by_segment("accuracy", selector), "percentunit", 1),
        Value("f1", _by_segment("f1", selector), decimals=3),
        Value("auc", _by_segment("auc", selector), decimals=3),
        Value("rmse", _by_segment("rmse", selector), "short", 2),
    ]
    end = _measure("performance_window_end_timestamp_seconds")
    states = "sum by (state) (rate(stream_monitor_labels_total[$__rate_interval]))"
    return [
        table_of("Segments", "The newest performance of every segment, most labels first.", columns,
                 span=12),
        time_series("Age of performance", "Time since the end of the window that the performance is "
                    "of: it steps up and down as windows become mature.", "s",
                    Query(f"time() - {end}", "age"), span=6),
        time_series("Labels of all models", "Labels per second by what the join did with them.",
                    "short", Query(states, "{{state}}"), span=6),
    ]  # fmt: skip


def _by_segment(name: str, selector: str) -> str:
    return f"max by (segment) (stream_monitor_model_{name}{{{selector}}})"
