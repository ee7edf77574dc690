"""An installation whose models name everything that a rule can rest on."""

from __future__ import annotations

from pathlib import Path

from stream_monitor.config.loading import Installation, load_config

FLIGHTS = """\
owner: flights-team
tier: "1"
windows: [{size: 1h}, {size: 1d}]
features: {carrier: categorical, temp: numeric}
service:
  selector: job="flights-api"
  requests: http_requests_total
  duration: http_request_duration_seconds
  containers: namespace="models", pod=~"flights-.*"
  gpus: pod=~"flights-.*"
  nodes: job="node"
  consumer_group: flights-scorer
"""
LOANS = "features: {amount: numeric}\n"


def installation(folder: Path) -> Installation:
    """Flights, of which everything is known, and loans, of which nothing is."""
    (folder / "models").mkdir()
    (folder / "monitor.yaml").write_text("models: models\n")
    (folder / "models" / "flights.yaml").write_text(FLIGHTS)
    (folder / "models" / "loans.yaml").write_text(LOANS)
    return load_config(folder / "monitor.yaml", {})
