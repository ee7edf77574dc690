"""Building, publishing and listing references."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from stream_monitor.config.loading import Installation
from stream_monitor.core.binning import Binning
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError, UnreadableBytes
from stream_monitor.core.learning import ValueSketch
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.published import rfc3339
from stream_monitor.core.reference_records import (
    ReferenceAssembler,
    dump_references,
    encode_reference,
    parse_references,
)
from stream_monitor.core.references import Reference, build_reference
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.verdicts import MINIMUM_WINDOWS
from stream_monitor.core.windows import Window
from stream_monitor.services.first_windows import Standing, Wanted, first_windows
from stream_monitor.services.history import ReferencePeriod, reference_of, table_rows
from stream_monitor.services.operator_ports import Connections
from stream_monitor.services.references import ReferenceReader, publish_reference
from stream_monitor.services.table_files import read_table
from stream_monitor.services.topic_history import TopicRows, time_bound
from stream_monitor.services.wiring import wire

ADVISED_WINDOWS: Final = MINIMUM_WINDOWS


def build(
    installation: Installation, model: str, table: Path | None, period: ReferencePeriod,
    version: str | None, kind: ReferenceKind = ReferenceKind.VALIDATION, like: Reference | None = None,
    connections: Connections | None = None,
) -> Reference:  # fmt: skip
    """A reference from a file's rows or the inference topic; all of it when the period names nothing.

    `like` is a reference by whose bins the rows are counted, so that the two can be compared.
    """
    config = installation.model(model)
    spec = installation.specifications()[model]
    binning = None if like is None else _bins_of(like, spec)
    if table is not None:
        rows = table_rows(read_table(table), config, spec)
        if period == ReferencePeriod():
            period = ReferencePeriod(rows=rows.events.n)
        built = reference_of(rows, spec, period, kind, binning)
        return built if version is None else replace(built, version=version)
    if period.rows is not None:
        raise InvalidSpecification("--rows is of a file: choose a time of the topic by --since")
    connections = connections or wire(installation)
    extents = connections.administration().extents([installation.monitor.topics.inference])
    ranges = {at: (extent.beginning, extent.stable_end) for at, extent in extents.items()}
    since_us, until_us = (time_bound(text, spec) for text in (period.since, period.until))
    events = TopicRows(installation, connections.ranges, model, ranges, since_us, until_us)
    span = None
    if since_us is not None and until_us is not None:
        span = Window(since_us // MICRO, until_us // MICRO)
    return build_reference(spec, events, version, span, kind, binning=binning, values=ValueSketch)


def learn(
    installation: Installation, model: str, wanted: Wanted, version: str | None,
    kind: ReferenceKind = ReferenceKind.VALIDATION, like: Reference | None = None,
    connections: Connections | None = None, wait: Callable[[Standing], None] | None = None,
    clock: Callable[[], float] = time.time,
) -> Reference:  # fmt: skip
    """A reference of a model's own first windows in the inference topic (see first_windows)."""
    installation.model(model)
    spec = installation.specifications()[model]
    binning = None if like is None else _bins_of(like, spec)
    connections = connections or wire(installation)
    found = first_windows(installation, model, wanted, connections, wait, clock)
    bounds = (found.period.start_s * MICRO, found.period.end_s * MICRO)
    events = TopicRows(installation, connections.ranges, model, found.ranges, *bounds)
    built = build_reference(
        spec, events, version, found.period, kind, binning=binning, values=ValueSketch
    )
    if built.events != found.rows:
        raise StreamMonitorError(
            f"{found.rows} events of {model} were there and {built.events} are left: the topic does not "
            "keep them for long enough, ask for fewer windows"
        )
    return built


def _bins_of(like: Reference, spec: ModelSpec) -> Binning:
    binning = like.layout.binning
    if binning.schema.schema_id != spec.schema.schema_id:
        raise InvalidSpecification(
            f"model {spec.name} has other features than its reference of version {like.version}: "
            "build this one by bins of its own"
        )
    return binning


def held(
    installation: Installation, model: str, version: str | None = None,
    kind: ReferenceKind = ReferenceKind.VALIDATION, connections: Connections | None = None,
) -> Reference:  # fmt: skip
    """The latest reference in the topic of a model, kind and, if given, version; raises without one."""
    found = [
        r
        for r in read_topic(installation, connections)
        if (r.model, r.kind) == (model, kind) and version in (None, r.version)
    ]
    if not found:
        which = f" version {version}" if version else ""
        raise StreamMonitorError(
            f"there is no {kind} reference of {model}{which}: see `stream-monitor reference show`"
        )
    return found[-1]


def publish(installation: Installation, reference: Reference) -> None:
    """Writes a reference to the references topic."""
    producer = wire(installation).producer(f"reference.{reference.model}")
    try:
        publish_reference(reference, producer, installation.monitor.topics.references)
    finally:
        producer.close()


def read_topic(
    installation: Installation, connections: Connections | None = None
) -> list[Reference]:
    """The references that the topic holds now, the latest of each model, version and kind."""
    topic = installation.monitor.topics.references
    reader = ReferenceReader((connections or wire(installation)).reader(), topic)
    reader.load()
    reader.close()
    return reader.catalogue.all()


def write_file(reference: Reference, path: Path) -> None:
    """Writes a reference to a file."""
    try:
        path.write_bytes(dump_references(encode_reference(reference)))
    except OSError as error:
        raise StreamMonitorError(f"{path} cannot be written: {error}") from error


def read_file(path: Path) -> list[Reference]:
    """The references of a file."""
    try:
        records = parse_references(path.read_bytes())
    except (OSError, UnreadableBytes) as error:
        raise StreamMonitorError(f"{path} cannot be read: {error}") from error
    return ReferenceAssembler().add(records)


def describe(reference: Reference) -> dict[str, Any]:
    """One line about a reference."""
    windows = reference.segments["all"].windows
    return {
        "model": reference.model,
        "version": reference.version,
        "kind": reference.kind.value,
        "start": rfc3339(reference.start_s),
        "end": rfc3339(reference.end_s),
        "events": reference.events,
        "segments": len(reference.segments),
        "windows": ", ".join(f"{len(found)} × {size}" for size, found in windows.items()),
        "profile_id": reference.layout.profile_id,
    }
