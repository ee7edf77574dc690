"""`stream-monitor reference`: build a reference from a file or the topics, and show what there is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import STDERR, note, print_json, print_table
from stream_monitor.cli.reference_waiting import Waiting, first_of
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.references import Reference
from stream_monitor.services import reference_building as building
from stream_monitor.services import reference_changes as changes
from stream_monitor.services.history import ReferencePeriod


class FrozenKind(StrEnum):
    """The kinds that are built once."""

    VALIDATION = ReferenceKind.VALIDATION.value
    TRAINING = ReferenceKind.TRAINING.value


app = typer.Typer(no_args_is_help=True, help="References: what normal is.")


@app.command("build")
def build(
    model: Annotated[str, typer.Argument(help="The model.")],
    table: Annotated[
        Path | None,
        typer.Argument(help="Parquet or CSV file; left out: the inference topic is read."),
    ] = None,
    config: ConfigOption = None,
    version: Annotated[
        str | None,
        typer.Option(help="Model version that owns it, by default that of the first row."),
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Only the file's first N rows.", min=1)] = None,
    since: Annotated[str | None, typer.Option(help="Start: a date or RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="End (not included).")] = None,
    windows: Annotated[
        int | None, typer.Option(help="Only the topic's first N whole windows.", min=1)
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Their size, by default the model's largest.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until they are there.")] = False,
    kind: Annotated[
        FrozenKind, typer.Option(help="training is counted by the bins of validation.")
    ] = FrozenKind.VALIDATION,
    same_bins: Annotated[
        bool, typer.Option(help="Count by the bins of the present reference, and learn none.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write a file instead of the references topic.")
    ] = None,
) -> None:
    """Learn binning and reference of a model, and publish them to the references topic.

    Example: stream-monitor reference build loans history.parquet --until 2018-10-28

    Example: stream-monitor reference build loans train.parquet --kind training

    Example: stream-monitor reference build loans --windows 28 --size 1d --wait
    """
    installation = load_installation(config)
    like = None
    if same_bins or kind is FrozenKind.TRAINING:
        like = building.held(installation, model)
    chosen = ReferenceKind(kind.value)
    wanted = first_of(windows, size, since, is_waiting=wait)
    if wanted is None:
        with STDERR.status(f"building the reference of {model}"):
            period = ReferencePeriod(rows, since, until)
            reference = building.build(installation, model, table, period, version, chosen, like)
    elif table is not None or rows is not None or until is not None:
        raise InvalidSpecification(
            "--windows are the first of the topic: leave out the file, --rows and --until"
        )
    else:
        with Waiting(model) as waiting:
            pause = waiting.pause if wait else None
            reference = building.learn(
                installation, model, wanted, version, chosen, like, wait=pause
            )
    if output is not None:
        building.write_file(reference, output)
    else:
        building.publish(installation, reference)
    _tell(reference)


def _tell(reference: Reference) -> None:
    """What was built, and what its windows are too few for."""
    windows = {size: len(found) for size, found in reference.segments["all"].windows.items()}
    counts = ", ".join(f"{count} × {size}" for size, count in windows.items())
    note(
        f"reference of {reference.model} version {reference.version}: {reference.events} events, "
        f"{len(reference.segments)} segments, windows {counts}, profile {reference.layout.profile_id}"
    )
    for size, count in windows.items():
        if count < building.ADVISED_WINDOWS:
            note(
                f"only {count} windows of {size}: with fewer than {building.ADVISED_WINDOWS} the test of "
                "independent rows alone decides, which reads weekdays and weather as drift"
            )


@app.command("show")
def show(
    config: ConfigOption = None,
    file: Annotated[Path | None, typer.Option(help="A file written by `reference build`.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the references, by default those in the references topic.

    Example: stream-monitor reference show --config monitor.yaml
    """
    installation = load_installation(config)
    found = building.read_file(file) if file else building.read_topic(installation)
    rows = [building.describe(reference) for reference in found]
    if as_json:
        print_json(rows)
    else:
        columns = (
            "model",
            "version",
            "kind",
            "start",
            "end",
            "events",
            "segments",
            "windows",
            "profile_id",
        )
        print_table("references", columns, ([row[c] for c in columns] for row in rows))
    if not rows:
        note(
            "there are none: every verdict is no_reference until `reference build`, from a file, a time "
            "of the topic, or the model's own first windows (--windows)"
        )


@app.command("promote")
def promote(
    model: Annotated[str, typer.Argument(help="The model.")],
    config: ConfigOption = None,
    version: Annotated[
        str | None,
        typer.Option(help="Model version that owns it, by default that of the present one."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Start: a date or RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="End (not included).")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write a file instead of the references topic.")
    ] = None,
) -> None:
    """Make the model's own recent windows its validation reference: what was a drift is normal now.

    The windows are those that the detector remembers, counted by the same bins, so that history goes on.

    Example: stream-monitor reference promote loans --since 2018-11-01
    """
    installation = load_installation(config)
    with STDERR.status(f"reading the windows of {model}"):
        found = changes.promote(installation, model, ReferencePeriod(None, since, until), version)
        if output is not None:
            building.write_file(found, output)
        else:
            building.publish(installation, found)
    described = building.describe(found)
    note(
        f"the validation reference of {model} version {found.version} is now {described['start']} to "
        f"{described['end']}: {found.events} events, windows {described['windows']}"
    )


@app.command("diff")
def diff(
    model: Annotated[str, typer.Argument(help="The model.")],
    before: Annotated[str, typer.Argument(help="A version, `training`, or a reference file.")],
    after: Annotated[str, typer.Argument(help="The same, counted by the same bins.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two references feature by feature, the largest change first.

    Example: stream-monitor reference diff loans training 3
    """
    rows = changes.diff(load_installation(config), model, before, after)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(f"{model}: {before} → {after}", rows[0], (row.values() for row in rows))
