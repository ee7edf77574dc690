"""How a model is judged: floors, importance, budget. The specification of one model as the core sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.privacy import Mask
from stream_monitor.core.schema import Outcome, Schema
from stream_monitor.core.windows import WindowSize


class Severity(StrEnum):
    """How loud a drift is."""

    WARNING = "warning"
    CRITICAL = "critical"


class Aspect(StrEnum):
    """What a test looks at; each aspect of a feature has one deciding test."""

    DISTRIBUTION = "distribution"
    MISSING = "missing"
    NON_FINITE = "non_finite"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    ZERO = "zero"
    NEW_CATEGORY = "new_category"


class Test(StrEnum):
    """The deciding tests; `none` measures the distribution without judging it."""

    __test__ = False  # not for pytest

    KS = "ks"
    CHI_SQUARE = "chi_square"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FeaturePolicy:
    """How one feature is judged; None means the default of its test.

    `floor` and `critical_floor` bound the effect of the distribution (KS D, or the largest change of a
    share); `rate_floor` and `critical_rate_floor` those of the rates. `severity` forces one; `mute`
    judges and reports but opens no incident.
    """

    test: Test | None = None
    floor: float | None = None
    critical_floor: float | None = None
    rate_floor: float | None = None
    critical_rate_floor: float | None = None
    importance: float = 1.0
    severity: Severity | None = None
    mute: bool = False


@dataclass(frozen=True, slots=True)
class AlarmBudget:
    """Expected false alarms of a model per week, and the largest α any test may use."""

    alarms_per_week: float = 1.0
    max_alpha: float = 1e-3


class ReferenceKind(StrEnum):
    """What a window is compared with."""

    VALIDATION = "validation"
    SLIDING = "sliding"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One monitored model, all its versions. Times are in seconds.

    `sliding_s` is the length of the sliding reference; a late event is counted into closed windows
    for `correction_horizon_s` after they close, then dropped and counted. `masks` names the features
    whose values are hashed or dropped. A source partition holds windows open for at most `max_hold_s`
    behind the furthest one (None: until it comes). A reference fixes up to `max_segments` values of a
    segment key, the most frequent; the others are one segment. Raises InvalidSpecification for a segment
    key that is empty or given twice (upper and lower case are one key).
    """

    name: str
    schema: Schema
    outcomes: tuple[Outcome, ...] = ()
    segment_keys: tuple[str, ...] = ()
    pane_s: int = 300
    windows: tuple[WindowSize, ...] = ()
    references: tuple[ReferenceKind, ...] = (ReferenceKind.VALIDATION, ReferenceKind.SLIDING)
    sliding_s: int = 30 * 86_400
    policies: Mapping[str, FeaturePolicy] = field(default_factory=dict)
    masks: Mapping[str, Mask] = field(default_factory=dict)
    budget: AlarmBudget = AlarmBudget()
    allowed_lateness_s: int = 300
    correction_horizon_s: int = 3_600
    max_hold_s: int | None = None
    max_segments: int = 200
    owner: str = ""
    tier: str = ""

    def __post_init__(self) -> None:
        folded = {key.lower() for key in self.segment_keys}
        if "" in folded or len(folded) < len(self.segment_keys):
            raise InvalidSpecification(
                f"model {self.name}: segment keys must be names that differ by more than case"
            )

    @property
    def settling_s(self) -> int:
        """How long after its end a window can still change through late events."""
        return self.allowed_lateness_s + self.correction_horizon_s

    def policy(self, feature: str) -> FeaturePolicy:
        """The policy of a feature, default if none is declared."""
        return self.policies.get(feature, FeaturePolicy())
