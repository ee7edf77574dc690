"""Counting the alarms of a run under other floors and other α, and the floors that make it quiet.

Pure: what the tests of a run said, in. The run itself is services/calibration.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stream_monitor.core.budget import CATEGORICAL_ASPECTS, NUMERIC_ASPECTS
from stream_monitor.core.drift_events import TrackKey
from stream_monitor.core.incidents import IncidentTrack, Status
from stream_monitor.core.policy import Aspect
from stream_monitor.core.windows import Window, WindowSize

FLOOR: Final = "floor"
RATE_FLOOR: Final = "rate_floor"
_KEYS: Final = (FLOOR, RATE_FLOOR)
_RATES: Final = frozenset({*NUMERIC_ASPECTS, *CATEGORICAL_ASPECTS} - {Aspect.DISTRIBUTION})
_SMALLEST_P: Final = 1e-300
_UNBOUNDED: Final = frozenset(
    {Aspect.VOLUME, Aspect.MAE, Aspect.BIAS, Aspect.CORRELATION, Aspect.ASSOCIATION}
)
_TOO_OFTEN: Final = 0.1
"""A subject that drifts in more of its windows than this differs from its reference by more than noise."""

Floors = Mapping[str, float]
"""New floors by the key of a policy: FLOOR, RATE_FLOOR; a key that is not there keeps its floor."""


def floor_key(aspect: Aspect) -> str:
    """Which of a policy's floors bounds the effect of an aspect."""
    return RATE_FLOOR if aspect in _RATES else FLOOR


@dataclass(frozen=True, slots=True)
class Finding:
    """What one test of one subject said of one window beside one reference.

    `p` is the calibrated one; `can_drift` is False where no data of these sizes could have reached α.
    """

    reference: str
    aspect: Aspect
    p: float
    effect: float
    alpha: float
    floor: float
    can_drift: bool = True

    def is_drift(self, floors: Floors, alpha: float | None = None) -> bool:
        """Whether it would be drift with other floors, and another α (None: its own)."""
        bound = self.alpha if alpha is None else min(alpha, self.alpha)
        return self.can_drift and self.p <= bound and self.effect >= self._floor(floors)

    def ratio(self, floors: Floors) -> float:
        """How far it is on its way to drift: 1 is drift."""
        floor = self._floor(floors)
        by_effect = self.effect / floor if floor > 0 else math.inf
        found = min(math.log(max(self.p, _SMALLEST_P)) / math.log(self.alpha), by_effect)
        return max(0.0, found if self.can_drift else min(found, math.nextafter(1.0, 0.0)))

    def _floor(self, floors: Floors) -> float:
        return floors.get(floor_key(self.aspect), self.floor)


@dataclass(frozen=True, slots=True)
class Moment:
    """One subject in one window: what each test said."""

    window: Window
    is_judged: bool
    findings: tuple[Finding, ...]

    def ratio(self, floors: Floors) -> float:
        """The largest of its findings'."""
        return max((finding.ratio(floors) for finding in self.findings), default=0.0)


@dataclass(frozen=True, slots=True)
class Course:
    """One subject of one version and segment, window by window in order of time."""

    key: TrackKey
    size: WindowSize
    moments: Sequence[Moment]

    @property
    def subject(self) -> str:
        """The feature, or what else is judged."""
        return self.key[3]

    def incidents(
        self, floors: Floors, alpha: float | None = None,
        only: Iterable[tuple[str, Aspect]] | None = None,
    ) -> int:  # fmt: skip
        """Incidents that would have opened with other floors and α, by the size's k-of-n rule.

        `only` counts those of some (reference, aspect) alone.
        """
        wanted = None if only is None else set(only)
        track, opened = IncidentTrack(), 0
        for moment in self.moments:
            moved = sorted(
                {
                    f.reference
                    for f in moment.findings
                    if (wanted is None or (f.reference, f.aspect) in wanted)
                    and f.is_drift(floors, alpha)
                }
            )
            start_s = moment.window.start_s
            now = tuple(moved) if moment.is_judged else None
            track, transitions = track.observe(start_s, now, self.size)
            opened += sum(t.status is Status.OPENED for t in transitions)
            track = track.settled(start_s, self.size)
        return opened

    def drifting(self, floors: Floors) -> list[Finding]:
        """The findings that are drift."""
        return [f for moment in self.moments for f in moment.findings if f.is_drift(floors)]


@dataclass(frozen=True, slots=True)
class FloorAdvice:
    """A floor that a subject should have.

    `incidents` would have opened with it from what it bounds, `before` with the present one. It is blunt
    where more than a tenth of the windows drift, or where no effect could ever reach it: it would then hide
    the feature instead of quietening it.
    """

    subject: str
    key: str
    present: float
    recommended: float
    before: int
    incidents: int
    is_blunt: bool


