"""One offline pass over a table in event time: the same counting, closing and judging as in production."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.results import Output
from stream_monitor.core.schema import Outcome
from stream_monitor.core.tables import TableRows, matched
from stream_monitor.core.watermarks import FLUSHED_US

MICRO = 1_000_000


def replay_rows(
    rows: TableRows,
    spec: ModelSpec,
    catalogue: ReferenceCatalogue,
    app: str = "replay",
    outcome: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Output]:
    """Yields what a detector would publish, as event time passes.

    Time stops wherever a window of some size closes; by then all earlier events and all labels that came
    before have been counted. `outcome` names what the table's label is (default the first declared).
    Of other outcomes nothing is known: their labels do not count as absent. `progress` is told how many
    events have passed.
    """
    events = rows.events
    outcomes = {o.name: o for o in spec.outcomes}
    chosen = outcomes.get(outcome) if outcome else next(iter(spec.outcomes), None)
    spec = _with_known_outcomes(spec, chosen if rows.has_labels else None)
    state = ModelState(spec, app, catalogue)
    labelled, arrival = _arrivals(rows, chosen.horizon_s if chosen else 0)
    counter = ProfileCounter(spec.name, spec.segment_keys, spec.pane_s)
    first_event = first_label = 0
    stops = _stops(events.timestamp_us, spec)
    for stop in [*stops, FLUSHED_US]:
        last_event = int(np.searchsorted(events.timestamp_us, stop))
        last_label = int(np.searchsorted(arrival, stop))
        if last_event > first_event:
            part = events.take(np.arange(first_event, last_event))
            for chunk, layout in by_layout(part, spec, catalogue):
                counter.count(chunk, layout)
        if chosen and last_label > first_label:
            at = labelled[first_label:last_label]
            _count_labels(counter, rows, np.sort(at), spec, catalogue, chosen.name)
        for delta in counter.drain():
            state.add(delta)
        first_event, first_label = last_event, last_label
        yield from state.advance(stop // MICRO, stop // MICRO)
        if progress:
            progress(last_event)


def _with_known_outcomes(spec: ModelSpec, known: Outcome | None) -> ModelSpec:
    outcomes = (o if o is known else replace(o, absent_means=None) for o in spec.outcomes)
    return replace(spec, outcomes=tuple(outcomes))


def by_layout(
    events: InferenceColumns, spec: ModelSpec, catalogue: ReferenceCatalogue
) -> list[tuple[InferenceColumns, Layout]]:
    """Events split by the layout that their version is counted under."""
    versions = events.version.dictionary.to_pylist()
    layouts = [catalogue.layout_for(spec, version) for version in versions]
    if len({layout.profile_id for layout in layouts}) == 1:
        return [(events, layouts[0])]
    codes = events.version.indices.to_numpy()
    found = []
    for layout in {layout.profile_id: layout for layout in layouts}.values():
        same = [i for i, other in enumerate(layouts) if other.profile_id == layout.profile_id]
        found.append((events.take(np.flatnonzero(np.isin(codes, same))), layout))
    return found


def _count_labels(
    counter: ProfileCounter, rows: TableRows, at: NDArray[np.int64], spec: ModelSpec,
    catalogue: ReferenceCatalogue, outcome: str,
) -> None:  # fmt: skip
    events = rows.events.take(at)
    index = pa.array(at)
    label, time_us = rows.label.take(index), rows.label_time_us[at]
    for chunk, layout in by_layout(events, spec, catalogue):
        kept = np.flatnonzero(np.isin(events.row, chunk.row))
        pairs = matched(
            chunk, label.take(pa.array(kept)), time_us[kept], outcome, layout.profile_id
        )
        counter.count_matched(pairs, layout)


def _arrivals(rows: TableRows, horizon_s: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of labels within the horizon in order of arrival, and when they arrive."""
    delay = rows.label_time_us - rows.events.timestamp_us
    known = np.flatnonzero(np.asarray(rows.label.is_valid()) & (delay <= horizon_s * MICRO))
    arrival = np.maximum(rows.label_time_us[known], rows.events.timestamp_us[known])
    order = np.argsort(arrival, kind="stable")
    return known[order], arrival[order]


def _stops(timestamp_us: NDArray[np.int64], spec: ModelSpec) -> list[int]:
    """Every instant at which a window with events closes, in microseconds, sorted."""
    panes = np.unique(timestamp_us // (spec.pane_s * MICRO)) * spec.pane_s
    ends = {size.window_at(int(pane)).end_s for pane in panes for size in spec.windows}
    return sorted((end + spec.allowed_lateness_s) * MICRO for end in ends)
