"""A record that makes processing fail is found and buried; its neighbours are counted, nothing stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_monitor.core.decoding.inference import DecodedInference, InferenceDecoder
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import Records
from stream_monitor.services.bisection import failing
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.published import assert_sound, read, results
from tests.unit.services.source_stream import Mixture, SourceRecord, event, random_stream
from tests.unit.services.watched import T0, watched

POISON = "the decoder cannot bear this"


@given(st.sets(st.integers(0, 99), max_size=5))
def test_bisection_finds_what_fails_by_itself(bad: set[int]) -> None:
    asked = 0

    def works(items: Sequence[int]) -> bool:
        nonlocal asked
        asked += 1
        return not bad.intersection(items)

    assert failing(range(100), works) == sorted(bad)
    assert asked <= 1 + 15 * len(bad)


def test_what_fails_only_together_is_not_found() -> None:
    assert failing(range(8), lambda items: not {0, 7} <= set(items)) == []


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Records], bool]], None]:
    """Makes decoding fail where a condition holds."""
    decode = InferenceDecoder.decode

    def install(fails: Callable[[Records], bool]) -> None:
        def fragile_decode(self: InferenceDecoder, records: Records) -> DecodedInference:
            if fails(records):
                raise RuntimeError("internal")
            return decode(self, records)

        monkeypatch.setattr(InferenceDecoder, "decode", fragile_decode)

    return install


def is_poisoned(records: Records) -> bool:
    return any(value is not None and POISON.encode() in value for value in records.value)


def prepared() -> tuple[Fleet, list[SourceRecord]]:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.profiler()
    fleet.detector()
    return fleet, random_stream(np.random.default_rng(5), list(watched()), Mixture(events=20))


def test_a_poisoned_record_becomes_a_dead_letter(
    fragile: Callable[[Callable[[Records], bool]], None],
) -> None:
    clean, stream = prepared()
    clean.send(stream)
    clean.step(times=4)
    clean.finish()
    fleet, _ = prepared()
    fragile(is_poisoned)
    bad = [event(f"bad-{i}", "flights", T0 + 60.0 * i, carrier=POISON) for i in range(2)]
    fleet.send([*stream[:10], bad[0], *stream[10:30], bad[1], *stream[30:]])
    fleet.step(times=12)
    fleet.finish()
    counts = fleet.counts()
    assert counts["dead_letters", "processing_error"] == 2
    assert_sound(fleet)
    digests = [
        sorted((r["model"], r["window"]["start"], r["digest"]) for r in results(f, "window"))
        for f in (clean, fleet)
    ]
    assert digests[0] == digests[1], "the neighbours are counted as if it had not been there"
    letters = fleet.broker.topic(fleet.config.topics.dead_letters)
    headers = [
        dict(entry.headers)
        for log in letters.logs
        for entry in log.read(0, log.end, 1_000)[0]
        if dict(entry.headers)["reason"] == b"processing_error"
    ]
    assert {h["message"] for h in headers} == {b"processing fails: RuntimeError"}
    assert not [e for e in read(fleet, fleet.config.topics.events) if e["type"] == "integrity"]


def test_a_failure_that_passes_buries_nothing(
    fragile: Callable[[Callable[[Records], bool]], None],
) -> None:
    fleet, stream = prepared()
    left = [2]

    def fails_twice(records: Records) -> bool:
        left[0] -= bool(len(records)) and left[0] > 0
        return bool(len(records)) and left[0] >= 0 and left[0] != 0

    fragile(fails_twice)
    fleet.send(stream)
    fleet.step(times=8)
    fleet.finish()
    assert not fleet.counts()["dead_letters", "processing_error"]
    assert_sound(fleet)


def test_a_batch_that_fails_only_as_a_whole_stops_with_its_place(
    fragile: Callable[[Callable[[Records], bool]], None],
) -> None:
    fleet, stream = prepared()
    fragile(lambda records: len(records) > 3)
    fleet.send(stream)
    with pytest.raises(StreamMonitorError, match="each of its records can"):
        fleet.step(*[p for p in fleet.living() if p.is_profiler], times=12)
