"""`stream-monitor calibrate`: false alarms over a history, and the floors that avoid them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_monitor.cli import history_options as history
from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import note, print_json, print_table, progress_bar
from stream_monitor.core.windows import parse_window_size
from stream_monitor.services import calibration as service
from stream_monitor.services.calibration import Calibration
from stream_monitor.services.floor_writing import model_file, write_floors
from stream_monitor.services.history import ReferencePeriod, table_rows
from stream_monitor.services.size_trials import candidate_sizes

_COLUMNS = (
    "feature", "reference", "aspect", "tests", "incidents", "per_week", "largest_effect", "p", "floor",
    "recommended",
)  # fmt: skip
_SIZE_COLUMNS = (
    "window", "windows", "rows", "alpha", "incidents_per_week", "drifting", "found_from",
    "passes_for_chance",
)  # fmt: skip


def calibrate(
    model: history.ModelArgument,
    table: history.TableArgument = None,
    config: ConfigOption = None,
    reference_rows: history.ReferenceRows = None,
    reference_since: history.ReferenceSince = None,
    reference_until: history.ReferenceUntil = None,
    since: history.SinceOption = None,
    until: history.UntilOption = None,
    sizes: Annotated[
        str, typer.Option(help="Window sizes to compare, with commas between; empty: none.")
    ] = "1h,1d,7d",
    shuffle: Annotated[
        int, typer.Option(help="Runs with the days in a random order: no trend, more weeks.", min=0)
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the first shuffled run.", min=0)] = 0,
    everything: Annotated[bool, typer.Option("--all", help="Show quiet aspects too.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the floors into the model's file.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Write an HTML page: each feature over time, before and after."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Count the false alarms over a history without drift, and recommend floors, windows and a budget.

    The first part of the history is the reference (by default a quarter of the rows), the rest is judged as
    if nothing in it were drift: choose a time in which the model did well. With --shuffle the days change
    places first, within their weekday: a season or trend does not count as false alarms then, and the
    floors follow from these runs alone.

    Example: stream-monitor calibrate flights flights.parquet --reference-until 2013-02-15 --shuffle 5

    Example: stream-monitor calibrate flights --since 2013-01-01 --until 2013-06-01 --write
    """
    installation = load_installation(config)
    root = _root(config)
    file = model_file(root, installation.monitor, model, os.environ) if write else None
    lengths = [parse_window_size(text) for text in sizes.split(",") if text.strip()]
    found = history.read_history(installation, model, table, since, until)
    rows = table_rows(found.table, found.model, found.spec)
    with progress_bar() as bar:
        task = bar.add_task("history as it was", total=None)
        result = service.calibrate(
            rows, found.spec, ReferencePeriod(reference_rows, reference_since, reference_until),
            sizes=candidate_sizes(found.spec, lengths), shuffles=shuffle, seed=seed,
            progress=lambda what, done, total: bar.update(
                task, description=what, completed=done, total=total
            ),
        )  # fmt: skip
    if picture is not None:
        from stream_monitor.cli.calibration_picture import render

        picture.write_text(render(result), encoding="utf-8")
    if as_json:
        print_json(_records(result))
    else:
        _print(result, everything)
    for line in _next_steps(result):
        note(line)
    if picture is not None:
        note(f"picture written to {picture}")
    if file is not None and result.writable:
        backup = write_floors(
            file, result.writable, found.spec, installation.monitor, os.environ
        )  # fmt: skip
        note(f"{len(result.writable)} floors written to {file.path}; the old text is in {backup}")
    elif file is not None:
        note(f"nothing to write: {file.path} is as it was")


def _root(config: Path | None) -> Path:
    path = config or Path("monitor.yaml")
    return path.parent if path.is_file() else Path()


def _aspects(result: Calibration) -> Iterator[dict[str, Any]]:
    for row in result.rows:
        yield {
            "feature": row.subject,
            "reference": row.reference,
            "aspect": row.aspect.value,
            "tests": row.tests,
            "incidents": row.incidents,
            "per_week": row.incidents / result.null.weeks,
            "largest_effect": row.largest,
            "p": row.p,
            "floor": row.floor,
            "recommended": row.recommended,
        }


