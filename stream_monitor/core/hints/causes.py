"""All hints together: of one feature, and of all features of a window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from stream_monitor.core.hints.absence import missing_hint, non_finite_hint, type_hint
from stream_monitor.core.hints.clipping import clipping_hint
from stream_monitor.core.hints.encoding import damaged, encoding_hint
from stream_monitor.core.hints.feature_evidence import (
    CategoricalEvidence,
    FeatureEvidence,
    NumericEvidence,
)
from stream_monitor.core.hints.hint import Hint
from stream_monitor.core.hints.renamed_field import renamed_field_hint
from stream_monitor.core.hints.resolution import resolution_hint
from stream_monitor.core.hints.scale import scale_hint, sign_hint
from stream_monitor.core.hints.single_value import (
    constant_hint,
    default_hint,
    likely_default_hint,
    near_constant_hint,
    stuck_category_hint,
)
from stream_monitor.core.hints.spelling import respelled, spelling_hint
from stream_monitor.core.hints.swap import swap_hints
from stream_monitor.core.hints.vocabulary import new_hint, renamed, renamed_hint, vanished_hint

MOST_HINTS: Final = 3

_OF_VALUES: Final = frozenset({"distribution", "out_of_range", "zero", "new_category"})
"""Aspects that only a change of the values themselves can move."""

_VALUE_CAUSES: Final = (
    constant_hint,
    default_hint,
    scale_hint,
    sign_hint,
    likely_default_hint,
    near_constant_hint,
    clipping_hint,
    resolution_hint,
)


def hints_of(feature: FeatureEvidence, more: Iterable[Hint] = ()) -> tuple[Hint, ...]:
    """At most three probable causes, the most certain first; none where nothing drifted.

    `more` are hints about the feature from elsewhere: window_hints, season_hint, calendar_hint.
    """
    if not feature.aspects:
        return ()
    absent = (*_absence(feature), non_finite_hint(feature), type_hint(feature))
    found = [*more, *filter(None, absent)]
    if feature.aspects & _OF_VALUES:
        if isinstance(feature, NumericEvidence):
            found += _numeric(feature)
        else:
            found += _categorical(feature)
    return tuple(sorted(found, key=lambda hint: -hint.confidence)[:MOST_HINTS])


def _absence(feature: FeatureEvidence) -> list[Hint | None]:
    """What is missing, or under which name it goes on: both where that is less than sure."""
    missing, renamed = missing_hint(feature), renamed_field_hint(feature)
    if missing and renamed and renamed.confidence > missing.confidence:
        return [renamed]
    return [missing, renamed]


def window_hints(features: Sequence[FeatureEvidence]) -> tuple[Hint, ...]:
    """Hints that need several features of one window beside each other: columns that were swapped.

    The two names are in `detail` as `first` and `second`.
    """
    drifted = [feature for feature in features if feature.aspects]
    return swap_hints(drifted)


def _numeric(feature: NumericEvidence) -> list[Hint]:
    """The first cause of the values themselves: one explains what the later ones would see."""
    for cause in _VALUE_CAUSES:
        hint = cause(feature)
        if hint:
            return [hint]
    return []


def _categorical(feature: CategoricalEvidence) -> list[Hint]:
    """Damage and spelling first; new and vanished categories only as far as they are left over."""
    stuck = stuck_category_hint(feature)
    if stuck:
        return [stuck]
    wrong, spelt = damaged(feature), respelled(feature)
    explained = {*wrong, *spelt}
    match = renamed(feature, explained)
    explained |= {*spelt.values(), *(name for name in wrong.values() if name)}
    explained |= {category.name for category in match}
    hints = (
        encoding_hint(feature),
        spelling_hint(feature),
        renamed_hint(feature, match),
        new_hint(feature, explained),
        None if explained and feature.at_least else vanished_hint(feature, explained),
    )
    return [hint for hint in hints if hint]
