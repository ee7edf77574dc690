"""Drifts of categories: columns of n texts, null where there is none; null stays null.

`weight` (n,) is each row's strength (see strength.py).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.random import Generator

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.strength import Flags, Floats, chosen, untouched

NEW_CATEGORY: Final = "new_category"
"""The value that was never there before; it gets underscores until that is so."""
_SHOWN: Final = 8


def move_share(
    values: pa.StringArray, weight: Floats, points: float, category: str | None, rng: Generator
) -> pa.StringArray:
    """Changes the share of a category by `points` (a share, 0.1 for ten points) at full strength.

    Other rows become it, or its rows become others as the others are distributed. `category` is by default
    the most frequent one. Raises InvalidSpecification for one that no row has, or a share that would leave
    0 to 1.
    """
    name = category if category is not None else _most_frequent(values)
    known = np.asarray(values.is_valid())
    has = np.asarray(pc.fill_null(pc.equal(values, pa.scalar(name)), False))
    if not has.any():
        raise InvalidSpecification(f"no row has the category {name!r}: choose {_names(values)}")
    share = float(has[untouched(weight, known)].mean())
    if not 0.0 <= share + points <= 1.0:
        raise InvalidSpecification(
            f"the share of {name!r} is {share:.3g}, which cannot change by {points:.3g}: choose a size "
            f"from {-share:.3g} to {1 - share:.3g}"
        )
    if points >= 0:
        moved = chosen(weight, points / (1 - share) if points else 0.0, rng) & known & ~has
        return _replaced(values, moved, [name] * int(moved.sum()))
    others = np.flatnonzero(known & ~has)
    moved = chosen(weight, -points / share, rng) & has
    if not len(others) or not moved.any():
        return values
    drawn = rng.choice(others, int(moved.sum()))
    return _replaced(values, moved, values.take(pa.array(drawn)).to_pylist())


def add_category(
    values: pa.StringArray, weight: Floats, share: float, rng: Generator
) -> pa.StringArray:
    """A share of the rows has a category that no row had before."""
    known = set(pc.unique(values).to_pylist())
    name = NEW_CATEGORY
    while name in known:
        name += "_"
    moved = chosen(weight, share, rng) & np.asarray(values.is_valid())
    return _replaced(values, moved, [name] * int(moved.sum()))


def _most_frequent(values: pa.StringArray) -> str:
    counted = pc.value_counts(values.drop_null())
    if not len(counted):
        raise InvalidSpecification("the feature has no values: choose another one")
    most = int(np.argmax(counted.field("counts").to_numpy()))
    return str(counted.field("values")[most].as_py())


def _names(values: pa.StringArray) -> str:
    names = sorted(pc.unique(values.drop_null()).to_pylist())
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _replaced(values: pa.StringArray, where: Flags, new: list[str]) -> pa.StringArray:
    return pc.replace_with_mask(values, pa.array(where), pa.array(new, values.type))
