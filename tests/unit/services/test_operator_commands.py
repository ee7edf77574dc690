"""The operators' commands on a broker in memory: dead letters, lost offsets, verification, check."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import orjson
import pytest

from stream_monitor.config.loading import Installation
from stream_monitor.config.model import ModelConfig
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.checking import check_installation
from stream_monitor.services.dead_letter_reading import (
    LetterFilter,
    count_letters,
    newest_letters,
)
from stream_monitor.services.offset_skipping import read_offsets, skip_lost
from stream_monitor.services.ports import Outgoing
from stream_monitor.services.redriving import HEADER, Redrive
from stream_monitor.services.verifying import Verification, verify
from stream_monitor.services.wiring import EmbeddedBroker, wire_embedded
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.memory_connections import MemoryConnections
from tests.unit.services.source_stream import Mixture, event, label, random_stream
from tests.unit.services.watched import CLASSES, T0, monitor, watched

SOURCES = ("inference", "labels")


def config(name: str, numeric: str) -> ModelConfig:
    """What the watched model of this name is made from."""
    return ModelConfig.model_validate(
        {
            "name": name, "pane": "5m",
            "windows": [{"size": "1h", "recover_after": 2}, {"size": "1d"}],
            "features": {numeric: "numeric", "carrier": "categorical"},
            "prediction": "class", "segments": ["origin"],
            "references": {"validation": {}, "sliding": {}},
            "outcomes": {
                "label": {
                    "kind": "class", "classes": list(CLASSES), "positive": "late", "horizon": "3d",
                }
            },
            "allowed_lateness": "5m", "correction_horizon": "3d",
        }
    )  # fmt: skip


def installation() -> Installation:
    return Installation(monitor(), (config("flights", "distance"), config("fares", "price")))


def busy(seed: int = 5) -> Fleet:
    """A fleet that has worked off a random stream with poison, late events and duplicates."""
    fleet = Fleet()
    fleet.publish(*references())
    fleet.send(random_stream(np.random.default_rng(seed), list(watched()), Mixture(poison=0.2)))
    fleet.finish()
    return fleet


def letters_topic(fleet: Fleet) -> str:
    return fleet.config.topics.dead_letters


def test_dead_letters_are_counted_and_the_newest_listed() -> None:
    fleet = busy()
    connections = MemoryConnections(fleet.broker)
    everything = newest_letters(connections, letters_topic(fleet), LetterFilter(), 1_000)
    assert everything
    counted: Counter[str] = Counter()
    for row in count_letters(connections, letters_topic(fleet), LetterFilter()):
        counted[str(row["reason"])] += int(row["count"])
    assert counted == Counter(letter.reason for letter in everything)
    two = newest_letters(connections, letters_topic(fleet), LetterFilter(), 2)
    assert two == everything[-2:]
    future = LetterFilter(since="2999-01-01")
    assert newest_letters(connections, letters_topic(fleet), future, 5) == []
    with pytest.raises(StreamMonitorError, match="is no reason"):
        LetterFilter(reason="odd")


def test_records_are_sent_again_once_and_marked() -> None:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.send([event(f"n{i}", "nobody", T0 + i) for i in range(5)])
    fleet.step(fleet.profiler(), times=3)
    connections = MemoryConnections(fleet.broker)
    before = source_values(fleet)

    def run(is_dry: bool = False, again: bool = False) -> dict[str, int]:
        redrive = Redrive(connections, letters_topic(fleet), SOURCES, LetterFilter(), again)
        return redrive.run(is_dry).as_row()

    assert run(is_dry=True)["redriven"] == 5
    assert source_values(fleet) == before
    assert run()["redriven"] == 5
    assert Counter(source_values(fleet)) == Counter(before * 2)
    marks = [dict(headers).get(HEADER) for headers in source_headers(fleet)]
    assert sum(mark is not None and mark.startswith(b"inference/") for mark in marks) == 5
    fleet.step(times=3)
    assert run(is_dry=True) == {
        "redriven": 5, "gone": 0, "repeated": 0, "already_redriven": 5, "foreign_topic": 0,
    }  # fmt: skip
    assert run(is_dry=True, again=True)["redriven"] == 10
    for log in fleet.broker.topic("inference").logs:
        log.delete_before(log.end)
    assert run()["gone"] == 10


def test_a_full_letter_is_sent_again_when_the_record_is_gone() -> None:
    fleet = Fleet(config=monitor(dead_letter_payload="full"))
    fleet.publish(*references())
    lost = event("n", "nobody", T0)
    fleet.send([lost])
    fleet.step(fleet.profiler(), times=3)
    for log in fleet.broker.topic("inference").logs:
        log.delete_before(log.end)
    found = Redrive(
        MemoryConnections(fleet.broker), letters_topic(fleet), SOURCES, LetterFilter()
    ).run(False)
    assert (found.redriven, found.gone) == (1, 0)
    assert source_values(fleet) == [lost.value]


def test_another_record_at_the_letters_offset_is_not_sent() -> None:
    fleet = Fleet()
    letter = {"topic": "inference", "partition": "0", "offset": "0", "reason": "malformed"}
    fleet.broker.append(Outgoing("inference", b"a", b"another", 0))
    fleet.broker.append(
        Outgoing(
            letters_topic(fleet), b"a", b'{"hash":"00","length":7}', 0,
            tuple((name, text.encode()) for name, text in letter.items()),
        )
    )  # fmt: skip
    connections = MemoryConnections(fleet.broker)
    found = Redrive(connections, letters_topic(fleet), SOURCES, LetterFilter()).run(False)
    assert (found.redriven, found.gone) == (0, 1)


def test_lost_offsets_move_to_what_is_left_and_keep_their_notes() -> None:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.send([event(f"e{i}", "flights", T0 + i) for i in range(80)])
    profiler = fleet.profiler()
    fleet.step(profiler, times=4)
    administration = MemoryConnections(fleet.broker).administration()
    at = TopicPartition("inference", 1)
    group = "app-profiler"
    committed = administration.committed(group, [at])[at]
    assert skip_lost(administration, fleet.config) == []
    fleet.send([event(f"f{i}", "flights", T0 + i) for i in range(80)])
    fleet.broker.log(at).delete_before(committed.offset + 3)
    lost = [offset for offset in read_offsets(administration, fleet.config) if offset.lost]
    assert [(offset.at, offset.lost) for offset in lost] == [(at, 3)]
    with pytest.raises(StreamMonitorError, match="has members"):
        skip_lost(administration, fleet.config)
    fleet.leave(profiler)
    [moved] = skip_lost(administration, fleet.config)
    assert moved.lost == 3
    now = administration.committed(group, [at])[at]
    assert (now.offset, now.note) == (committed.offset + 3, committed.note)
    assert not any(offset.lost for offset in read_offsets(administration, fleet.config))


def verified(fleet: Fleet, on_disk: bool = False, **options: Any) -> Verification:
    return verify(installation(), MemoryConnections(fleet.broker, on_disk), **options)


def test_everything_published_is_recomputed_equal() -> None:
    fleet = busy()
    found = verified(fleet, on_disk=True)
    assert found.is_sound
    assert found.counts["equal"] > 10
    one = verified(fleet, model="fares")
    assert {record.key.model for record in one.records} == {"fares"}
    assert 0 < len(one.records) < len(found.records)


def test_a_wrong_digest_and_a_missing_window_are_found() -> None:
    fleet = busy()
    topic = fleet.config.topics.results
    record = next(
        orjson.loads(entry.value)
        for log in fleet.broker.topic(topic).logs
        for entry in log.read(0, log.end, 10**6)[0]
        if entry.value and b'"type":"window"' in entry.value
    )
    record |= {"revision": record["revision"] + 100, "digest": "0" * 32}
    fleet.broker.append(Outgoing(topic, b"flights", orjson.dumps(record)))
    found = verified(fleet)
    assert not found.is_sound
    [wrong] = [r for r in found.records if r.is_wrong]
    assert wrong.state == "different"
    assert wrong.key.window.size == record["window"]["size"]


def test_windows_whose_records_retention_took_are_told_apart() -> None:
    fleet = busy()
    for log in fleet.broker.topic("inference").logs:
        log.delete_before(log.end // 2)
    found = verified(fleet)
    assert found.is_sound
    assert found.counts["not_retained"]


def test_windows_that_have_not_closed_are_open() -> None:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.send([event(f"e{i}", "flights", T0 + i) for i in range(40)])
    fleet.send([label(f"e{i}", T0 + i + 60) for i in range(40)])
    profiler, detector = fleet.profiler(), fleet.detector()
    fleet.step(profiler, detector, times=6)
    found = verified(fleet)
    assert found.is_sound
    assert set(found.counts) == {"open"}


def check(fleet: Fleet) -> dict[str, str]:
    """Messages by state, joined."""
    found: dict[str, str] = {"ok": "", "warning": "", "error": ""}
    for finding in check_installation(installation(), MemoryConnections(fleet.broker)):
        found[finding["state"]] += finding["message"] + "\n"
    return found


def test_a_sound_installation_passes_the_check() -> None:
    fleet = busy()
    found = check(fleet)
    assert found["error"] == ""
    assert "an aborted record is hidden" in found["ok"]
    assert "records are in place" in found["ok"]


def test_misplaced_and_missing_keys_and_lost_offsets_are_errors() -> None:
    fleet = busy()
    record = event("e", "flights", T0)
    own = fleet.broker.append
    for partition in range(fleet.partitions):
        own(Outgoing("inference", record.key, record.value, partition))
        own(Outgoing("labels", None, b"{}", partition))
    at = TopicPartition("inference", 2)
    committed = MemoryConnections(fleet.broker).administration().committed("app-profiler", [at])
    fleet.broker.log(at).delete_before(committed[at].offset + 1)
    found = check(fleet)
    assert f"{fleet.partitions - 1} of the newest" in found["error"]
    assert f"{fleet.partitions} of the newest" in found["error"]
    assert "partition 2 of inference has lost 1 offsets" in found["error"]


def test_the_check_of_an_embedded_broker_ends_with_findings() -> None:
    broker = EmbeddedBroker()
    try:
        connections = wire_embedded(installation(), broker)
        connections.topics().create([])
        findings = check_installation(installation(), connections)
    finally:
        broker.close()
    assert any(finding["message"].startswith("broker:") for finding in findings)


def source_values(fleet: Fleet) -> list[bytes | None]:
    return [
        entry.value
        for log in fleet.broker.topic("inference").logs
        for entry in log.read(log.low, log.end, 10**6)[0]
    ]


def source_headers(fleet: Fleet) -> list[tuple[tuple[str, bytes], ...]]:
    return [
        entry.headers
        for log in fleet.broker.topic("inference").logs
        for entry in log.read(log.low, log.end, 10**6)[0]
    ]
