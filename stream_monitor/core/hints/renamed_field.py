"""A feature that rows lack while they carry a field that the schema does not know: probably renamed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from stream_monitor.core.evidence import NAMED_FIELD_FROM
from stream_monitor.core.hints.feature_evidence import FeatureEvidence, share
from stream_monitor.core.hints.hint import Hint, HintKind, percent
from stream_monitor.core.profile.categorical import CategoricalSummary
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.profile.unknown_fields import FieldsSummary

_LEAST_RISE: Final = 0.05
_LEAST_LOOKED_AT: Final = 30
_ALL: Final = 0.995
_SURE: Final = 0.995
_UNSURE: Final = 0.6


@dataclass(frozen=True, slots=True)
class NewField:
    """An unknown field: its share of the looked-at rows, before (None: not known) and now."""

    name: str
    share: float
    before: float | None


def renamed_field_hint(evidence: FeatureEvidence) -> Hint | None:
    """The new field whose share of the rows is that of the rows which no longer have the feature.

    Less sure where several new ones would do (then the one whose name is most like the feature's) or where
    the reference does not tell whether it is new. None where none fits, or several that may be old.
    """
    rise = _lacking(evidence.window) - _lacking(evidence.reference)
    if "missing" not in evidence.aspects or rise < _LEAST_RISE or evidence.fields is None:
        return None
    before, after = evidence.fields
    fitting = [] if after is None else _fitting(before, after, rise)
    is_vague = len(fitting) > 1 and any(field.before is None for field in fitting)
    if not fitting or is_vague:
        return None
    best = max(fitting, key=lambda field: (_likeness(evidence.name, field.name), field.name))
    is_sure = len(fitting) == 1 and best.before is not None
    return _hint(_lacking(evidence.window), best, _SURE if is_sure else _UNSURE, len(fitting) - 1)


def _fitting(before: FieldsSummary | None, after: FieldsSummary, rise: float) -> list[NewField]:
    """Unknown fields whose share rose by so much, as far as a sample can tell: within four deviations."""
    found = []
    chance = 4 * math.sqrt(rise * (1 - min(rise, 1.0)) / after.looked) if after.looked else 0.0
    for name, rows in after.names.items():
        if rows >= NAMED_FIELD_FROM:
            was = before.share(name) if before and before.looked >= _LEAST_LOOKED_AT else None
            field = NewField(name, rows / after.looked, was)
            if abs(field.share - (was or 0.0) - rise) <= chance + 0.02:
                found.append(field)
    return found


def _hint(lacking: float, field: NewField, confidence: float, others: int) -> Hint:
    is_all = lacking >= _ALL
    whose = "they carry" if is_all else f"{percent(field.share)} carry"
    new = "an unknown field" if field.before is None else "a new field"
    more = f" (or {others} more that would do)" if others else ""
    by = "" if is_all else " by some of those who send it"
    text = (
        f"the field is absent from {percent(lacking)} of the rows and {whose} {new} "
        f"{field.name!r}{more}; probably renamed{by}"
    )
    detail: dict[str, str | float] = {
        "share": lacking, "field": field.name, "field_share": field.share, "others": float(others),
    }  # fmt: skip
    if field.before is not None:
        detail["field_share_before"] = field.before
    return Hint(HintKind.RENAMED_FIELD, text, confidence, detail)


def _lacking(side: NumericSummary | CategoricalSummary) -> float:
    return share(side.missing, side.rows)


def _likeness(feature: str, field: str) -> float:
    return SequenceMatcher(None, feature.lower(), field.lower()).ratio()
