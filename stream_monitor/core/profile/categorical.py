"""Categorical features: counts of known categories, and unseen ones kept as the bottom 64 by hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.binning import CategoricalBinning
from stream_monitor.core.columns import MISSING, WRONG_TYPE
from stream_monitor.core.profile.part import Array, Field, Part

KEPT_UNSEEN: Final = 64
MAX_VALUE_LENGTH: Final = 200

Unseen = dict[int, tuple[str, int]]
"""64-bit hash → (value, exact count)."""


@dataclass(frozen=True, slots=True)
class CategoricalSummary:
    """One feature of one profile: `n` counts values; `unseen` their part outside the known categories.

    `unseen_values` are the kept ones, most frequent first; `distinct` counts the categories met and is
    an estimate (±13 %) when 64 or more unseen ones were.
    """

    n: int
    missing: int
    wrong_type: int
    counts: NDArray[np.int64]
    unseen: int
    unseen_values: tuple[tuple[str, int], ...]
    distinct: int

    @property
    def rows(self) -> int:
        """All rows: with a value, without, or with one that does not count."""
        return self.n + self.missing + self.wrong_type


class CategoricalPart(Part):
    """Counts of all categorical features; parameters: a tuple of CategoricalBinning.

    The bottom 64 by hash of a union are those of the two bottom 64s, and a value that stays was never
    dropped, so its count is exact whatever the order. They also estimate the number of distinct values.
    """

    name = "categorical"

    def __init__(
        self,
        params: tuple[CategoricalBinning, ...],
        arrays: dict[str, Array],
        unseen: dict[tuple[int, int], Unseen] | None = None,
    ) -> None:
        super().__init__(params, arrays)
        self.unseen: dict[tuple[int, int], Unseen] = {} if unseen is None else unseen

    @classmethod
    def fields(cls, params: tuple[CategoricalBinning, ...]) -> tuple[Field, ...]:
        """Counts per category, and per feature those of no known one."""
        features = len(params)
        width = max((len(b.categories) for b in params), default=0)
        return (
            Field("counts", (features, width)),
            *(Field(name, (features,)) for name in ("unseen", "missing", "wrong_type")),
        )

    def update(
        self,
        values: tuple[pa.DictionaryArray, ...],
        states: NDArray[np.uint8],
        slot: NDArray[np.int64],
    ) -> None:
        """Counts one dictionary array per feature into each row's slot (−1: not counted)."""
        for feature, (binning, column) in enumerate(zip(self.params, values, strict=True)):
            state = states[feature]
            counted = slot >= 0
            for name, wanted in (("missing", MISSING), ("wrong_type", WRONG_TYPE)):
                np.add.at(self.arrays[name][:, feature], slot[counted & (state == wanted)], 1)
            rows = np.flatnonzero(counted & (state == 0))
            if len(rows):
                self._count(feature, binning, column, rows, slot[rows])

    def _count(
        self,
        feature: int,
        binning: CategoricalBinning,
        column: pa.DictionaryArray,
        rows: NDArray[np.int64],
        slot: NDArray[np.int64],
    ) -> None:
        codes = column.indices.fill_null(0).to_numpy(zero_copy_only=False)[rows].astype(np.int64)
        known = pa.array(binning.categories, pa.string())
        place = pc.index_in(column.dictionary, known).fill_null(-1).to_numpy(zero_copy_only=False)
        where = place[codes]
        counts = self.arrays["counts"]
        width = counts.shape[2]
        if width:
            seen = where >= 0
            flat = np.bincount(slot[seen] * width + where[seen], minlength=self.slots * width)
            counts[:, feature, :] += flat.reshape(self.slots, width)
        new = np.flatnonzero(where < 0)
        if len(new):
            np.add.at(self.arrays["unseen"][:, feature], slot[new], 1)
            pairs, numbers = np.unique(
                np.stack([slot[new], codes[new]]), axis=1, return_counts=True
            )
            for (s, code), number in zip(pairs.T.tolist(), numbers.tolist(), strict=True):
                value = column.dictionary[code].as_py()
                _add(self.unseen.setdefault((s, feature), {}), value, number)
            for s in set(pairs[0].tolist()):
                self.unseen[s, feature] = _bottom(self.unseen[s, feature])

    def grown(self, slots: int) -> Self:
        """As in Part; the unseen categories go with it."""
        more = super().grown(slots)
        more.unseen = {key: dict(kept) for key, kept in self.unseen.items()}
        return more

    def slot(self, index: int) -> Self:
        """As in Part, with the slot's unseen categories."""
        one = super().slot(index)
        one.unseen = {(0, f): dict(kept) for (s, f), kept in self.unseen.items() if s == index}
        return one

    def merge(self, other: Self) -> Self:
        """As in Part, and the bottom 64 unseen categories of both."""
        merged = super().merge(other)
        merged.unseen = {key: dict(kept) for key, kept in self.unseen.items()}
        for key, kept in other.unseen.items():
            both = merged.unseen.setdefault(key, {})
            for hashed, (value, number) in kept.items():
                both[hashed] = (value, number + (both[hashed][1] if hashed in both else 0))
            merged.unseen[key] = _bottom(both)
        return merged

    def __eq__(self, other: object) -> bool:
        same = super().__eq__(other)
        if same is not True or not isinstance(other, CategoricalPart):
            return same
        return self.unseen == other.unseen

    __hash__ = None

    def summarise(self, feature: int) -> CategoricalSummary:
        """The first slot's figures of one feature."""
        a: dict[str, Any] = {name: array[0, feature] for name, array in self.arrays.items()}
        counts = a["counts"][: len(self.params[feature].categories)]
        kept = self.unseen.get((0, feature), {})
        ranked = sorted(kept.values(), key=lambda pair: (-pair[1], pair[0]))
        return CategoricalSummary(
            int(counts.sum()) + int(a["unseen"]),
            int(a["missing"]),
            int(a["wrong_type"]),
            counts,
            int(a["unseen"]),
            tuple(ranked),
            int(np.count_nonzero(counts)) + _distinct(kept),
        )


def hash_value(value: str) -> int:
    """A stable 64-bit hash of a category."""
    return int.from_bytes(hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=8).digest())


def _add(kept: Unseen, value: str, number: int) -> None:
    hashed = hash_value(value)
    before = kept[hashed][1] if hashed in kept else 0
    kept[hashed] = (value[:MAX_VALUE_LENGTH], before + number)


def _bottom(kept: Unseen) -> Unseen:
    if len(kept) <= KEPT_UNSEEN:
        return dict(sorted(kept.items()))
    return {hashed: kept[hashed] for hashed in sorted(kept)[:KEPT_UNSEEN]}


def _distinct(kept: Unseen) -> int:
    """Distinct unseen values: exact below 64, else the k-minimum-values estimate (k−1)/max."""
    if len(kept) < KEPT_UNSEEN:
        return len(kept)
    return round((KEPT_UNSEEN - 1) / (max(kept) / 2**64))
