"""One partition's log, with transactions: what is written, and what a committed read sees of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from stream_monitor.core.records import Records


class Outcome(Enum):
    """How a transaction stands."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(slots=True)
class Transaction:
    """Shared by all records of one transaction: ending it shows or hides them at once."""

    outcome: Outcome = Outcome.OPEN


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in the log; a control entry ends a transaction and is never delivered."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    transaction: Transaction | None = None
    is_control: bool = False

    @property
    def is_visible(self) -> bool:
        """Whether a committed read delivers it."""
        outcome = self.transaction.outcome if self.transaction else Outcome.COMMITTED
        return outcome is Outcome.COMMITTED and not self.is_control


class PartitionLog:
    """Entries from offset `low` to `end`."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.low = 0
        self._entries: list[Entry] = []
        self._open: list[tuple[int, Transaction]] = []

    @property
    def end(self) -> int:
        """The next offset to be written."""
        return self.low + len(self._entries)

    @property
    def stable_end(self) -> int:
        """Where committed reads stop: the first record of a transaction that is open."""
        self._open = [at for at in self._open if at[1].outcome is Outcome.OPEN]
        return min((offset for offset, _ in self._open), default=self.end)

    def append(
        self,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...],
        transaction: Transaction | None,
    ) -> int:
        """Writes a record; returns its offset."""
        entry = Entry(self.partition, self.end, timestamp_ms, key, value, headers, transaction)
        self._entries.append(entry)
        if transaction is not None and all(transaction is not other for _, other in self._open):
            self._open.append((entry.offset, transaction))
        return entry.offset

    def end_transaction(self, timestamp_ms: int) -> None:
        """Writes the control entry that ends a transaction here."""
        self._entries.append(Entry(self.partition, self.end, timestamp_ms, is_control=True))

    def delete_before(self, offset: int) -> None:
        """Drops what is older, as retention does."""
        self._entries = self._entries[max(0, offset - self.low) :]
        self.low = max(self.low, offset)

    def read(self, start: int, stop: int, max_records: int) -> tuple[list[Entry], int]:
        """Visible entries of [start, stop), and the position after them."""
        found: list[Entry] = []
        for entry in self._entries[max(0, start - self.low) : max(0, stop - self.low)]:
            if len(found) == max_records:
                return found, entry.offset
            if entry.is_visible:
                found.append(entry)
        return found, max(start, stop)


def as_records(topic: str, entries: Sequence[Entry]) -> Records:
    """Entries of one topic as columns."""
    return Records(
        topic,
        np.array([entry.partition for entry in entries], np.int32),
        np.array([entry.offset for entry in entries], np.int64),
        np.array([entry.timestamp_ms for entry in entries], np.int64),
        [entry.key for entry in entries],
        [entry.value for entry in entries],
    )
