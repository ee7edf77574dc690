"""One value of one metric, and blocks of them: what is shown or left out together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

LONGEST_LABEL: Final = 200


class Series(NamedTuple):
    """A metric's short name, label values in the table's order, the value, and a summary's suffix."""

    metric: str
    labels: tuple[str, ...]
    value: float
    suffix: str = ""


Block = list[Series]
"""Series that belong together: all are shown, or none."""


def known(labels: tuple[str, ...], values: dict[str, float | None]) -> Iterator[Series]:
    """A series for every value that is not None, all with the same labels."""
    for metric, value in values.items():
        if value is not None:
            yield Series(metric, labels, float(value))


def one_of(metric: str, labels: tuple[str, ...], states: tuple[str, ...], now: str) -> list[Series]:
    """A state set: 1 for the state that holds, 0 for the others."""
    return [Series(metric, (*labels, state), float(state == now)) for state in states]


def label_text(value: object) -> str:
    """A label value: at most 200 characters, and always valid UTF-8."""
    text = str(value)
    if len(text) > LONGEST_LABEL:
        text = text[: LONGEST_LABEL - 1] + "…"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
