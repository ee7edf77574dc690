"""What a closed window says: feature results, performance results and drift events, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stream_monitor.core.comparison import Comparison
from stream_monitor.core.drill_down import Carrier
from stream_monitor.core.hints.hint import Hint, HintKind
from stream_monitor.core.incidents import Status
from stream_monitor.core.performance.rolling import Performance
from stream_monitor.core.policy import ModelSpec, ReferenceKind, Severity, SubjectKind
from stream_monitor.core.profile.source import SourceRange
from stream_monitor.core.profile.traffic import TrafficSummary
from stream_monitor.core.profile.unknown_fields import FieldsSummary
from stream_monitor.core.schema import FeatureKind
from stream_monitor.core.trends import Trend
from stream_monitor.core.verdicts import Verdict, VerdictState
from stream_monitor.core.windows import Window, WindowSize


@dataclass(frozen=True, slots=True, order=True)
class WindowKey:
    """One judged window: of a version, a segment, a size (by name) and a profile id."""

    version: str
    segment: str
    size: str
    start_s: int
    profile_id: str


@dataclass(frozen=True, slots=True)
class FeatureResult:
    """One feature, or another subject, against one reference: the worst of its aspects' verdicts.

    `comparison` is None without a reference. A drift has `carriers`, the segments that carry it where it is
    one of `all`, and `hints` at its cause.
    """

    feature: str
    kind: FeatureKind | SubjectKind
    reference: ReferenceKind
    state: VerdictState
    severity: Severity | None
    verdicts: tuple[Verdict, ...]
    comparison: Comparison | None
    carriers: tuple[Carrier, ...] = ()
    hints: tuple[Hint, ...] = ()

    @property
    def deciding(self) -> Verdict | None:
        """The verdict with the largest ratio, drifting ones first; None without any."""
        return max(self.verdicts, key=_weight, default=None)

    @property
    def ratio(self) -> float:
        """How far the feature is on its way to drift: ≥ 1 is drift."""
        return self.deciding.ratio if self.deciding else 0.0

    @property
    def cause(self) -> str | None:
        """The kind of the first hint, or the deciding aspect where no cause is known; None without drift."""
        if self.state is not VerdictState.DRIFT or self.deciding is None:
            return None
        known = [h.kind.value for h in self.hints[:1] if h.kind is not HintKind.MOVEMENT]
        return known[0] if known else self.deciding.measurement.aspect.value


def by_feature(results: Iterable[FeatureResult]) -> dict[str, list[FeatureResult]]:
    """Results of one window by what they are of, in their order."""
    found: dict[str, list[FeatureResult]] = {}
    for result in results:
        found.setdefault(result.feature, []).append(result)
    return found


def movement(result: FeatureResult) -> tuple[bool, float]:
    """How much a result says, to compare results of one subject: drifting ones first."""
    return result.state is VerdictState.DRIFT, result.ratio


def _weight(verdict: Verdict) -> tuple[bool, float]:
    return verdict.state is VerdictState.DRIFT, verdict.ratio


@dataclass(frozen=True, slots=True)
class WindowResult:
    """One closed window and revision.

    `digest` is equal exactly when every count and sum of the window is, labels aside. `coercible` names
    the features of `traffic.coerced`. `is_complete` says that every source partition had come past the
    window's end and lateness. `obsolete` names the frozen references that were too old by then,
    `trends` tells how numeric features move over the last windows. `source` tells where the window's
    events lie, `unknown_fields` what else they carry (None: not looked at, or of a segment).
    """

    key: WindowKey
    size: WindowSize
    window: Window
    revision: int
    is_exact: bool
    is_complete: bool
    is_inherited: bool
    digest: str
    traffic: TrafficSummary
    coercible: tuple[str, ...]
    mean_confidence: float | None
    features: tuple[FeatureResult, ...]
    obsolete: tuple[ReferenceKind, ...] = ()
    trends: tuple[Trend, ...] = ()
    source: tuple[SourceRange, ...] = ()
    unknown_fields: FieldsSummary | None = None


@dataclass(frozen=True, slots=True)
class PerformanceResult:
    """One outcome of one closed window at one maturity; `digest` is that of its outcome counts.

    `features` holds the outcome's performance beside each reference; nothing before it is mature.
    `source` tells where the window's predictions lie.
    """

    key: WindowKey
    size: WindowSize
    window: Window
    revision: int
    digest: str
    performance: Performance
    features: tuple[FeatureResult, ...] = ()
    source: tuple[SourceRange, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlyFinding:
    """What drifts in a window that is still open, judged by its panes before `until_s`."""

    key: WindowKey
    size: WindowSize
    window: Window
    until_s: int
    features: tuple[FeatureResult, ...]
    source: tuple[SourceRange, ...] = ()


Judged = WindowResult | PerformanceResult | EarlyFinding
"""What incidents follow."""


@dataclass(frozen=True, slots=True)
class DriftEvent:
    """A change of an incident of one feature, against the incident's `references` (their names, sorted).

    `results` hold the feature beside each of the model's references; they are empty where a revision only
    changed the incident's course, and so is `source`: where the window's events lie. Both are of the window
    before `until_s`: its end, unless it is open.
    """

    event_id: str
    incident_id: str
    status: Status
    revision: int
    key: WindowKey
    size: WindowSize
    window: Window
    feature: str
    references: tuple[str, ...]
    opened_s: int
    results: tuple[FeatureResult, ...]
    until_s: int
    source: tuple[SourceRange, ...] = ()

    @property
    def is_early(self) -> bool:
        """Whether it is about a window that is open."""
        return self.until_s < self.window.end_s

    @property
    def result(self) -> FeatureResult | None:
        """The feature beside the reference that moved most, of those that the incident is about."""
        own = [r for r in self.results if r.reference.value in self.references]
        return max(own, key=movement, default=None)


Output = WindowResult | PerformanceResult | DriftEvent
"""What is published."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The performance last published of a window: its maturity step, revision, and what it counted.

    `counted` is the number of predictions, of those that count as absent, and the digest of the labels;
    `is_final` says that the horizon had passed.
    """

    step: int
    revision: int
    counted: tuple[int, int, str]
    is_final: bool


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """What was published of a closed window: its revision, and its performance per outcome."""

    window: Window
    revision: int = 0
    performance: Mapping[str, Measured] = field(default_factory=dict)


def feature_result(
    comparison: Comparison, reference: ReferenceKind, verdicts: tuple[Verdict, ...]
) -> FeatureResult:
    """Drift if any aspect drifts; else insufficient_data if the distribution could not be judged."""
    drifting = [v for v in verdicts if v.state is VerdictState.DRIFT]
    severity = max((v.severity for v in drifting if v.severity), key=_loudness, default=None)
    if drifting:
        state = VerdictState.DRIFT
    elif not comparison.n_window or any(v.state is not VerdictState.OK for v in verdicts):
        state = VerdictState.INSUFFICIENT_DATA
    else:
        state = VerdictState.OK
    return FeatureResult(
        comparison.feature, comparison.kind, reference, state, severity, verdicts, comparison
    )


def escalated(results: Sequence[FeatureResult], spec: ModelSpec) -> list[FeatureResult]:
    """Critical drift throughout where at least half of the features, by importance, drift together."""
    total = sum(spec.policy(r.feature).importance for r in results)
    drifting = [r for r in results if r.state is VerdictState.DRIFT]
    moved = sum(spec.policy(r.feature).importance for r in drifting)
    if len(drifting) < 2 or not total or moved * 2 < total:
        return list(results)
    return [
        replace(r, severity=spec.policy(r.feature).severity or Severity.CRITICAL)
        if r.state is VerdictState.DRIFT
        else r
        for r in results
    ]


def _loudness(severity: Severity) -> int:
    return list(Severity).index(severity)
