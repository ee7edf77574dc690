"""A detector restarted at any step goes on as if nothing had happened."""

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stream_monitor.core.state_records import StateRecords
from stream_monitor.core.watermarks import topic_watermark_us
from stream_monitor.core.wire import encode_marker
from tests.unit.core.builders import MICRO, marker, progress
from tests.unit.core.streams import Detector, random_log

SEEDS = st.integers(0, 2**32)


def held(detector: Detector) -> dict[str, Any]:
    """Everything that decides what comes next."""
    model, state = detector.model, detector.state
    return {
        "panes": model.panes,
        "waiting": model.waiting,
        "closed": model.closed,
        "history": {k: v for k, v in model.history.items() if v},
        "tracks": model.tracks,
        "tallies": {k: v for k, v in model.tallies.items() if v},
        "latest": {k: orjson.loads(orjson.dumps(v)) for k, v in model.latest.items()},
        "figures": (model.inexact, model.late_dropped, model.watermark_s, state.unreadable),
        "chain": (replace(state.chain, duplicates=0), dict(state.partitions)),
        "inputs": state.inputs,
        "unmarked": {k: v[1] for k, v in state.unmarked.items()},
    }


def stops(rng: np.random.Generator, n: int) -> list[int]:
    inner = rng.choice(n, int(rng.integers(3, 12)), replace=False) + 1
    return sorted({*inner.tolist(), n})


@given(SEEDS, st.sampled_from([0, 1_800, 4 * 3_600]), st.booleans())
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
def test_a_detector_restarted_after_every_step_does_what_an_uninterrupted_one_does(
    seed: int, late_s: int, is_compacted: bool
) -> None:
    rng = np.random.default_rng(seed)
    log, _, _ = random_log(rng, late_s, has_versions=True)
    whole, other = Detector(), Detector()
    for until in stops(rng, len(log)):
        assert other.read(log, until) == whole.read(log, until)
        assert held(other) == held(whole)
        if is_compacted:
            other.topic[:] = list(dict(other.topic).items())
        other = other.restarted()
    assert {"window", "performance", "drift"} <= {record["type"] for record in whole.published}


@given(SEEDS)
@settings(max_examples=2, deadline=None, phases=[Phase.generate])
def test_a_topic_keeps_nothing_of_what_is_forgotten(seed: int) -> None:
    rng = np.random.default_rng(seed)
    log, _, _ = random_log(rng, 1_800, has_versions=False)
    detector = Detector()
    for until in stops(rng, len(log)):
        detector.read(log, until)
    kinds = {orjson.loads(key)[0] for key, value in dict(detector.topic).items() if value}
    assert not kinds & {"pane", "closed"}


def test_nothing_new_writes_nothing_but_the_chain() -> None:
    log, _, _ = random_log(np.random.default_rng(1), 0, has_versions=False)
    detector = Detector()
    detector.read(log, 60)
    assert [orjson.loads(key) for key, _ in detector.records.changes(detector.state)] == [
        ["chain", 0]
    ]


def test_a_profile_in_many_pieces_is_restored_and_its_spare_pieces_are_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from stream_monitor.core import state_records, wire

    pieces = 4_200
    monkeypatch.setattr(
        state_records, "encode_profile", lambda profile: wire.encode_profile(profile, pieces)
    )
    log, _, _ = random_log(np.random.default_rng(3), 1_800, has_versions=True)
    whole = Detector()
    for until in (50, 90):
        whole.read(log, until)
        other = whole.restarted()
        other.read(log, whole.position)
        assert held(other) == held(whole)
    assert max(orjson.loads(key)[-1] for key, _ in whole.topic if b'"pane"' in key) > 3
    whole.read(log, len(log))
    left = [key for key, value in dict(whole.topic).items() if value and b'"pane"' in key]
    assert left == []


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_damaged_state_is_counted_and_never_raises(data: st.DataObject) -> None:
    topic = dict(_TOPIC)
    key = data.draw(st.sampled_from(sorted(topic)))
    value = bytearray(topic[key])
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    topic[key] = bytes(value)
    assert StateRecords().restore(Detector().state, topic.items()) in (0, 1)


def _written() -> dict[bytes, bytes]:
    log, _, _ = random_log(np.random.default_rng(5), 0, has_versions=False)
    detector = Detector()
    detector.read(log, 130)
    return {key: value for key, value in dict(detector.topic).items() if value is not None}


_TOPIC = _written()


def test_records_of_models_that_are_gone_and_of_nobody_are_left_alone() -> None:
    records = [(None, b"x"), (b"junk", b"x"), (b'["pane","gone",0]', b"x"), (b'["chain",0]', None)]
    assert StateRecords().restore(Detector().state, records) == 1


def test_a_topic_made_anew_tells_the_same_time_after_a_restart() -> None:
    detector = Detector()
    for i, (topic_id, time_s) in enumerate((("z", 500), ("a", 100))):
        step = progress(0, 1, time_s, topic_id=topic_id)
        detector.state.add(i, encode_marker(marker(step, sequence=i)))
    detector.topic += detector.records.changes(detector.state)
    steps = detector.restarted().state.chain.progress.values()
    assert topic_watermark_us(steps, "inference", 1) == 100 * MICRO
