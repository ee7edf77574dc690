"""Checks of what only a trial shows: transactions, hidden aborted records, clocks and the two groups."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial

from stream_monitor.config.loading import Installation
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.finding import Finding, found, guarded
from stream_monitor.services.offset_skipping import GroupOffset, group_offsets, group_topics
from stream_monitor.services.operator_ports import Administration, Connections
from stream_monitor.services.ports import Outgoing

_SKEW_S = 30.0
_ROLE = "check"


def probe_transactions(connections: Connections, installation: Installation) -> list[Finding]:
    """Writes one record to the dead letters in a transaction that is aborted, and looks whether it shows."""
    monitor = installation.monitor
    topic = monitor.topics.dead_letters
    at = TopicPartition(topic, 0)
    administration = connections.administration()
    before = administration.extents([topic])[at].end
    mark = uuid.uuid4().hex.encode()
    producer = connections.producer(_ROLE)
    try:
        producer.init_transactions()
        producer.begin()
        producer.produce(
            Outgoing(topic, _ROLE.encode(), mark, at.partition, (("stage", _ROLE.encode()),))
        )
        producer.abort()
    finally:
        producer.close()
    after = administration.extents([topic])[at].end
    name = f"{monitor.name}.{_ROLE}"
    if after <= before:
        message = f"a record written to {topic} under the transactional id {name} did not arrive"
        return [found("error", message)]
    reader = connections.ranges()
    try:
        seen = any(mark in f.records.value for f in reader.read({at: (before, after)}))
    finally:
        reader.close()
    if seen:
        message = (
            f"a record of an aborted transaction in {topic} is shown to a committed reader: without "
            "transactions windows count twice after a fault; use Apache Kafka 2.5 or later"
        )
        return [found("error", message)]
    return [found("ok", f"transactions as {name}: an aborted record is hidden from readers")]


def probe_clock(
    connections: Connections, installation: Installation,
    clock: Callable[[], float] = time.time,
) -> list[Finding]:  # fmt: skip
    """This clock against the append time of the newest delta; silent where that can tell nothing."""
    monitor = installation.monitor
    topic = monitor.topics.deltas
    administration = connections.administration()
    if administration.configs(topic).get("message.timestamp.type") != "LogAppendTime":
        return []
    newest_s = _newest_s(connections, administration, topic)
    if newest_s is None:
        return []
    ahead_s = clock() - newest_s
    if ahead_s < -_SKEW_S:
        message = f"this machine's clock is {-ahead_s:.0f} s behind the brokers': set it by NTP"
        return [found("warning", message)]
    limit_s = _SKEW_S + monitor.profiler.marker_interval
    members = administration.members(monitor.group("profiler"))
    if members and ahead_s > limit_s:
        message = (
            f"the profilers' newest report is {ahead_s:.0f} s old: they do not get on (see their logs), or "
            "this machine's clock is ahead of the brokers' (set it by NTP)"
        )
        return [found("warning", message)]
    return []


def probe_groups(administration: Administration, installation: Installation) -> list[Finding]:
    """Members, lag and lost offsets of both groups."""
    findings: list[Finding] = []
    for group, topics in group_topics(installation.monitor).items():
        findings += guarded(f"group {group}", partial(_group, administration, group, topics))
    return findings


def _group(administration: Administration, group: str, topics: tuple[str, ...]) -> list[Finding]:
    offsets = group_offsets(administration, group, topics)
    if not any(offset.committed for offset in offsets):
        return [found("ok", f"group {group}: has not run yet")]
    lag = sum(offset.lag for offset in offsets)
    members = ", ".join(administration.members(group)) or "no members"
    return [*_lost(offsets), found("ok", f"group {group}: {members}; {lag} offsets to read")]


def _lost(offsets: list[GroupOffset]) -> list[Finding]:
    findings = []
    for offset in offsets:
        where = f"group {offset.group}: partition {offset.at.partition} of {offset.at.topic}"
        if offset.lost:
            message = (
                f"{where} has lost {offset.lost} offsets before they were read (retention): run "
                "`stream-monitor offsets skip`, the windows become exact=false"
            )
            findings.append(found("error", message))
        if offset.beyond:
            message = (
                f"{where} ends {offset.beyond} offsets before the committed one: the topic was made anew or "
                "lost records; give the installation another `name`, or reset the group's offsets"
            )
            findings.append(found("error", message))
    return findings


def _newest_s(connections: Connections, administration: Administration, topic: str) -> float | None:
    """Append time of the newest record, among the last few offsets of each partition."""
    extents = administration.extents([topic])
    ranges = {at: (max(e.beginning, e.stable_end - 4), e.stable_end) for at, e in extents.items()}
    reader = connections.ranges()
    try:
        found_ms = [int(f.records.timestamp_ms.max()) for f in reader.read(ranges)]
    finally:
        reader.close()
    return max(found_ms) / 1_000 if found_ms else None
