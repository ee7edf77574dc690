"""Open incidents as PromQL and as a table, for the fleet and for one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders.table import Panel

from stream_monitor.dashboards.frame import link_to
from stream_monitor.dashboards.panels import SEVERITIES
from stream_monitor.dashboards.tables import Column, Label, Value, table_of

_IDENTITY: Final = "model, version, window, feature, family, cause"


def open_incidents(selector: str = "") -> str:
    """Severity of the open incidents; those of several segments are one, whichever processes show it."""
    return f"max by ({_IDENTITY}) (stream_monitor_incident_severity{selector})"


def _segments(selector: str) -> str:
    each = f"count by ({_IDENTITY}, segment) (stream_monitor_incident_severity{selector})"
    return f"count by ({_IDENTITY}) ({each})"


def _starts(selector: str) -> str:
    return f"min by ({_IDENTITY}) (stream_monitor_incident_start_timestamp_seconds{selector})"


def incident_table(
    title: str, description: str, *, selector: str = "", joined: str = "",
    labels: Sequence[str], height: int = 9,
) -> Panel:  # fmt: skip
    """Worst first. `joined` is put behind the expressions; `labels` are columns before the severity."""
    row = {name: f"${{__data.fields.{name}}}" for name in ("model", "version", "window", "feature")}
    window = {name: value for name, value in row.items() if name != "feature"}
    links = {
        "model": link_to("overview", "Overview of the model", **window),
        "feature": link_to("feature", "The feature", **row),
    }
    columns: list[Column] = [
        *(Label(name, links.get(name)) for name in labels),
        Value("severity", open_incidents(selector) + joined, states=SEVERITIES),
        Label("cause"),
        Label("feature", links["feature"]),
        Label("family"),
        Value("since", f"1000 * {_starts(selector)}{joined}", unit="dateTimeAsIso"),
        Value("segments", _segments(selector) + joined),
        Label("window"),
        Label("version"),
    ]
    return table_of(title, description, columns, span=24, height=height)
