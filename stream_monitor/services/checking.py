"""What `stream-monitor check` looks at: configuration, broker, topics, co-partitioning, references."""

from __future__ import annotations

from stream_monitor.config.loading import Installation
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.verdicts import MINIMUM_WINDOWS
from stream_monitor.services import reference_building
from stream_monitor.services.topics import owned_topics
from stream_monitor.services.wiring import wire

Finding = dict[str, str]


def check_installation(installation: Installation) -> list[Finding]:
    """Findings with `state` ok, warning or error, and a `message` that says what to do."""
    monitor = installation.monitor
    findings = [_found("ok", f"configuration: {len(installation.models)} models")]
    if not installation.models:
        findings.append(_found("warning", f"no model files in {monitor.models}: add one per model"))
    topics = wire(installation).topics()
    source = [monitor.topics.inference, monitor.topics.labels]
    own = owned_topics(monitor.topics)
    try:
        counts = topics.partition_counts([*source, *(spec.name for spec in own)])
    except StreamMonitorError as error:
        return [*findings, _found("error", f"broker: {error}")]
    findings.append(_found("ok", f"broker: {monitor.kafka.redacted().get('bootstrap.servers')}"))
    findings += [_source_topic(topic, counts) for topic in source]
    if all(topic in counts for topic in source):
        findings.append(_co_partitioning(source, counts))
    for spec in own:
        if spec.name in counts:
            findings.append(_found("ok", f"topic {spec.name}: {counts[spec.name]} partitions"))
        else:
            findings.append(
                _found("error", f"topic {spec.name} is missing: run `stream-monitor topics create`")
            )
    if monitor.topics.references in counts:
        findings += _references(installation)
    return findings


def _source_topic(topic: str, counts: dict[str, int]) -> Finding:
    if topic not in counts:
        return _found("error", f"topic {topic} is missing: create it, or name yours under `topics`")
    return _found("ok", f"topic {topic}: {counts[topic]} partitions")


def _co_partitioning(source: list[str], counts: dict[str, int]) -> Finding:
    inference, labels = (counts[topic] for topic in source)
    if inference == labels:
        return _found("ok", f"{source[0]} and {source[1]} have {inference} partitions each")
    return _found(
        "error",
        f"{source[0]} has {inference} partitions, {source[1]} {labels}: labels can only be joined when "
        "both have the same number and partitioner",
    )


def _references(installation: Installation) -> list[Finding]:
    found = reference_building.read_topic(installation)
    findings = []
    for name, spec in sorted(installation.specifications().items()):
        own = [
            r
            for r in found
            if r.model == name and r.layout.binning.schema.schema_id == spec.schema.schema_id
        ]
        if not own:
            message = (
                f"model {name} has no reference for its features: "
                f"run `stream-monitor reference build {name}`"
            )
            findings.append(_found("warning", message))
            continue
        windows = own[-1].segments["all"].windows
        few = [
            size.name for size in spec.windows if len(windows.get(size.name, ())) < MINIMUM_WINDOWS
        ]
        if few:
            message = (
                f"model {name}: fewer than {MINIMUM_WINDOWS} reference windows of {', '.join(few)}: "
                "only the test of independent rows decides there"
            )
            findings.append(_found("warning", message))
        else:
            findings.append(_found("ok", f"model {name}: reference of {own[-1].events} events"))
    return findings


def _found(state: str, message: str) -> Finding:
    return {"state": state, "message": message}
