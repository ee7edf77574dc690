"""The fleet: every model with its owner and tier, its open incidents, worst first."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stream_monitor.dashboards.frame import Panel, dashboard, link_to
from stream_monitor.dashboards.incidents import incident_table, open_incidents
from stream_monitor.dashboards.panels import (
    ANY_IS_BAD,
    DRIFTS,
    SEVERITIES,
    Query,
    figure,
    state_timeline,
    time_series,
)
from stream_monitor.dashboards.tables import Column, Label, Value, table_of
from stream_monitor.dashboards.variables import any_of, datasource

_INFO: Final = 'stream_monitor_model_info{owner=~"$owner", tier=~"$tier"}'
_OWNED: Final = (
    f" * on (model) group_left (owner, tier) max by (model, owner, tier) ({_INFO})"
)  # fmt: skip
_MODELS: Final = f"max by (model) ({_INFO})"
_OPEN: Final = f"({open_incidents()}{_OWNED})"
_INPUTS: Final = {0: ("ok", "green"), 1: ("broken", "red")}
_AGE: Final = "(time() - max by (model) (stream_monitor_window_end_timestamp_seconds))"


def fleet() -> Dashboard:
    """The dashboard."""
    variables = [
        datasource(),
        any_of("owner", "stream_monitor_model_info"),
        any_of("tier", "stream_monitor_model_info"),
    ]
    description = "Which models have open incidents, whose they are, and which are worst."
    rows = [("Now", _now()), ("Worst first", _worst_first()), ("Over time", _over_time())]
    return dashboard("fleet", description, variables, rows)


def _now() -> list[Panel]:
    none = f"0 * count({_MODELS})"
    severity = "stream_monitor_feature_severity"
    drifting = f"max by (model, version, segment, window, feature) ({severity}) > 0"
    return [
        figure("Models", "Models that a detector judges now.", "none",
               Query(f"count({_MODELS})"), span=4),
        figure("Open incidents", "Incidents that have opened and not recovered; several segments "
               "are one.", "none", Query(f"count({_OPEN}) or {none}"), span=4, steps=ANY_IS_BAD),
        figure("Critical", "Open incidents of severity critical.", "none",
               Query(f"count({_OPEN} == 2) or {none}"), span=4, steps=ANY_IS_BAD),
        figure("Models with incidents", "Models with at least one open incident.", "none",
               Query(f"count(count by (model) {_OPEN}) or {none}"), span=4, steps=ANY_IS_BAD),
        figure("Drifting features", "Features that drift in a newest closed window.", "none",
               Query(f"count(({drifting}){_OWNED}) or {none}"), span=4, steps=ANY_IS_BAD),
        figure("Oldest newest window", "The longest time since the end of a model's newest closed "
               "window; it grows where windows no longer close.", "s",
               Query(f"max({_AGE}{_OWNED})"), span=4),
    ]  # fmt: skip


def _worst_first() -> list[Panel]:
    severity = f"(max by (model) (stream_monitor_incident_severity) or 0 * {_MODELS})"
    count = f"(count by (model) {_OPEN} or 0 * {_MODELS})"
    ratio = "max by (model) (stream_monitor_feature_drift_ratio)"
    broken = "max by (model) (stream_monitor_input_schema_broken)"
    overview = link_to("overview", "Overview of the model", model="${__data.fields.model}")
    columns: list[Column] = [
        Label("model", overview),
        Label("owner"),
        Label("tier"),
        Value("worst", severity + _OWNED, states=SEVERITIES),
        Value("incidents", count + _OWNED, steps=ANY_IS_BAD),
        Value("drift ratio", ratio + _OWNED, decimals=2, steps=DRIFTS),
        Value("input", broken + _OWNED, states=_INPUTS),
        Value("age of window", _AGE + _OWNED, unit="s", decimals=1),
    ]
    return [
        table_of("Models", "Every model with its owner and tier, the worst severity of its open "
                 "incidents, their number, the largest drift ratio of a feature, whether more "
                 "than 5 % of the records become dead letters (broken), and the time "
                 "since its newest closed window ended.", columns, span=12),
        state_timeline("Worst severity", "The worst severity among each model's open incidents.",
                       SEVERITIES, Query(severity + _OWNED, "{{model}}")),
        incident_table("Open incidents", "All open incidents, critical ones first; `segments` tells in how "
                       "many, the cause is what "
                       "the first window was put down to. The model leads to its overview, the "
                       "feature to its drill-down.", joined=_OWNED,
                       labels=["model", "owner", "tier"]),
    ]  # fmt: skip


def _over_time() -> list[Panel]:
    return [
        time_series("Open incidents by model", "How many incidents of each model are open.", "none",
                    Query(f"count by (model) {_OPEN}", "{{model}}"), span=12, is_stacked=True),
        time_series("Open incidents by cause", "How many incidents are put down to each cause.",
                    "none", Query(f"count by (cause) {_OPEN}", "{{cause}}"), span=12,
                    is_stacked=True),
    ]  # fmt: skip
