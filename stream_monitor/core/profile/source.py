"""Where counted rows lie in the inference topic: per partition their first and last offset, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.profile.listing import Listed, ListingPart
from stream_monitor.core.profile.part import Field

KEPT_PARTITIONS: Final = 128
"""So many partitions are listed, those of the lowest numbers; rows of all are counted."""


@dataclass(frozen=True, slots=True)
class SourceRows:
    """The partition and offset of each row of a batch."""

    partition: NDArray[np.int32]
    offset: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> SourceRows:
        """Those of some rows."""
        return SourceRows(self.partition[rows], self.offset[rows])


@dataclass(frozen=True, slots=True, order=True)
class SourceRange:
    """`rows` counted rows of one partition lie at offsets from `first` to `last`, both included."""

    partition: int
    first: int
    last: int
    rows: int


class SourcePart(ListingPart):
    """Lists partition → (first offset, last offset, rows). A row that is not counted widens no range."""

    name = "source"
    most = KEPT_PARTITIONS

    @classmethod
    def fields(cls, params: Any) -> tuple[Field, ...]:
        """All rows, those of partitions that are not listed included."""
        return (Field("rows", ()),)

    @staticmethod
    def joined(one: Any, other: Any) -> Any:
        """The range that holds both, and the rows of both."""
        return min(one[0], other[0]), max(one[1], other[1]), one[2] + other[2]

    @staticmethod
    def bounded(listed: Listed) -> Listed:
        """The lowest partitions."""
        return {partition: listed[partition] for partition in sorted(listed)[:KEPT_PARTITIONS]}

    def update(self, source: SourceRows, slot: NDArray[np.int64]) -> None:
        """Counts each row into its slot (−1: not counted)."""
        rows = np.flatnonzero(slot >= 0)
        if not len(rows):
            return
        where = slot[rows]
        self.arrays["rows"] += np.bincount(where, minlength=self.slots)
        width = int(source.partition.max()) + 1
        place = where * width + source.partition[rows]
        met, at = np.unique(place, return_inverse=True)
        first = np.full(len(met), np.iinfo(np.int64).max)
        last = np.full(len(met), -1, np.int64)
        np.minimum.at(first, at, source.offset[rows])
        np.maximum.at(last, at, source.offset[rows])
        found: dict[int, Listed] = {}
        figures = zip(
            met.tolist(), first.tolist(), last.tolist(), np.bincount(at).tolist(), strict=True
        )
        for key, low, high, n in figures:
            found.setdefault(key // width, {})[key % width] = (low, high, n)
        for index, listed in found.items():
            self.note(index, listed)

    def summarise(self) -> tuple[SourceRange, ...]:
        """The first slot's ranges, by partition."""
        listed = self.listed.get(0, {})
        return tuple(SourceRange(partition, *listed[partition]) for partition in sorted(listed))
