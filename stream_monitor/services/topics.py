"""The topics that stream_monitor owns, as the configuration wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from stream_monitor.config.monitor import TopicsConfig
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.hashing import partition_of
from stream_monitor.services.ports import Topics, TopicSpec, TransactionAborted, Unanswered

_DAY_MS = 86_400_000
_LARGE = {"max.message.bytes": "8000000"}


def owned_topics(topics: TopicsConfig) -> list[TopicSpec]:
    """Every topic that `topics create` makes, with its cleanup policy and retention."""
    compacted = {"cleanup.policy": "compact", **_LARGE}
    return [
        _topic(topics, topics.deltas, topics.partitions,
               {"retention.ms": str(7 * _DAY_MS), "message.timestamp.type": "LogAppendTime"}),
        _topic(topics, topics.state, topics.partitions, compacted),
        _topic(topics, topics.references, 1, compacted),
        _topic(topics, topics.results, topics.partitions, {"retention.ms": str(30 * _DAY_MS), **_LARGE}),
        _topic(topics, topics.events, topics.events_partitions, {"retention.ms": str(90 * _DAY_MS)}),
        _topic(topics, topics.dead_letters, 3, {"retention.ms": str(14 * _DAY_MS)}),
    ]  # fmt: skip


def pending_topic(topics: TopicsConfig, partitions: int, kept_us: int) -> TopicSpec:
    """The changelog of the label join: as many partitions as the sources, kept as long as it needs."""
    return _topic(
        topics, topics.pending, partitions,
        {"retention.ms": str(kept_us // 1_000 + _DAY_MS), "retention.bytes": "-1", **_LARGE},
    )  # fmt: skip


def required_partitions(topics: Topics, wanted: Sequence[str]) -> dict[str, int]:
    """Partition count of each topic; raises StreamMonitorError naming the first that is missing."""
    counts = topics.partition_counts(wanted)
    for topic in wanted:
        if topic not in counts:
            raise StreamMonitorError(
                f"topic {topic} does not exist: create it, or run `stream-monitor topics create`"
            )
    return counts


def require_joinable(
    counts: Mapping[str, int], inference: str, labels: str, changelogs: Sequence[str]
) -> None:
    """Raises StreamMonitorError unless sources and changelogs of the join have one number of partitions."""
    count = counts[inference]
    for changelog in changelogs:
        if counts[changelog] != count:
            raise StreamMonitorError(
                f"{changelog} has {counts[changelog]} partitions and {inference} {count}: make it anew "
                "with `stream-monitor topics create`"
            )
    if counts[labels] != count:
        raise StreamMonitorError(
            f"{inference} has {count} partitions and {labels} {counts[labels]}: labels can only be joined "
            "when both have the same number"
        )


def seen_ids(topics: Topics, wanted: Sequence[str]) -> dict[str, str]:
    """The ids of topics that are read; raises TransactionAborted where they cannot be told now."""
    try:
        ids = topics.topic_ids(wanted)
    except Unanswered as error:
        raise TransactionAborted(str(error)) from error
    if len(ids) < len(wanted):
        # Deleted, or a broker that has just started does not know its topics yet.
        raise TransactionAborted("a source topic cannot be seen")
    return ids


def deltas_partition(model: str, partitions: int) -> int:
    """The deltas partition of a model: all of a model's deltas meet in one detector."""
    return int(partition_of(pa.array([model]), partitions)[0])


def source_topics(topics: TopicsConfig) -> list[TopicSpec]:
    """The topics that are read, with one number of partitions, for trying things out."""
    return [
        _topic(topics, name, topics.partitions, {}) for name in (topics.inference, topics.labels)
    ]


def _topic(topics: TopicsConfig, name: str, partitions: int, config: dict[str, str]) -> TopicSpec:
    return TopicSpec(name, partitions, topics.replication, config)
