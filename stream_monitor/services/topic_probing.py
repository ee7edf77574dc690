"""Checks of the topics' settings: time, retention, cleanup, sizes, copies, ids and rights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from stream_monitor.config.loading import Installation
from stream_monitor.core.windows import format_duration
from stream_monitor.services.finding import Finding, found, guarded
from stream_monitor.services.operator_ports import Administration
from stream_monitor.services.pending_log import seconds_to_restore, wanted_topic
from stream_monitor.services.ports import TopicSpec
from stream_monitor.services.topics import owned_topics

_TIME = "message.timestamp.type"
_CLEANUP = "cleanup.policy"
_RETENTION = "retention.ms"
_BYTES = "retention.bytes"
_SIZE = "max.message.bytes"
_DEFAULT_SIZE = 1_048_588


def probe_source(administration: Administration, installation: Installation) -> list[Finding]:
    """The user's two topics: what the services rely on and cannot change."""
    topics = installation.monitor.topics
    findings: list[Finding] = []
    kept: dict[str, int] = {}
    for topic in (topics.inference, topics.labels):
        config = administration.configs(topic)
        if not config:
            continue
        if config.get(_TIME) == "CreateTime":
            findings.append(_creation_time(topic))
        if "compact" in config.get(_CLEANUP, ""):
            findings.append(_compacted(topic, config[_CLEANUP]))
        if int(config.get(_RETENTION, -1)) >= 0:
            kept[topic] = int(config[_RETENTION])
        if int(config.get(_BYTES, -1)) >= 0 and _longest_horizon(installation):
            findings.append(_bounded_bytes(topic, config[_BYTES], installation))
    return findings + _retention(kept, installation)


def probe_pending(administration: Administration, installation: Installation) -> list[Finding]:
    """The pending topic, where it is wanted and missing."""
    monitor = installation.monitor
    seconds = seconds_to_restore(administration, monitor)
    spec = wanted_topic(monitor, installation.specifications(), administration, seconds)
    if spec is None or spec.name in administration.partition_counts([spec.name]):
        return []
    return [
        found(
            "warning",
            f"topic {spec.name} is missing: a profiler that loses its stores reads up to {seconds:.0f} s of "
            "records anew, or finds them gone; run `stream-monitor topics create` and restart the profilers",
        )
    ]


def probe_own(administration: Administration, installation: Installation) -> list[Finding]:
    """Our topics, as far as they exist, against what `topics create` makes."""
    specs = owned_topics(installation.monitor.topics)
    replicas = administration.replicas([spec.name for spec in specs])
    findings: list[Finding] = []
    for spec in specs:
        if spec.name in replicas:
            config = administration.configs(spec.name)
            if config:
                findings += _own_topic(spec, config, replicas[spec.name])
    return findings


def probe_ids(administration: Administration, installation: Installation) -> list[Finding]:
    """Topic ids: they tell a topic that was made anew from the old one."""
    topics = installation.monitor.topics
    ids = administration.topic_ids([topics.inference, topics.labels])
    without = sorted(topic for topic, value in ids.items() if not value)
    if not without:
        return [found("ok", "the brokers tell topic ids: a topic made anew is noticed")]
    return [
        found(
            "warning",
            f"the brokers tell no id of {', '.join(without)}: a topic that is deleted and made anew is "
            "taken for the old one; brokers from 2.8 on (KRaft, or ZooKeeper at protocol 2.8) tell ids",
        )
    ]


def probe_rights(administration: Administration, installation: Installation) -> list[Finding]:
    """This client's rights on every topic and group; silent where the brokers tell none."""
    monitor = installation.monitor
    topics = monitor.topics
    needed = {
        topics.inference: "READ", topics.labels: "READ", topics.references: "READ",
        topics.deltas: "READ WRITE", topics.state: "READ WRITE", topics.results: "READ WRITE",
        topics.events: "WRITE", topics.dead_letters: "READ WRITE",
    }  # fmt: skip
    there = administration.replicas(list(needed))  # Tells no reason for what we may not see.
    findings: list[Finding] = []
    for topic in there:
        findings += guarded(
            f"topic {topic}", partial(_topic_rights, administration, topic, needed[topic])
        )
    for group in map(monitor.group, ("profiler", "detector")):
        findings += guarded(f"group {group}", partial(_group_rights, administration, group))
    return findings


