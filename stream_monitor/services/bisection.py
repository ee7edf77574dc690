"""Finding the records of a batch that make its processing fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def failing(items: Sequence[Item], works: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """The items that fail by themselves, by halving what fails; `works` is asked of parts in order.

    Empty where only a combination fails. k failing of n items take about 2·k·log2(n) questions.
    """
    if not items or works(items):
        return []
    if len(items) == 1:
        return [items[0]]
    half = len(items) // 2
    return failing(items[:half], works) + failing(items[half:], works)
