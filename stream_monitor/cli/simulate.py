"""`stream-monitor simulate`: a drift put into a history on purpose, and how long it takes to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pyarrow.parquet as pq
import typer

from stream_monitor.cli import history_options as history
from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import note, print_json, print_table, progress_bar
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.drift import DriftKind
from stream_monitor.core.published import rfc3339
from stream_monitor.core.windows import DAY_S, format_duration, parse_duration
from stream_monitor.services.drift_requests import DriftRequest
from stream_monitor.services.history import ReferencePeriod
from stream_monitor.services.simulating import Sighting, Simulation, Trial
from stream_monitor.services.simulating import simulate as run_simulation

_COLUMNS = (
    "size", "feature", "reference", "window", "first_seen", "delay_windows", "delay", "rows", "ratio",
    "masked",
)  # fmt: skip


def simulate(
    model: history.ModelArgument,
    drift: Annotated[
        DriftKind, typer.Option("--drift", "-d", help="What drifts; sizes are explained above.")
    ],
    table: history.TableArgument = None,
    feature: Annotated[
        list[str] | None,
        typer.Option("--feature", "-f", help="Feature that drifts; repeat it for several."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="How large; several with commas between are compared.")
    ] = None,
    start: Annotated[
        str, typer.Option(help="A date, RFC 3339, or a share of the time after the reference.")
    ] = "0.5",
    gradual: Annotated[
        str | None, typer.Option(help="Grow linearly over this time, e.g. 14d; else at once.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Category whose share moves, or class of label drift.")
    ] = None,
    config: ConfigOption = None,
    reference_rows: history.ReferenceRows = None,
    reference_since: history.ReferenceSince = None,
    reference_until: history.ReferenceUntil = None,
    since: history.SinceOption = None,
    until: history.UntilOption = None,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn by chance.", min=0)] = 0,
    output: Annotated[
        Path | None, typer.Option(help="Write the altered table as Parquet (one size only).")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write an HTML page: histograms and ratios over time.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a drift into a history, and see which window, how much later, finds it.

    Sizes: mean and covariate: standard deviations. spread: times as far from the mean. share: added to a
    category's share. unit (a thousandfold), missing, new_category: share of the rows. correlation: share of
    the rows whose ranks are reversed within a window, margins unchanged. label: added to the class's share,
    by resampling. concept: share of the labels that are flipped.

    A window counts only where it does not drift without the injection too. Nothing is published.

    Example: stream-monitor simulate flights flights.parquet --drift mean --feature dep_delay --size 0.1,0.5

    Example: stream-monitor simulate flights --since 2013-01-01 --drift missing --size 0.02 --gradual 14d
    """
    request = DriftRequest(
        drift, tuple(feature or ()), _sizes(size), start,
        0 if gradual is None else parse_duration(gradual), category,
    )  # fmt: skip
    if output is not None and len(request.chosen_sizes) > 1:
        raise InvalidSpecification("--output writes one table: give one --size")
    found = history.read_history(load_installation(config), model, table, since, until)
    with progress_bar() as bar:
        task = bar.add_task("without the drift", total=None)
        result = run_simulation(
            found.table, found.model, found.spec,
            ReferencePeriod(reference_rows, reference_since, reference_until), request, seed,
            lambda what, done, total: bar.update(
                task, description=what, completed=done, total=total
            ),
        )  # fmt: skip
    rows = [_row(trial, s) for trial in result.trials for s in (*trial.touched, *trial.others)]
    if as_json:
        print_json([_summary(result), *rows])
    else:
        _print(result)
    for line in _said(result):
        note(line)
    if output is not None:
        pq.write_table(result.trials[0].table, output)
        note(f"altered table written to {output}")
    if picture is not None:
        from stream_monitor.cli.simulation_picture import render

        picture.write_text(render(result, found.spec), encoding="utf-8")
        note(f"picture written to {picture}")


def _sizes(text: str | None) -> tuple[float, ...]:
    if text is None:
        return ()
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InvalidSpecification(
            f"{text!r} is no size: write numbers with commas between, such as 0.1,0.25,0.5"
        ) from None


def _row(trial: Trial, found: Sighting) -> dict[str, Any]:
    window = found.window
    return {
        "type": "sighting",
        "size": trial.drift_size,
        "feature": found.subject,
        "reference": found.reference,
        "window": found.size,
        "injected": found.is_touched,
        "first_seen": None if window is None else rfc3339(window.start_s),
        "delay_windows": found.delay_windows,
        "delay": None if found.delay_s is None else _length(found.delay_s),
        "delay_s": found.delay_s,
        "rows": found.rows,
        "ratio": found.ratio,
        "windows": found.windows,
        "masked": found.masked,
    }


def _length(seconds: int) -> str:
    """Whole days from two days on, whatever the clocks did meanwhile."""
    return f"{round(seconds / DAY_S)}d" if seconds >= 2 * DAY_S else format_duration(seconds)


def _summary(result: Simulation) -> dict[str, Any]:
    return {
        "type": "summary",
        "model": result.model,
        "drift": result.request.kind.value,
        "features": list(result.features),
        "start": rfc3339(result.start_s),
        "gradual_s": result.request.ramp_s,
        "seed": result.seed,
        "false_incidents_before": result.false_before,
        "weeks_before": result.weeks_before,
    }


def _print(result: Simulation) -> None:
    def shown(sightings: list[tuple[Trial, Sighting]]) -> Iterator[list[object]]:
        for trial, sighting in sightings:
            row = _row(trial, sighting)
            yield [row[c] for c in _COLUMNS]

    # Label drift touches every feature: those that saw it are enough to read.
    has_all = result.request.kind is not DriftKind.LABEL
    touched = [(t, s) for t in result.trials for s in t.touched if has_all or s.window]
    others = [(t, s) for t in result.trials for s in t.others]
    what = f"{result.request.kind.value} drift from {rfc3339(result.start_s)}"
    print_table(f"{result.model}: {what}", _COLUMNS, shown(touched))
    if others:
        print_table(f"{result.model}: alarmed without being touched", _COLUMNS, shown(others))


def _said(result: Simulation) -> Iterator[str]:
    yield (
        f"seed {result.seed}; {result.false_before} incidents in the {result.weeks_before:.1f} weeks before "
        "the drift: `calibrate` makes them fewer"
    )
    for trial in result.trials:
        seen = [s for s in trial.touched if s.window is not None and s.delay_s is not None]
        if seen:
            first = min(seen, key=lambda s: s.delay_s or 0)
            yield (
                f"size {trial.drift_size:g}: first seen by {first.subject} against {first.reference} in "
                f"window {first.delay_windows} of {first.size}, {_length(first.delay_s or 0)} and "
                f"{first.rows:,} events after the start"
            )
        else:
            yield f"size {trial.drift_size:g}: not seen until the end of the history"
    smallest = [t.drift_size for t in result.trials if any(s.window for s in t.touched)]
    if len(result.trials) > 1 and smallest:
        yield f"the smallest of these sizes that is seen: {min(smallest, key=abs):g}"
    masked = sorted(
        {s.subject for t in result.trials for s in t.touched if s.masked * 2 > s.windows}
    )
    if masked:
        yield (
            f"{', '.join(masked)} drift in most windows without the injection too, which hides it: choose "
            "another --start, a reference that fits, or calibrate first"
        )
