"""The stream-monitor command put together from its subcommands, one file each.

Exit codes: 0 done · 1 something failed or was found wrong · 2 wrong usage or configuration.
"""

from __future__ import annotations

import sys

import typer

from stream_monitor.cli import (
    calibrate,
    check,
    config,
    dead_letters,
    demo,
    demo_producer,
    events,
    offsets,
    reference,
    replay,
    results,
    rules,
    run,
    simulate,
    topics,
    verify,
)
from stream_monitor.cli.output import report_error
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError

app = typer.Typer(
    name="stream-monitor",
    help="Streaming drift detection for models whose inputs and labels travel through Kafka.",
    epilog="Exit codes: 0 done · 1 something failed or was found wrong · 2 wrong usage or configuration.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
app.add_typer(run.app, name="run")
app.add_typer(reference.app, name="reference")
app.add_typer(topics.app, name="topics")
app.add_typer(config.app, name="config")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(offsets.app, name="offsets")
app.add_typer(events.app, name="events")
app.command("check")(check.check)
app.command("replay")(replay.replay)
app.command("calibrate")(calibrate.calibrate)
app.command("simulate")(simulate.simulate)
app.command("results")(results.results)
app.command("rules")(rules.rules)
app.command("verify")(verify.verify)
app.command("demo")(demo.demo)
app.command("demo-producer")(demo_producer.demo_producer)


def run_command() -> None:
    """Runs the command line; every expected error is one sentence on stderr."""
    try:
        app()
    except InvalidSpecification as error:
        report_error(str(error))
        sys.exit(2)
    except StreamMonitorError as error:
        report_error(str(error))
        sys.exit(2 if type(error).__name__ == "ConfigError" else 1)
