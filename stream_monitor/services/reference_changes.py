"""Promoting recent windows to a reference, and comparing two references."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stream_monitor.config.loading import Installation
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.profile import ALL, Layout
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import HOURS, Reference, SegmentReference, WindowProfile
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.state_records import StateRecords
from stream_monitor.core.windows import Window
from stream_monitor.services.history import ReferencePeriod, parse_time
from stream_monitor.services.operator_ports import Connections
from stream_monitor.services.reference_building import held, read_file
from stream_monitor.services.topics import deltas_partition, required_partitions
from stream_monitor.services.wiring import wire


def promote(
    installation: Installation, model: str, period: ReferencePeriod, version: str | None,
    connections: Connections | None = None,
) -> Reference:  # fmt: skip
    """A validation reference of the detector's own final windows, by the bins of the present one.

    They are those that lie wholly in [since, until), by default all that the detector remembers. Raises
    StreamMonitorError where it remembers none.
    """
    installation.model(model)
    spec = installation.specifications()[model]
    connections = connections or wire(installation)
    present = held(installation, model, connections=connections)
    state = _model_state(installation, spec, present, connections)
    span = _span(period, spec)
    found = _segments(state, present.layout, span)
    if ALL not in found:
        raise StreamMonitorError(
            f"the detector remembers no final windows of {model} in this time: it keeps those of the "
            "moving references; build the reference from the topic or a file instead"
        )
    whole = found[ALL].total.window
    return Reference(
        model, version or present.version, ReferenceKind.VALIDATION, present.layout, whole.start_s,
        whole.end_s, found,
    )  # fmt: skip


def _span(period: ReferencePeriod, spec: ModelSpec) -> Window:
    zone = spec.windows[0].timezone
    since = parse_time(period.since, zone) // MICRO if period.since else 0
    until = parse_time(period.until, zone) // MICRO if period.until else 2**62
    return Window(since, until)


def _model_state(
    installation: Installation, spec: ModelSpec, present: Reference, connections: Connections
) -> ModelState:
    """The model's state, as its detector would read it."""
    monitor = installation.monitor
    names = monitor.topics
    catalogue = ReferenceCatalogue()
    catalogue.add(present)
    model = ModelState(spec, monitor.name, catalogue)
    whole = PartitionState(names.inference, names.labels, {spec.name: model})
    reader = connections.reader()
    count = required_partitions(connections.administration(), [names.state])[names.state]
    partition = deltas_partition(spec.name, count)
    stored = reader.read(names.state, partition)
    StateRecords().restore(
        whole, (pair for r in stored for pair in zip(r.key, r.value, strict=True))
    )
    return model


def _segments(state: ModelState, layout: Layout, span: Window) -> dict[str, SegmentReference]:
    """The final windows of each segment in a time, by size; the smallest size adds up to the whole."""
    sizes = sorted(state.spec.windows, key=lambda size: size.size_s)
    kept: dict[str, dict[str, tuple[WindowProfile, ...]]] = {}
    for segment, size, profile_id in state.history:
        if profile_id == layout.profile_id:
            windows = state.final_windows(segment, size, profile_id)
            inside = tuple(
                w
                for w in windows
                if span.start_s <= w.window.start_s and w.window.end_s <= span.end_s
            )
            kept.setdefault(segment, {})[size] = inside
    found = {}
    for segment, by_size in kept.items():
        smallest = by_size.get(sizes[0].name, ())
        if smallest:
            total = state.catalogue.sums.total(smallest)
            names = {size.name for size in sizes} | {HOURS}
            found[segment] = SegmentReference(
                total, {n: w for n, w in by_size.items() if n in names}
            )
    return found


def diff(
    installation: Installation, model: str, one: str, other: str,
    connections: Connections | None = None,
) -> list[Mapping[str, Any]]:  # fmt: skip
    """One line per feature of how the second reference differs from the first, the largest change first.

    Each is a version in the references topic, `training`, or a file. Raises InvalidSpecification where
    they were counted by different bins.
    """
    installation.model(model)
    spec = installation.specifications()[model]
    before, after = (_named(installation, model, name, connections) for name in (one, other))
    if before.layout.profile_id != after.layout.profile_id:
        raise InvalidSpecification(
            f"{one} and {other} were counted by different bins: build the second with --same-bins"
        )
    view = ReferenceView(before.segments[ALL], spec.windows[0].name)
    rows = []
    for found in view.compare(after.segments[ALL].total, spec.policies):
        moved = max(found.measurements, key=lambda m: m.effect, default=None)
        rows.append(
            {
                "feature": found.feature,
                "aspect": moved.aspect.value if moved else None,
                "effect": moved.effect if moved else None,
                "p": moved.p_iid if moved else None,
                **{name: found.scores.get(name) for name in ("psi", "jensen_shannon", "ks")},
                "rows_before": found.n_reference,
                "rows_after": found.n_window,
            }
        )
    return sorted(rows, key=lambda row: -(row["effect"] or 0.0))


def _named(
    installation: Installation, model: str, name: str, connections: Connections | None
) -> Reference:
    if Path(name).is_file():
        found = [r for r in read_file(Path(name)) if r.model == model]
        if not found:
            raise StreamMonitorError(f"{name} holds no reference of {model}")
        return found[-1]
    if name == ReferenceKind.TRAINING.value:
        return held(installation, model, None, ReferenceKind.TRAINING, connections)
    return held(installation, model, name, connections=connections)
