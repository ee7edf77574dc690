"""Drifts of whole rows and of labels: n rows with their labels, null where there is none.

`weight` (n,) is each row's strength (see strength.py).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.random import Generator
from numpy.typing import NDArray

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.strength import Floats, chosen, untouched


def lose(values: pa.Array, weight: Floats, share: float, rng: Generator) -> pa.Array:
    """A share of the rows has no value: null."""
    return pc.if_else(pa.array(chosen(weight, share, rng)), pa.scalar(None, values.type), values)


def flip_labels(
    labels: pa.StringArray, weight: Floats, rate: float, rng: Generator
) -> pa.StringArray:
    """At a rate, a label is another one of the classes, each as likely; the features stay.

    Raises InvalidSpecification where there are fewer than two classes.
    """
    encoded = labels.dictionary_encode()
    classes = len(encoded.dictionary)
    if classes < 2:
        raise InvalidSpecification(
            "the labels have fewer than two classes: there is none to flip to"
        )
    codes = np.asarray(encoded.indices.fill_null(0)).astype(np.int64)
    flipped = (codes + rng.integers(1, classes, len(codes))) % classes
    moved = chosen(weight, rate, rng) & np.asarray(labels.is_valid())
    new = np.where(moved, flipped, codes)
    return encoded.dictionary.take(pa.array(new, mask=np.asarray(labels.is_null())))


def resampled_rows(
    labels: pa.StringArray, weight: Floats, points: float, positive: str,
    groups: NDArray[np.int64], rng: Generator,
) -> NDArray[np.int64]:  # fmt: skip
    """For each row the row to take its place, such that a class has `points` more of the labels.

    Only the balance of classes changes: given its class, a row is one of the same group as before. Rows
    without a label stay. With negative `points` the class gets fewer. Groups that lack donors stay.
    Raises InvalidSpecification for a class that no row has, or a share that would leave 0 to 1.
    """
    known = np.asarray(labels.is_valid())
    has = np.asarray(pc.fill_null(pc.equal(labels, pa.scalar(positive)), False))
    if not has.any():
        raise InvalidSpecification(f"no label is {positive!r}: choose a class that the labels have")
    share = float(has[untouched(weight, known)].mean())
    if not 0.0 <= share + points <= 1.0:
        raise InvalidSpecification(
            f"{share:.3g} of the labels are {positive!r}, which cannot change by {points:.3g}: choose a "
            f"size from {-share:.3g} to {1 - share:.3g}"
        )
    giving, taking = (has, known & ~has) if points >= 0 else (known & ~has, has)
    left = max(1 - share if points >= 0 else share, 1e-12)
    moved = chosen(weight, abs(points) / left, rng) & taking
    source = np.arange(len(labels))
    for group in np.unique(groups[moved]):
        own = groups == group
        donors, places = np.flatnonzero(own & giving), np.flatnonzero(own & moved)
        if len(donors):
            source[places] = rng.choice(donors, len(places))
    return source
