"""Counting a model's columns into profiles: rows find their slots, parts count in place, deltas come out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns, MatchedColumns
from stream_monitor.core.profile.categorical import CategoricalPart
from stream_monitor.core.profile.joint import JointPart
from stream_monitor.core.profile.numeric import NumericPart
from stream_monitor.core.profile.outcome import OutcomePart
from stream_monitor.core.profile.part import Part
from stream_monitor.core.profile.profile import ALL, Layout, Profile, ProfileKey
from stream_monitor.core.profile.score import ScorePart
from stream_monitor.core.profile.source import SourcePart, SourceRows
from stream_monitor.core.profile.traffic import TrafficPart
from stream_monitor.core.profile.unknown_fields import UnknownFieldsPart

_FIRST_SLOTS = 8
OTHER = "other"
"""Stands for the segment values that the reference does not know."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What one commit adds to one profile."""

    key: ProfileKey
    profile: Profile


class SlotTable:
    """Parts of one layout over growing slots, one slot per (version, segment, pane)."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.parts: dict[str, Part] = layout.empty_parts(_FIRST_SLOTS)
        self.index: dict[tuple[str, str, int], int] = {}

    def slots(
        self, version: pa.DictionaryArray, segment: pa.DictionaryArray | None, name: str,
        pane_s: NDArray[np.int64],
    ) -> NDArray[np.int64]:  # fmt: skip
        """Each row's slot; −1 where the row has no value for the segment key `name`.

        Values that the binning does not know share the slot of OTHER: their number is not bounded.
        """
        known = self.layout.binning.segments_of(name)
        panes, pane = np.unique(pane_s, return_inverse=True)
        versions = version.dictionary.to_pylist()
        code = _codes(version)
        values = [ALL] if segment is None else segment.dictionary.to_pylist()
        value = np.zeros(len(code), np.int64) if segment is None else _codes(segment)
        combined = (code * len(values) + value) * len(panes) + pane
        combined[(code < 0) | (value < 0)] = -1
        met, inverse = np.unique(combined, return_inverse=True)
        slot = np.full(len(met), -1, np.int64)
        for i, key in enumerate(met.tolist()):
            if key >= 0:
                rest, pane_index = divmod(key, len(panes))
                version_index, value_index = divmod(rest, len(values))
                named = values[value_index]
                text = ALL if segment is None else f"{name}={named if named in known else OTHER}"
                slot[i] = self._slot((versions[version_index], text, int(panes[pane_index])))
        return slot[inverse]

    def _slot(self, key: tuple[str, str, int]) -> int:
        found = self.index.setdefault(key, len(self.index))
        slots = self.parts["traffic"].slots
        if found >= slots:
            self.parts = {name: part.grown(2 * slots) for name, part in self.parts.items()}
        return found

    def profiles(self) -> list[tuple[tuple[str, str, int], Profile]]:
        """Every slot with its profile, empty parts left out."""
        found = []
        for key, slot in self.index.items():
            parts = {name: part.slot(slot) for name, part in self.parts.items()}
            kept = {name: part for name, part in parts.items() if not part.is_empty()}
            if kept:
                found.append((key, Profile(self.layout, kept)))
        return found


class ProfileCounter:
    """Counts one model's events and matched labels until `drain` hands out the deltas."""

    def __init__(self, model: str, segment_keys: tuple[str, ...], pane_s: int) -> None:
        self.model = model
        self.segment_keys = segment_keys
        self.pane_s = pane_s
        self._tables: dict[tuple[str, bool], SlotTable] = {}

    def count(
        self, columns: InferenceColumns, layout: Layout, source: SourceRows | None = None
    ) -> None:
        """Counts events under a layout, once for `all` and once per segment key.

        `source` tells where they lie in the inference topic, if they come from there.
        """
        pane_s = columns.timestamp_us // (self.pane_s * 1_000_000) * self.pane_s
        table = self._table(layout)
        _count_events(table, columns, table.slots(columns.version, None, ALL, pane_s), source)
        for name, segment in zip(self.segment_keys, columns.segments, strict=True):
            table = self._table(layout.coarse)
            slot = table.slots(columns.version, segment, name, pane_s)
            _count_events(table, columns, slot, source)

    def count_matched(self, columns: MatchedColumns, layout: Layout) -> None:
        """Counts labels that found their predictions, in the panes of the predictions."""
        pane_s = columns.timestamp_us // (self.pane_s * 1_000_000) * self.pane_s
        version = columns.version.dictionary_encode()
        table = self._table(layout)
        _count_labels(table, columns, table.slots(version, None, ALL, pane_s))
        for name, segment in zip(self.segment_keys, columns.segments, strict=True):
            table = self._table(layout.coarse)
            encoded = segment.dictionary_encode()
            _count_labels(table, columns, table.slots(version, encoded, name, pane_s))

    def drain(self) -> list[Delta]:
        """Everything counted since the last drain, in the order of the keys."""
        deltas = [
            Delta(ProfileKey(self.model, version, segment, pane, table.layout.profile_id), profile)
            for table in self._tables.values()
            for (version, segment, pane), profile in table.profiles()
        ]
        self._tables.clear()
        return sorted(deltas, key=lambda delta: delta.key)

    def _table(self, layout: Layout) -> SlotTable:
        key = (layout.profile_id, layout.is_coarse)
        if key not in self._tables:
            self._tables[key] = SlotTable(layout)
        return self._tables[key]


def _count_events(
    table: SlotTable, columns: InferenceColumns, slot: NDArray[np.int64], source: SourceRows | None
) -> None:
    for part in table.parts.values():
        if isinstance(part, NumericPart):
            part.update(columns.numeric, columns.numeric_state, slot)
        elif isinstance(part, CategoricalPart) and part.params:
            part.update(columns.categorical, columns.categorical_state, slot)
        elif isinstance(part, JointPart):
            part.update(
                columns.numeric, columns.numeric_state,
                columns.categorical, columns.categorical_state, slot,
            )  # fmt: skip
        elif isinstance(part, ScorePart):
            part.update(columns.score, slot)
        elif isinstance(part, TrafficPart):
            part.update(columns.latency_ms, columns.status, columns.is_timestamped, slot)
            part.update_sample(
                columns.sampled_row, columns.coerced_row, columns.coerced_feature, slot
            )
        elif isinstance(part, SourcePart) and source is not None:
            part.update(source, slot)
        elif isinstance(part, UnknownFieldsPart) and columns.unknown is not None:
            part.update(columns.unknown, slot)
        elif isinstance(part, OutcomePart):
            part.update_events(columns.predicted_label, columns.score, slot)


def _count_labels(table: SlotTable, columns: MatchedColumns, slot: NDArray[np.int64]) -> None:
    part = table.parts[f"outcome:{columns.outcome}"]
    if isinstance(part, OutcomePart):
        part.update(
            columns.label, columns.predicted_label, columns.score, columns.predicted_value,
            columns.delay_us, columns.sign, slot,
        )  # fmt: skip


def _codes(column: pa.DictionaryArray) -> NDArray[np.int64]:
    filled = pc.fill_null(column.indices.cast(pa.int64()), -1)
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.int64)