def fair_shares(counts: Mapping[str, int], allowed: float) -> dict[str, float]:
    """How many incidents each subject may have, of `allowed` in all: max–min fair.

    A subject that stays below an equal share keeps what it has, and what it leaves is shared by the others.

    >>> fair_shares({"quiet": 0, "calm": 1, "loud": 9}, 6)
    {'quiet': 0, 'calm': 1, 'loud': 5.0}
    """
    shares: dict[str, float] = {}
    left = allowed
    for i, name in enumerate(sorted(counts, key=lambda n: (counts[n], n))):
        equal = left / (len(counts) - i)
        shares[name] = counts[name] if counts[name] <= equal else equal
        left -= shares[name]
    return shares


def advise_floors(courses: Sequence[Course], allowed: float) -> list[FloorAdvice]:
    """The floors to raise so that the run opens at most `allowed` incidents; none where it does already.

    Each subject gets its fair share of `allowed` (fair_shares), and each of its floors a fair share of that.
    A floor is raised to the smallest two-digit number from which on upwards the run opens no more: just above
    one of the effects that were seen with p ≤ α. No floor is ever lowered, also where one key bounds several
    aspects: it says which change matters too, which a history without drift cannot tell.
    """
    subjects: dict[str, list[Course]] = {}
    for course in courses:
        subjects.setdefault(course.subject, []).append(course)
    counts = {name: _count(own, {}) for name, own in subjects.items()}
    if sum(counts.values()) <= allowed:
        return []
    advice = []
    for name, share in fair_shares(counts, allowed).items():
        if counts[name] > share:
            advice += _advise_subject(name, subjects[name], share)
    return advice


def _advise_subject(name: str, courses: Sequence[Course], share: float) -> list[FloorAdvice]:
    drifting = [finding for course in courses for finding in course.drifting({})]
    keys = sorted({floor_key(finding.aspect) for finding in drifting})
    others = {key: {other: math.inf for other in _KEYS if other != key} for key in keys}
    counts = {key: _count(courses, others[key]) for key in keys}
    shares = fair_shares(counts, share)
    found = []
    for key in keys:
        own = [finding for finding in drifting if floor_key(finding.aspect) == key]
        before, may = counts[key], int(shares[key])
        if before <= may:
            continue
        floor = max(
            _smallest_floor(courses, key, others[key], own, may), _largest_floor(courses, key)
        )
        after = _count(courses, {**others[key], key: floor})
        is_blunt = _is_out_of_reach(floor, own) or _drifting_share(courses) > _TOO_OFTEN
        present = max(finding.floor for finding in own)
        found.append(FloorAdvice(name, key, present, floor, before, after, is_blunt))
    return found


def _largest_floor(courses: Sequence[Course], key: str) -> float:
    """Of what the key bounds, drifting or not."""
    found = (f for course in courses for moment in course.moments for f in moment.findings)
    return max(f.floor for f in found if floor_key(f.aspect) == key)


def _is_out_of_reach(floor: float, own: Sequence[Finding]) -> bool:
    is_bounded = all(finding.aspect not in _UNBOUNDED for finding in own)
    return math.isinf(floor) or (is_bounded and floor >= 1)


def _drifting_share(courses: Sequence[Course]) -> float:
    """The share of the judged windows in which any finding drifts."""
    judged = [moment for course in courses for moment in course.moments if moment.is_judged]
    drifting = sum(any(f.is_drift({}) for f in moment.findings) for moment in judged)
    return drifting / len(judged) if judged else 0.0


def _smallest_floor(
    courses: Sequence[Course], key: str, others: Floors, own: Sequence[Finding], may: int
) -> float:
    """From the largest effect downwards, as long as no more than `may` incidents open."""
    levels = sorted({just_above(finding.effect) for finding in own}, reverse=True)
    best = levels[0]
    for level in levels:
        if _count(courses, {**others, key: level}) > may:
            break
        best = level
    return best


def _count(courses: Iterable[Course], floors: Floors) -> int:
    return sum(course.incidents(floors) for course in courses)


def just_above(effect: float) -> float:
    """The smallest number of two digits above an effect.

    >>> just_above(0.0312), just_above(0.2), just_above(7.99)
    (0.032, 0.21, 8.0)
    """
    if not math.isfinite(effect) or effect <= 0:
        return math.inf if effect > 0 else _SMALLEST_P
    digits = 1 - math.floor(math.log10(effect))
    step = 10.0**-digits
    return round((math.floor(effect / step * (1 + 1e-12)) + 1) * step, max(digits, 0))


def quiet_scales(courses: Sequence[Course], allowed: float) -> float | None:
    """How many times smaller α must be for the run to open at most `allowed` incidents with its floors.

    1, 2, 5, 10, … to a billion; None where not even that is enough: the history drifts.
    """
    loud = [course for course in courses if course.incidents({})]
    for power in range(10):
        for factor in (1.0, 2.0, 5.0):
            scale = factor * 10.0**power
            if sum(_count_at(course, scale) for course in loud) <= allowed:
                return scale
    return None


def _count_at(course: Course, scale: float) -> int:
    alphas = {f.alpha for moment in course.moments for f in moment.findings}
    return course.incidents({}, max(alphas, default=1.0) / scale)
