"""`stream-monitor rules`: the alert rules of this configuration, for Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream_monitor.alerting.rules import rules_yaml
from stream_monitor.cli.options import ConfigOption, load_installation
from stream_monitor.cli.output import note

OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="File to write; left out: standard output.", dir_okay=False),
]


def rules(config: ConfigOption = None, out: OutOption = None) -> None:
    """Write Prometheus alert rules: drift, performance, the models' services, stream_monitor itself.

    Generated from the models (owner, windows, service) and the alerting section of monitor.yaml; write
    them again after a change of either.

    Example: stream-monitor rules --config config/monitor.yaml --out config/prometheus/alerting_rules.yml
    """
    installation = load_installation(config)
    text = rules_yaml(installation)
    if out is None:
        typer.echo(text, nl=False)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    note(f"{text.count('- alert:')} alerts of {len(installation.models)} models written to {out}")
