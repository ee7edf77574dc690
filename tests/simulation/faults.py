"""Places where a process can be struck, and what strikes it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.simulation.connectors import SimulatedProducer

ANY: Final = "any"
CONSUMING: Final = ("poll", "committed", "beginning", "seek")
PRODUCING: Final = ("begin", "produce.delta", "produce.marker", "produce.other", "send_offsets")
STORING: Final = (
    "store.open", "store.join", "store.erase", "store.expire", "store.reset", "commit.store", "stored",
)  # fmt: skip
PLACES: Final = (
    *CONSUMING, *PRODUCING, "commit", "committed.kafka", "abort", "init_transactions",
    *STORING, "read",
)  # fmt: skip
"""A place lies before the call that it is named after; `committed.kafka` and `stored` lie behind the
commit of the transaction and of the store (`commit.store`). `read` is each batch of a topic that is read
whole, as a detector's state is."""
ABORTING: Final = ("produce.delta", "produce.marker", "produce.other", "send_offsets", "commit")
"""Where a transaction can turn out to be lost."""
FENCING: Final = ("begin", *ABORTING, "committed.kafka", "abort")
"""Where a producer can. Behind a commit, the broker has done it and the answer is lost."""


@dataclass
class Points:
    """A process's way through its places: what is planned happens there, once.

    `note` takes the trace; `seen` counts the visits; `producer` is the one that is about to commit.
    """

    name: str
    note: Callable[[str], None]
    planned: dict[str, tuple[int, Callable[[], None]]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    producer: SimulatedProducer | None = None

    def plan(self, place: str, what: Callable[[], None], pass_by: int = 0) -> None:
        """Plans something for a place, or ANY, after `pass_by` visits."""
        self.planned[place] = (pass_by, what)

    def visit(self, place: str) -> None:
        """Lets it happen."""
        self.seen[place] += 1
        self.note(f"{self.name} {place}")
        for name in (place, ANY):
            if name in self.planned:
                left, what = self.planned.pop(name)
                if not left:
                    what()
                    return
                self.planned[name] = (left - 1, what)
