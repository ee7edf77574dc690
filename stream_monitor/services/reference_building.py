"""Building, publishing and listing references."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from stream_monitor.config.loading import Installation
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError, UnreadableBytes
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
from stream_monitor.services.history import (
    ReferencePeriod,
    parse_time,
    reference_of,
    table_rows,
)
from stream_monitor.services.references import publish_reference
from stream_monitor.services.table_files import read_table
from stream_monitor.services.topic_history import read_events
from stream_monitor.services.wiring import wire

ADVISED_WINDOWS: Final = MINIMUM_WINDOWS


def build(
    installation: Installation, model: str, table: Path | None, period: ReferencePeriod,
    version: str | None,
) -> Reference:  # fmt: skip
    """A reference from a file's rows or the inference topic; all of it when the period names nothing."""
    config = next((m for m in installation.models if m.name == model), None)
    if config is None:
        names = ", ".join(m.name for m in installation.models) or "none"
        raise InvalidSpecification(f"model {model} is not configured; configured: {names}")
    spec = installation.specifications()[model]
    if table is not None:
        rows = table_rows(read_table(table), config, spec)
        if period == ReferencePeriod():
            period = ReferencePeriod(rows=rows.events.n)
        built = reference_of(rows, spec, period)
    else:
        chunks = list(read_events(installation, model, period.since, period.until))
        if not chunks:
            raise StreamMonitorError(f"the inference topic holds no events of {model} in this time")
        zone = spec.windows[0].timezone
        span = None
        if period.since and period.until:
            since, until = (
                parse_time(text, zone) // MICRO for text in (period.since, period.until)
            )
            span = Window(since, until)
        built = build_reference(spec, chunks, chunks[0].version[0].as_py(), span)
    if version is None:
        return built
    return Reference(
        built.model, version, built.kind, built.layout, built.start_s, built.end_s, built.segments
    )


def publish(installation: Installation, reference: Reference) -> None:
    """Writes a reference to the references topic."""
    producer = wire(installation).producer(f"reference.{reference.model}")
    try:
        publish_reference(reference, producer, installation.monitor.topics.references)
    finally:
        producer.close()


def read_topic(installation: Installation) -> list[Reference]:
    """The references that the topic holds now, the latest of each model and version."""
    reader = wire(installation).references()
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
