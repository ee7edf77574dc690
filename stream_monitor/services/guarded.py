"""Batches that one bad record cannot stop: what fails again and again is bisected to the records."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import Records, next_offsets
from stream_monitor.services.batch import BatchProcessor, BatchResult
from stream_monitor.services.bisection import failing
from stream_monitor.services.ports import PendingStore

_PATIENCE = 3
"""Failures of the same batch before it is bisected: a want of memory may pass."""

_Item = tuple[bool, int]
"""Whether it is a label, and its row."""


class ProcessingFailed(StreamMonitorError):
    """A batch could not be processed: forget what the store holds of it and read it again."""


class GuardedBatches:
    """Processes batches; after three failures at one place without the records that fail.

    Those become dead letters with the reason processing_error. Errors that stream_monitor raises on
    purpose (a full disk, say) are not caught. A replay passes over the same records in silence.
    """

    def __init__(self, processor: BatchProcessor, store: PendingStore) -> None:
        self._processor = processor
        self._store = store
        self._place: object = None
        self._failures = 0

    def process(
        self,
        inference: Records,
        labels: Records,
        partitions: int,
        replaying: Collection[int],
    ) -> BatchResult:
        """As BatchProcessor.process; raises ProcessingFailed, with a store to be rolled back.

        It must come first in the store's transaction: bisecting rolls the store back.
        """
        try:
            result = self._processor.process(inference, labels, partitions, replaying)
        except StreamMonitorError:
            raise
        except Exception as error:
            self._count(inference, labels)
            if self._failures < _PATIENCE:
                raise ProcessingFailed(type(error).__name__) from error
            return self._bisected(inference, labels, partitions, replaying, error)
        self._failures = 0
        return result

    def _count(self, inference: Records, labels: Records) -> None:
        place = {
            (records.topic, partition): int(records.offset[records.partition == partition].min())
            for records in (inference, labels)
            for partition in np.unique(records.partition).tolist()
        }
        self._failures = self._failures + 1 if place == self._place else 1
        self._place = place

    def _bisected(
        self, inference: Records, labels: Records, partitions: int, replaying: Collection[int],
        error: Exception,
    ) -> BatchResult:  # fmt: skip
        both = (inference, labels)

        def works(items: Sequence[_Item]) -> bool:
            self._store.rollback()
            try:
                self._processor.process(*_taken(both, items), partitions, replaying)
            except StreamMonitorError:
                raise
            except Exception:
                return False
            return True

        everything = [(False, row) for row in range(len(inference))]
        everything += [(True, row) for row in range(len(labels))]
        bad = set(failing(everything, works))
        if not bad:
            raise StreamMonitorError(
                f"a batch up to {next_offsets(both)} cannot be processed, though each of its records can: "
                f"{type(error).__name__}"
            ) from error
        self._store.rollback()
        good = [item for item in everything if item not in bad]
        result = self._processor.process(*_taken(both, good), partitions, replaying)
        for records in _taken(both, sorted(bad)):
            live = ~np.isin(records.partition, list(replaying))
            rest = records.take(np.flatnonzero(live))
            self._processor.refuse(rest, type(error).__name__, partitions, result)
        self._failures = 0
        return result


def _taken(both: tuple[Records, Records], items: Sequence[_Item]) -> tuple[Records, Records]:
    inference, labels = both
    return (
        inference.take(np.array([row for is_label, row in items if not is_label], np.int64)),
        labels.take(np.array([row for is_label, row in items if is_label], np.int64)),
    )
