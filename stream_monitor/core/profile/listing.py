"""Parts that list things beside their counts: what they are with its figures, a bounded number per slot."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from stream_monitor.core.profile.part import Array, Part

Listed = dict[Any, Any]


class ListingPart(Part):
    """Subclasses give `most`, `joined` and `bounded`; none may depend on the order of what it is given.

    `bounded`, called for more than `most`, keeps the first so many by an order of the things themselves: what
    stays in a union stayed in both of its sides, so its figures are exact whatever was merged first.
    """

    most: ClassVar[int]

    def __init__(
        self, params: Any, arrays: dict[str, Array], listed: dict[int, Listed] | None = None
    ) -> None:
        super().__init__(params, arrays)
        self.listed: dict[int, Listed] = {} if listed is None else listed

    @staticmethod
    def joined(one: Any, other: Any) -> Any:
        """The figures of one thing that both sides list."""
        raise NotImplementedError

    @staticmethod
    def bounded(listed: Listed) -> Listed:
        """What is kept."""
        raise NotImplementedError

    def note(self, slot: int, found: Listed) -> None:
        """Lists more in one slot."""
        held = self.listed.get(slot)
        both = dict(found) if held is None else _union(self.joined, held, found)
        self.listed[slot] = self.bounded(both) if len(both) > self.most else both

    def grown(self, slots: int) -> Self:
        """As in Part; what is listed goes with it."""
        more = super().grown(slots)
        more.listed = {slot: dict(kept) for slot, kept in self.listed.items()}
        return more

    def slot(self, index: int) -> Self:
        """As in Part, with what the slot lists."""
        one = super().slot(index)
        one.listed = {0: dict(self.listed[index])} if index in self.listed else {}
        return one

    def merge(self, other: Self) -> Self:
        """As in Part, and what both list."""
        merged = super().merge(other)
        merged.listed = {slot: dict(kept) for slot, kept in self.listed.items()}
        for slot, kept in other.listed.items():
            merged.note(slot, kept)
        return merged

    def __eq__(self, other: object) -> bool:
        same = super().__eq__(other)
        if same is not True or not isinstance(other, ListingPart):
            return same
        return self.listed == other.listed

    __hash__ = None


def _union(joined: Any, one: Listed, other: Listed) -> Listed:
    both = dict(one)
    for what, figures in other.items():
        both[what] = joined(both[what], figures) if what in both else figures
    return both
