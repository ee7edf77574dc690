"""Simulation: a named drift put into a history, and how long the monitor takes to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.config.model import ModelConfig
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.drift import inject
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.references import Reference
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.tables import TableRows
from stream_monitor.core.windows import WEEK_S, Window
from stream_monitor.services.drift_requests import (
    DriftRequest,
    drifting_features,
    injection_of,
    touched_subjects,
)
from stream_monitor.services.history import (
    ReferencePeriod,
    judged_outputs,
    parse_time,
    reference_of,
    table_rows,
)
from stream_monitor.services.null_runs import after_reference, last_whole_s
from stream_monitor.services.watching import SubjectKey, Watch


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a subject beside one reference first drifted because of the injection.

    `window` is None where it never did. A window in which it drifts without the injection too proves
    nothing and does not count: `masked` of the `windows` after the start are such. `delay_windows` is 1 for
    the window that holds the start; `delay_s` ends with the window, or with the early look that told of it;
    `rows` are the events from the start until then. `ratio` is that of this window, or the largest of those
    that are not masked.
    """

    size: str
    subject: str
    reference: str
    is_touched: bool
    window: Window | None
    delay_windows: int | None
    delay_s: int | None
    rows: int | None
    windows: int
    masked: int
    ratio: float


@dataclass(frozen=True)
class Trial:
    """One size of the drift: what was seen, the run, and the whole altered table."""

    drift_size: float
    sightings: tuple[Sighting, ...]
    watch: Watch
    table: pa.Table

    @property
    def touched(self) -> tuple[Sighting, ...]:
        """Of what the drift was put into."""
        return tuple(s for s in self.sightings if s.is_touched)

    @property
    def others(self) -> tuple[Sighting, ...]:
        """Of what was not touched and alarmed all the same."""
        return tuple(s for s in self.sightings if not s.is_touched and s.window is not None)


@dataclass(frozen=True)
class Simulation:
    """The runs. `untouched` is the history without the drift.

    `false_before` of its incidents opened in the `weeks_before` the start, after the reference.
    """

    model: str
    request: DriftRequest
    features: tuple[str, ...]
    touched: tuple[str, ...]
    start_s: int
    seed: int
    untouched: Watch
    false_before: int
    weeks_before: float
    trials: tuple[Trial, ...]


