"""How a model is judged: floors, importance, budget. The specification of one model as the core sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from stream_monitor.core.calendar import Calendar
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.privacy import Mask
from stream_monitor.core.schema import PREDICTION, Outcome, Schema
from stream_monitor.core.windows import DAY_S, WindowSize

HOUR_S: Final = 3_600
PARTITION_KEY: Final = "kafka.partition"
"""The segment key that needs no tag: the partition of the source topic."""

TREND_WINDOWS: Final = 12
"""How many windows a trend is taken over, the newest included."""
YEAR_S: Final = 365 * DAY_S
AROUND_YEAR_AGO_S: Final = 15 * DAY_S
"""`year_ago` are the windows this much before and after the same time a year before."""


class Severity(StrEnum):
    """How loud a drift is."""

    WARNING = "warning"
    CRITICAL = "critical"


class Aspect(StrEnum):
    """What a test looks at; each aspect has one deciding test.

    Those from `volume` on are not of a feature: of the traffic, of pairs of features, of an outcome.
    """

    DISTRIBUTION = "distribution"
    MISSING = "missing"
    NON_FINITE = "non_finite"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    ZERO = "zero"
    NEW_CATEGORY = "new_category"
    VOLUME = "volume"
    CORRELATION = "correlation"
    ASSOCIATION = "association"
    ACCURACY = "accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    MAE = "mae"
    BIAS = "bias"


class SubjectKind(StrEnum):
    """What is judged beside features: the traffic, features together, an outcome's performance."""

    TRAFFIC = "traffic"
    JOINT = "joint"
    OUTCOME = "outcome"


VOLUME: Final = "traffic.volume"
"""The name under which volume is judged, as features are under theirs."""
JOINT: Final = "features.joint"
"""The same of features together."""
PERFORMANCE: Final = "performance."
"""Before an outcome's name: the same of its performance."""


class Family(StrEnum):
    """The pillar of monitoring that an incident belongs to."""

    DATA = "data"
    MODEL = "model"
    SYSTEM = "system"


def family_of(subject: str) -> Family:
    """Performance and predictions are of the model, volume of the system, all else of the data."""
    if subject.startswith((PERFORMANCE, PREDICTION)):
        return Family.MODEL
    return Family.SYSTEM if subject == VOLUME else Family.DATA


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
    """Expected false alarms of a model per week, and the largest α any test may use.

    `segments_share` of them may be of segments, all together, where there are any.
    """

    alarms_per_week: float = 1.0
    max_alpha: float = 1e-3
    segments_share: float = 0.5


