"""Which references moved and which are quiet: structural, sudden or seasonal change."""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum
from typing import Final

from stream_monitor.core.hints.hint import Hint, HintKind

_FIXED: Final = frozenset({"validation", "training"})
_RECENT: Final = frozenset({"sliding", "previous"})
_SEASONAL: Final = frozenset({"seasonal", "year_ago"})


class Pattern(StrEnum):
    """How a change lies in time."""

    STRUCTURAL = "structural"
    SUDDEN = "sudden"
    BOTH = "both"
    SEASONAL = "seasonal"
    UNCLEAR = "unclear"


def pattern_of(moved: Set[str], quiet: Set[str]) -> str:
    """The pattern behind the kinds of references that moved and those that judged and stayed quiet.

    A quiet seasonal or year-ago reference decides, unless another of the two moved.

    >>> str(pattern_of({"validation"}, {"sliding"})), str(pattern_of({"sliding"}, {"validation"}))
    ('structural', 'sudden')
    >>> str(pattern_of({"validation", "sliding"}, set())), str(pattern_of({"sliding"}, {"year_ago"}))
    ('both', 'seasonal')
    """
    is_fixed, is_recent = bool(moved & _FIXED), bool(moved & _RECENT)
    if not is_fixed and not is_recent:
        return Pattern.UNCLEAR
    if quiet & _SEASONAL and not moved & _SEASONAL:
        return Pattern.SEASONAL
    if is_fixed and is_recent:
        return Pattern.BOTH
    return Pattern.STRUCTURAL if is_fixed else Pattern.SUDDEN


def season_hint(moved: Set[str], quiet: Set[str]) -> Hint | None:
    """The season, where the pattern is seasonal."""
    if pattern_of(moved, quiet) != Pattern.SEASONAL:
        return None
    same = " and ".join(
        word
        for kind, word in (("seasonal", "hour and weekday"), ("year_ago", "time of the year"))
        if kind in quiet
    )
    text = f"usual for the {same}: the reference of the same season is quiet"
    return Hint(HintKind.SEASON, text, 0.8, {"quiet": ", ".join(sorted(quiet & _SEASONAL))})
