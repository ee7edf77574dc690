"""Clearing the join of what no label or prediction can reach any more; lost labels are dead letters."""

from __future__ import annotations

import numpy as np
import orjson
import pyarrow as pa

from stream_monitor.core.columns import Reason, Rejected
from stream_monitor.core.records import Records
from stream_monitor.core.retention import JoinRetention
from stream_monitor.services.dead_letters import dead_letters
from stream_monitor.services.ports import Outgoing, PendingStore

_FIELDS = ("prediction_id", "outcome", "label", "timestamp_us")


class Expiry:
    """Expires one partition of the pending store at a watermark."""

    def __init__(
        self, store: PendingStore, retention: JoinRetention, labels_topic: str,
        dead_letter_topic: str, payload: str,
    ) -> None:  # fmt: skip
        self._store = store
        self._retention = retention
        self._labels_topic = labels_topic
        self._dead_letter_topic = dead_letter_topic
        self._payload = payload

    def expire(self, partition: int, watermark_us: int) -> list[Outgoing]:
        """Clears the partition in the store's open transaction; dead letters of labels without prediction.

        The letters' payload is the label as the join held it. Labels that were taken back are left out.
        """
        lost = self._store.expire(
            partition,
            self._retention.predictions_before_us(watermark_us),
            self._retention.labels_before_us(watermark_us),
        )
        lost = lost.filter(lost["label"].is_valid())
        if not len(lost):
            return []
        message = "no prediction of this id and outcome came within the longest horizon"
        rejected = [Rejected(row, Reason.NO_PREDICTION, message) for row in range(len(lost))]
        records = self._records(partition, lost)
        return dead_letters(records, rejected, self._dead_letter_topic, self._payload, "profiler")

    def _records(self, partition: int, lost: pa.Table) -> Records:
        rows = lost.to_pylist()
        return Records(
            self._labels_topic,
            np.full(len(rows), partition, np.int32),
            lost["offset"].to_numpy(),
            lost["timestamp_us"].to_numpy() // 1_000,
            [row["prediction_id"].encode() for row in rows],
            [orjson.dumps({name: row[name] for name in _FIELDS}) for row in rows],
        )
