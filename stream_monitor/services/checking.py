"""What `stream-monitor check` looks at: configuration, topics, keys, transactions, groups, references.

Each `*_probing` module beside it asks the brokers for one kind of guarantee.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from stream_monitor.config.loading import Installation
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.references import Reference
from stream_monitor.core.verdicts import MINIMUM_WINDOWS
from stream_monitor.core.windows import DAY_S, format_duration
from stream_monitor.services import key_probing, topic_probing, transaction_probing
from stream_monitor.services.finding import Finding, found, guarded
from stream_monitor.services.operator_ports import Administration, Connections
from stream_monitor.services.references import ReferenceReader
from stream_monitor.services.topics import owned_topics
from stream_monitor.services.wiring import wire


def check_installation(
    installation: Installation, connections: Connections | None = None
) -> list[Finding]:
    """Findings with `state` ok, warning or error, and a `message` that says what to do."""
    monitor = installation.monitor
    connections = connections or wire(installation)
    findings = [found("ok", f"configuration: {len(installation.models)} models")]
    if not installation.models:
        findings.append(found("warning", f"no model files in {monitor.models}: add one per model"))
    source = [monitor.topics.inference, monitor.topics.labels]
    own = [spec.name for spec in owned_topics(monitor.topics)]
    try:
        administration = connections.administration()
        administration.partition_counts([])
    except StreamMonitorError as error:
        return [*findings, found("error", f"broker: {error}")]
    counts, refused = _counts(administration, [*source, *own])
    findings.append(found("ok", f"broker: {monitor.kafka.redacted().get('bootstrap.servers')}"))
    findings += [_topic(topic, counts, refused, is_own=False) for topic in source]
    if all(topic in counts for topic in source):
        findings.append(_co_partitioning(source, counts))
    findings += [_topic(topic, counts, refused, is_own=True) for topic in own]
    return findings + _guarantees(installation, connections, administration, counts)


def _guarantees(
    installation: Installation, connections: Connections, administration: Administration,
    counts: dict[str, int],
) -> list[Finding]:  # fmt: skip
    """What can be probed with the topics that are there."""
    topics = installation.monitor.topics
    has_sources = {topics.inference, topics.labels} <= counts.keys()
    findings = guarded(
        "rights", lambda: topic_probing.probe_rights(administration, installation)
    ) + guarded(
        "settings of our topics", lambda: topic_probing.probe_own(administration, installation)
    )
    if has_sources:
        findings += guarded(
            "settings of the source topics",
            lambda: topic_probing.probe_source(administration, installation),
        )
        findings += guarded(
            "pending topic", lambda: topic_probing.probe_pending(administration, installation)
        )
        findings += guarded(
            "topic ids", lambda: topic_probing.probe_ids(administration, installation)
        )
        findings += guarded("keys", lambda: key_probing.probe_keys(connections, installation))
    if topics.dead_letters in counts:
        findings += guarded(
            "transactions",
            lambda: transaction_probing.probe_transactions(connections, installation),
        )
    if topics.deltas in counts:
        findings += guarded(
            "clock", lambda: transaction_probing.probe_clock(connections, installation)
        )
    if has_sources and topics.deltas in counts:
        findings += guarded(
            "groups", lambda: transaction_probing.probe_groups(administration, installation)
        )
    if topics.references in counts:
        findings += guarded("references", lambda: _references(installation, connections))
    return findings


def _counts(
    administration: Administration, topics: list[str]
) -> tuple[dict[str, int], dict[str, str]]:
    """Partition counts, and the reason where a topic may not be described."""
    counts: dict[str, int] = {}
    refused: dict[str, str] = {}
    for topic in topics:
        try:
            counts |= administration.partition_counts([topic])
        except StreamMonitorError as error:
            refused[topic] = str(error)
    return counts, refused


def _topic(topic: str, counts: dict[str, int], refused: dict[str, str], *, is_own: bool) -> Finding:
    if topic in counts:
        return found("ok", f"topic {topic}: {counts[topic]} partitions")
    if topic in refused:
        return found("error", f"topic {topic}: {refused[topic]}")
    remedy = (
        "run `stream-monitor topics create`"
        if is_own
        else "create it, or name yours under `topics`"
    )
    return found("error", f"topic {topic} is missing: {remedy}")


def _co_partitioning(source: list[str], counts: dict[str, int]) -> Finding:
    inference, labels = (counts[topic] for topic in source)
    if inference == labels:
        return found("ok", f"{source[0]} and {source[1]} have {inference} partitions each")
    return found(
        "error",
        f"{source[0]} has {inference} partitions, {source[1]} {labels}: labels can only be joined when "
        "both have the same number and partitioner",
    )


def _references(installation: Installation, connections: Connections) -> list[Finding]:
    reader = ReferenceReader(connections.reader(), installation.monitor.topics.references)
    reader.load()
    reader.close()
    findings = []
    for name, spec in sorted(installation.specifications().items()):
        own = [
            r
            for r in reader.catalogue.of_model(name)
            if r.layout.binning.schema.schema_id == spec.schema.schema_id
        ]
        if not own:
            findings.append(found("warning", _unreferenced(name, spec)))
            continue
        findings += _obsolete(name, spec, own)
        windows = own[-1].segments["all"].windows
        few = [
            size.name for size in spec.windows if len(windows.get(size.name, ())) < MINIMUM_WINDOWS
        ]
        if few:
            message = (
                f"model {name}: fewer than {MINIMUM_WINDOWS} reference windows of {', '.join(few)}: "
                "only the test of independent rows decides there"
            )
            findings.append(found("warning", message))
        else:
            findings.append(found("ok", f"model {name}: reference of {own[-1].events} events"))
    return findings


def _unreferenced(name: str, spec: ModelSpec) -> str:
    build = f"stream-monitor reference build {name}"
    sizes = sorted(spec.windows, key=lambda size: size.size_s)
    size = next((size for size in reversed(sizes) if size.size_s <= DAY_S), sizes[0])
    return (
        f"model {name} has no reference for its features: run `{build}`, or let it learn from its own "
        f"first windows: `{build} --windows {MINIMUM_WINDOWS} --size {size.name} --wait`"
    )


def _obsolete(name: str, spec: ModelSpec, references: Sequence[Reference]) -> list[Finding]:
    """A warning for each reference that is too old today."""
    newest = {r.kind: r for r in references}
    return [
        found(
            "warning",
            f"model {name}: the {kind} reference ended {format_duration(age_s // DAY_S * DAY_S)} ago, which "
            f"is more than references.{kind}.max_age: build a new one from recent, good data",
        )
        for kind, reference in newest.items()
        if spec.max_age_s is not None
        and (age_s := int(time.time()) - reference.end_s) > spec.max_age_s
    ]
