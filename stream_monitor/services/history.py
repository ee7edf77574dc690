"""Replay: the core over a table of past events, without Kafka; for the CLI and for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.config.calendar import load_calendar
from stream_monitor.config.columns import ColumnsConfig
from stream_monitor.config.loading import load_model
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.specification import model_spec
from stream_monitor.core.binning import Binning
from stream_monitor.core.calendar import Calendar
from stream_monitor.core.columns import MatchedColumns
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.published import to_json
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import Reference, build_reference
from stream_monitor.core.replaying import MICRO, replay_rows
from stream_monitor.core.results import Output
from stream_monitor.core.rows import (
    FEATURE_SCHEMA,
    PERFORMANCE_SCHEMA,
    feature_rows,
    performance_row,
)
from stream_monitor.core.tables import ColumnMapping, TableRows, matched, read_rows
from stream_monitor.core.windows import Window
from stream_monitor.services.table_files import read_table

Progress = Callable[[int, int], None]
"""Is told (done, all)."""

_DEFAULT_SHARE = 4

_INCIDENT_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("model", "version", "segment", "feature")),
        ("references", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("status", "incident")),
        ("revision", pa.int64()),
        *((name, pa.string()) for name in ("start", "end", "severity")),
    ]
)


@dataclass(frozen=True, slots=True)
class ReferencePeriod:
    """Which rows of a table are the reference: the first `rows`, or those in [since, until).

    Times are RFC 3339 or dates, read in the first window's time zone. By default the first quarter of
    the rows.
    """

    rows: int | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class Replay:
    """What a replay found: `records` as they would be published, and the same as Arrow tables.

    `windows` has one row per window × feature × reference, `performance` one per window, outcome and
    revision, `incidents` one per drift event.
    """

    records: tuple[dict[str, Any], ...]
    reference: Reference

    @property
    def windows(self) -> pa.Table:
        """One row per window × feature × reference."""
        found = [row for r in self.records if r["type"] == "window" for row in feature_rows(r)]
        return pa.Table.from_pylist(found, schema=FEATURE_SCHEMA)

    @property
    def performance(self) -> pa.Table:
        """One row per window, outcome and revision."""
        found = [performance_row(r) for r in self.records if r["type"] == "performance"]
        return pa.Table.from_pylist(found, schema=PERFORMANCE_SCHEMA)

    @property
    def incidents(self) -> pa.Table:
        """One row per drift event."""
        found = [
            {**r, **{name: r["window"][name] for name in ("start", "end")}}
            for r in self.records
            if r["type"] == "drift"
        ]
        return pa.Table.from_pylist(found, schema=_INCIDENT_SCHEMA)


def replay(
    table: pa.Table | str | Path,
    model: ModelConfig | str | Path,
    reference: ReferencePeriod | Reference | None = None,
    *,
    monitor: MonitorConfig | None = None,
    calendar: Calendar | str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Replays a history through the monitor: same windows, verdicts and incidents as in production.

    `table` is an Arrow table or a Parquet or CSV file, `model` a model file or configuration whose
    `columns` say where the table keeps what. `calendar` names days, or is a file that does.
    `progress` is told (events passed, all events).
    Raises ConfigError or InvalidSpecification with what to do.
    """
    settings = monitor or MonitorConfig()
    config = (
        load_model(Path(model), settings, environ or {})
        if not isinstance(model, ModelConfig)
        else model
    )
    days = load_calendar(Path(calendar)) if isinstance(calendar, str | Path) else calendar
    spec = replace(model_spec(config, settings), calendar=days or Calendar())
    data = table if isinstance(table, pa.Table) else read_table(Path(table))
    rows = table_rows(data, config, spec)
    if not isinstance(reference, Reference):
        reference = reference_of(rows, spec, reference or ReferencePeriod())
    outputs = judged_outputs(rows, spec, reference, settings.name, progress)
    return Replay(tuple(to_json(output, spec.name) for output in outputs), reference)


def judged_outputs(
    rows: TableRows,
    spec: ModelSpec,
    reference: Reference,
    app: str,
    progress: Progress | None = None,
) -> Iterator[Output]:
    """What a detector of the installation `app` with this reference would publish of the rows."""
    catalogue = ReferenceCatalogue()
    catalogue.add(reference)
    total = rows.events.n
    told = (lambda done: progress(done, total)) if progress else None
    return replay_rows(rows, spec, catalogue, app, None, told)


def reference_of(
    rows: TableRows, spec: ModelSpec, period: ReferencePeriod,
    kind: ReferenceKind = ReferenceKind.VALIDATION, binning: Binning | None = None,
) -> Reference:  # fmt: skip
    """The reference built from a period of a table's rows, with their labels."""
    events = rows.events
    first, last = 0, max(1, events.n // _DEFAULT_SHARE)
    span = None
    if period.rows is not None:
        last = min(period.rows, events.n)
    elif period.since is not None or period.until is not None:
        zone = spec.windows[0].timezone
        start_us = parse_time(period.since, zone) if period.since else int(events.timestamp_us[0])
        end_us = (
            parse_time(period.until, zone) if period.until else int(events.timestamp_us[-1]) + 1
        )
        first, last = (int(np.searchsorted(events.timestamp_us, at)) for at in (start_us, end_us))
        span = Window(start_us // MICRO, -(-end_us // MICRO))
    if last <= first:
        raise InvalidSpecification("the reference period holds no rows: check its start and end")
    at = np.arange(first, last)
    chunk = events.take(at)
    version = chunk.version[0].as_py()
    return build_reference(
        spec, [chunk], version, span, kind, labels=_labels_of(rows, at, spec), binning=binning
    )


def _labels_of(
    rows: TableRows, at: NDArray[np.int64], spec: ModelSpec
) -> tuple[MatchedColumns, ...]:
    """Labels of the first outcome that came within its horizon; none where the table has no labels."""
    if not rows.has_labels or not spec.outcomes:
        return ()
    outcome = spec.outcomes[0]
    delay_us = rows.label_time_us - rows.events.timestamp_us
    is_known = np.asarray(rows.label.is_valid()) & (delay_us <= outcome.horizon_s * MICRO)
    known = at[is_known[at]]
    if not len(known):
        return ()
    label, times = rows.label.take(pa.array(known)), rows.label_time_us[known]
    return (matched(rows.events.take(known), label, times, outcome.name, ""),)


def parse_time(text: str, timezone: str) -> int:
    """Microseconds of RFC 3339, or of a date or local time in a time zone."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise InvalidSpecification(
            f"{text!r} is not a time: write 2013-02-05 or 2013-02-05T00:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return int(moment.timestamp() * MICRO)


def table_rows(table: pa.Table, model: ModelConfig, spec: ModelSpec) -> TableRows:
    """The rows of a table as the model's `columns` map them."""
    return read_rows(table, column_mapping(model.columns), spec)


def column_mapping(columns: ColumnsConfig) -> ColumnMapping:
    """The core's mapping behind a model's `columns`."""
    return ColumnMapping(
        timestamp=columns.timestamp or "timestamp",
        id=columns.id,
        model_version=columns.model_version,
        features=columns.features,
        segments=columns.segments,
        predicted_label=columns.prediction.label,
        score=columns.prediction.score,
        predicted_value=columns.prediction.value,
        label=columns.label,
        label_time=columns.label_time,
        latency_ms=columns.latency,
        status=columns.status,
    )
