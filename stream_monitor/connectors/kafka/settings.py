"""librdkafka's settings: the user's section as written, ours on top.

Ours is what delivery rests on; what only makes it faster gives way to the user's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from stream_monitor.connectors.kafka.oauth import CALLBACK, OauthCallback

LOGGER: Final = "stream_monitor.kafka"

StartPolicy = Literal["earliest", "latest"]

# What a broker may make a client hold: fetched records that wait, one answer, and (the last) what a batch
# may grow to that was compressed with zstd. Batches of gzip (1,000 times) and lz4 (255 times) librdkafka
# lets grow: there only the topic's max.message.bytes is a bound.
_FETCHING: Final = {
    "queued.max.messages.kbytes": 65_536,
    "fetch.max.bytes": 16_000_000,
    "receive.message.max.bytes": 100_000_000,
}
_CONSUMER_DEFAULTS: Final = _FETCHING | {
    "session.timeout.ms": 45_000,
    "max.poll.interval.ms": 300_000,
    # A member that lost its coordinator asks for the new one ten times as often; by default a minute passes.
    "coordinator.query.interval.ms": 10_000,
}
# A read to the end waits for an empty answer, which brokers hold back for half a second by default.
_READER_DEFAULTS: Final = _FETCHING | {"fetch.wait.max.ms": 50}
_READING: Final = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # How long librdkafka waits after a full queue; its default of a second costs 2.7× in throughput.
    "fetch.queue.backoff.ms": 10,
}
_MEMBER: Final = {
    "group.protocol": "classic",
    "partition.assignment.strategy": "range",
    "auto.offset.reset": "error",
}
_PRODUCER_DEFAULTS: Final = {
    "compression.type": "zstd",
    "linger.ms": 5,
    # A window of hundreds of features is more than the default of 1 MB (see services/topics.py).
    "message.max.bytes": 8_000_000,
    # librdkafka would hold 1 GB of records that the brokers have not taken; a full queue makes produce
    # wait. A transaction's records fit many times over.
    "queue.buffering.max.kbytes": 131_072,
    # Less than a commit may take, so that a missing topic is named instead of the commit timing out.
    "topic.metadata.propagation.max.ms": 10_000,
}
_PRODUCER: Final = {
    "transaction.timeout.ms": 30_000,
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to reach a cluster: the user's `kafka:` section, which may hold secrets and is never shown.

    `is_embedded` marks librdkafka's mock cluster, which lacks much (see embedded.py). Clients log to
    `logger`.
    """

    settings: Mapping[str, Any] = field(repr=False)
    is_embedded: bool = False
    logger: logging.Logger = field(default=logging.getLogger(LOGGER), repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Membership of a consumer group.

    A static member keeps its partitions over a restart, under the name `instance`. `start` says where
    a partition begins that the group never committed.
    """

    group_id: str
    instance: str
    is_static: bool = True
    start: StartPolicy = "earliest"


def member_settings(cluster: Cluster, group: Group) -> dict[str, Any]:
    """A member of a group."""
    settings = _client(cluster, _CONSUMER_DEFAULTS, _READING | _MEMBER)
    settings["group.id"] = group.group_id
    settings.pop("group.instance.id", None)
    if group.is_static:
        settings["group.instance.id"] = group.instance
    return settings


def reader_settings(cluster: Cluster, group_id: str) -> dict[str, Any]:
    """A consumer that joins no group; brokers that authorise by group see `group_id`."""
    ours = _READING | {"group.id": group_id, "auto.offset.reset": "earliest"}
    settings = _client(cluster, _READER_DEFAULTS, ours)
    settings.pop("group.instance.id", None)
    return settings


def producer_settings(cluster: Cluster, transactional_id: str) -> dict[str, Any]:
    """A transactional producer."""
    ours = _PRODUCER | {"transactional.id": transactional_id}
    return _client(cluster, _PRODUCER_DEFAULTS, ours)


def admin_settings(cluster: Cluster) -> dict[str, Any]:
    """An admin client."""
    return _client(cluster, {}, {})


def _client(
    cluster: Cluster, defaults: Mapping[str, Any], ours: Mapping[str, Any]
) -> dict[str, Any]:
    settings = {**defaults, **cluster.settings, **ours, "logger": cluster.logger}
    callback = settings.pop(CALLBACK, None)
    if callback is not None:
        config = str(settings.get("sasl.oauthbearer.config", ""))
        settings["oauth_cb"] = OauthCallback(callback, config, cluster.logger)
    return settings
