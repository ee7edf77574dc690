"""Canonical label JSON → LabelColumns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import LabelColumns, Reason, Rejected
from stream_monitor.core.decoding.carried import CARRIED, CarriedPredictions
from stream_monitor.core.decoding.envelope import Envelope
from stream_monitor.core.decoding.json_text import explain_malformed, json_column, reject_unreadable
from stream_monitor.core.decoding.query import JsonQueries
from stream_monitor.core.records import Records

DEFAULT_OUTCOME = "label"
_STRUCTURE = dict.fromkeys(("prediction_id", "outcome", "label", "timestamp", "model"), "VARCHAR")


@dataclass(frozen=True, slots=True)
class DecodedLabels:
    """The labels, the rejects, and the number of tombstones; together they are all records.

    A tombstone takes back every outcome of the id that is its key: `columns` has a null label for each.
    `carried` holds the predictions that labels bring with them (see CARRIED).
    """

    columns: LabelColumns
    rejected: list[Rejected]
    tombstones: int
    carried: pa.Table


class LabelDecoder:
    """Decodes batches of labels of any model; `outcomes` are the names that a tombstone takes back.

    `models` are the segment keys of each model, for predictions that come with their labels.
    """

    def __init__(
        self,
        max_record_bytes: int,
        future_tolerance_ms: int,
        outcomes: Iterable[str] = (DEFAULT_OUTCOME,),
        models: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._max_bytes = max_record_bytes
        self._tolerance_ms = future_tolerance_ms
        self._outcomes = tuple(sorted(set(outcomes)))
        self._queries = JsonQueries()
        self._carried = CarriedPredictions(self._queries, models or {}, future_tolerance_ms)

    def decode(self, records: Records) -> DecodedLabels:
        """Every record as a label, a reject, or a tombstone."""
        texts, rejected, tombstones = reject_unreadable(records.value, self._max_bytes)
        dropped = np.array([value is None for value in records.value], dtype=np.bool_)
        dropped[[reject.row for reject in rejected]] = True
        rows = np.flatnonzero(~dropped)
        column = json_column([texts[row] for row in rows])
        table = self._queries.transform(column, _STRUCTURE)
        record = table["json"].combine_chunks()
        envelope = Envelope(self._queries, column, record, table["timestamp_us"])
        envelope.reject_malformed(lambda i: explain_malformed(0, texts[rows[i]]))
        fields = dict(zip((f.name for f in record.type), record.flatten(), strict=True))
        envelope.require_text("prediction_id", fields["prediction_id"])
        envelope.require_scalar("outcome", fields["outcome"])
        self._require_label(envelope, column, fields["label"])
        timestamp_us, _ = envelope.timestamps(records.timestamp_ms[rows], self._tolerance_ms)
        carried = CARRIED.empty_table()
        if fields["model"].null_count < len(rows):
            carried = self._carried.decode(
                envelope, column, fields["model"], records.timestamp_ms[rows],
                records.partition[rows],
            )  # fmt: skip
        good = np.flatnonzero(envelope.is_good)
        index = pa.array(good)
        rejected += [Rejected(int(rows[r.row]), r.reason, r.message) for r in envelope.rejected]
        columns = LabelColumns(
            rows[good],
            fields["prediction_id"].take(index),
            pc.fill_null(fields["outcome"], DEFAULT_OUTCOME).take(index),
            fields["label"].take(index),
            timestamp_us[good],
        )
        if len(carried):
            at = carried["row"].to_numpy()
            carried = carried.set_column(0, "row", pa.array(rows[at]))
        if tombstones:
            columns = _with_retractions(columns, records, self._outcomes)
        return DecodedLabels(columns, rejected, tombstones, carried)

    def _require_label(
        self, envelope: Envelope, texts: pa.StringArray, label: pa.StringArray
    ) -> None:
        """`"label": null` takes a label back; an absent one is an error, as is an object or list."""
        nested = pc.or_(pc.starts_with(label, "{"), pc.starts_with(label, "["))
        rows = np.flatnonzero(np.asarray(pc.fill_null(nested, True)) & envelope.is_good)
        kinds = self._queries.types(texts.take(pa.array(rows)), ["/label"])[0]
        absent, wrong = np.zeros_like(envelope.is_good), np.zeros_like(envelope.is_good)
        absent[rows] = [kind is None for kind in kinds]
        wrong[rows] = [kind in ("OBJECT", "ARRAY") for kind in kinds]
        envelope.reject(absent, Reason.MISSING_FIELD, "label is missing: null takes a label back")
        envelope.reject(wrong, Reason.WRONG_TYPE, "label is an object or a list")


def tombstones(records: Records) -> tuple[NDArray[np.int64], list[str]]:
    """Rows of the records without a value, and the ids that are their keys; others have no meaning."""
    rows, ids = [], []
    for row, value in enumerate(records.value):
        key = records.key[row]
        if value is None and key:
            try:
                ids.append(key.decode())
            except UnicodeDecodeError:
                continue
            rows.append(row)
    return np.array(rows, np.int64), ids


def _with_retractions(
    labels: LabelColumns, records: Records, outcomes: Sequence[str]
) -> LabelColumns:
    """The labels in order, with a null label per outcome in place of each tombstone."""
    at, ids = tombstones(records)
    width = len(outcomes)
    row = np.concatenate([labels.row, np.repeat(at, width)])
    order = pa.array(np.argsort(row, kind="stable"))
    named = pa.array([name for name in ids for _ in outcomes], pa.string())
    kinds = pa.array(list(outcomes) * len(ids), pa.string())
    times = np.concatenate(
        [labels.timestamp_us, np.repeat(records.timestamp_ms[at], width) * 1_000]
    )
    return LabelColumns(
        row[order],
        pa.concat_arrays([labels.prediction_id, named]).take(order),
        pa.concat_arrays([labels.outcome, kinds]).take(order),
        pa.concat_arrays([labels.label, pa.nulls(len(named), pa.string())]).take(order),
        times[order],
    )