def _topic_rights(administration: Administration, topic: str, needed: str) -> list[Finding]:
    return _rights(f"topic {topic}", administration.granted(topic), needed)


def _group_rights(administration: Administration, group: str) -> list[Finding]:
    return _rights(f"group {group}", administration.granted_on_group(group), "READ")


def _rights(resource: str, granted: frozenset[str] | None, needed: str) -> list[Finding]:
    missing = [] if granted is None else [right for right in needed.split() if right not in granted]
    if not missing:
        return []
    return [
        found("error", f"{resource}: the right {' and '.join(missing)} is missing: grant it to us")
    ]


def _creation_time(topic: str) -> Finding:
    return found(
        "warning",
        f"topic {topic} keeps its producers' clocks ({_TIME}=CreateTime): an event from the future is "
        "recognised only against the clock that wrote it; set LogAppendTime unless producers rely on theirs",
    )


def _compacted(topic: str, policy: str) -> Finding:
    return found(
        "warning",
        f"topic {topic} has {_CLEANUP}={policy}: compaction removes corrections and duplicates that a lost "
        "store is restored from; set delete",
    )


def _longest_horizon(installation: Installation) -> tuple[int, str]:
    """Seconds, and whose outcome it is; (0, "") without outcomes."""
    horizons = [
        (outcome.horizon_s, f"model {name}, outcome {outcome.name}")
        for name, spec in installation.specifications().items()
        for outcome in spec.outcomes
    ]
    return max(horizons, default=(0, ""))


def _bounded_bytes(topic: str, size: str, installation: Installation) -> Finding:
    horizon_s, whose = _longest_horizon(installation)
    return found(
        "warning",
        f"topic {topic} is cut at {_BYTES}={size} per partition: make sure that this always holds "
        f"{format_duration(horizon_s)} of records ({whose}), or set -1",
    )


def _retention(kept: Mapping[str, int], installation: Installation) -> list[Finding]:
    horizon_s, whose = _longest_horizon(installation)
    if not horizon_s or not kept:
        return []
    shortest_ms, topic = min((ms, topic) for topic, ms in kept.items())
    if shortest_ms >= horizon_s * 1_000:
        return []
    return [
        found(
            "warning",
            f"topic {topic} keeps {format_duration(shortest_ms // 1_000)} ({_RETENTION}={shortest_ms}), the "
            f"longest horizon is {format_duration(horizon_s)} ({whose}): a profiler that loses its store "
            f"cannot restore older predictions; set {_RETENTION} to at least {horizon_s * 1_000}",
        )
    ]


def _own_topic(spec: TopicSpec, config: Mapping[str, str], replicas: int) -> list[Finding]:
    findings: list[Finding] = []
    wanted = spec.config.get(_CLEANUP, "delete")
    if config.get(_CLEANUP, wanted) != wanted:
        why = "state would be lost" if wanted == "compact" else "records would be lost"
        findings.append(
            found(
                "error", f"topic {spec.name} has {_CLEANUP}={config[_CLEANUP]}: {why}; set {wanted}"
            )
        )
    clock = spec.config.get(_TIME)
    if clock is not None and config.get(_TIME, clock) != clock:
        message = (
            f"topic {spec.name} has {_TIME}={config[_TIME]}: quiet partitions would follow the profilers' "
            f"clocks; set {clock}"
        )
        findings.append(found("error", message))
    size = int(spec.config.get(_SIZE, _DEFAULT_SIZE))
    if int(config.get(_SIZE, size)) < size:
        message = (
            f"topic {spec.name} has {_SIZE}={config[_SIZE]}: records of many features or segments would be "
            f"refused; set {size}"
        )
        findings.append(found("warning", message))
    return findings + _copies(spec.name, config, replicas)


def _copies(topic: str, config: Mapping[str, str], replicas: int) -> list[Finding]:
    if replicas == 1:
        message = f"topic {topic} has one copy: it is lost with its broker; use 3 in production"
        return [found("warning", message)]
    if int(config.get("min.insync.replicas", 2)) < 2:
        message = (
            f"topic {topic} has min.insync.replicas=1: what was acknowledged can be lost with one broker; "
            "set 2"
        )
        return [found("warning", message)]
    return []
