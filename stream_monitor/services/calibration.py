"""Calibration: the false alarms of a configuration over a history, and what would have kept it quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from stream_monitor.core.budget import alpha_of
from stream_monitor.core.calibrating import (
    Course,
    FloorAdvice,
    advise_floors,
    floor_key,
    quiet_scales,
)
from stream_monitor.core.day_shuffling import shuffled_days
from stream_monitor.core.policy import JOINT, PERFORMANCE, VOLUME, Aspect, ModelSpec
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.schema import PREDICTION
from stream_monitor.core.tables import TableRows
from stream_monitor.core.windows import WindowSize
from stream_monitor.services.history import Progress, ReferencePeriod
from stream_monitor.services.null_runs import NullRun, null_run
from stream_monitor.services.size_trials import SizeTrial, size_trial


@dataclass(frozen=True, slots=True)
class AspectRow:
    """One aspect of one subject beside one reference, over the run.

    `incidents` are those of this aspect alone, `largest` the largest effect seen and `p` its p; `recommended`
    is None where the present floor does.
    """

    subject: str
    reference: str
    aspect: Aspect
    tests: int
    incidents: int
    largest: float
    p: float
    floor: float
    recommended: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the runs say. Floors follow from `null`: the shuffled runs where there are some.

    `after` counts the incidents with all recommended floors. `quiet_budget` is the alarm budget with which
    the present floors would do; None where none would, or where they do already.
    """

    model: str
    budget: float
    as_it_ran: NullRun
    shuffled: NullRun | None
    rows: tuple[AspectRow, ...]
    advice: tuple[FloorAdvice, ...]
    after: int
    quiet_budget: float | None
    sizes: tuple[SizeTrial, ...]
    seeds: tuple[int, ...]

    @property
    def null(self) -> NullRun:
        """The run that the recommendations are made from."""
        return self.shuffled or self.as_it_ran

    @property
    def before(self) -> int:
        """Incidents of the null run with the present floors."""
        return self.null.incidents

    @property
    def is_quiet(self) -> bool:
        """Whether the present floors keep the budget."""
        return self.before <= self.budget * self.null.weeks

    @property
    def writable(self) -> tuple[FloorAdvice, ...]:
        """The floors that are worth writing: not the blunt ones."""
        return tuple(a for a in self.advice if not a.is_blunt)

    @property
    def after_writing(self) -> int:
        """Incidents of the null run once the floors that are worth writing are set."""
        return incidents_with(self.null.courses, self.writable)


def calibrate(
    rows: TableRows, spec: ModelSpec, period: ReferencePeriod, *,
    sizes: Sequence[WindowSize] = (), shuffles: int = 0, seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Calibration:  # fmt: skip
    """Runs the configuration over a history and works out what would have kept the alarm budget.

    The period is the reference; only what comes after it is judged. With `shuffles` the days of the whole
    history are put into that many random orders (seeds `seed`, `seed` + 1, …), each with a reference of its
    own, and the floors follow from these runs. Each of `sizes` runs alone, for comparison.
    """

    def told(what: str) -> Progress | None:
        return (lambda done, total: progress(what, done, total)) if progress else None

    as_it_ran = null_run(rows, spec, period, told("history as it was"))
    seeds = tuple(range(seed, seed + shuffles))
    zone = spec.windows[0].timezone
    orders = [shuffled_days(rows, zone, s) for s in seeds]
    shuffled: NullRun | None = None
    for i, order in enumerate(orders, 1):
        run = null_run(order, spec, period, told(f"days shuffled, {i} of {shuffles}"))
        shuffled = run if shuffled is None else shuffled.add(run)
    null = shuffled or as_it_ran
    allowed = spec.budget.alarms_per_week * null.weeks
    advice = tuple(advise_floors(null.courses, allowed))
    return Calibration(
        model=spec.name,
        budget=spec.budget.alarms_per_week,
        as_it_ran=as_it_ran,
        shuffled=shuffled,
        rows=tuple(_aspect_rows(null.courses, advice)),
        advice=advice,
        after=incidents_with(null.courses, advice),
        quiet_budget=_quiet_budget(spec, null, allowed),
        sizes=tuple(
            size_trial(orders[0] if orders else rows, spec, period, size, told(f"windows of {size.name}"))
            for size in sizes
        ),
        seeds=seeds,
    )  # fmt: skip


def incidents_with(courses: Sequence[Course], advice: Sequence[FloorAdvice]) -> int:
    """Incidents of a run once the advised floors are set."""
    floors = floors_by_subject(advice)
    return sum(course.incidents(floors.get(course.subject, {})) for course in courses)


def floors_by_subject(advice: Sequence[FloorAdvice]) -> dict[str, dict[str, float]]:
    """New floors of each subject."""
    floors: dict[str, dict[str, float]] = {}
    for a in advice:
        floors.setdefault(a.subject, {})[a.key] = a.recommended
    return floors


def _aspect_rows(courses: Sequence[Course], advice: Sequence[FloorAdvice]) -> Iterator[AspectRow]:
    floors = floors_by_subject(advice)
    order = {name: None for course in courses for name in (course.subject,)}
    for subject in order:
        own = [course for course in courses if course.subject == subject]
        found = [f for course in own for moment in course.moments for f in moment.findings]
        for kind in dict.fromkeys((f.reference, f.aspect) for f in found):
            same = [f for f in found if (f.reference, f.aspect) == kind]
            largest = max(same, key=lambda f: (f.effect, -f.p))
            loud = any(f.is_drift({}) for f in same)
            yield AspectRow(
                subject, *kind, len(same),
                sum(course.incidents({}, only=[kind]) for course in own) if loud else 0,
                largest.effect, largest.p, largest.floor,
                floors.get(subject, {}).get(floor_key(kind[1])),
            )  # fmt: skip


def _quiet_budget(spec: ModelSpec, null: NullRun, allowed: float) -> float | None:
    """The budget that gives α small enough, through max_alpha where that is what bounds it now."""
    scale = quiet_scales(null.courses, allowed)
    if scale is None or scale == 1:
        return None
    uncapped = replace(spec, budget=replace(spec.budget, max_alpha=1.0))
    segments = {course.key[1] for course in null.courses} - {ALL}
    found = []
    for size in spec.windows:
        for segment in (ALL, *sorted(segments)):
            share = alpha_of(uncapped, size, segment, len(segments))
            alpha = alpha_of(spec, size, segment, len(segments)) / scale
            found.append(spec.budget.alarms_per_week * alpha / share)
    return float(f"{min(found):.2g}")


def key_path(spec: ModelSpec, subject: str, key: str) -> tuple[str, ...]:
    """Where a model's file keeps a floor of a subject."""
    beside = {VOLUME: ("volume",), JOINT: ("joint",)}
    if subject in beside:
        return (*beside[subject], key)
    if subject.startswith(PERFORMANCE):
        return ("outcomes", subject.removeprefix(PERFORMANCE), "performance", key)
    if subject.startswith(PREDICTION):
        return (*subject.split(".", 1), key)
    return ("features", subject, key)
