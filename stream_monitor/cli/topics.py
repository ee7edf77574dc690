"""`stream-monitor topics`: the topics that stream_monitor owns."""

from __future__ import annotations

from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import print_json, print_table
from stream_monitor.services.topics import owned_topics, source_topics
from stream_monitor.services.wiring import wire

app = typer.Typer(no_args_is_help=True, help="The topics that stream_monitor owns.")


@app.callback()
def _topics() -> None:
    """The topics that stream_monitor owns."""


@app.command("create")
def create(
    config: ConfigOption = None,
    sources: Annotated[
        bool, typer.Option("--sources", help="The inference and label topics too, for trying out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Create the missing topics; existing ones are left alone. The services never create any.

    Example: stream-monitor topics create --config monitor.yaml
    """
    installation = load_installation(config)
    topics = installation.monitor.topics
    specs = [*(source_topics(topics) if sources else []), *owned_topics(topics)]
    made = wire(installation).topics().create(specs)
    rows = [
        {
            "topic": s.name,
            "partitions": s.partitions,
            "state": "created" if made[s.name] else "exists",
        }
        for s in specs
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("topics", ("topic", "partitions", "state"), (row.values() for row in rows))
