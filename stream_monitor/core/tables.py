"""Anyone's table as columns: a mapping names the columns, and rows become events with their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import MISSING, InferenceColumns, MatchedColumns
from stream_monitor.core.decoding.inference import DEFAULT_VERSION, SAMPLE_EVERY
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.hashing import murmur2
from stream_monitor.core.policy import PARTITION_KEY, ModelSpec
from stream_monitor.core.privacy import masked
from stream_monitor.core.schema import (
    PREDICTED_LABEL,
    PREDICTED_SCORE,
    PREDICTED_VALUE,
    PREDICTION,
)

_ARROW_ERRORS = (pa.ArrowInvalid, pa.ArrowNotImplementedError)
_LATEST_US = 2**62


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column holds what; a feature or segment key that is not listed has a column of its name.

    `id` None numbers the rows; `label_time` None lets a label arrive with its prediction.
    """

    timestamp: str = "timestamp"
    id: str | None = None
    model_version: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)
    predicted_label: str | None = None
    score: str | None = None
    predicted_value: str | None = None
    label: str | None = None
    label_time: str | None = None
    latency_ms: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class TableRows:
    """Events of a table in order of time, with their labels: null where there is none.

    `has_labels` says that the table has a column of labels at all.
    """

    events: InferenceColumns
    label: pa.StringArray
    label_time_us: NDArray[np.int64]
    has_labels: bool = True


def read_rows(table: pa.Table, mapping: ColumnMapping, spec: ModelSpec) -> TableRows:
    """The rows of a table, sorted by time (stable), first of each id kept.

    Raises InvalidSpecification naming the columns that are missing, a timestamp that is none, a row
    without an id, or a column that should hold numbers and does not.
    """
    _require_columns(table, mapping, spec)
    times = _microseconds(table[mapping.timestamp], mapping.timestamp)
    order = np.argsort(times, kind="stable")
    ids = _text(table, mapping.id) or pa.array(np.arange(len(table)).astype(str), pa.string())
    if ids.null_count:
        raise InvalidSpecification(f"column {mapping.id} has {ids.null_count} rows without an id")
    order = order[_first_of_each(ids.take(pa.array(order)))]
    table = table.take(pa.array(order))
    n = len(table)
    ids = ids.take(pa.array(order))
    columns = {
        **mapping.features,
        PREDICTED_LABEL: mapping.predicted_label or "",
        PREDICTED_SCORE: mapping.score or "",
        PREDICTED_VALUE: mapping.predicted_value or "",
    }
    numeric = [_floats(table, columns.get(name, name)) for name in spec.schema.numeric]
    categorical = [
        _text_or_null(table, columns.get(name, name)) for name in spec.schema.categorical
    ]
    version = pc.fill_null(_text_or_null(table, mapping.model_version), DEFAULT_VERSION)
    status = _floats(table, mapping.status)
    events = InferenceColumns(
        model=spec.name,
        row=order,
        prediction_id=ids,
        version=version.dictionary_encode(),
        timestamp_us=times[order],
        is_timestamped=np.ones(n, np.bool_),
        numeric=np.stack(numeric) if numeric else np.empty((0, n)),
        numeric_state=_stacked(
            [_missing(table, columns.get(f, f)) for f in spec.schema.numeric], n
        ),
        categorical=masked(
            [column.dictionary_encode() for column in categorical],
            spec.schema.categorical,
            spec.masks,
        ),
        categorical_state=_stacked(
            [np.asarray(c.is_null()).astype(np.uint8) * MISSING for c in categorical], n
        ),
        segments=tuple(
            _text_or_null(table, name).dictionary_encode()
            for name in _segment_columns(mapping, spec)
        ),
        predicted_label=_text_or_null(table, mapping.predicted_label),
        score=_floats(table, mapping.score),
        predicted_value=_floats(table, mapping.predicted_value),
        latency_ms=_floats(table, mapping.latency_ms),
        status=np.where(np.abs(status) < 1000, status, 0).astype(np.int64),
        sampled_row=np.flatnonzero(murmur2(ids) % SAMPLE_EVERY == 0),
        coerced_row=np.empty(0, np.int64),
        coerced_feature=np.empty(0, np.int64),
    )
    labels = _labels(table, mapping, events.timestamp_us)
    return TableRows(events, *labels, has_labels=bool(mapping.label))


def matched(
    events: InferenceColumns, label: pa.StringArray, label_time_us: NDArray[np.int64],
    outcome: str, profile_id: str,
) -> MatchedColumns:  # fmt: skip
    """Events beside their labels, as the label join hands them out."""
    n = events.n
    return MatchedColumns(
        model=events.model,
        outcome=outcome,
        version=events.version.cast(pa.string()),
        profile_id=pa.array([profile_id] * n, pa.string()),
        segments=tuple(column.cast(pa.string()) for column in events.segments),
        timestamp_us=events.timestamp_us,
        predicted_label=events.predicted_label,
        score=events.score,
        predicted_value=events.predicted_value,
        label=label,
        delay_us=label_time_us - events.timestamp_us,
        sign=np.ones(n, np.int64),
    )


