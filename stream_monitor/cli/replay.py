"""`stream-monitor replay`: the monitor over past events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import note, print_json, print_table, progress_bar
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.rows import feature_rows
from stream_monitor.services import topic_history
from stream_monitor.services.history import ReferencePeriod
from stream_monitor.services.history import replay as replay_table

_COLUMNS = (
    "window", "start", "segment", "feature", "reference", "verdict", "severity", "deciding", "n",
    "effect", "p", "ratio",
)  # fmt: skip


def replay(
    table: Annotated[
        Path | None,
        typer.Argument(help="Parquet or CSV file; left out: the configured topics are read."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Model to replay, if several are configured."),
    ] = None,
    config: ConfigOption = None,
    reference_rows: Annotated[
        int | None, typer.Option(help="The first N rows are the reference.", min=1)
    ] = None,
    reference_since: Annotated[
        str | None, typer.Option(help="Start of the reference: a date or RFC 3339.")
    ] = None,
    reference_until: Annotated[
        str | None, typer.Option(help="End of the reference (not included).")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show quiet windows in the table too.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="Start of the topic range.")] = None,
    until: Annotated[str | None, typer.Option(help="End of the topic range.")] = None,
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
        names = ", ".join(m.name for m in installation.models) or "none"
        wrong = (
            "choose a model with --model" if model is None else f"model {model} is not configured"
        )
        raise InvalidSpecification(f"{wrong}; configured: {names}")
    if table is None:
        found = topic_history.read_topics(installation, chosen.name, since, until)
        chosen = topic_history.with_canonical_columns(chosen)
        note(f"{found.num_rows} events of {chosen.name} read from the topics")
    with progress_bar() as bar:
        task = bar.add_task("replaying", total=None)
        result = replay_table(
            found if table is None else table,
            chosen,
            ReferencePeriod(reference_rows, reference_since, reference_until),
            monitor=installation.monitor,
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
