"""A named drift put into a table: which kind, how large, from when on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.categories import add_category, move_share
from stream_monitor.core.injection.numbers import (
    mistake_unit,
    reverse_ranks,
    scale_spread,
    shift_mean,
)
from stream_monitor.core.injection.rows import flip_labels, lose, resampled_rows
from stream_monitor.core.injection.strength import Floats, strength


class DriftKind(StrEnum):
    """What can be injected; DEFAULT_SIZES says what the size of each means."""

    MEAN = "mean"
    SPREAD = "spread"
    SHARE = "share"
    UNIT = "unit"
    MISSING = "missing"
    CORRELATION = "correlation"
    NEW_CATEGORY = "new_category"
    COVARIATE = "covariate"
    LABEL = "label"
    CONCEPT = "concept"


DEFAULT_SIZES: Final = {
    DriftKind.MEAN: 0.5,  # standard deviations
    DriftKind.SPREAD: 1.5,  # times as far from the mean
    DriftKind.SHARE: 0.1,  # of all rows, added to a category
    DriftKind.UNIT: 0.1,  # of all rows in the wrong unit
    DriftKind.MISSING: 0.1,  # of all rows
    DriftKind.CORRELATION: 1.0,  # of all rows with ranks reversed
    DriftKind.NEW_CATEGORY: 0.05,  # of all rows
    DriftKind.COVARIATE: 0.5,  # standard deviations, of each feature
    DriftKind.LABEL: 0.1,  # of all labels, added to the positive class
    DriftKind.CONCEPT: 0.2,  # of all labels flipped
}
_OF_LABELS: Final = (DriftKind.LABEL, DriftKind.CONCEPT)
_SHARES: Final = frozenset(
    {
        DriftKind.UNIT, DriftKind.MISSING, DriftKind.CORRELATION, DriftKind.NEW_CATEGORY,
        DriftKind.CONCEPT,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Injection:
    """A drift of a size in columns of a table, from an instant on; gradual over `ramp_us` microseconds.

    `columns` are those of features, or the label's for `label` and `concept`. `category` is the one whose
    share moves, or the class. `kept` names columns that stay a row's own where `label` resamples rows.
    Raises InvalidSpecification for a size that means nothing.
    """

    kind: DriftKind
    size: float
    columns: tuple[str, ...]
    start_us: int
    ramp_us: int = 0
    category: str | None = None
    kept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite(self.size):
            raise InvalidSpecification("the size of a drift must be a number")
        if self.kind in _SHARES and not 0 <= self.size <= 1:
            raise InvalidSpecification(f"{self.kind} takes a share from 0 to 1 as its size")
        if self.kind is DriftKind.SPREAD and self.size < 0:
            raise InvalidSpecification("spread takes a factor from 0 on as its size")


def inject(
    table: pa.Table, injection: Injection, timestamp_us: NDArray[np.int64],
    groups: NDArray[np.int64], seed: int,
) -> pa.Table:  # fmt: skip
    """The table (n rows) with the drift in it; rows before its start are unchanged.

    `timestamp_us` (n,) are the rows' event times; `groups` (n,) name their windows, within which ranks are
    reversed and rows are resampled. Columns of numbers keep their type: whole numbers are rounded by
    chance, so that their mean is right. Raises InvalidSpecification where a column does not suit the kind.
    """
    rng = np.random.default_rng(seed)
    weight = strength(timestamp_us, injection.start_us, injection.ramp_us)
    if injection.kind is DriftKind.LABEL:
        return _resampled(table, injection, weight, groups, rng)
    for name in injection.columns:
        column = _drifted(table[name], name, injection, weight, groups, rng)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _drifted(
    column: pa.ChunkedArray, name: str, injection: Injection, weight: Floats,
    groups: NDArray[np.int64], rng: Generator,
) -> pa.Array:  # fmt: skip
    size = injection.size
    if injection.kind is DriftKind.MISSING:
        return lose(_plain(column), weight, size, rng)
    texts: dict[DriftKind, Callable[[pa.StringArray], pa.StringArray]] = {
        DriftKind.SHARE: lambda c: move_share(c, weight, size, injection.category, rng),
        DriftKind.NEW_CATEGORY: lambda c: add_category(c, weight, size, rng),
        DriftKind.CONCEPT: lambda c: flip_labels(c, weight, size, rng),
    }
    if injection.kind in texts:
        return _of_type(texts[injection.kind](_texts(column)), column)
    numbers: dict[DriftKind, Callable[[Floats], Floats]] = {
        DriftKind.MEAN: lambda x: shift_mean(x, weight, size),
        DriftKind.COVARIATE: lambda x: shift_mean(x, weight, size),
        DriftKind.SPREAD: lambda x: scale_spread(x, weight, size),
        DriftKind.UNIT: lambda x: mistake_unit(x, weight, size, rng),
        DriftKind.CORRELATION: lambda x: reverse_ranks(x, weight, size, groups, rng),
    }
    values = _floats(column, name, injection.kind)
    drifted = numbers[injection.kind](values)
    return _numbers(drifted, values, column, rng)


def _resampled(
    table: pa.Table, injection: Injection, weight: Floats, groups: NDArray[np.int64], rng: Generator
) -> pa.Table:
    if injection.category is None:
        raise InvalidSpecification(
            "label drift needs the class that becomes more frequent: name one"
        )
    labels = _texts(table[injection.columns[0]])
    source = resampled_rows(labels, weight, injection.size, injection.category, groups, rng)
    drifted = table.take(pa.array(source))
    for name in injection.kept:
        drifted = drifted.set_column(table.column_names.index(name), name, table[name])
    return drifted


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece, without a dictionary."""
    is_encoded = pa.types.is_dictionary(column.type)
    plain = column.cast(column.type.value_type) if is_encoded else column
    return plain.combine_chunks()


def _texts(column: pa.ChunkedArray) -> pa.StringArray:
    return _plain(column).cast(pa.string())


def _of_type(texts: pa.StringArray, column: pa.ChunkedArray) -> pa.Array:
    """Back to the column's type, if it can hold the texts."""
    if pa.types.is_boolean(column.type) or pa.types.is_integer(column.type):
        try:
            return texts.cast(column.type)
        except pa.ArrowInvalid:
            return texts
    return texts


def _floats(column: pa.ChunkedArray, name: str, kind: DriftKind) -> Floats:
    try:
        return np.asarray(_plain(column).cast(pa.float64(), safe=False).to_numpy(False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidSpecification(
            f"{kind} drifts numbers, and column {name} holds none: choose a numeric feature"
        ) from error


def _numbers(drifted: Floats, before: Floats, column: pa.ChunkedArray, rng: Generator) -> pa.Array:
    """Drifted numbers in the column's type, null where the column is; untouched rows as they were."""
    is_null = np.asarray(_plain(column).is_null())
    if not pa.types.is_integer(column.type):
        return pa.array(drifted, pa.float64(), mask=is_null)
    known = np.isfinite(drifted)
    rounded = np.floor(np.where(known, drifted, 0.0) + rng.random(len(drifted)))
    whole = np.where(drifted == before, before, rounded)
    return pa.array(np.where(known, whole, 0.0).astype(np.int64), pa.int64(), mask=is_null)
