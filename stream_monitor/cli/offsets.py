"""`stream-monitor offsets`: where the two groups stand, and going on after records were lost."""

from __future__ import annotations

from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import note, print_json, print_table
from stream_monitor.services import offset_skipping as skipping
from stream_monitor.services.wiring import wire

app = typer.Typer(no_args_is_help=True, help="Offsets of the profiler and the detector group.")
_COLUMNS = ("group", "topic", "partition", "committed", "beginning", "end", "lag", "lost")


@app.command("show")
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show committed offsets, lag, and what retention took before it was read.

    Example: stream-monitor offsets show --config monitor.yaml
    """
    installation = load_installation(config)
    found = skipping.read_offsets(wire(installation).administration(), installation.monitor)
    _print("offsets", found, as_json)
    if any(offset.lost for offset in found):
        note("records were lost before they were read: run `stream-monitor offsets skip`")


@app.command("skip")
def skip(
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Go on after retention took records that were not read: windows they belong to become inexact.

    Moves each lost offset to the first record that is left. The group must have no members.

    Example: stream-monitor offsets skip --yes
    """
    installation = load_installation(config)
    monitor = installation.monitor
    administration = wire(installation).administration()
    lost = [o for o in skipping.read_offsets(administration, monitor) if o.lost]
    if not lost:
        note("no offset is lost: there is nothing to skip")
        return
    for group in sorted({offset.group for offset in lost}):
        skipping.require_no_members(administration, group)
    records = sum(offset.lost for offset in lost)
    if not yes:
        typer.confirm(
            f"Skip {records} lost records of {len(lost)} partitions? Their windows become exact=false.",
            abort=True,
            err=True,
        )
    moved = skipping.skip_lost(administration, monitor)
    _print("skipped", moved, as_json)
    records = sum(offset.lost for offset in moved)
    note(
        f"{records} lost offsets skipped in {len(moved)} partitions; the detector will publish an "
        "integrity event and mark the windows exact=false"
    )


def _print(title: str, offsets: list[skipping.GroupOffset], as_json: bool) -> None:
    rows = [offset.as_row() for offset in offsets]
    if as_json:
        print_json(rows)
    else:
        print_table(title, _COLUMNS, ([row[c] for c in _COLUMNS] for row in rows))
