"""Canonical label JSON → LabelColumns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream_monitor.core.columns import LabelColumns, Reason, Rejected
from stream_monitor.core.decoding.envelope import Envelope
from stream_monitor.core.decoding.json_text import explain_malformed, json_column, reject_unreadable
from stream_monitor.core.decoding.query import JsonQueries
from stream_monitor.core.records import Records

DEFAULT_OUTCOME = "label"
_STRUCTURE = dict.fromkeys(("prediction_id", "outcome", "label", "timestamp"), "VARCHAR")


@dataclass(frozen=True, slots=True)
class DecodedLabels:
    """The labels, the rejects, and the number of tombstones; together they are all records."""

    columns: LabelColumns
    rejected: list[Rejected]
    tombstones: int


class LabelDecoder:
    """Decodes batches of labels of any model."""

    def __init__(self, max_record_bytes: int, future_tolerance_ms: int) -> None:
        self._max_bytes = max_record_bytes
        self._tolerance_ms = future_tolerance_ms
        self._queries = JsonQueries()

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
        return DecodedLabels(columns, rejected, tombstones)

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
