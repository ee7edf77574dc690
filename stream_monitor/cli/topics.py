"""`stream-monitor topics`: the topics that stream_monitor owns."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import STDOUT, print_json, print_table
from stream_monitor.services.access import grants, kafka_acls, principal
from stream_monitor.services.pending_log import seconds_to_restore, wanted_topic
from stream_monitor.services.topics import owned_topics, source_topics
from stream_monitor.services.wiring import wire


class AclFormat(StrEnum):
    """How rights are shown."""

    TABLE = "table"
    JSON = "json"
    KAFKA_ACLS = "kafka-acls"


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
    cluster = wire(installation).administration()
    specs = [*(source_topics(topics) if sources else []), *owned_topics(topics)]
    made = cluster.create(specs)
    monitor = installation.monitor
    is_auto = monitor.profiler.pending_topic == "auto"
    long_s = seconds_to_restore(cluster, monitor) if is_auto else 0.0
    pending = wanted_topic(monitor, installation.specifications(), cluster, long_s)
    if pending is not None:
        specs.append(pending)
        made |= cluster.create([pending])
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


@app.command("acls")
def acls(
    config: ConfigOption = None,
    format_: Annotated[
        AclFormat,
        typer.Option("--format", help="A table, JSON lines, or commands of kafka-acls.sh."),
    ] = AclFormat.TABLE,
) -> None:
    """Show the rights that each role needs on the brokers, by the names of this configuration.

    Example: stream-monitor topics acls --format kafka-acls
    """
    monitor = load_installation(config).monitor
    if format_ is AclFormat.KAFKA_ACLS:
        for line in kafka_acls(monitor):
            STDOUT.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    rows = [
        {
            "principal": principal(monitor, grant.role),
            "resource": grant.resource,
            "name": grant.name,
            "pattern": grant.pattern,
            "operations": ", ".join(grant.operations),
        }
        for grant in grants(monitor)
    ]
    if format_ is AclFormat.JSON:
        print_json(rows)
    else:
        print_table("rights", rows[0], (row.values() for row in rows))
