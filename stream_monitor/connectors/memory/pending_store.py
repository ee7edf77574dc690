"""The join of labels and predictions over plain dicts: slow, short, and the oracle of the one on disk."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from stream_monitor.connectors.pending_store.columns import LABELS, PAIRS, PREDICTIONS
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Joined

_Row = dict[str, Any]


@dataclass(slots=True)
class _Group:
    """Labels of one prediction and outcome: the one that counts, and those that wait, in order."""

    applied: _Row | None = None
    waiting: list[_Row] = field(default_factory=list)


@dataclass(slots=True)
class _Content:
    """What one partition's file would hold."""

    identity: str
    offsets: dict[str, int] = field(default_factory=dict)
    predictions: dict[str, _Row] = field(default_factory=dict)
    groups: dict[tuple[str, str], _Group] = field(default_factory=dict)

    def copied(self) -> _Content:
        """A copy that can be changed: rows themselves never are."""
        groups = {
            key: _Group(held.applied, list(held.waiting)) for key, held in self.groups.items()
        }
        return _Content(self.identity, dict(self.offsets), dict(self.predictions), groups)


class MemoryPendingStore:
    """The PendingStore without a disk; what was committed outlives `close`."""

    def __init__(self) -> None:
        self._committed: dict[int, _Content] = {}
        self._open: dict[int, _Content] = {}

    def open(self, partition: int, identity: str) -> dict[str, int]:
        """As PendingStore.open."""
        stored = self._committed.get(partition)
        if stored is None or stored.identity != identity:
            stored = self._committed[partition] = _Content(identity)
        self._open[partition] = stored.copied()
        return dict(stored.offsets)

    def join(
        self,
        partition: int,
        predictions: pa.Table,
        labels: pa.Table,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> Joined:
        """As PendingStore.join."""
        content = self._content(partition)
        new_ids = set()
        is_new = []
        for row in predictions.select(PREDICTIONS.names).cast(PREDICTIONS).to_pylist():
            is_new.append(row["prediction_id"] not in content.predictions)
            if is_new[-1]:
                new_ids.add(row["prediction_id"])
                content.predictions[row["prediction_id"]] = _without_null_numbers(row)
        batch = labels.select(LABELS.names).cast(LABELS).to_pylist()
        states = [""] * len(batch)
        by_group: dict[tuple[str, str], list[int]] = {
            key: [] for key in content.groups if key[0] in new_ids
        }
        for at, label in enumerate(batch):
            by_group.setdefault((label["prediction_id"], label["outcome"]), []).append(at)
        pairs: list[_Row] = []
        for key, rows in by_group.items():
            group = content.groups.setdefault(key, _Group())
            prediction = content.predictions.get(key[0])
            horizon_us = horizons_us.get((prediction["model"], key[1])) if prediction else None
            before = group.applied
            arrived = [batch[row] for row in rows]
            for row, state in zip(rows, _take(group, arrived, prediction, horizon_us), strict=True):
                states[row] = state
            if prediction:
                pairs += _difference(prediction, key[1], before, group.applied)
        return Joined(np.array(is_new, np.bool_), pa.Table.from_pylist(pairs, PAIRS), states)

    def erase(self, partition: int, ids: pa.StringArray) -> pa.Table:
        """As PendingStore.erase."""
        content = self._content(partition)
        pairs: list[_Row] = []
        wanted = set(ids.to_pylist())
        for key in [key for key in content.groups if key[0] in wanted]:
            group = content.groups.pop(key)
            prediction = content.predictions.get(key[0])
            if prediction is not None:
                pairs += _difference(prediction, key[1], group.applied, None)
        for name in wanted:
            content.predictions.pop(name, None)
        return pa.Table.from_pylist(pairs, PAIRS)

    def expire(
        self, partition: int, predictions_before_us: Mapping[str, int], labels_before_us: int
    ) -> pa.Table:
        """As PendingStore.expire."""
        content = self._content(partition)
        never_met: list[_Row] = []
        content.predictions = {
            i: row
            for i, row in content.predictions.items()
            if row["timestamp_us"] >= predictions_before_us.get(row["model"], math.inf)
        }
        for (prediction_id, _), group in content.groups.items():
            if prediction_id not in content.predictions:
                group.applied = None
            waiting, group.waiting = group.waiting, []
            for row in waiting:
                is_old = row["timestamp_us"] < labels_before_us
                (never_met if is_old else group.waiting).append(row)
        content.groups = {
            key: group for key, group in content.groups.items() if group.applied or group.waiting
        }
        never_met.sort(key=lambda row: int(row["offset"]))
        return pa.Table.from_pylist(never_met, LABELS)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """As PendingStore.commit."""
        for at, offset in offsets.items():
            if at.partition in self._open:
                self._open[at.partition].offsets[at.topic] = offset
        self._committed |= {at: content.copied() for at, content in self._open.items()}

    def rollback(self) -> None:
        """As PendingStore.rollback."""
        self._open = {at: self._committed[at].copied() for at in self._open}

    def reset(self, partition: int) -> None:
        """As PendingStore.reset; the partition is closed afterwards."""
        self._open.pop(partition, None)
        self._committed.pop(partition, None)

    def close(self, partitions: Sequence[int]) -> None:
        """As PendingStore.close; what was not committed is forgotten."""
        for partition in partitions:
            self._open.pop(partition, None)

    def pending(self) -> int:
        """Predictions held in open partitions."""
        return sum(len(content.predictions) for content in self._open.values())

    def _content(self, partition: int) -> _Content:
        if partition not in self._open:
            raise StreamMonitorError(f"the store of partition {partition} is not open")
        return self._open[partition]


def _take(
    group: _Group, arrived: Sequence[_Row], prediction: _Row | None, horizon_us: int | None
) -> Iterable[str]:
    """Puts the labels where they belong; the state of each that arrived."""
    if prediction is None or horizon_us is None:
        group.waiting += arrived
        return ["waiting"] * len(arrived)
    latest_us = prediction["timestamp_us"] + horizon_us
    waiting, group.waiting = group.waiting, []
    for label in waiting:
        if label["timestamp_us"] > latest_us:
            group.waiting.append(label)
        else:
            _apply(group, label)
    return [
        "expired" if label["timestamp_us"] > latest_us else _apply(group, label)
        for label in arrived
    ]


def _apply(group: _Group, label: _Row) -> str:
    before = group.applied
    if before is not None and before["label"] == label["label"]:
        return "duplicate"
    group.applied = label
    if label["label"] is None:
        return "retracted"
    return "matched" if before is None or before["label"] is None else "corrected"


def _difference(
    prediction: _Row, outcome: str, before: _Row | None, after: _Row | None
) -> Iterable[_Row]:
    if before and after and all(before[name] == after[name] for name in ("label", "timestamp_us")):
        return
    for label, sign in ((before, -1), (after, 1)):
        if label is not None and label["label"] is not None:
            delay_us = label["timestamp_us"] - prediction["timestamp_us"]
            yield prediction | {
                "outcome": outcome,
                "label": label["label"],
                "delay_us": delay_us,
                "sign": sign,
            }


def _without_null_numbers(row: _Row) -> _Row:
    return row | {
        name: math.nan if row[name] is None else row[name] for name in ("score", "predicted_value")
    }
