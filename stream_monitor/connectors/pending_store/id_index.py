"""An in-memory index of the ids that one partition's file holds: open addressing, 16 bytes a slot.

It answers without touching the disk which ids are new, and tells where the others' rows are, so that
a query reads only the row groups it needs. The file stays the truth: the index is rebuilt from it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store.id_hash import CHECK_BITS

IS_PREDICTED: Final = 1
IS_LABELLED: Final = 2
FLAG_BITS: Final = 2
LAST_SEQUENCE: Final = (1 << (64 - CHECK_BITS - FLAG_BITS)) - 1
_FEWEST_SLOTS: Final = 1 << 12
_FULLEST: Final = 0.7

_VALUE_BITS: Final = np.uint64(64 - CHECK_BITS)
_VALUE_MASK: Final = np.uint64((1 << (64 - CHECK_BITS)) - 1)
_ONE_SEQUENCE: Final = 1 << FLAG_BITS


class IdIndex:
    """Maps an id's (hash, check) to a value: sequence number · 4 + flags, 0 for an unknown id.

    The sequence is the prediction's where IS_PREDICTED, else that of the id's first waiting label.
    Changes are undone by `rollback` and kept by `commit`.
    """

    def __init__(self) -> None:
        self._slots = np.zeros((_FEWEST_SLOTS, 2), np.uint64)
        self._used = 0
        self._undo: list[tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.int64]]] = []

    @property
    def size_bytes(self) -> int:
        """Memory held."""
        return self._slots.nbytes

    def values(self, hashes: NDArray[np.uint64], checks: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The value of each id."""
        out = np.empty(len(hashes), np.int64)
        _values(self._slots, hashes, checks, out)
        return out

    def add_predictions(
        self, hashes: NDArray[np.uint64], checks: NDArray[np.uint32], first_sequence: int
    ) -> NDArray[np.int64]:
        """Numbers the ids that are not predicted yet; returns every row's value before its turn."""
        self.reserve(len(hashes))
        before = np.empty(len(hashes), np.int64)
        self._used += int(_add_predictions(self._slots, hashes, checks, first_sequence, before))
        is_new = before & IS_PREDICTED == 0
        self._undo.append((hashes[is_new], checks[is_new], before[is_new]))
        return before

    def add_labels(
        self, hashes: NDArray[np.uint64], checks: NDArray[np.uint32], sequences: NDArray[np.int64]
    ) -> None:
        """Notes that rows of `labels` exist for these ids, numbered as given."""
        self.reserve(len(hashes))
        before = np.empty(len(hashes), np.int64)
        self._used += int(_add_labels(self._slots, hashes, checks, sequences, before))
        is_new = before & IS_LABELLED == 0
        self._undo.append((hashes[is_new], checks[is_new], before[is_new]))

    def put(
        self, hashes: NDArray[np.uint64], checks: NDArray[np.uint32], values: NDArray[np.int64]
    ) -> None:
        """Sets values, row after row; 0 forgets."""
        self.reserve(int(np.count_nonzero(values)))
        before = np.empty(len(hashes), np.int64)
        self._used += int(_put(self._slots, hashes, checks, values, before))
        self._undo.append((hashes, checks, before))

    def commit(self) -> None:
        """Keeps the changes."""
        self._undo.clear()

    def rollback(self) -> None:
        """Undoes everything since the last commit."""
        changes, self._undo = self._undo[::-1], []
        for hashes, checks, before in changes:
            self.put(hashes[::-1], checks[::-1], before[::-1])
        self._undo.clear()

    def reserve(self, count: int) -> None:
        """Makes room for so many more ids."""
        size: int = len(self._slots)
        while self._used + count > _FULLEST * size:
            size += size // 2
        if size > len(self._slots):
            grown = np.zeros((size, 2), np.uint64)
            _move(self._slots, grown)
            self._slots = grown


