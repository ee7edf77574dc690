"""`stream-monitor verify`: recompute every published window from the source topics."""

from __future__ import annotations

from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, ModelOption, load_installation
from stream_monitor.cli.output import note, print_json, print_table, progress_bar
from stream_monitor.services.verifying import as_row
from stream_monitor.services.verifying import verify as verify_results
from stream_monitor.services.wiring import wire

_COLUMNS = (
    "state", "model", "version", "segment", "window", "start", "outcome", "revision", "published",
    "recomputed",
)  # fmt: skip
_QUIET = ("equal", "open")


def verify(
    config: ConfigOption = None,
    model: ModelOption = None,
    since: Annotated[str | None, typer.Option(help="Windows that end after this time.")] = None,
    until: Annotated[str | None, typer.Option(help="Windows that start before this time.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute published windows from the source topics in one process; exit 1 if one differs.

    Reads everything up to the profilers' committed offsets and writes nothing. The table shows what
    is not simply equal; --json shows every record.

    Example: stream-monitor verify --model flights --since 2013-02-01
    """
    installation = load_installation(config)
    with progress_bar() as bar:
        task = bar.add_task("source offsets", total=None)
        result = verify_results(
            installation, wire(installation), model, since, until,
            lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    rows = [as_row(record) for record in result.records]
    if as_json:
        print_json(rows)
    else:
        shown = [row for row in rows if row["state"] not in _QUIET]
        if shown:
            print_table("not equal", _COLUMNS, ([row[c] for c in _COLUMNS] for row in shown))
        meanings = {row["state"]: row["why"] for row in rows}
        print_table(
            "records",
            ("state", "count", "meaning"),
            ((state, n, meanings[state]) for state, n in sorted(result.counts.items())),
        )
    if result.detector_lag:
        note(
            f"the detectors have {result.detector_lag} offsets to read: what they have not counted yet "
            "can differ; run this again when they have caught up"
        )
    if not result.is_sound:
        raise typer.Exit(1)