class ReferenceKind(StrEnum):
    """What a window is compared with.

    `validation` and `training` are frozen when they are built. The others are the model's own final
    windows: the recent ones, the last one, those of the same hours of the week, those of a year before.
    """

    VALIDATION = "validation"
    TRAINING = "training"
    SLIDING = "sliding"
    PREVIOUS = "previous"
    SEASONAL = "seasonal"
    YEAR_AGO = "year_ago"

    @property
    def is_frozen(self) -> bool:
        """Whether it is built once, and does not move with time."""
        return self in (ReferenceKind.VALIDATION, ReferenceKind.TRAINING)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One monitored model, all its versions. Times are in seconds.

    `sliding_s` and `seasonal_s` are the lengths of those references (see reach_s); with `skips_alarms`
    windows in which a feature drifted do not become part of its moving references. A frozen reference that
    ends `max_age_s` ago is obsolete (None: never). An outcome is judged from `min_maturity` on. `calendar`
    names days and deployments. Pairs are counted of the `joint_features` most important numeric features
    and of the categorical `joint_pairs`. A late event is counted into closed windows for
    `correction_horizon_s` after they close, then dropped and counted.
    `masks` names the features whose values are hashed or dropped. A source partition holds windows open
    for at most `max_hold_s` behind the furthest one (None: until it comes). A reference fixes up to
    `max_segments` values of a segment key, the most frequent; the others are one segment. Raises
    InvalidSpecification for a segment key that is empty or given twice (upper and lower case are one key).
    """

    name: str
    schema: Schema
    outcomes: tuple[Outcome, ...] = ()
    segment_keys: tuple[str, ...] = ()
    pane_s: int = 300
    windows: tuple[WindowSize, ...] = ()
    references: tuple[ReferenceKind, ...] = (ReferenceKind.VALIDATION, ReferenceKind.SLIDING)
    sliding_s: int = 30 * DAY_S
    seasonal_s: int = 35 * DAY_S
    skips_alarms: bool = False
    max_age_s: int | None = None
    policies: Mapping[str, FeaturePolicy] = field(default_factory=dict)
    masks: Mapping[str, Mask] = field(default_factory=dict)
    budget: AlarmBudget = AlarmBudget()
    allowed_lateness_s: int = 300
    correction_horizon_s: int = 3_600
    max_hold_s: int | None = None
    max_segments: int = 200
    judges_volume: bool = True
    judges_joint: bool = True
    joint_features: int = 50
    joint_pairs: tuple[tuple[str, str], ...] = ()
    min_maturity: Mapping[str, float] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    owner: str = ""
    tier: str = ""

    def __post_init__(self) -> None:
        folded = {key.lower() for key in self.segment_keys}
        if "" in folded or len(folded) < len(self.segment_keys):
            raise InvalidSpecification(
                f"model {self.name}: segment keys must be names that differ by more than case"
            )

    def kinds_for(self, size: WindowSize) -> tuple[ReferenceKind, ...]:
        """The references that windows of a size are compared with: `year_ago` from a day on."""
        is_short = size.size_s < DAY_S
        left_out = {ReferenceKind.YEAR_AGO} if is_short else set()
        return tuple(kind for kind in self.references if kind not in left_out)

    def reach_s(self, kind: ReferenceKind, size: WindowSize) -> int:
        """How far before a window of a size its sliding, previous or seasonal reference begins.

        That is the reference's length, but 12 windows where it does not hold one. Months are at least 12,
        but for `seasonal`, which compares hours.
        """
        is_seasonal = kind is ReferenceKind.SEASONAL
        length = self.seasonal_s if is_seasonal else self.sliding_s
        if size.longest_s > length or (size.months and not is_seasonal):
            return max(length, TREND_WINDOWS * size.longest_s)
        return length

    def history_s(self, size: WindowSize) -> int:
        """How far back windows of a size are kept, for the references that move and for trends."""
        longest = max(self.sliding_s, TREND_WINDOWS * size.longest_s)
        if ReferenceKind.SEASONAL in self.references:
            longest = max(longest, self.seasonal_s)
        if ReferenceKind.YEAR_AGO in self.references and size.size_s >= DAY_S:
            longest = max(longest, YEAR_S + AROUND_YEAR_AGO_S)
        return longest

    @property
    def cell_sizes(self) -> tuple[WindowSize, ...]:
        """Sizes whose borders old panes are kept apart by: of the windows, and hours for `seasonal`.

        Days too below longer windows, which would else hold their panes till they end.
        """
        found = self.windows
        is_long = (
            max((size.size_s for size in found), default=0) > DAY_S and DAY_S % self.pane_s == 0
        )
        if is_long and all(size.size_s != DAY_S for size in found):
            found = (*found, WindowSize(DAY_S))
        if ReferenceKind.SEASONAL not in self.references or HOUR_S % self.pane_s:
            return found
        return (*found, WindowSize(HOUR_S))

    @property
    def settling_s(self) -> int:
        """How long after its end a window can still change through late events."""
        return self.allowed_lateness_s + self.correction_horizon_s

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of everything that is judged: features, traffic, features together, outcomes."""
        features = tuple(feature.name for feature in self.schema.features)
        outcomes = tuple(PERFORMANCE + outcome.name for outcome in self.outcomes)
        return (*features, VOLUME, JOINT, *outcomes)

    def policy(self, feature: str) -> FeaturePolicy:
        """The policy of a feature or subject, default if none is declared."""
        return self.policies.get(feature, FeaturePolicy())
