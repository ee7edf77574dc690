"""`stream-monitor events`: watch the drift events, and the JSON Schemas of all that is published."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import orjson
import typer

from stream_monitor.cli.event_lines import event_lines
from stream_monitor.cli.options import (
    ConfigOption,
    FeatureOption,
    ModelOption,
    SegmentOption,
    load_installation,
)
from stream_monitor.cli.output import STDOUT, note
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import Severity
from stream_monitor.core.published_schemas.records import RecordType, schema_of
from stream_monitor.services.event_tailing import (
    EventFilter,
    EventTail,
    PublishedEvent,
    instant_ms,
)
from stream_monitor.services.wiring import wire

app = typer.Typer(no_args_is_help=True, help="Watch drift events; schemas for subscribers.")


@app.command("tail")
def tail(
    config: ConfigOption = None,
    model: ModelOption = None,
    feature: FeatureOption = None,
    segment: SegmentOption = None,
    severity: Annotated[
        Severity | None, typer.Option(help="Only windows that drift at least so much.")
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="Only this status, e.g. opened or retracted; may be repeated."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="First what was published since: 2h, 3d, a date or RFC 3339."),
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", "-n", help="First the last so many.", min=1)
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on with new events until Ctrl-C.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON per line, as published.")
    ] = False,
) -> None:
    """Show drift events as they are published: what moved, how far, against what, and why.

    Without --since and --last only new ones. Every revision is shown: of one id the highest holds.

    Example: stream-monitor events tail --model flights --severity critical --since 2d

    Example: stream-monitor events tail --last 20 --no-follow --json
    """
    if not follow and since is None and last is None:
        raise InvalidSpecification("--no-follow shows nothing by itself: add --since or --last")
    since_ms = None if since is None else instant_ms(since, time.time())
    wanted = EventFilter(model, feature, segment, severity, frozenset(status or ()))
    installation = load_installation(config)
    topic = installation.monitor.topics.events
    try:
        events = EventTail(wire(installation), topic, wanted)
        if since_ms is not None or last is not None:
            _show(events.before(since_ms or 0, last), as_json)
        if follow:
            note(f"waiting for events in {topic}; Ctrl-C ends it")
            for found in events.coming():
                _show(found, as_json)
    except KeyboardInterrupt:
        return


@app.command("schema")
def schema(
    record: Annotated[RecordType, typer.Argument(help="The type of record.")],
) -> None:
    """Print the JSON Schema of one type of published record.

    Example: stream-monitor events schema drift
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(schema_of(record), option=options))


def _show(events: list[PublishedEvent], as_json: bool) -> None:
    for event in events:
        if as_json:
            sys.stdout.buffer.write(event.data + b"\n")
        else:
            STDOUT.print(event_lines(event.body), highlight=False, soft_wrap=True)
    sys.stdout.buffer.flush()