def _require_columns(table: pa.Table, mapping: ColumnMapping, spec: ModelSpec) -> None:
    own = [
        mapping.timestamp, mapping.id, mapping.model_version, mapping.predicted_label, mapping.score,
        mapping.predicted_value, mapping.label, mapping.label_time, mapping.latency_ms, mapping.status,
    ]  # fmt: skip
    plain = [f.name for f in spec.schema.features if not f.name.startswith(PREDICTION)]
    wanted = [name for name in own if name is not None]
    wanted += [mapping.features.get(name, name) for name in plain]
    wanted += [name for name in _segment_columns(mapping, spec) if name is not None]
    missing = sorted({name for name in wanted if name not in table.column_names})
    if missing:
        raise InvalidSpecification(
            f"model {spec.name}: the table has no column {', '.join(missing)}; "
            f"it has {', '.join(table.column_names)}: map them under `columns`"
        )


def _segment_columns(mapping: ColumnMapping, spec: ModelSpec) -> list[str | None]:
    """The column of each segment key; None for the partition, which tables need not have."""
    return [
        mapping.segments.get(key, None if key == PARTITION_KEY else key)
        for key in spec.segment_keys
    ]


def _labels(
    table: pa.Table, mapping: ColumnMapping, timestamp_us: NDArray[np.int64]
) -> tuple[pa.StringArray, NDArray[np.int64]]:
    label = _text_or_null(table, mapping.label)
    if mapping.label_time is None:
        return label, timestamp_us
    times = _microseconds(table[mapping.label_time], mapping.label_time, nullable=True)
    known = pc.and_(label.is_valid(), pa.array(times >= 0))
    return pc.if_else(known, label, pa.scalar(None, pa.string())), times


def _first_of_each(ids: pa.StringArray) -> NDArray[np.int64]:
    codes = ids.dictionary_encode().indices.to_numpy()
    return np.sort(np.unique(codes, return_index=True)[1])


def _microseconds(column: pa.ChunkedArray, name: str, nullable: bool = False) -> NDArray[np.int64]:
    """Instants of a timestamp, date, epoch-number or RFC 3339 text column; −1 where null is allowed."""
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            column = pc.cast(
                pc.replace_substring_regex(column, "Z$", "+00:00"), pa.timestamp("us", "UTC")
            )
        elif pa.types.is_floating(kind) or pa.types.is_integer(kind):
            numbers = np.asarray(column.to_numpy(), dtype=np.float64)
            known = np.abs(numbers) < _LATEST_US
            if not nullable and not known.all():
                count = int(np.count_nonzero(~known))
                raise InvalidSpecification(f"column {name} has {count} rows without a time")
            scale = np.where(np.abs(numbers) < 1e11, 1e6, np.where(np.abs(numbers) < 1e14, 1e3, 1))
            return np.where(known, numbers * scale, -1).astype(np.int64)
        else:
            column = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
    except _ARROW_ERRORS as error:
        raise InvalidSpecification(f"column {name} is not a time: {error}") from error
    if column.null_count and not nullable:
        raise InvalidSpecification(f"column {name} has {column.null_count} rows without a time")
    return np.asarray(column.cast(pa.int64()).fill_null(-1).to_numpy(), dtype=np.int64)


def _floats(table: pa.Table, name: str | None) -> NDArray[np.float64]:
    if not name:
        return np.full(len(table), np.nan)
    try:
        column = table[name].cast(pa.float64(), safe=False)
    except _ARROW_ERRORS as error:
        raise InvalidSpecification(f"column {name} holds no numbers: {error}") from error
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _stacked(states: list[NDArray[np.uint8]], n: int) -> NDArray[np.uint8]:
    return np.stack(states) if states else np.empty((0, n), np.uint8)


def _missing(table: pa.Table, name: str) -> NDArray[np.uint8]:
    """MISSING where a feature is null; NaN in a column of numbers is a value that is not finite."""
    if not name:
        return np.full(len(table), MISSING, np.uint8)
    return np.asarray(table[name].is_null()).astype(np.uint8) * MISSING


def _text(table: pa.Table, name: str | None) -> pa.StringArray | None:
    return _text_or_null(table, name) if name else None


def _text_or_null(table: pa.Table, name: str | None) -> pa.StringArray:
    if not name:
        return pa.nulls(len(table), pa.string())
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string()).combine_chunks()
