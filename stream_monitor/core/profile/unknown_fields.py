"""Fields of the records that the schema does not know: how many of the looked-at rows carry which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.core.columns import UnknownFields
from stream_monitor.core.hashing import murmur2
from stream_monitor.core.profile.listing import Listed, ListingPart
from stream_monitor.core.profile.part import Field

KEPT_NAMES: Final = 16
"""So many names are kept, those of the smallest hashes."""


@dataclass(frozen=True, slots=True)
class FieldsSummary:
    """Of `looked` rows, `rows` carry unknown fields, `carried` in all; `names` are the kept ones' rows."""

    looked: int
    rows: int
    carried: int
    names: Mapping[str, int]

    def share(self, name: str) -> float | None:
        """The share of the looked-at rows that carry a field; None where that is not known."""
        if not self.looked or (name not in self.names and not self._would_be_kept(name)):
            return None
        return self.names.get(name, 0) / self.looked

    def _would_be_kept(self, name: str) -> bool:
        return len(self.names) < KEPT_NAMES or _rank(name) < max(map(_rank, self.names))


class UnknownFieldsPart(ListingPart):
    """Lists name → rows that carry it."""

    name = "unknown_fields"
    most = KEPT_NAMES

    @classmethod
    def fields(cls, params: Any) -> tuple[Field, ...]:
        """Rows that were looked at, those with unknown fields, and how many fields that are."""
        return (Field("looked", ()), Field("rows", ()), Field("carried", ()))

    @staticmethod
    def joined(one: Any, other: Any) -> Any:
        """The rows of both."""
        return one + other

    @staticmethod
    def bounded(listed: Listed) -> Listed:
        """The names of the smallest hashes."""
        return {name: listed[name] for name in sorted(listed, key=_rank)[:KEPT_NAMES]}

    def update(self, found: UnknownFields, slot: NDArray[np.int64]) -> None:
        """Counts what was found into each row's slot (−1: not counted)."""
        self._add("looked", slot[found.looked])
        if not len(found.row):
            return
        names = max(1, len(found.name.dictionary))
        codes = np.asarray(found.name.indices, dtype=np.int64)
        pairs = np.unique(found.row * names + codes)  # a record may carry a name twice
        row, code = pairs // names, pairs % names
        self._add("rows", slot[np.unique(row)])
        self._add("carried", slot[row])
        hashed = murmur2(found.name.dictionary)
        for index in np.unique(slot[row]).tolist():
            if index >= 0:
                self._list(index, code[slot[row] == index], hashed, found.name.dictionary)

    def _add(self, name: str, where: NDArray[np.int64]) -> None:
        self.arrays[name] += np.bincount(where[where >= 0], minlength=self.slots)

    def _list(
        self, slot: int, codes: NDArray[np.int64], hashed: NDArray[np.uint32], names: pa.Array
    ) -> None:
        met, rows = np.unique(codes, return_counts=True)
        if len(met) > KEPT_NAMES:
            most = np.partition(hashed[met], KEPT_NAMES - 1)[KEPT_NAMES - 1]
            is_kept = hashed[met] <= most
            met, rows = met[is_kept], rows[is_kept]
        found = zip(names.take(pa.array(met)).to_pylist(), rows.tolist(), strict=True)
        self.note(slot, dict(found))

    def summarise(self) -> FieldsSummary:
        """The first slot's figures, the most frequent names first."""
        looked, rows, carried = (int(self.arrays[k][0]) for k in ("looked", "rows", "carried"))
        ranked = sorted(self.listed.get(0, {}).items(), key=lambda pair: (-pair[1], pair[0]))
        return FieldsSummary(looked, rows, carried, dict(ranked))


@lru_cache(maxsize=4_096)
def _rank(name: str) -> tuple[int, str]:
    return int(murmur2(pa.array([name], pa.string()))[0]), name
