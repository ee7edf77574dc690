"""A hint: one probable cause, in a sentence for the person on call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Detail = Mapping[str, str | float]


class HintKind(StrEnum):
    """The closed list of causes; `movement` only says what moved."""

    SCALE = "scale"
    SIGN_FLIP = "sign_flip"
    RESOLUTION = "resolution"
    CLIPPING = "clipping"
    STUCK_VALUE = "stuck_value"
    MISSING_BURST = "missing_burst"
    VANISHED_FIELD = "vanished_field"
    RENAMED_FIELD = "renamed_field"
    NON_FINITE = "non_finite"
    TYPE_CHANGE = "type_change"
    NEW_CATEGORY = "new_category"
    VANISHED_CATEGORY = "vanished_category"
    RENAMED_CATEGORY = "renamed_category"
    SPELLING = "spelling"
    ENCODING = "encoding"
    COLUMN_SWAP = "column_swap"
    CONCENTRATED = "concentrated"
    SEASON = "season"
    CALENDAR = "calendar"
    DEPENDENCE = "dependence"
    MOVEMENT = "movement"


@dataclass(frozen=True, slots=True)
class Hint:
    """A probable cause. `confidence` runs from 0 to 1 and ranks hints; it is no probability.

    `detail` holds the figures of the sentence: shares from 0 to 1, names only where they may be shown.
    """

    kind: HintKind
    text: str
    confidence: float
    detail: Detail = field(default_factory=dict)


def percent(share: float) -> str:
    """A share as people read it.

    >>> percent(0.0123), percent(0.5), percent(1.0), percent(0.9999), percent(0.00004)
    ('1.2 %', '50 %', '100 %', '99.9 %', '0.1 %')
    """
    shown = min(max(100 * share, 0.1), 100.0 if share >= 1 else 99.9)
    return f"{shown:.0f} %" if (shown >= 10 and shown < 99) or shown == 100 else f"{shown:.1f} %"
