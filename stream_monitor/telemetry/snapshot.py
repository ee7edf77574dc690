"""What telemetry reads of a running service, as it is at this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stream_monitor.core.drift_events import open_incidents
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import family_of
from stream_monitor.services.status import ServiceStatus

Record = dict[str, Any]
"""A published window or performance result, as core/published.py makes it."""


@dataclass(frozen=True, slots=True)
class ChainFigures:
    """What a detector saw of one deltas partition since its state began."""

    partition: int
    violations: int
    duplicates: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class ReferenceFigures:
    """One reference; `end_s` is the end of its events in seconds."""

    model: str
    version: str
    kind: str
    end_s: int
    events: int


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """One model that is judged here; `late_dropped` counts events too late for every window.

    `is_unreadable` while too many of its records are dead letters.
    """

    name: str
    owner: str
    tier: str
    late_dropped: int
    is_unreadable: bool


@dataclass(frozen=True, slots=True)
class IncidentFigures:
    """One open incident; `opened_s` is the start of the window that opened it, in seconds."""

    model: str
    version: str
    segment: str
    window: str
    feature: str
    family: str
    cause: str
    is_critical: bool
    opened_s: int


class Snapshot(Protocol):
    """One service. Called from the HTTP server's threads while the service works."""

    @property
    def status(self) -> ServiceStatus:
        """Counters and figures of the process."""

    def latest_records(self) -> list[Record]:
        """The newest published records of the models that are judged here."""

    def chains(self) -> list[ChainFigures]:
        """One per assigned deltas partition."""

    def references(self) -> list[ReferenceFigures]:
        """The references of the models that are judged here."""

    def models(self) -> list[ModelFigures]:
        """The models that are judged here."""

    def incidents(self) -> list[IncidentFigures]:
        """The open incidents of the models that are judged here."""


@dataclass(frozen=True, slots=True)
class ProfilerSnapshot:
    """A profiler judges nothing: its status is all there is."""

    status: ServiceStatus

    def latest_records(self) -> list[Record]:
        """None."""
        return []

    def chains(self) -> list[ChainFigures]:
        """None."""
        return []

    def references(self) -> list[ReferenceFigures]:
        """None."""
        return []

    def models(self) -> list[ModelFigures]:
        """None."""
        return []

    def incidents(self) -> list[IncidentFigures]:
        """None."""
        return []


@dataclass(frozen=True, slots=True)
class DetectorSnapshot:
    """A detector; `partitions` gives the states that it holds now.

    A state that a detector holds is never changed, only replaced by a fork: reading it needs no lock.
    The table of states is, so it is copied first, in one step.
    """

    status: ServiceStatus
    partitions: Callable[[], Mapping[int, PartitionState]]

    def _states(self) -> list[tuple[int, PartitionState]]:
        return list(dict(self.partitions()).items())

    def latest_records(self) -> list[Record]:
        """The newest records of every model, version, segment, window size and outcome."""
        return [
            record
            for _, state in self._states()
            for model in state.models.values()
            for record in model.latest.values()
        ]

    def chains(self) -> list[ChainFigures]:
        """One per assigned deltas partition."""
        return [
            ChainFigures(
                partition, state.chain.violations, state.chain.duplicates, state.unreadable
            )
            for partition, state in self._states()
        ]

    def references(self) -> list[ReferenceFigures]:
        """The references of the models that are judged here."""
        return [
            ReferenceFigures(r.model, r.version, r.kind.value, r.end_s, r.events)
            for _, state in self._states()
            for name, model in state.models.items()
            for r in model.catalogue.of_model(name)
        ]

    def models(self) -> list[ModelFigures]:
        """The models that are judged here."""
        return [
            ModelFigures(
                name, model.spec.owner, model.spec.tier, model.late_dropped,
                name in state.inputs and state.inputs[name].is_open,
            )
            for _, state in self._states()
            for name, model in state.models.items()
        ]  # fmt: skip

    def incidents(self) -> list[IncidentFigures]:
        """The open incidents of the models that are judged here."""
        return [
            IncidentFigures(
                name, *where, family_of(where[3]).value, incident.cause, incident.is_critical,
                incident.opened_s,
            )
            for _, state in self._states()
            for name, model in state.models.items()
            for where, incident in open_incidents(model.tracks, model.spec)
        ]  # fmt: skip
