"""The alarm budget: an expected number of false alarms per week, shared by all tests of that week."""

from __future__ import annotations

from typing import Final

from stream_monitor.core.policy import Aspect, ModelSpec, ReferenceKind
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.schema import Outcome, OutcomeKind
from stream_monitor.core.windows import WEEK_S, WindowSize

NUMERIC_ASPECTS: Final = (
    Aspect.DISTRIBUTION, Aspect.MISSING, Aspect.NON_FINITE, Aspect.WRONG_TYPE,
    Aspect.OUT_OF_RANGE, Aspect.ZERO,
)  # fmt: skip
CATEGORICAL_ASPECTS: Final = (
    Aspect.DISTRIBUTION, Aspect.MISSING, Aspect.WRONG_TYPE, Aspect.NEW_CATEGORY,
)  # fmt: skip
CLASS_ASPECTS: Final = (Aspect.ACCURACY, Aspect.PRECISION, Aspect.RECALL)
NUMBER_ASPECTS: Final = (Aspect.MAE, Aspect.BIAS)
JOINT_ASPECTS: Final = (Aspect.CORRELATION, Aspect.ASSOCIATION)
JOINT_REFERENCES: Final = (
    ReferenceKind.VALIDATION, ReferenceKind.TRAINING, ReferenceKind.SLIDING, ReferenceKind.YEAR_AGO,
)  # fmt: skip
"""What pairs of features are judged against, where the model uses it."""
PERFORMANCE_REFERENCES: Final = (ReferenceKind.VALIDATION, ReferenceKind.SLIDING)
"""What performance is judged against, where the model uses it."""


def alpha_of(spec: ModelSpec, size: WindowSize, segment: str, segments: int) -> float:
    """α of one test in a window of a segment; `segments` counts those that are judged beside `all`.

    budget ÷ window sizes ÷ windows of this size per week ÷ tests of one window: a Bonferroni share, which
    holds under any dependence and while other features truly drift. Segments together have their own share
    of the budget, so that their number does not blunt `all`. Never above the budget's max_alpha.
    """
    budget = spec.budget
    share = budget.alarms_per_week / len(spec.windows) / (WEEK_S / size.size_s)
    if segments:
        share *= budget.segments_share if segment != ALL else 1 - budget.segments_share
    if segment != ALL:
        share /= max(1, segments)
    return min(share / count_tests(spec, size, segment), budget.max_alpha)


def count_tests(spec: ModelSpec, size: WindowSize, segment: str) -> int:
    """The tests of one window of a segment, at least 1; all early looks at an aspect are one test."""
    kinds = len(spec.kinds_for(size))
    features = len(spec.schema.numeric) * len(NUMERIC_ASPECTS)
    features += len(spec.schema.categorical) * len(CATEGORICAL_ASPECTS)
    looks = sum(kind.is_frozen for kind in spec.kinds_for(size)) if size.early else 0
    together = sum(kind in JOINT_REFERENCES for kind in spec.kinds_for(size))
    joint = len(JOINT_ASPECTS) * together if segment == ALL and spec.judges_joint else 0
    outcomes = sum(map(len, map(aspects_of, spec.outcomes))) * len(performance_kinds(spec))
    return max(1, features * (kinds + looks) + joint + outcomes + spec.judges_volume)


def aspects_of(outcome: Outcome) -> tuple[Aspect, ...]:
    """What of an outcome is judged."""
    return CLASS_ASPECTS if outcome.kind is OutcomeKind.CLASS else NUMBER_ASPECTS


def performance_kinds(spec: ModelSpec) -> tuple[ReferenceKind, ...]:
    """What performance is judged against."""
    return tuple(kind for kind in PERFORMANCE_REFERENCES if kind in spec.references)
