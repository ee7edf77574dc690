"""Canonical inference JSON → InferenceColumns; a bad envelope is a reject, a bad feature a count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import (
    MISSING,
    WRONG_TYPE,
    InferenceColumns,
    Reason,
    Rejected,
)
from stream_monitor.core.decoding.envelope import Envelope, starts_like_nested
from stream_monitor.core.decoding.json_text import explain_malformed, json_column, reject_unreadable
from stream_monitor.core.decoding.query import JsonQueries, pointer
from stream_monitor.core.decoding.unknown import unknown_fields
from stream_monitor.core.hashing import murmur2
from stream_monitor.core.policy import PARTITION_KEY, ModelSpec
from stream_monitor.core.privacy import masked
from stream_monitor.core.records import Records
from stream_monitor.core.schema import PREDICTION

SAMPLE_EVERY = 64
DEFAULT_VERSION = "0"


@dataclass(frozen=True, slots=True)
class DecodedInference:
    """Columns per model, the rejects, and the number of tombstones; together they are all records."""

    columns: list[InferenceColumns]
    rejected: list[Rejected]
    tombstones: int


class InferenceDecoder:
    """Decodes batches for the declared models."""

    def __init__(
        self, models: Mapping[str, ModelSpec], max_record_bytes: int, future_tolerance_ms: int
    ) -> None:
        self._models = models
        self._max_bytes = max_record_bytes
        self._tolerance_ms = future_tolerance_ms
        self._queries = JsonQueries()
        self._layouts: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for spec in models.values():
            key = (spec.schema.schema_id, spec.segment_keys)
            self._layouts.setdefault(key, []).append(spec.name)

    def decode(self, records: Records) -> DecodedInference:
        """Every record as a row of some model's columns, a reject, or a tombstone."""
        texts, rejected, tombstones = reject_unreadable(records.value, self._max_bytes)
        dropped = np.array([value is None for value in records.value], dtype=np.bool_)
        dropped[[reject.row for reject in rejected]] = True
        columns: list[InferenceColumns] = []
        column = json_column(texts)
        for rows, spec in self._routes(column, np.flatnonzero(~dropped)):
            some = column if len(rows) == len(texts) else column.take(pa.array(rows))
            batch = _Batch(self._queries, spec, some, rows, records)
            found, bad = batch.decode(self._models, self._tolerance_ms)
            columns += found
            rejected += bad
        return DecodedInference(columns, rejected, tombstones)

    def _routes(
        self, column: pa.StringArray, rows: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.int64], ModelSpec]]:
        """Rows by the layout of their model; unknown models go with the first, which rejects them."""
        specs = [self._models[names[0]] for names in self._layouts.values()]
        if len(specs) == 1 or not len(rows):
            return [(rows, specs[0])] if len(rows) else []
        models = self._queries.texts_at(column.take(pa.array(rows)), "$.model")
        layout = np.zeros(len(rows), np.int64)
        for i, names in enumerate(self._layouts.values()):
            layout[np.asarray(pc.is_in(models, pa.array(names, pa.string())))] = i
        return [(rows[layout == i], spec) for i, spec in enumerate(specs) if (layout == i).any()]


