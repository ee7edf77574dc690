"""`stream-monitor replay`: the monitor over past events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from stream_monitor.cli import history_options as history
from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import note, print_json, print_table, progress_bar
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.rows import feature_rows
from stream_monitor.services.history import ReferencePeriod
from stream_monitor.services.history import replay as replay_table

_COLUMNS = (
    "window", "start", "segment", "feature", "reference", "verdict", "severity", "deciding", "n",
    "effect", "p", "ratio",
)  # fmt: skip


def replay(
    table: history.TableArgument = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Model to replay, if several are configured."),
    ] = None,
    config: ConfigOption = None,
    reference_rows: history.ReferenceRows = None,
    reference_since: history.ReferenceSince = None,
    reference_until: history.ReferenceUntil = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show quiet windows in the table too.")
    ] = False,
    since: history.SinceOption = None,
    until: history.UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the monitor over a file, or over what the topics hold: no group, nothing written.

    The model's `columns` say where a file keeps what. The reference is the first quarter of the rows
    unless an option says otherwise. With --json: one record per window × feature × reference.

    Example: stream-monitor replay loans.parquet --model loans --reference-rows 50000
    """
    installation = load_installation(config)
    chosen = next((m for m in installation.models if model in (None, m.name)), None)
    if chosen is None or (model is None and len(installation.models) > 1):
        wrong = (
            "choose a model with --model" if model is None else f"model {model} is not configured"
        )
        raise InvalidSpecification(f"{wrong}; configured: {installation.names}")
    source: Path | pa.Table | None = table
    if source is None:
        chosen, source = history.from_topics(installation, chosen, since, until)
    with progress_bar() as bar:
        task = bar.add_task("replaying", total=None)
        result = replay_table(
            source,
            chosen,
            ReferencePeriod(reference_rows, reference_since, reference_until),
            monitor=installation.monitor,
            calendar=installation.calendar,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    records = [record for record in result.records if record["type"] == "window"]
    rows = [row for record in records for row in feature_rows(record)]
    if as_json:
        print_json(rows)
        return
    _print(chosen.name, rows, everything, result.performance.to_pylist())
    note(
        f"{len(records)} windows judged against {result.reference.events} reference events; "
        f"{result.incidents.num_rows} drift events"
    )


def _print(
    name: str, rows: list[dict[str, Any]], everything: bool, performance: list[dict[str, Any]]
) -> None:
    shown = [row for row in rows if everything or row["verdict"] == "drift"]
    title = f"{name}: {'windows' if everything else 'windows that drift'}"
    hideable = ("window", "segment") if everything else ("window", "segment", "verdict")
    same = [column for column in hideable if len({row[column] for row in shown}) == 1]
    columns = [column for column in _COLUMNS if column not in same]
    print_table(title, columns, ([row[column] for column in columns] for row in shown))
    final = {(p["window"], p["start"], p["segment"], p["outcome"]): p for p in performance}
    metrics = [
        m
        for m in ("accuracy", "f1", "auc", "rmse", "mae")
        if any(p[m] is not None for p in final.values())
    ]
    if final:
        print_table(
            f"{name}: performance",
            ("window", "start", "segment", "outcome", "labels", "maturity", *metrics),
            (
                [
                    p[c]
                    for c in (
                        "window",
                        "start",
                        "segment",
                        "outcome",
                        "labels",
                        "maturity",
                        *metrics,
                    )
                ]
                for p in final.values()
            ),
        )
