"""`stream-monitor results`: what was published, as a table, JSON lines or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from stream_monitor.cli.options import (
    ConfigOption,
    FeatureOption,
    JsonOption,
    ModelOption,
    SegmentOption,
    load_installation,
)
from stream_monitor.cli.output import note, print_json, print_table
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.rows import (
    FEATURE_SCHEMA,
    PERFORMANCE_SCHEMA,
    feature_rows,
    performance_row,
)
from stream_monitor.services.published_results import ResultFilter, read_results

_FEATURES = (
    "model", "version", "window", "start", "segment", "feature", "reference", "revision", "verdict",
    "severity", "deciding", "n", "effect", "p", "ratio",
)  # fmt: skip
_PERFORMANCE = (
    "model", "version", "window", "start", "segment", "outcome", "revision", "labels", "maturity",
    "accuracy", "f1", "rmse",
)  # fmt: skip


def results(
    config: ConfigOption = None,
    model: ModelOption = None,
    feature: FeatureOption = None,
    segment: SegmentOption = None,
    since: Annotated[str | None, typer.Option(help="Windows that end after this time.")] = None,
    until: Annotated[str | None, typer.Option(help="Windows that start before this time.")] = None,
    performance: Annotated[
        bool, typer.Option("--performance", help="Performance instead of feature verdicts.")
    ] = False,
    every_revision: Annotated[
        bool, typer.Option("--revisions", help="Every revision, not only the newest.")
    ] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write a Parquet file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Read the results topic: newest revision of every window.

    Example: stream-monitor results --model flights --feature dep_delay --since 2013-02-01
    """
    installation = load_installation(config)
    wanted = ResultFilter(model, feature, segment, since, until, every_revision)
    kind = "performance" if performance else "window"
    records = read_results(installation, wanted, kind)
    rows = (
        [performance_row(record) for record in records]
        if performance
        else [
            row
            for record in records
            for row in feature_rows(record)
            if feature in (None, row["feature"])
        ]
    )
    if parquet is not None:
        schema = PERFORMANCE_SCHEMA if performance else FEATURE_SCHEMA
        try:
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), parquet)
        except OSError as error:
            raise StreamMonitorError(f"{parquet} cannot be written: {error}") from error
        note(f"{len(rows)} rows in {parquet}")
    elif as_json:
        print_json(rows)
    else:
        columns = _PERFORMANCE if performance else _FEATURES
        print_table("results", columns, ([row[c] for c in columns] for row in rows))