def _sizes(result: Calibration) -> list[dict[str, Any]]:
    return [
        {
            "window": trial.size,
            "windows": trial.windows,
            "rows": trial.rows,
            "alpha": trial.alpha,
            "incidents_per_week": trial.per_week,
            "drifting": trial.drifting,
            "found_from": trial.by_rows,
            "passes_for_chance": trial.by_chance,
        }
        for trial in result.sizes
    ]


def _records(result: Calibration) -> Iterator[dict[str, Any]]:
    yield {
        "type": "summary",
        "model": result.model,
        "alarms_per_week": result.budget,
        "weeks": result.null.weeks,
        "incidents": result.before,
        "incidents_per_week": result.before / result.null.weeks,
        "taken_back_per_week": result.null.taken_back / result.null.weeks,
        "as_it_ran_per_week": result.as_it_ran.incidents / result.as_it_ran.weeks,
        "with_recommended_floors_per_week": result.after / result.null.weeks,
        "with_written_floors_per_week": result.after_writing / result.null.weeks,
        "quiet_alarms_per_week": result.quiet_budget,
        "seeds": list(result.seeds),
    }
    yield from ({"type": "aspect", **row} for row in _aspects(result))
    for a in result.advice:
        yield {
            "type": "floor", "feature": a.subject, "key": a.key, "present": a.present,
            "recommended": a.recommended, "incidents": a.before, "incidents_after": a.incidents,
            "blunt": a.is_blunt,
        }  # fmt: skip
    yield from ({"type": "size", **row} for row in _sizes(result))


def _print(result: Calibration, everything: bool) -> None:
    shown = [row for row in _aspects(result) if everything or row["incidents"]]
    if shown:
        title = f"{result.model}: {'every aspect' if everything else 'aspects with false alarms'}"
        print_table(title, _COLUMNS, ([row[c] for c in _COLUMNS] for row in shown))
    if result.advice:
        print_table(
            f"{result.model}: floors to raise",
            ("feature", "key", "present", "recommended", "incidents", "after", "remark"),
            (
                [a.subject, a.key, a.present, a.recommended, a.before, a.incidents,
                 "blunt: see below" if a.is_blunt else ""]
                for a in result.advice
            ),
        )  # fmt: skip
    if result.sizes:
        rows = ([row[c] for c in _SIZE_COLUMNS] for row in _sizes(result))
        print_table(f"{result.model}: each window size alone", _SIZE_COLUMNS, rows)


def _next_steps(result: Calibration) -> Iterator[str]:
    run, per_week = result.null, result.before / result.null.weeks
    kind = f"days shuffled with seeds {_listed(result.seeds)}" if result.shuffled else "as it ran"
    yield (
        f"{result.before} false alarms in {run.weeks:.1f} weeks ({kind}): {per_week:.2f} a week, where the "
        f"budget allows {result.budget:g}"
    )
    if run.taken_back:
        yield (
            f"{run.taken_back} more were said of windows that were open, and taken back when these closed: "
            "`early` costs them"
        )
    if result.shuffled:
        was = result.as_it_ran.incidents / result.as_it_ran.weeks
        more = (
            "; what is more than above is trend or season, which floors should not hide: use a sliding or "
            "seasonal reference for it"
        )
        yield f"the history in its own order: {was:.2f} a week" + (more if was > per_week else "")
    if result.is_quiet:
        yield "the budget is kept: leave the floors as they are; try `simulate` to see what would be found"
        return
    blunt = sorted({a.subject for a in result.advice if a.is_blunt})
    yield (
        f"with the recommended floors: {result.after / run.weeks:.2f} a week; with those that --write "
        f"puts in: {result.after_writing / run.weeks:.2f}"
    )
    if result.writable:
        yield "next: calibrate with --write; then `simulate` shows what is still found"
    if blunt:
        yield (
            f"not written, since so high a floor would hide the feature: {', '.join(blunt)}. The history "
            "differs from its reference there: take a longer or later reference, use a sliding or seasonal "
            "one, or mute the feature"
            + ("" if result.shuffled else "; --shuffle tells season from noise")
        )
    if result.quiet_budget is not None:
        yield f"instead of floors, alarm_budget.alarms_per_week: {result.quiet_budget:g} would be quiet too"
    else:
        yield "no alarm budget would be quiet with the present floors: the differences are beyond chance"


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))
