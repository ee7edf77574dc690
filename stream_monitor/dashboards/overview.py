"""One model's three pillars: the system that serves it, the data it gets, and how well it predicts."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stream_monitor.dashboards.frame import Panel, dashboard, link_to
from stream_monitor.dashboards.incidents import incident_table, open_incidents
from stream_monitor.dashboards.panels import (
    ANY_IS_BAD,
    DRIFTS,
    MATURE,
    OVER_A_THOUSANDTH,
    OVER_HALF_A_SECOND,
    SEVERITIES,
    Query,
    figure,
    time_series,
)
from stream_monitor.dashboards.tables import Column, Label, Value, table_of
from stream_monitor.dashboards.variables import VERSION, WINDOW, datasource, window_variables

_LATENCY: Final = f"stream_monitor_model_latency_seconds{{{WINDOW}"
_ERRORS: Final = f"max(stream_monitor_model_error_ratio{{{WINDOW}}})"
_RATIO: Final = f"max by (feature) (stream_monitor_feature_drift_ratio{{{WINDOW}}})"
_SEVERITY: Final = f"max by (feature) (stream_monitor_feature_severity{{{WINDOW}}})"
_MISSING: Final = f"max by (feature) (stream_monitor_feature_missing_ratio{{{WINDOW}}})"
_MATURITY: Final = f"max by (outcome) (stream_monitor_model_performance_maturity_ratio{{{WINDOW}}})"
_WINDOW_END: Final = f"stream_monitor_window_end_timestamp_seconds{{{WINDOW}}}"
_FEATURE_LINK: Final = {
    "model": "$model", "version": "$version", "segment": "$segment", "window": "$window",
}  # fmt: skip


def overview() -> Dashboard:
    """The dashboard."""
    description = "One model: its open incidents, and the three pillars system, data and model."
    rows = [
        ("Now", _now()),
        ("System: the service that answers", _system()),
        ("Data: what it is asked", _data()),
        ("Model: what it answers", _model()),
    ]
    return dashboard("overview", description, [datasource(), *window_variables()], rows)


def _now() -> list[Panel]:
    incidents = open_incidents(f"{{{VERSION}}}")
    none = f"0 * max({_WINDOW_END})"
    owner = 'max by (owner) (stream_monitor_model_info{model="$model"})'
    return [
        figure("Owner", "The team that alerts are routed to.", "none",
               Query(owner, "{{owner}}")),
        figure("Open incidents", "Of the version, in any segment and window size; several segments "
               "are one.", "none", Query(f"count({incidents}) or {none}"), steps=ANY_IS_BAD),
        figure("Worst severity", "The worst severity among those incidents.", "none",
               Query(f"max({incidents}) or {none}"), states=SEVERITIES),
        figure("Drifting features", "Features that drift in the newest closed window.", "none",
               Query(f"count({_SEVERITY} > 0) or {none}"), steps=ANY_IS_BAD),
        figure("Events", "Events of the newest closed window.", "short",
               Query(f"max(stream_monitor_window_events{{{WINDOW}}})")),
        figure("p99 latency", "99 of 100 events of the window were answered within this time.", "s",
               Query(f'max({_LATENCY}, quantile="0.99"}})'), steps=OVER_HALF_A_SECOND),
        figure("Label maturity", "Share of predictions whose label has come, in the window that the "
               "performance is of.", "percentunit", Query(f"min({_MATURITY})"), steps=MATURE),
        figure("Age of window", "Time since the end of the newest closed window.", "s",
               Query(f"time() - max({_WINDOW_END})"), decimals=1),
        incident_table("Open incidents", "Of the version, in any segment and window size, critical "
                       "ones first; `segments` tells in how many. The feature leads to its drill-down.",
                       selector=f"{{{VERSION}}}", labels=["model"], height=6),
    ]  # fmt: skip


def _system() -> list[Panel]:
    quantiles = f"max by (quantile) ({_LATENCY}}})"
    return [
        time_series("Latency", "Quantiles of each window's latency, from the events; the line is "
                    "500 ms.", "s", Query(quantiles, "p{{quantile}}"), steps=OVER_HALF_A_SECOND),
        time_series("Events per second", "Events of each window divided by its length.", "short",
                    Query(f"max(stream_monitor_model_events_per_second{{{WINDOW}}})", "events/s")),
        time_series("Errors", "Share of the events with a status whose status is 5xx; the line is "
                    "0.1 %.", "percentunit", Query(_ERRORS, "5xx"), steps=OVER_A_THOUSANDTH, top=0.005),
    ]  # fmt: skip


def _largest(metric: str) -> str:
    """The series of the ten features that are largest anywhere in the time range."""
    series = f"stream_monitor_feature_{metric}{{{WINDOW}}}"
    peak = f"max by (feature) (max_over_time({series}[$__range] @ end()))"
    return f"max by (feature) ({series}) and on (feature) topk(10, {peak})"


def _data() -> list[Panel]:
    named = link_to("feature", "The feature", **_FEATURE_LINK, feature="${__field.labels.feature}")
    row = link_to("feature", "The feature", **_FEATURE_LINK, feature="${__data.fields.feature}")
    verdicts = f"max by (feature, verdict) (stream_monitor_feature_verdict{{{WINDOW}}})"
    columns: list[Column] = [
        Label("feature", row),
        Value("drift ratio", _RATIO, decimals=2, steps=DRIFTS),
        Value("severity", _SEVERITY, states=SEVERITIES),
        Value("psi", f"max by (feature) (stream_monitor_feature_psi{{{WINDOW}}})", decimals=3),
        Value("missing", _MISSING, unit="percentunit", decimals=1),
        Value("values", f"max by (feature) (stream_monitor_feature_values{{{WINDOW}}})", "short"),
    ]
    return [
        time_series("Drift ratio of the most moved features", "The largest ratio over the "
                    "references, of the ten features that moved most in the time range. A judged "
                    "feature drifts from 1 on.", "none",
                    Query(_largest("drift_ratio"), "{{feature}}"), span=12, steps=DRIFTS, top=2,
                    link=named),
        table_of("Features now", "The newest closed window, most moved first, the largest of each "
                 "figure over the references.", columns, span=12),
        time_series("Verdicts", "How many features have each verdict; with several references a "
                    "feature can have several.", "none",
                    Query(f"sum by (verdict) ({verdicts})", "{{verdict}}"), is_stacked=True,
                    colours={"ok": "green", "drift": "red", "insufficient_data": "text",
                             "no_reference": "purple"}),
        time_series("Missing values", "Share of rows without a value, of the ten features that miss "
                    "most.", "percentunit", Query(_largest("missing_ratio"), "{{feature}}"), top=0.1,
                    link=named),
        time_series("Unseen categories", "Share of values whose category the binning does not know, "
                    "of the ten features with most.", "percentunit",
                    Query(_largest("unseen_ratio"), "{{feature}}"), top=0.1, link=named),
    ]  # fmt: skip


def _model() -> list[Panel]:
    measures = [
        Query(
            f"max by (outcome) (stream_monitor_model_{name}{{{WINDOW}}})", f"{name} {{{{outcome}}}}"
        )
        for name in ("accuracy", "f1", "auc", "r2")
    ]
    return [
        time_series("Performance", "Of the newest window with enough labels; which of the measures "
                    "there are depends on the outcome.", "none", *measures, top=1),
        time_series("Label maturity", "Share of predictions whose label has come, in the window that "
                    "the performance is of.", "percentunit", Query(_MATURITY, "{{outcome}}"),
                    steps=MATURE, top=1),
        time_series("Confidence", "Mean of max(score, 1 − score): needs no labels.", "none",
                    Query(f"max(stream_monitor_model_confidence{{{WINDOW}}})", "confidence")),
    ]  # fmt: skip