class _Batch:
    """Texts of one layout on their way to columns."""

    def __init__(
        self, queries: JsonQueries, spec: ModelSpec, texts: pa.StringArray,
        rows: NDArray[np.int64], records: Records,
    ) -> None:  # fmt: skip
        self._queries = queries
        self._spec = spec
        self._texts = texts
        self._rows = rows
        self._record_ms = records.timestamp_ms[rows]
        self._partition = records.partition[rows]

    def decode(
        self, models: Mapping[str, ModelSpec], tolerance_ms: int
    ) -> tuple[list[InferenceColumns], list[Rejected]]:
        table = self._queries.transform(self._texts, _structure(self._spec))
        record = table["json"].combine_chunks()
        envelope = Envelope(self._queries, self._texts, record, table["timestamp_us"])
        envelope.reject_malformed(lambda i: explain_malformed(0, self._texts[i].as_py().encode()))
        fields = dict(zip((f.name for f in record.type), record.flatten(), strict=True))
        envelope.require_text("prediction_id", fields["prediction_id"])
        model = envelope.require_text("model", fields["model"])
        envelope.require_scalar("model_version", fields["model_version"])
        envelope.require_object("features", _all_null(_children(fields.get("features"))))
        timestamp_us, is_timestamped = envelope.timestamps(self._record_ms, tolerance_ms)
        unknown = ~np.asarray(pc.is_in(model, pa.array(sorted(models), pa.string())))
        envelope.reject(unknown, Reason.UNKNOWN_MODEL, "the model is not configured: add its file")
        good = np.flatnonzero(envelope.is_good)
        whole = self._columns(fields, timestamp_us, is_timestamped, envelope.is_good)
        columns = [
            whole.take(rows, name) if len(rows) < whole.n or name != whole.model else whole
            for name, rows in _by_value(model, good)
        ]
        names = _known(model, [r.row for r in envelope.rejected], models)
        rejected = [
            Rejected(int(self._rows[r.row]), r.reason, r.message, names.get(r.row, ""))
            for r in envelope.rejected
        ]
        return columns, rejected

    def _columns(
        self, fields: dict[str, pa.Array], timestamp_us: NDArray[np.int64],
        is_timestamped: NDArray[np.bool_], is_good: NDArray[np.bool_],
    ) -> InferenceColumns:  # fmt: skip
        schema = self._spec.schema
        prediction = _children(fields["prediction"])
        features = {
            **_children(fields.get("features")),
            **{PREDICTION + n: a for n, a in prediction.items()},
        }
        numeric = [features[name] for name in schema.numeric]
        categorical = [features[name] for name in schema.categorical]
        states = self._states(numeric + categorical, schema.names, is_good)
        n_numeric, n = len(numeric), len(self._rows)
        for i, column in enumerate(categorical):
            wrong = states[n_numeric + i] == WRONG_TYPE
            if wrong.any():
                categorical[i] = pc.if_else(pa.array(~wrong), column, pa.scalar(None, pa.string()))
        hashed = murmur2(fields["prediction_id"])
        sampled, coerced_row, coerced_feature = self._sample(hashed, states, is_good)
        tags = _children(fields.get("tags"))
        if PARTITION_KEY in self._spec.segment_keys:
            tags[PARTITION_KEY] = pc.cast(pa.array(self._partition), pa.string())
        status = _floats(fields["status"])
        return InferenceColumns(
            model=self._spec.name,
            row=self._rows,
            prediction_id=fields["prediction_id"],
            version=pc.fill_null(fields["model_version"], DEFAULT_VERSION).dictionary_encode(),
            timestamp_us=timestamp_us,
            is_timestamped=is_timestamped,
            numeric=np.stack([_floats(c) for c in numeric]) if numeric else np.empty((0, n)),
            numeric_state=states[:n_numeric],
            categorical=masked(
                [column.dictionary_encode() for column in categorical],
                schema.categorical,
                self._spec.masks,
            ),
            categorical_state=states[n_numeric:],
            segments=tuple(tags[key].dictionary_encode() for key in self._spec.segment_keys),
            predicted_label=prediction["label"],
            score=_floats(prediction["score"]),
            predicted_value=_floats(prediction["value"]),
            latency_ms=_floats(fields["latency_ms"]),
            status=np.where(np.abs(status) < 1000, status, 0).astype(np.int64),
            sampled_row=sampled,
            coerced_row=coerced_row,
            coerced_feature=coerced_feature,
            unknown=unknown_fields(self._queries, self._texts, hashed, is_good, schema),
        )

    def _states(
        self, columns: list[pa.Array], names: tuple[str, ...], is_good: NDArray[np.bool_]
    ) -> NDArray[np.uint8]:
        """PRESENT, MISSING or WRONG_TYPE per (feature, row): the JSON type is read where it is in doubt."""
        states = np.zeros((len(columns), len(self._rows)), np.uint8)
        doubtful = np.zeros_like(states, dtype=np.bool_)
        for i, column in enumerate(columns):
            if column.null_count:
                doubtful[i] = ~np.asarray(column.is_valid())
            if pa.types.is_string(column.type):
                doubtful[i] |= starts_like_nested(column)
        features = np.flatnonzero(doubtful.any(axis=1))
        rows = np.flatnonzero(doubtful.any(axis=0) & is_good)
        if len(rows):
            pointers = [_pointer(names[f]) for f in features]
            types = self._queries.types(self._texts.take(pa.array(rows)), pointers)
            for f, kinds in zip(features, types, strict=True):
                is_missing = np.array([kind is None or kind == "NULL" for kind in kinds])
                is_text = (kinds == "VARCHAR") & pa.types.is_string(columns[f].type)
                state = np.where(is_missing, MISSING, np.where(is_text, 0, WRONG_TYPE))
                states[f, rows] = np.where(doubtful[f, rows], state, 0)
        return states

    def _sample(
        self, hashed: NDArray[np.uint32], states: NDArray[np.uint8], is_good: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Looked-at rows, and (row, feature) pairs whose JSON type is not the declared one."""
        sampled = np.flatnonzero((hashed % SAMPLE_EVERY == 0) & is_good)
        schema = self._spec.schema
        pointers = [_pointer(name) for name in schema.names]
        if not len(sampled) or not pointers:
            return sampled, np.empty(0, np.int64), np.empty(0, np.int64)
        types = self._queries.types(self._texts.take(pa.array(sampled)), pointers)
        numbers = {"DOUBLE", "BIGINT", "UBIGINT", "HUGEINT"}
        declared = [numbers] * len(schema.numeric) + [{"VARCHAR"}] * len(schema.categorical)
        pairs = [
            (int(sampled[i]), f)
            for f, (kinds, allowed) in enumerate(zip(types, declared, strict=True))
            for i, kind in enumerate(kinds)
            if kind is not None and kind not in allowed and not states[f, sampled[i]]
        ]
        rows, features = (np.array([p[k] for p in pairs], dtype=np.int64) for k in (0, 1))
        return sampled, rows, features


def _known(
    model: pa.StringArray, rows: list[int], models: Mapping[str, ModelSpec]
) -> dict[int, str]:
    """The configured model that each of the rows names, where it does."""
    found = zip(rows, model.take(pa.array(rows, pa.int64())).to_pylist(), strict=True)
    return {row: name for row, name in found if name in models}


def _structure(spec: ModelSpec) -> dict[str, Any]:
    """The struct that DuckDB reads; empty structs are left out, DuckDB has none."""
    inputs: dict[str, str] = {}
    for name in spec.schema.names:
        if not name.startswith(PREDICTION):
            inputs[name] = "DOUBLE" if name in spec.schema.numeric else "VARCHAR"
    structure: dict[str, Any] = {
        "prediction_id": "VARCHAR",
        "model": "VARCHAR",
        "model_version": "VARCHAR",
        "timestamp": "VARCHAR",
        "prediction": {"label": "VARCHAR", "score": "DOUBLE", "value": "DOUBLE"},
        "latency_ms": "DOUBLE",
        "status": "DOUBLE",
    }
    if inputs:
        structure["features"] = inputs
    tags = [key for key in spec.segment_keys if key != PARTITION_KEY]
    if tags:
        structure["tags"] = dict.fromkeys(tags, "VARCHAR")
    return structure


def _pointer(feature: str) -> str:
    if feature.startswith(PREDICTION):
        return pointer("prediction", feature.removeprefix(PREDICTION))
    return pointer("features", feature)


def _children(column: pa.StructArray | None) -> dict[str, pa.Array]:
    if column is None:
        return {}
    return dict(zip((f.name for f in column.type), column.flatten(), strict=True))


def _all_null(columns: dict[str, pa.Array]) -> NDArray[np.bool_] | None:
    """Rows where every column is null; None if there are no columns."""
    rows: NDArray[np.bool_] | None = None
    for column in columns.values():
        if not column.null_count:
            return np.zeros(len(column), np.bool_)
        is_null = np.asarray(column.is_null())
        rows = is_null if rows is None else rows & is_null
    return rows


def _floats(column: pa.Array) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _by_value(
    model: pa.StringArray, rows: NDArray[np.int64]
) -> list[tuple[str, NDArray[np.int64]]]:
    """Rows by model name."""
    if not len(rows):
        return []
    encoded = model.take(pa.array(rows)).dictionary_encode()
    codes = encoded.indices.to_numpy()
    names = encoded.dictionary.to_pylist()
    if len(names) == 1:
        return [(names[0], rows)]
    return [(name, rows[codes == i]) for i, name in enumerate(names)]
