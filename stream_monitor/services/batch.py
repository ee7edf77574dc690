"""One batch of a profiler: records in, deltas, dead letters and counts out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.config.monitor import ProfilerConfig
from stream_monitor.core.columns import InferenceColumns, LabelColumns, Reason, Rejected
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.decoding.labels import LabelDecoder
from stream_monitor.core.hashing import partition_of
from stream_monitor.core.label_join import labels_table, matched_columns, predictions_table
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import Delta, ProfileCounter
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.replaying import MICRO, by_layout
from stream_monitor.services.dead_letters import dead_letters
from stream_monitor.services.ports import Outgoing, PendingStore


@dataclass
class BatchResult:
    """What a batch adds up to; `newest_us` is the latest event time per source partition."""

    deltas: list[Delta] = field(default_factory=list)
    letters: list[Outgoing] = field(default_factory=list)
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    newest_us: dict[TopicPartition, int] = field(default_factory=dict)


class BatchProcessor:
    """Decodes, joins and counts batches for the declared models."""

    def __init__(
        self, models: Mapping[str, ModelSpec], catalogue: ReferenceCatalogue, store: PendingStore,
        config: ProfilerConfig, dead_letter_topic: str,
    ) -> None:  # fmt: skip
        self._models = models
        self._catalogue = catalogue
        self._store = store
        self._config = config
        self._dead_letter_topic = dead_letter_topic
        tolerance_ms = config.future_tolerance * 1_000
        self._inference = InferenceDecoder(models, config.max_record_bytes, tolerance_ms)
        self._labels = LabelDecoder(config.max_record_bytes, tolerance_ms)
        self._counters = {
            name: ProfileCounter(name, spec.segment_keys, spec.pane_s)
            for name, spec in models.items()
        }
        self._horizons = {
            (name, outcome.name): outcome.horizon_s * MICRO
            for name, spec in models.items()
            for outcome in spec.outcomes
        }

    def process(
        self, inference: Records, labels: Records, partitions: int, replaying: Collection[int]
    ) -> BatchResult:
        """Joins every record, and counts those of partitions that are not replaying.

        A replay restores the join of what was counted before: it emits nothing.
        """
        result = BatchResult()
        events, heard = self._inference.decode(inference), self._labels.decode(labels)
        for records, rejected, tombstones in (
            (inference, events.rejected, events.tombstones),
            (labels, heard.rejected, heard.tombstones),
        ):
            self._account(records, rejected, tombstones, partitions, replaying, result)
        chunks = [
            chunk
            for columns in events.columns
            for chunk in by_layout(columns, self._models[columns.model], self._catalogue)
        ]
        for columns in events.columns:
            _note_time(inference, columns, result)
        _note_time(labels, heard.columns, result)
        is_new = self._join(inference, chunks, labels, heard.columns, replaying, result)
        for chunk, layout in chunks:
            live = ~np.isin(inference.partition[chunk.row], list(replaying))
            kept = np.flatnonzero(is_new[chunk.row] & live)
            result.counts["records", inference.topic, "valid"] += len(kept)
            result.counts["records", inference.topic, "duplicate"] += int(live.sum()) - len(kept)
            if len(kept):
                part = chunk if len(kept) == chunk.n else chunk.take(kept)
                self._counters[chunk.model].count(part, layout)
                missing = int((~part.is_timestamped).sum())
                result.counts["without_timestamp", part.model] += missing
        for counter in self._counters.values():
            result.deltas += counter.drain()
        return result

    def _join(
        self,
        inference: Records,
        chunks: list[tuple[InferenceColumns, Layout]],
        labels: Records,
        heard: LabelColumns,
        replaying: Collection[int],
        result: BatchResult,
    ) -> NDArray[np.bool_]:
        """The label join of every partition; returns which inference rows are no duplicates."""
        is_new = np.zeros(len(inference), np.bool_)
        tables = [predictions_table(chunk, layout) for chunk, layout in chunks]
        predictions = _by_partition(tables, inference)
        outcomes = _by_partition([labels_table(heard)], labels)
        for partition in sorted(predictions.keys() | outcomes.keys()):
            before = predictions.get(partition, _NO_PREDICTIONS)
            after = outcomes.get(partition, _NO_LABELS)
            joined = self._store.join(
                partition, before.drop_columns(["row"]), after.drop_columns(["row"]), self._horizons
            )
            is_new[before["row"].to_numpy()] = joined.is_new
            if partition not in replaying:
                self._count_pairs(joined.pairs)
                self._account_labels(labels, after, joined.label_states, result)
        return is_new

    def _count_pairs(self, pairs: pa.Table) -> None:
        keys = {name: spec.segment_keys for name, spec in self._models.items()}
        for found in matched_columns(pairs, keys):
            spec = self._models[found.model]
            layout = self._catalogue.layout(spec, found.profile_id[0].as_py())
            if layout is not None:
                self._counters[found.model].count_matched(found, layout)

    def _account_labels(
        self, records: Records, labels: pa.Table, states: list[str], result: BatchResult
    ) -> None:
        expired = []
        for row, state in zip(labels["row"].to_pylist(), states, strict=True):
            result.counts["labels", state] += 1
            kind = {"duplicate": "duplicate", "expired": "dead"}.get(state, "valid")
            result.counts["records", records.topic, kind] += 1
            if state == "expired":
                expired.append(
                    Rejected(row, Reason.LABEL_EXPIRED, "later than the outcome's horizon")
                )
        self._bury(records, expired, result)

    def _account(
        self, records: Records, rejected: list[Rejected], tombstones: int, partitions: int,
        replaying: Collection[int], result: BatchResult,
    ) -> None:  # fmt: skip
        """Counts of reading: consumed, tombstones, rejects and miskeyed records."""
        live = ~np.isin(records.partition, list(replaying))
        if not live.all():
            result.counts["replayed", records.topic] += int((~live).sum())
            rejected = [reject for reject in rejected if live[reject.row]]
            gone = [value is None for value in records.value]
            tombstones = int((np.array(gone, np.bool_) & live).sum())
        result.counts["consumed", records.topic] += int(live.sum())
        result.counts["records", records.topic, "tombstone"] += tombstones
        result.counts["records", records.topic, "dead"] += len(rejected)
        result.counts["miskeyed", records.topic] += _miskeyed(records, partitions, live)
        self._bury(records, rejected, result)

    def _bury(self, records: Records, rejected: list[Rejected], result: BatchResult) -> None:
        for reject in rejected:
            result.counts["dead_letters", reject.reason.value] += 1
        result.letters += dead_letters(
            records, rejected, self._dead_letter_topic, self._config.dead_letter_payload, "profiler"
        )


def _by_partition(tables: list[pa.Table], records: Records) -> dict[int, pa.Table]:
    """Rows by source partition, each in the order of the offsets."""
    if not tables:
        return {}
    table = pa.concat_tables(tables)
    if len(tables) > 1:
        table = table.sort_by("row")
    where = records.partition[table["row"].to_numpy()]
    found = np.unique(where).tolist()
    if len(found) == 1:
        return {found[0]: table}
    return {p: table.take(pa.array(np.flatnonzero(where == p))) for p in found}


def _miskeyed(records: Records, partitions: int, live: NDArray[np.bool_]) -> int:
    """Records whose key does not hash to their partition: their join may be elsewhere."""
    rows = [i for i, key in enumerate(records.key) if key is not None]
    if not rows:
        return 0
    keys = pa.array([records.key[i] for i in rows], pa.binary())
    wrong = partition_of(keys, partitions) != records.partition[rows]
    return int((wrong & live[rows]).sum())


def _note_time(
    records: Records, columns: InferenceColumns | LabelColumns, result: BatchResult
) -> None:
    where = records.partition[columns.row]
    for partition in np.unique(where).tolist():
        source = TopicPartition(records.topic, partition)
        newest = int(columns.timestamp_us[where == partition].max())
        result.newest_us[source] = max(newest, result.newest_us.get(source, 0))


_NO_PREDICTIONS = pa.table(
    {
        "row": pa.array([], pa.int64()),
        "prediction_id": pa.array([], pa.string()),
        "model": pa.array([], pa.string()),
        "version": pa.array([], pa.string()),
        "profile_id": pa.array([], pa.string()),
        "timestamp_us": pa.array([], pa.int64()),
        "segments": pa.array([], pa.list_(pa.string())),
        "predicted_label": pa.array([], pa.string()),
        "score": pa.array([], pa.float64()),
        "predicted_value": pa.array([], pa.float64()),
    }
)
_NO_LABELS = pa.table(
    {
        "row": pa.array([], pa.int64()),
        "prediction_id": pa.array([], pa.string()),
        "outcome": pa.array([], pa.string()),
        "label": pa.array([], pa.string()),
        "timestamp_us": pa.array([], pa.int64()),
    }
)
