"""Predictions that wait for labels, in one DuckDB file per source partition.

All files are attached to one in-process instance, so that one memory limit holds for them together;
each has its own transaction, because a transaction cannot span two files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.file import PartitionFile, wipe
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Joined

_CHECKPOINT_AT: Final = "2MB"
"""What is written to one partition's log before it goes into the file; until then memory holds it too."""


class DuckPendingStore:
    """The PendingStore on disk.

    `memory_limit` (such as "512MB") bounds DuckDB; the index of ids takes 16 bytes a slot besides, 23 to
    35 bytes per prediction. Errors of the disk or a damaged file are StreamMonitorError: stop, and the
    next start wipes what cannot be read.
    """

    def __init__(self, directory: Path, memory_limit: str) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._instance = duckdb.connect(
            ":memory:",
            config={
                "threads": 1,
                "memory_limit": memory_limit,
                "checkpoint_threshold": _CHECKPOINT_AT,
                "temp_directory": str(directory / "spill"),
            },
        )
        self._files: dict[int, PartitionFile] = {}

    def open(self, partition: int, identity: str) -> dict[str, int]:
        """As PendingStore.open; an unreadable file is wiped, one that another process holds refused."""
        self._let_go(partition)
        stamp = f"{schema.FORMAT}:{identity}"
        file = self._files[partition] = PartitionFile(self._path(partition), self._instance, stamp)
        return file.partition.offsets()

    def join(
        self,
        partition: int,
        predictions: pa.Table,
        labels: pa.Table,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> Joined:
        """As PendingStore.join."""
        file = self._file(partition)
        try:
            return file.partition.join(predictions, labels, horizons_us)
        except duckdb.Error as error:
            raise file.failed(error) from error

    def erase(self, partition: int, ids: pa.StringArray) -> pa.Table:
        """As PendingStore.erase."""
        file = self._file(partition)
        try:
            return file.partition.erase(ids)
        except duckdb.Error as error:
            raise file.failed(error) from error

    def expire(
        self, partition: int, predictions_before_us: Mapping[str, int], labels_before_us: int
    ) -> pa.Table:
        """As PendingStore.expire."""
        file = self._file(partition)
        try:
            return file.partition.expire(predictions_before_us, labels_before_us)
        except duckdb.Error as error:
            raise file.failed(error) from error

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """As PendingStore.commit: each open partition takes the offsets of its number."""
        for number, file in self._files.items():
            own = {at.topic: offset for at, offset in offsets.items() if at.partition == number}
            try:
                file.partition.commit(own)
            except duckdb.Error as error:
                raise file.failed(error) from error

    def rollback(self) -> None:
        """As PendingStore.rollback."""
        for file in self._files.values():
            try:
                file.partition.rollback()
            except duckdb.Error as error:
                raise file.failed(error) from error

    def reset(self, partition: int) -> None:
        """As PendingStore.reset; the partition is closed afterwards."""
        self._let_go(partition)
        wipe(self._path(partition))

    def close(self, partitions: Sequence[int]) -> None:
        """As PendingStore.close; what was not committed is forgotten."""
        for partition in partitions:
            self._let_go(partition)

    def pending(self) -> int:
        """Predictions held in open partitions."""
        return sum(file.partition.held for file in self._files.values())

    def _path(self, partition: int) -> Path:
        return self._directory / f"partition-{partition:05d}.duckdb"

    def _file(self, partition: int) -> PartitionFile:
        if partition not in self._files:
            raise StreamMonitorError(f"the store of partition {partition} is not open")
        return self._files[partition]

    def _let_go(self, partition: int) -> None:
        file = self._files.pop(partition, None)
        if file is not None:
            file.close()
