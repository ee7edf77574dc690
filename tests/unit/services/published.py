"""What a fleet published, and that it equals the offline pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.connectors.memory import MemoryBroker, MemoryTopicReader
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from tests.unit.services.offline_pass import offline_pass, sources

Record = dict[str, Any]
Identity = tuple[Any, ...]


class Watched(Protocol):
    """A process, as far as it is looked at."""

    @property
    def held(self) -> Mapping[int, PartitionState]:
        """The states that a detector holds."""


class Observed(Protocol):
    """An installation, as far as it is looked at."""

    config: MonitorConfig
    models: Mapping[str, ModelSpec]
    catalogue: ReferenceCatalogue
    broker: MemoryBroker

    @property
    def processes(self) -> Sequence[Watched]:
        """Everything that ever ran."""

    def counts(self) -> Counter[tuple[str, ...]]:
        """Counters over all processes that ever ran."""


def read(fleet: Observed, topic: str) -> list[Record]:
    """The JSON records of a topic."""
    reader = MemoryTopicReader(fleet.broker)
    return [orjson.loads(v) for found in reader.read(topic) for v in found.value if v is not None]


def results(fleet: Observed, kind: str) -> list[Record]:
    """Window or performance records."""
    return [r for r in read(fleet, fleet.config.topics.results) if r["type"] == kind]


def events(fleet: Observed) -> list[Record]:
    """Drift and integrity events."""
    return read(fleet, fleet.config.topics.events)


def identity(record: Record) -> Identity:
    """What revisions have in common."""
    if "id" in record:
        return (record["type"], record["id"])
    names = ("type", "model", "version", "segment", "profile_id", "outcome")
    window = record["window"]
    return (*(record.get(name) for name in names), window["size"], window["start"])


def newest(records: list[Record]) -> dict[Identity, Record]:
    """The highest revision of everything."""
    found: dict[Identity, Record] = {}
    for record in sorted(records, key=lambda r: r["revision"]):
        found[identity(record)] = record
    return found


def assert_as_offline(
    fleet: Observed, with_incidents: bool = True, with_places: bool = True
) -> None:
    """Every window, performance and incident ends as the offline pass has it, each revision once.

    `with_places` is for source topics that were never made anew: offsets tell places then.
    """
    offline = newest(offline_pass(fleet.broker, fleet.models, fleet.catalogue))
    for kind in ("window", "performance"):
        published = newest(results(fleet, kind))
        found = {i: _counted(r) for i, r in published.items()}
        expected = {i: _counted(r) for i, r in offline.items() if i[0] == kind}
        assert found == expected, differences(found, expected)
        if with_places:
            assert_told_where(fleet, published)
    drift = [event for event in events(fleet) if event["type"] == "drift"]
    if with_incidents:
        found = {i: e["status"] for i, e in newest(drift).items() if e["status"] != "retracted"}
        expected = {i: r["status"] for i, r in offline.items() if i[0] == "drift"}
        assert found == expected, differences(found, expected)
    assert_sound(fleet)


def _counted(record: Record) -> str:
    return f"{record['digest']} {record.get('unknown_fields')}"


def assert_told_where(fleet: Observed, published: dict[Identity, Record]) -> None:
    """Every record tells where in the source the events of its window lie: exactly, each once."""
    expected = sources(fleet.broker, fleet.models)
    for key, record in published.items():
        window = record["window"]
        who = (record["model"], record["version"], record["segment"])
        place = (*who, window["size"], window["start"])
        assert record["source"] == expected[place], f"{key}: {record['source']}, {expected[place]}"


def differences(found: dict[Identity, str], expected: dict[Identity, str]) -> str:
    """The first of what is not as expected."""
    wrong = sorted(
        (i for i in found.keys() | expected.keys() if found.get(i) != expected.get(i)), key=repr
    )
    shown = [f"{i}: {found.get(i)} instead of {expected.get(i)}" for i in wrong[:3]]
    return f"{len(wrong)} differ: " + "; ".join(shown)


def assert_sound(fleet: Observed) -> None:
    """Each revision once and in order, no chain violation, and every record accounted for."""
    everything = [*read(fleet, fleet.config.topics.results), *events(fleet)]
    revisions = defaultdict(list)
    for record in everything:
        revisions[identity(record)].append(record["revision"])
    assert all(found == list(range(len(found))) for found in revisions.values())
    assert not [record for record in everything if record["type"] == "integrity"]
    for process in fleet.processes:
        for state in process.held.values():
            assert (state.chain.violations, state.unreadable) == (0, 0)
    counts = fleet.counts()
    for topic in (fleet.config.topics.inference, fleet.config.topics.labels):
        accounted = sum(n for name, n in counts.items() if name[:2] == ("records", topic))
        assert accounted == counts["consumed", topic]