@njit(inline="always")
def _home(key: Any, size: Any) -> Any:
    """The slot where the search for a key begins: its top bits, scaled."""
    return np.int64((key >> np.uint64(32)) * np.uint64(size) >> np.uint64(32))


@njit(inline="always")
def _slot(slots: Any, key: Any, check: Any) -> Any:
    """Where the id is, or the empty slot where it would go."""
    at = _home(key, len(slots))
    while slots[at, 0] != 0 and not (
        slots[at, 0] == key and slots[at, 1] >> _VALUE_BITS == np.uint64(check)
    ):
        at += 1
        if at == len(slots):
            at -= len(slots)
    return at


@njit(inline="always")
def _entry(check: Any, value: Any) -> Any:
    return (np.uint64(check) << _VALUE_BITS) | np.uint64(value)


@njit(cache=True, nogil=True)
def _empty(slots: Any, at: Any) -> None:
    """Empties a slot and moves up what was put behind it because it was taken."""
    hole = at
    while True:
        at += 1
        if at == len(slots):
            at = 0
        if slots[at, 0] == 0:
            break
        way = at - _home(slots[at, 0], len(slots))
        gap = at - hole
        if way + (len(slots) if way < 0 else 0) >= gap + (len(slots) if gap < 0 else 0):
            slots[hole, 0] = slots[at, 0]
            slots[hole, 1] = slots[at, 1]
            hole = at
    slots[hole, 0] = 0
    slots[hole, 1] = 0


@njit(cache=True, nogil=True)
def _values(slots: Any, hashes: Any, checks: Any, out: Any) -> None:
    for row in range(len(hashes)):
        at = _slot(slots, hashes[row], checks[row])
        out[row] = np.int64(slots[at, 1] & _VALUE_MASK)


@njit(cache=True, nogil=True)
def _put(slots: Any, hashes: Any, checks: Any, values: Any, before: Any) -> Any:
    used = 0
    for row in range(len(hashes)):
        at = _slot(slots, hashes[row], checks[row])
        before[row] = np.int64(slots[at, 1] & _VALUE_MASK)
        if values[row] == 0:
            if slots[at, 0] != 0:
                _empty(slots, at)
                used -= 1
            continue
        if slots[at, 0] == 0:
            slots[at, 0] = hashes[row]
            used += 1
        slots[at, 1] = _entry(checks[row], values[row])
    return used


@njit(cache=True, nogil=True)
def _add_predictions(slots: Any, hashes: Any, checks: Any, sequence: Any, before: Any) -> Any:
    used = 0
    for row in range(len(hashes)):
        at = _slot(slots, hashes[row], checks[row])
        value = np.int64(slots[at, 1] & _VALUE_MASK)
        before[row] = value
        if value & IS_PREDICTED:
            continue
        if slots[at, 0] == 0:
            slots[at, 0] = hashes[row]
            used += 1
        flags = (value & IS_LABELLED) | IS_PREDICTED
        slots[at, 1] = _entry(checks[row], sequence * _ONE_SEQUENCE + flags)
        sequence += 1
    return used


@njit(cache=True, nogil=True)
def _add_labels(slots: Any, hashes: Any, checks: Any, sequences: Any, before: Any) -> Any:
    used = 0
    for row in range(len(hashes)):
        at = _slot(slots, hashes[row], checks[row])
        value = np.int64(slots[at, 1] & _VALUE_MASK)
        before[row] = value
        if value & IS_LABELLED:
            continue
        if slots[at, 0] == 0:
            slots[at, 0] = hashes[row]
            used += 1
        if value == 0:
            value = sequences[row] * _ONE_SEQUENCE
        slots[at, 1] = _entry(checks[row], value | IS_LABELLED)
    return used


@njit(cache=True, nogil=True)
def _move(slots: Any, grown: Any) -> None:
    for row in range(len(slots)):
        if slots[row, 0] != 0:
            at = _slot(grown, slots[row, 0], slots[row, 1] >> _VALUE_BITS)
            grown[at, 0] = slots[row, 0]
            grown[at, 1] = slots[row, 1]
