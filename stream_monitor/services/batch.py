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
from stream_monitor.core.decoding.labels import DecodedLabels, LabelDecoder, tombstones
from stream_monitor.core.hashing import partition_of
from stream_monitor.core.label_join import (
    carried_predictions,
    labels_table,
    matched_columns,
    predictions_table,
)
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import Delta, ProfileCounter
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.profile.source import SourceRows
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.replaying import MICRO, by_layout
from stream_monitor.services.dead_letters import dead_letters
from stream_monitor.services.partition_join import JoinInput, join_partition
from stream_monitor.services.ports import Outgoing, PendingStore


@dataclass
class BatchResult:
    """What a batch adds up to; `newest_us` is the latest event time per source partition.

    `rejected` has dead letters and records read per model, as a marker tells them.
    """

    deltas: list[Delta] = field(default_factory=list)
    letters: list[Outgoing] = field(default_factory=list)
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    newest_us: dict[TopicPartition, int] = field(default_factory=dict)
    dead: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> tuple[tuple[str, int, int], ...]:
        """(model, dead letters, records) of every model that was read of."""
        return tuple((model, self.dead[model], n) for model, n in sorted(self.read.items()) if n)


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
        outcomes = {outcome.name for spec in models.values() for outcome in spec.outcomes}
        keys = {name: spec.segment_keys for name, spec in models.items()}
        self._inference = InferenceDecoder(models, config.max_record_bytes, tolerance_ms)
        self._labels = LabelDecoder(config.max_record_bytes, tolerance_ms, outcomes, keys)
        self._counters: dict[str, ProfileCounter] = {}
        self.horizons_us = {
            (name, outcome.name): outcome.horizon_s * MICRO
            for name, spec in models.items()
            for outcome in spec.outcomes
        }

    def process(
        self,
        inference: Records,
        labels: Records,
        partitions: int,
        replaying: Collection[int],
    ) -> BatchResult:
        """Joins every record, and counts those of partitions that are not replaying.

        A replay restores the join of what was counted before: it emits nothing.
        """
        result = BatchResult()
        self._counters = {
            name: ProfileCounter(name, spec.segment_keys, spec.pane_s)
            for name, spec in self._models.items()
        }
        events, heard = self._inference.decode(inference), self._labels.decode(labels)
        for records, rejected, erased in (
            (inference, events.rejected, events.tombstones),
            (labels, heard.rejected, heard.tombstones),
        ):
            self._account(records, rejected, erased, partitions, replaying, result)
        chunks = [
            chunk
            for columns in events.columns
            for chunk in by_layout(columns, self._models[columns.model], self._catalogue)
        ]
        for columns in events.columns:
            result.read[columns.model] += columns.n
            _note_time(inference, columns, result)
        _note_time(labels, heard.columns, result)
        is_new = self._join(inference, chunks, labels, heard, replaying, result)
        for chunk, layout in chunks:
            live = ~np.isin(inference.partition[chunk.row], list(replaying))
            kept = np.flatnonzero(is_new[chunk.row] & live)
            result.counts["records", inference.topic, "valid"] += len(kept)
            result.counts["records", inference.topic, "duplicate"] += int(live.sum()) - len(kept)
            if len(kept):
                part = chunk if len(kept) == chunk.n else chunk.take(kept)
                source = SourceRows(inference.partition[part.row], inference.offset[part.row])
                self._counters[chunk.model].count(part, layout, source)
                missing = int((~part.is_timestamped).sum())
                result.counts["without_timestamp", part.model] += missing
        for counter in self._counters.values():
            result.deltas += counter.drain()
        return result

    def refuse(self, records: Records, error: str, partitions: int, result: BatchResult) -> None:
        """Adds records that cannot be processed to a batch's result, as dead letters."""
        rejected = [
            Rejected(row, Reason.PROCESSING_ERROR, f"processing fails: {error}")
            for row in range(len(records))
        ]
        self._account(records, rejected, 0, partitions, (), result)

    def _join(
        self,
        inference: Records,
        chunks: list[tuple[InferenceColumns, Layout]],
        labels: Records,
        heard: DecodedLabels,
        replaying: Collection[int],
        result: BatchResult,
    ) -> NDArray[np.bool_]:
        """The label join of every partition; returns which inference rows are no duplicates."""
        is_new = np.zeros(len(inference), np.bool_)
        tables = [predictions_table(chunk, layout) for chunk, layout in chunks]
        predictions = _by_partition(tables, inference)
        carriers = heard.carried["row"].to_numpy()
        outcomes = _by_partition([labels_table(heard.columns, labels.offset, carriers)], labels)
        carried = _by_partition(
            list(carried_predictions(heard.carried, self._layout_for)) if len(carriers) else [],
            labels,
        )
        erased_rows, erased_ids = tombstones(inference)
        for partition in sorted(
            {*predictions, *outcomes, *carried, *inference.partition[erased_rows].tolist()}
        ):
            here = inference.partition[erased_rows] == partition
            joined = join_partition(
                self._store,
                partition,
                JoinInput(
                    predictions.get(partition),
                    carried.get(partition),
                    outcomes.get(partition),
                    [(int(erased_rows[i]), erased_ids[i]) for i in np.flatnonzero(here)],
                ),
                self.horizons_us,
            )
            is_new[joined.rows] = joined.is_new
            if partition not in replaying:
                for pairs in joined.pairs:
                    self._count_pairs(pairs)
                if partition in outcomes:
                    self._account_labels(labels, outcomes[partition], joined.label_states, result)
        return is_new

    def _layout_for(self, model: str, version: str) -> Layout:
        return self._catalogue.layout_for(self._models[model], version)

    def _count_pairs(self, pairs: pa.Table) -> None:
        keys = {name: spec.segment_keys for name, spec in self._models.items()}
        for found in matched_columns(pairs, keys):
            spec = self._models.get(found.model)
            if spec is None:
                continue  # a model that is configured no more
            layout = self._catalogue.layout(spec, found.profile_id[0].as_py())
            if layout is not None:
                self._counters[found.model].count_matched(found, layout)

    def _account_labels(
        self, records: Records, labels: pa.Table, states: list[str], result: BatchResult
    ) -> None:
        expired = []
        for row, state in zip(labels["row"].to_pylist(), states, strict=True):
            if records.value[row] is None:  # a tombstone is counted once, not per outcome
                result.counts["labels", "retracted"] += state == "retracted"
                continue
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
        result.read[""] += int(live.sum())
        for reject in rejected:
            result.dead[reject.model] += 1
            if reject.model:
                result.read[reject.model] += 1
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
    if not len(records):
        return 0
    keys = pa.array(records.key, pa.binary())
    wrong = partition_of(keys, partitions) != records.partition
    return int((wrong & live & np.asarray(keys.is_valid())).sum())


def _note_time(
    records: Records, columns: InferenceColumns | LabelColumns, result: BatchResult
) -> None:
    where = records.partition[columns.row]
    for partition in np.unique(where).tolist():
        source = TopicPartition(records.topic, partition)
        newest = int(columns.timestamp_us[where == partition].max())
        result.newest_us[source] = max(newest, result.newest_us.get(source, 0))
