"""All dashboards, and their JSON as Grafana 11 imports it."""

from __future__ import annotations

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from stream_monitor.dashboards.feature import feature_drill_down
from stream_monitor.dashboards.fleet import fleet
from stream_monitor.dashboards.overview import overview
from stream_monitor.dashboards.performance import performance
from stream_monitor.dashboards.pipeline import pipeline


def dashboards() -> dict[str, Dashboard]:
    """Name → dashboard, from the whole fleet to stream_monitor itself."""
    return {
        "fleet": fleet(),
        "overview": overview(),
        "feature": feature_drill_down(),
        "performance": performance(),
        "pipeline": pipeline(),
    }


def as_json(dashboard: Dashboard) -> str:
    """The dashboard in classic JSON, its keys in order, so that a change reads as a small difference."""
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(dashboard) + "\n"