def simulate(
    table: pa.Table, model: ModelConfig, spec: ModelSpec, period: ReferencePeriod,
    request: DriftRequest, seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Simulation:  # fmt: skip
    """Runs the history as it is, and once for each size with the drift in it.

    The reference is built from its period, which the drift leaves alone; what comes after it is judged.
    Raises InvalidSpecification with what to do for a drift that does not fit the model or the time.
    """
    rows = table_rows(table, model, spec)
    table = table.take(pa.array(rows.events.row))
    reference = reference_of(rows, spec, period)
    judged = after_reference(rows, reference, spec)
    features = drifting_features(request, spec)
    start_s = _start_s(request, judged, reference, spec)
    groups = _groups(rows, spec)
    last_s = last_whole_s(judged, spec)
    drawn = _drawn_windows(spec, start_s, request.ramp_s, last_s)

    def run(over: TableRows, what: str) -> Watch:
        watch = Watch(features, drawn, last_s)
        told = (lambda done, total: progress(what, done, total)) if progress else None
        watch.collect(
            judged_outputs(after_reference(over, reference, spec), spec, reference, spec.name, told)
        )
        return watch

    injections = [
        injection_of(request, size, features, start_s * MICRO, spec, model.columns)
        for size in request.chosen_sizes
    ]
    untouched = run(rows, "without the drift")
    touched = touched_subjects(request, features, spec)
    trials = []
    for injection in injections:
        altered = inject(table, injection, rows.events.timestamp_us, groups, seed)
        watch = run(table_rows(altered, model, spec), f"{request.kind} {injection.size:g}")
        found = tuple(_sightings(untouched, watch, touched, start_s, judged))
        trials.append(Trial(injection.size, found, watch, altered))
    first_s = int(judged.events.timestamp_us[0]) // MICRO
    before = [w for w in untouched.opened.values() if w.end_s <= start_s]
    weeks = (start_s - first_s) / WEEK_S
    return Simulation(
        spec.name, request, features, touched, start_s, seed, untouched, len(before), weeks, tuple(trials)
    )  # fmt: skip


def _start_s(
    request: DriftRequest, judged: TableRows, reference: Reference, spec: ModelSpec
) -> int:
    """The start asked for; a share of the time becomes the start of a window of the longest size there."""
    if not judged.events.n:
        raise InvalidSpecification(
            "no events are left after the reference: end it earlier (--reference-until), or give more"
        )
    first, last = (int(judged.events.timestamp_us[i]) // MICRO for i in (0, -1))
    try:
        share = float(request.start)
    except ValueError:
        start_s = parse_time(request.start, spec.windows[0].timezone) // MICRO
    else:
        if not 0 <= share < 1:
            raise InvalidSpecification("--start takes a time, or a share from 0 to below 1")
        longest = max(spec.windows, key=lambda size: size.size_s)
        start_s = max(first, longest.window_at(first + int(share * (last - first))).start_s)
    if not reference.end_s <= start_s <= last:
        raise InvalidSpecification(
            "the drift must start after the reference and before the last event: choose another --start"
        )
    return start_s


def _groups(rows: TableRows, spec: ModelSpec) -> NDArray[np.int64]:
    """(n,): the start of each row's window of the shortest size, within which rows change places."""
    shortest = min(spec.windows, key=lambda size: size.size_s)
    panes = rows.events.timestamp_us // MICRO // spec.pane_s * spec.pane_s
    distinct, place = np.unique(panes, return_inverse=True)
    starts = [shortest.window_at(int(pane)).start_s for pane in distinct]
    return np.array(starts, np.int64)[place]


def _drawn_windows(spec: ModelSpec, start_s: int, ramp_s: int, last_s: int) -> frozenset[Window]:
    """Of the longest size, the last whole window before the drift and the first at its full strength."""
    size = max(spec.windows, key=lambda s: s.size_s)
    before = size.window_at(size.window_at(start_s).start_s - 1)
    full_s = start_s + ramp_s
    after = size.window_at(full_s)
    if after.start_s < full_s:
        after = size.window_at(after.end_s)
    if after.end_s > last_s:
        after = size.window_at(max(size.window_at(last_s).start_s - 1, start_s))
    return frozenset({before, after})


def _sightings(
    untouched: Watch, watch: Watch, touched: tuple[str, ...], start_s: int, judged: TableRows
) -> Iterator[Sighting]:
    times = judged.events.timestamp_us
    start_row = int(np.searchsorted(times, start_s * MICRO))
    for key in watch.verdicts:
        found = _first_seen(untouched, watch, key, start_s)
        found = replace(found, is_touched=key[1] in touched)
        if found.window is not None:
            end_row = int(np.searchsorted(times, watch.seen_s(key, found.window) * MICRO))
            found = replace(found, rows=end_row - start_row)
        yield found


def _first_seen(untouched: Watch, watch: Watch, key: SubjectKey, start_s: int) -> Sighting:
    without = untouched.windows(key)
    after = {w: s for w, s in watch.windows(key).items() if w.end_s > start_s}
    masked = {w for w in after if w in without and without[w].drifts}
    ordered = sorted(after, key=lambda w: w.start_s)
    first = next((w for w in ordered if after[w].drifts and w not in masked), None)
    largest = max((after[w].ratio for w in ordered if w not in masked), default=0.0)
    return Sighting(
        *key,
        is_touched=False,
        window=first,
        delay_windows=None if first is None else ordered.index(first) + 1,
        delay_s=None if first is None else watch.seen_s(key, first) - start_s,
        rows=None,
        windows=len(after),
        masked=len(masked),
        ratio=largest if first is None else after[first].ratio,
    )
