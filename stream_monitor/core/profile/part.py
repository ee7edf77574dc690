"""The mergeable contract: a part is a set of named integer arrays over slots, and merging is adding.

A slot is one (version, segment, pane) while a batch is counted; a stored profile has one slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.errors import IncompatibleProfiles

Array = NDArray[Any]


_EXTREMES = {"minimum": np.minimum, "maximum": np.maximum}
"""Arrays of these names merge as extremes; all others are counts and add."""


@dataclass(frozen=True, slots=True)
class Field:
    """One array of a part and its shape per slot.

    Counts are int64 and add; `minimum` and `maximum` are float64 and merge as such.
    """

    name: str
    shape: tuple[int, ...]

    def empty(self, slots: int) -> Array:
        """The identity of the merge: zeros, or infinities for extremes."""
        if self.name not in _EXTREMES:
            return np.zeros((slots, *self.shape), dtype=np.int64)
        start = np.inf if self.name == "minimum" else -np.inf
        return np.full((slots, *self.shape), start, dtype=np.float64)


class Part:
    """Counts of one kind. Subclasses give `name`, `fields(params)`, `update` and `summarise`.

    Merging never changes its operands; parts with different parameters raise IncompatibleProfiles.
    """

    name: ClassVar[str]
    params: Any
    arrays: dict[str, Array]

    def __init__(self, params: Any, arrays: dict[str, Array]) -> None:
        self.params = params
        self.arrays = arrays

    @classmethod
    def fields(cls, params: Any) -> tuple[Field, ...]:
        """The arrays that parameters call for."""
        raise NotImplementedError

    @classmethod
    def empty(cls, params: Any, slots: int = 1) -> Self:
        """The part that has seen nothing."""
        return cls(params, {f.name: f.empty(slots) for f in cls.fields(params)})

    @property
    def slots(self) -> int:
        """Number of slots."""
        return len(next(iter(self.arrays.values())))

    def grown(self, slots: int) -> Self:
        """A copy with more slots, the new ones empty."""
        more = type(self).empty(self.params, slots - self.slots)
        return type(self)(
            self.params,
            {
                name: np.concatenate([array, more.arrays[name]])
                for name, array in self.arrays.items()
            },
        )

    def slot(self, index: int) -> Self:
        """A copy of one slot."""
        return type(self)(
            self.params,
            {name: array[index : index + 1].copy() for name, array in self.arrays.items()},
        )

    def merge(self, other: Self) -> Self:
        """The part that one process would have counted from both inputs."""
        same = self.params is other.params or self.params == other.params
        if type(self) is not type(other) or not same:
            raise IncompatibleProfiles(
                f"{self.name} counts with different parameters cannot be merged: "
                "profiles merge only under one profile id"
            )
        merged = {
            name: _EXTREMES.get(name, np.add)(array, other.arrays[name])
            for name, array in self.arrays.items()
        }
        return type(self)(self.params, merged)

    def is_empty(self) -> bool:
        """Whether nothing was counted."""
        return not any(a.any() for name, a in self.arrays.items() if name not in _EXTREMES)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Part):
            return NotImplemented
        return self.params == other.params and all(
            np.array_equal(array, other.arrays[name]) for name, array in self.arrays.items()
        )

    __hash__ = None  # type: ignore[assignment]  # arrays are mutable while a batch is counted
