"""The rights that each command needs on the brokers, and no others; the names are the configuration's."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.services.topics import owned_topics

READER_GROUP: Final = "stream-monitor-reader"
"""The group that reads without a group name to the brokers; it is never joined."""
ROLES: Final = ("profiler", "detector", "topics", "reference", "check", "operator", "reader")
_READING: Final = tuple(role for role in ROLES if role != "topics")
_OPTIONS: Final = {
    "topic": "--topic",
    "group": "--group",
    "transactional_id": "--transactional-id",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Operations that one role may do on one resource.

    `resource` is topic, group or transactional_id; `pattern` says whether `name` is the whole name
    (literal) or how it begins (prefixed).
    """

    role: str
    resource: str
    name: str
    pattern: str
    operations: tuple[str, ...]


def grants(monitor: MonitorConfig) -> list[Grant]:
    """What every role needs, by role.

    Roles: profiler and detector are the services; topics is `topics create`; reference is
    `reference build`; check is `check`, which tries what both services do; operator is `offsets`,
    `verify`, `dead-letters` and `replay`; reader is `results`, `events tail` and whoever reads these topics.
    """
    topics = monitor.topics
    source = (topics.inference, topics.labels)
    own = (*(spec.name for spec in owned_topics(topics)), topics.pending)
    rights = [
        *_topics("profiler", "Read DescribeConfigs", *source),
        *_topics("profiler", "Read", topics.references),
        *_topics("profiler", "Write", topics.deltas, topics.dead_letters),
        *_topics("profiler", "Read Write", topics.pending),
        *_topics("detector", "Read", topics.deltas, topics.references),
        *_topics("detector", "Read Write", topics.state),
        *_topics("detector", "Write", topics.results, topics.events),
        *_topics("topics", "Create Describe", *own),
        *_topics("topics", "Create DescribeConfigs Describe", *source),
        *_topics("reference", "Read DescribeConfigs", topics.inference),
        *_topics("reference", "Write", topics.references),
        *_topics("check", "Read DescribeConfigs", *source, topics.references),
        *_topics(
            "check", "Read Write DescribeConfigs", *(t for t in own if t != topics.references)
        ),
        *_topics("operator", "Read Write", *source),
        *_topics("operator", "Read", *own),
        *_topics("reader", "Read", topics.results, topics.events),
        *(_group(role, monitor.group(role), "Read") for role in ("profiler", "detector")),
        *(
            _group(role, monitor.group(service), "Read")
            for role in ("check", "operator")
            for service in ("profiler", "detector")
        ),
        _group("topics", monitor.group("profiler"), "Describe"),
        *(_group(role, READER_GROUP, "Describe") for role in _READING),
        *(
            _transactions(monitor, role, f"{role}.")
            for role in ("profiler", "detector", "reference")
        ),
        _transactions(monitor, "check", "check"),
        _transactions(monitor, "operator", "redrive"),
    ]
    return sorted(rights, key=lambda grant: ROLES.index(grant.role))


def principal(monitor: MonitorConfig, role: str) -> str:
    """The user that the role is thought to sign in as."""
    return f"User:{monitor.name}-{role}"


def kafka_acls(monitor: MonitorConfig) -> list[str]:
    """One `kafka-acls.sh` command per grant."""
    return [
        shlex.join(
            [
                "kafka-acls.sh", "--bootstrap-server",
                monitor.kafka.redacted().get("bootstrap.servers", "localhost:9092"),
                "--add", "--allow-principal", principal(monitor, grant.role),
                *(word for name in grant.operations for word in ("--operation", name)),
                _OPTIONS[grant.resource], grant.name,
                *(["--resource-pattern-type", "prefixed"] if grant.pattern == "prefixed" else []),
            ]
        )
        for grant in grants(monitor)
    ]  # fmt: skip


def _topics(role: str, operations: str, *names: str) -> list[Grant]:
    return [Grant(role, "topic", name, "literal", tuple(operations.split())) for name in names]


def _group(role: str, name: str, operation: str) -> Grant:
    return Grant(role, "group", name, "literal", (operation,))


def _transactions(monitor: MonitorConfig, role: str, name: str) -> Grant:
    """A name that ends in a dot is the beginning of what every instance is called."""
    pattern = "prefixed" if name.endswith(".") else "literal"
    return Grant(role, "transactional_id", f"{monitor.name}.{name}", pattern, ("Write",))
