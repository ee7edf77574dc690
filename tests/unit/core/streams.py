"""Random streams: what profilers write to a deltas partition, and a detector that reads it in batches."""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import orjson
from numpy.random import Generator

from stream_monitor.core.columns import InferenceColumns, MatchedColumns
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.source import SourceRows
from stream_monitor.core.published import to_json
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import build_reference
from stream_monitor.core.results import DriftEvent
from stream_monitor.core.state_records import StateRecord, StateRecords
from stream_monitor.core.windows import Window, WindowSize
from stream_monitor.core.wire import Marker, encode_delta, encode_marker
from tests.unit.core.builders import HOUR_S, MICRO, deltas, events, matched_labels, model_spec
from tests.unit.core.builders import progress as step

T0 = 1_360_281_600
"""2013-02-08, midnight UTC."""
SPEC = model_spec(
    windows=(WindowSize(HOUR_S, recover_after=2), WindowSize(2 * HOUR_S)),
    segment_keys=("origin",),
    sliding_s=6 * HOUR_S,
    pane_s=900,
)
CARRIERS, ORIGINS = np.array(["UA", "AA", "B6"]), np.array(["JFK", "LGA"])


@cache
def catalogue() -> ReferenceCatalogue:
    """A reference of one day before the stream."""
    rng = np.random.default_rng(0)
    n = 1_500
    time_s = np.linspace(T0 - 24 * HOUR_S, T0, n, endpoint=False)
    rows = events(
        time_s, rng.normal(0, 1, n), rng.choice(CARRIERS, n).tolist(),
        segment=rng.choice(ORIGINS, n).tolist(),
    )  # fmt: skip
    held = ReferenceCatalogue()
    held.add(build_reference(SPEC, [rows], "1", Window(T0 - 24 * HOUR_S, T0)))
    return held


def random_events(
    rng: Generator, low_s: int, high_s: int, n: int, version: str
) -> InferenceColumns:
    """Events in [low, high), drifting in the third and fourth hour."""
    time_s = np.sort(rng.integers(low_s, high_s, n))
    hour = (time_s - T0) // HOUR_S
    amount = rng.normal(0, 1, n) + 3.0 * ((hour >= 3) & (hour <= 4))
    carrier = np.where(rng.random(n) < 0.05, "new", rng.choice(CARRIERS, n))
    origin = rng.choice(ORIGINS, n).tolist()
    return events(time_s, amount, carrier.tolist(), version, segment=origin, label="late")


@dataclass
class Profiler:
    """Writes the commits of one source partition."""

    partition: int
    watermark_s: int = T0
    ends: dict[str, int] = field(default_factory=lambda: {"inference": 0, "labels": 0})
    sequence: int = 0
    spec: ModelSpec = SPEC

    def commit(
        self, found: InferenceColumns | None, labels: MatchedColumns | None = None,
        is_flushed: bool = False,
    ) -> tuple[list[bytes], bytes]:  # fmt: skip
        """The delta records and the marker of one commit."""
        layout = catalogue().layout_for(self.spec, "1")
        if found is not None and found.n:
            latest = int(found.timestamp_us.max()) // MICRO
            self.watermark_s = max(self.watermark_s, latest)
        head = (f"e{self.partition}", self.sequence)
        written = [
            record
            for delta in deltas(self.spec, layout, found, labels, self._source(found))
            for record in encode_delta(delta, *head)
        ]
        read = {"inference": found.n if found else 0, "labels": labels.n if labels else 0}
        steps = []
        for topic, n in read.items():
            start, self.ends[topic] = self.ends[topic], self.ends[topic] + n
            steps.append(
                step(
                    start, start + n, self.watermark_s, topic, self.partition,
                    is_flushed=is_flushed,
                )
            )  # fmt: skip
        counts = (("inference", 2), ("labels", 2))
        found_marker = Marker("p", *head, tuple(steps), counts, len(written))
        self.sequence += 1
        return written, encode_marker(found_marker)

    def _source(self, found: InferenceColumns | None) -> SourceRows:
        n = found.n if found else 0
        offsets = self.ends["inference"] + np.arange(n)
        return SourceRows(np.full(n, self.partition, np.int32), offsets)


def random_log(
    rng: Generator,
    late_s: int,
    has_versions: bool,
    has_labels: bool = True,
    commits: int = 12,
    step_s: int = 1_800,
) -> tuple[list[bytes], list[InferenceColumns], list[MatchedColumns]]:
    """A deltas partition written by two profilers whose commits interleave; and what they counted."""
    profilers = (Profiler(0), Profiler(1))
    log: list[bytes] = []
    counted: list[InferenceColumns] = []
    labelled: list[MatchedColumns] = []
    for i in range(commits):
        pair = []
        for profiler in profilers:
            high_s = T0 + (i + 1) * step_s
            low_s = max(T0, high_s - step_s - int(rng.integers(0, late_s + 1)))
            version = "2" if has_versions and rng.random() < i / commits else "1"
            found = random_events(rng, low_s, high_s, int(rng.integers(0, 30)), version)
            labels = None
            if counted and has_labels and rng.random() < 0.7:
                labels = _labels(rng, counted[int(rng.integers(len(counted)))])
                labelled.append(labels)
            counted.append(found)
            pair.append(profiler.commit(found, labels))
        log += _interleaved(rng, *pair)
    for profiler in profilers:
        log.append(profiler.commit(None, is_flushed=True)[1])
    return log, counted, labelled


def _labels(rng: Generator, of: InferenceColumns) -> MatchedColumns:
    time_s = (of.timestamp_us // MICRO).tolist()
    version = of.version[0].as_py() if of.n else "1"
    layout = catalogue().layout_for(SPEC, "1")
    found = rng.choice(["late", "on_time"], of.n).tolist()
    pairs = matched_labels(time_s, found, "late", version, layout.profile_id)
    return replace(pairs, segments=tuple(s.cast("string") for s in of.segments))


def _interleaved(
    rng: Generator, one: tuple[list[bytes], bytes], two: tuple[list[bytes], bytes]
) -> list[bytes]:
    queues = [[*one[0], one[1]], [*two[0], two[1]]]
    mixed: list[bytes] = []
    while any(queues):
        mixed.append(queues[0 if not queues[1] or (queues[0] and rng.random() < 0.5) else 1].pop(0))
    return mixed


@dataclass
class Detector:
    """Reads a log in batches as the service does; `topic` is the state topic."""

    spec: ModelSpec = SPEC
    position: int = 0
    topic: list[StateRecord] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        model = ModelState(self.spec, "app", catalogue())
        self.state = PartitionState("inference", "labels", {"flights": model})
        self.records = StateRecords()

    def read(self, log: list[bytes], until: int) -> list[dict[str, Any]]:
        """One batch: everything up to an offset; returns what is published."""
        state = self.state.fork()
        for offset in range(self.position, until):
            state.add(offset, log[offset])
        found = []
        for name, output in state.advance():
            record = to_json(output, name)
            found.append(orjson.loads(orjson.dumps(record)))
            if not isinstance(output, DriftEvent):
                state.models[name].note(record)
        self.topic += self.records.changes(state)
        self.state, self.position = state, until
        self.published += found
        return found

    def restarted(self) -> "Detector":
        """Another process that has read the state topic and goes on from the committed offset."""
        other = Detector(self.spec, self.state.resume_offset(self.position), list(self.topic))
        assert other.records.restore(other.state, self.topic) == 0
        return other

    @property
    def model(self) -> ModelState:
        return self.state.models["flights"]
