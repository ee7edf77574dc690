"""Pairs of features: sums of rank scores and tables of categories. What is in it, joint_params tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.columns import PRESENT
from stream_monitor.core.drift.correlation import correlations
from stream_monitor.core.profile.joint_params import JointParams
from stream_monitor.core.profile.part import Array, Field, Part

BLOCK_ROWS: Final = 4_096
"""Sums of so many products of scores stay whole numbers in a float32 (19² · 4,096 < 2²⁴)."""
_STRETCH: Final = 512


@dataclass(frozen=True, slots=True)
class JointSummary:
    """The first slot: per pair of features over the rows where both are finite, arrays (F, F).

    `n[i, j]` rows, `x[i, j]` and `xx[i, j]` the sums of feature i's scores and of their squares, `xy`
    those of the products; whole numbers. `tables` has one table per categorical pair.
    """

    rows: int
    n: NDArray[np.float64]
    x: NDArray[np.float64]
    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    tables: tuple[NDArray[np.int64], ...]

    @property
    def correlations(self) -> NDArray[np.float64]:
        """Rank correlations (F, F); NaN without two rows or for a constant feature."""
        return correlations(self.n, self.x, self.x.T, self.xx, self.xx.T, self.xy)


class JointPart(Part):
    """Sums over pairs of features; parameters: JointParams.

    `sums` and `products` (upper triangle) are over all rows, an absent value scoring 0. What a pair
    has to leave out is kept beside them and is 0 without absent values: `absent[i, j]` counts rows
    that lack both, `lost_sums[i, j]` and `lost_squares[i, j]` are feature i's over rows that lack j.
    """

    name = "joint"

    @classmethod
    def fields(cls, params: JointParams) -> tuple[Field, ...]:
        """Sums, products and what absent values take from them, and all tables in one row."""
        size = len(params.features)
        triangle = (size * (size + 1) // 2,)
        return (
            Field("rows", ()),
            Field("sums", (size,)),
            Field("products", triangle),
            Field("absent", triangle),
            Field("lost_sums", (size, size)),
            Field("lost_squares", (size, size)),
            Field("tables", (sum(pair.cells for pair in params.pairs),)),
        )

    def update(
        self,
        values: NDArray[np.float64],
        states: NDArray[np.uint8],
        categories: tuple[pa.DictionaryArray, ...],
        category_states: NDArray[np.uint8],
        slot: NDArray[np.int64],
    ) -> None:
        """Counts n rows of all features of the schema into each row's slot (−1: not counted)."""
        counted = slot[slot >= 0]
        self.arrays["rows"] += np.bincount(counted, minlength=self.slots)
        if self.params.features and len(counted):
            self._add_scores(values, states, slot)
        if self.params.pairs and len(counted):
            self._count_tables(categories, category_states, slot)

    def _add_scores(
        self, values: NDArray[np.float64], states: NDArray[np.uint8], slot: NDArray[np.int64]
    ) -> None:
        order = np.argsort(slot, kind="stable")
        met, starts = np.unique(slot[order], return_index=True)
        ends = np.append(starts[1:], len(order))
        edges, borders, which = self.params.kernel_tables
        shape = (len(which), min(BLOCK_ROWS, len(order)))
        scores, absent = np.empty(shape, np.float32), np.empty(shape, np.float32)
        lacks = np.empty(shape[1], np.bool_)
        for s, start, end in zip(met.tolist(), starts.tolist(), ends.tolist(), strict=True):
            for first in range(start, end, BLOCK_ROWS) if s >= 0 else ():
                rows = order[first : min(first + BLOCK_ROWS, end)]
                n = len(rows)
                _score(values, states, rows, edges, borders, which, scores, absent, lacks)
                self._add_block(s, scores[:, :n], absent[:, :n], lacks[:n])

    def _add_block(self, s: int, scores: Array, absent: Array, lacks: Array) -> None:
        a = self.arrays
        a["sums"][s] += _whole(scores.sum(axis=1))
        triangle = self.params.triangle
        a["products"][s] += _whole((scores @ scores.T)[triangle])
        if lacks.any():
            if 2 * int(lacks.sum()) < len(lacks):
                absent, scores = absent[:, lacks], scores[:, lacks]
            a["absent"][s] += _whole((absent @ absent.T)[triangle])
            a["lost_sums"][s] += _whole(scores @ absent.T)
            a["lost_squares"][s] += _whole((scores * scores) @ absent.T)

    def _count_tables(
        self,
        categories: tuple[pa.DictionaryArray, ...],
        states: NDArray[np.uint8],
        slot: NDArray[np.int64],
    ) -> None:
        places: dict[tuple[int, tuple[str, ...]], NDArray[np.int64]] = {}
        offset = 0
        for pair in self.params.pairs:
            for side in (pair.first, pair.second):
                key = (side.index, side.categories)
                if key not in places:
                    places[key] = _place(categories[side.index], states[side.index], key[1])
            first, second = (places[s.index, s.categories] for s in (pair.first, pair.second))
            _count_pair(first, second, slot, pair.shape[1], offset, self.arrays["tables"])
            offset += pair.cells

    def summarise(self) -> JointSummary:
        """The first slot's sums over complete pairs, and its tables."""
        a: dict[str, Any] = {name: array[0] for name, array in self.arrays.items()}
        products, absent = (self._square(a[name]) for name in ("products", "absent"))
        rows, lacking = int(a["rows"]), np.diag(absent)
        return JointSummary(
            rows=rows,
            n=(rows - lacking[:, None] - lacking[None, :] + absent).astype(np.float64),
            x=(a["sums"][:, None] - a["lost_sums"]).astype(np.float64),
            xx=(np.diag(products)[:, None] - a["lost_squares"]).astype(np.float64),
            xy=products.astype(np.float64),
            tables=self._tables(a["tables"]),
        )

    def _square(self, triangle: NDArray[np.int64]) -> NDArray[np.int64]:
        size = len(self.params.features)
        full = np.zeros((size, size), np.int64)
        full[self.params.triangle] = triangle
        full.T[self.params.triangle] = triangle
        return full

    def _tables(self, flat: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        ends = np.cumsum([pair.cells for pair in self.params.pairs], dtype=np.int64)
        pieces = np.split(flat, ends[:-1])
        return tuple(
            piece.reshape(pair.shape)
            for piece, pair in zip(pieces, self.params.pairs, strict=False)
        )


def _whole(sums: Array) -> NDArray[np.int64]:
    return np.asarray(sums, dtype=np.int64)


def _place(
    column: pa.DictionaryArray, state: NDArray[np.uint8], known: tuple[str, ...]
) -> NDArray[np.int64]:
    """Each row's category, one past the last for all others, −1 where there is no value."""
    found = pc.index_in(column.dictionary, pa.array(known, pa.string())).fill_null(len(known))
    place = np.append(found.to_numpy(zero_copy_only=False).astype(np.int64), len(known))
    codes = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return np.where(state == PRESENT, place[codes], -1)


@njit(cache=True, nogil=True)
def _score(
    values: Array, states: Array, rows: Array, edges: Array, borders: Array, which: Array,
    scores: Array, absent: Array, lacks: Array,
) -> None:  # fmt: skip
    """Scores 2b − (C − 1) of the rows' coarse bins b, 0 and a mark where there is no finite value.

    Counting the borders that lie below, one border at a time over many rows, is work for vector units:
    six times as fast as searching row by row.
    """
    lacks[:] = False
    x, score = np.empty(_STRETCH), np.empty(_STRETCH)
    for f in range(len(which)):
        for start in range(0, len(rows), _STRETCH):
            size = min(_STRETCH, len(rows) - start)
            for i in range(size):
                row = rows[start + i]
                x[i] = values[which[f], row]
                score[i] = -borders[f]
                is_absent = (states[which[f], row] != PRESENT) | (not np.isfinite(x[i]))
                absent[f, start + i] = is_absent
                lacks[start + i] |= is_absent
            for b in range(borders[f]):
                border = edges[f, b]
                for i in range(size):
                    score[i] += 2.0 if border <= x[i] else 0.0
            for i in range(size):
                scores[f, start + i] = score[i] if absent[f, start + i] == 0.0 else 0.0


@njit(cache=True, nogil=True)
def _count_pair(
    first: Array, second: Array, slot: Array, width: int, offset: int, tables: Array
) -> None:
    for i in range(len(slot)):
        if slot[i] >= 0 and first[i] >= 0 and second[i] >= 0:
            tables[slot[i], offset + first[i] * width + second[i]] += 1
