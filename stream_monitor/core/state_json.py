"""Parts of a detector's state as JSON: the chain, incident tracks, closed windows, readability."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from stream_monitor.core.chain import Chain, by_chain
from stream_monitor.core.incidents import IncidentState, IncidentTrack, OpenIncident, Status
from stream_monitor.core.input_schema import Bucket, InputHealth
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.results import ClosedWindow, Measured
from stream_monitor.core.windows import Window
from stream_monitor.core.wire import PartitionProgress


def chain_to_json(state: PartitionState) -> list[Any]:
    """The offset chain, and what else is of the whole partition."""
    chain = state.chain
    progress = [
        [
            p.topic,
            p.topic_id,
            p.partition,
            p.start,
            p.end,
            p.watermark_us,
            p.is_idle,
            p.is_flushed,
            p.lag,
        ]
        # In the order of arrival: of a topic made anew, the later id's watermark counts.
        for p in chain.progress.values()
    ]
    partitions, epochs = dict(state.partitions), list(chain.epochs.items())
    return [chain.violations, chain.duplicates, progress, partitions, state.unreadable, epochs]


def chain_from_json(state: PartitionState, data: list[Any]) -> None:
    """Puts it back."""
    violations, duplicates, progress, partitions, state.unreadable, epochs = data
    steps = [PartitionProgress(*fields) for fields in progress]
    state.chain = Chain(by_chain(steps), violations, duplicates, dict(epochs))
    state.partitions = partitions


def track_to_json(track: IncidentTrack) -> list[Any]:
    """One incident track."""
    base = track.base
    return [
        [[astuple(i) for i in base.open], base.recent],
        track.windows,
        [[start, opened, status.value, *rest] for start, opened, status, *rest in track.published],
    ]


def track_from_json(data: list[Any]) -> IncidentTrack:
    """The track again."""
    (incidents, recent), windows, published = data
    opened = tuple(OpenIncident(at, tuple(names), *rest) for at, names, *rest in incidents)
    return IncidentTrack(
        IncidentState(opened, tuple(map(tuple, recent))),
        tuple(
            (start, None if moved is None else tuple(moved), is_critical, cause)
            for start, moved, is_critical, cause in windows
        ),
        tuple(
            (start, opened_s, Status(status), tuple(names), n)
            for start, opened_s, status, names, n in published
        ),
    )


def closed_to_json(closed: ClosedWindow) -> list[Any]:
    """One closed window, but its start."""
    figures = {
        name: [m.step, m.revision, *m.counted, m.is_final] for name, m in closed.performance.items()
    }
    return [closed.window.end_s, closed.revision, figures]


def closed_from_json(start_s: int, data: list[Any]) -> ClosedWindow:
    """The closed window again."""
    end_s, revision, performance = data
    figures = {
        name: Measured(step, n, (predictions, absent, digest), is_final)
        for name, (step, n, predictions, absent, digest, is_final) in performance.items()
    }
    return ClosedWindow(Window(start_s, end_s), revision, figures)


def inputs_to_json(health: InputHealth) -> list[Any]:
    """How readable one model's records are."""
    buckets = [[b.start_s, b.dead, b.records] for b in health.buckets]
    return [buckets, health.ordinal, health.is_open, health.opened_s]


def inputs_from_json(data: list[Any]) -> InputHealth:
    """The same again."""
    buckets, ordinal, is_open, opened_s = data
    return InputHealth(tuple(Bucket(*fields) for fields in buckets), ordinal, is_open, opened_s)
