"""Nothing in a detector's state grows for ever, and no record of it is larger than a topic takes."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest

from stream_monitor.core.chain import Chain
from stream_monitor.core.drift_events import group_of
from stream_monitor.core.inexact import MAX_STRETCHES, marked, touches
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.published import to_json
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.results import DriftEvent
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.state_records import StateRecord, StateRecords
from stream_monitor.core.windows import Window, WindowSize
from stream_monitor.core.wire import MAX_PAYLOAD_BYTES
from tests.unit.core.builders import HOUR_S, marker, progress
from tests.unit.core.one_model import close, put, said, state
from tests.unit.core.streams import T0

SETTLED_S = 65 * 60


def wide(features: int) -> ModelSpec:
    names = tuple(Feature(f"feature {i}", FeatureKind.NUMERIC) for i in range(features))
    return ModelSpec("flights", Schema(names), windows=(WindowSize(HOUR_S), WindowSize(2 * HOUR_S)))


def partition_of(model: ModelState) -> PartitionState:
    return PartitionState("inference", "labels", {"flights": model})


def restored(spec: ModelSpec, topic: list[StateRecord]) -> tuple[ModelState, StateRecords]:
    model = ModelState(spec, "app", ReferenceCatalogue())
    records = StateRecords()
    assert records.restore(partition_of(model), topic) == 0
    return model, records


def with_tracks(features: int) -> ModelState:
    """A model whose tracks were taken from one of two features."""
    small = state()
    put(small, T0, shift=9)
    close(small, 0)
    track = small.tracks["1", "all", "1h", "amount"]
    model = ModelState(wide(features), "app", ReferenceCatalogue())
    for feature in model.spec.schema.features:
        where = ("1", "all", "1h", feature.name)
        model.tracks[where] = track
        model.changed.add(("tracks", group_of(where, model.spec)))
    return model


def test_tracks_are_in_records_of_about_a_hundred() -> None:
    model = with_tracks(900)
    topic = StateRecords().changes(partition_of(model))
    tracks = [value for key, value in topic if b'"tracks"' in key and value]
    sizes = [len(orjson.loads(value)) for value in tracks]
    assert sum(sizes) == 900
    assert max(sizes) <= 200
    again, _ = restored(model.spec, topic)
    assert again.tracks == model.tracks


def test_tracks_move_to_other_records_when_the_number_of_features_changes() -> None:
    model = with_tracks(900)
    topic = StateRecords().changes(partition_of(model))
    fewer, records = restored(wide(60), topic)
    assert {where[3] for where in fewer.tracks} == {f"feature {i}" for i in range(60)}
    topic += records.changes(partition_of(fewer))
    left = {key: value for key, value in dict(topic).items() if b'"tracks"' in key and value}
    assert sum(len(orjson.loads(value)) for value in left.values()) == 60
    assert restored(wide(60), topic)[0].tracks == fewer.tracks


def test_a_window_size_that_is_no_longer_configured_leaves_nothing() -> None:
    model = state(windows=(WindowSize(HOUR_S), WindowSize(2 * HOUR_S)))
    for hour in range(2):
        put(model, T0 + hour * HOUR_S)
        for output in close(model, hour):
            if not isinstance(output, DriftEvent):
                model.note(to_json(output, "flights"))
    topic = StateRecords().changes(partition_of(model))
    spec = replace(model.spec, windows=(WindowSize(HOUR_S),))
    fewer = ModelState(spec, "app", model.catalogue)
    records = StateRecords()
    assert records.restore(partition_of(fewer), topic) == 0
    put(fewer, T0 + 2 * HOUR_S)
    close(fewer, 2)
    topic += records.changes(partition_of(fewer))
    assert not [key for key, value in dict(topic).items() if value and b'"2h"' in key]


def test_a_record_that_is_too_large_is_written_in_pieces() -> None:
    model = ModelState(wide(1), "app", ReferenceCatalogue())
    where = ("window", "1", "all", "1h")
    large = {"type": "window", "text": "x" * (2 * MAX_PAYLOAD_BYTES)}
    model.latest[where] = large
    model.changed.add(("latest", where))
    records = StateRecords()
    topic = records.changes(partition_of(model))
    assert max(len(value) for _, value in topic if value) <= MAX_PAYLOAD_BYTES
    again, records = restored(model.spec, topic)
    assert again.latest == model.latest
    again.latest[where] = {"type": "window"}
    again.changed.add(("latest", where))
    topic += records.changes(partition_of(again))
    assert sum(b'"latest"' in key for key, value in dict(topic).items() if value) == 1


def run(model: ModelState, hours: range, version: str = "1", shift: float = 0.0) -> list[Any]:
    found = []
    for hour in hours:
        put(model, T0 + hour * HOUR_S, n=200, shift=shift, version=version)
        for output in close(model, hour):
            found.append(output)
            if not isinstance(output, DriftEvent):
                model.note(to_json(output, "flights"))
    return found


def test_a_calm_track_is_dropped_when_its_windows_are_settled_and_begins_anew() -> None:
    model = state()
    run(model, range(3))
    assert len(model.tracks) == 3
    model.advance(T0 + 3 * HOUR_S + SETTLED_S, 0)
    assert model.tracks == {}
    found = run(model, range(5, 6), shift=9)
    assert (5, "opened", 0, "validation") in said(found)


def test_an_open_incident_is_kept_however_long_nothing_comes() -> None:
    model = state()
    run(model, range(1), shift=9)
    model.advance(T0 + 900 * HOUR_S, 0)
    assert ("1", "all", "1h", "amount") in model.tracks
    found = run(model, range(901, 902), shift=9)
    assert (901, "ongoing", 0, "validation") in said(found)


def test_recent_drift_that_has_not_opened_yet_is_kept() -> None:
    model = state(windows=(WindowSize(HOUR_S, k=2, n=3),))
    run(model, range(1), shift=9)
    model.advance(T0 + 9 * HOUR_S, 0)
    found = run(model, range(20, 21), shift=9)
    assert (20, "opened", 0, "validation") in said(found)


def test_a_version_that_is_over_leaves_no_tracks_and_no_newest_records() -> None:
    model = state(outcomes=())
    run(model, range(2), version="1", shift=9)
    found = run(model, range(2, 40), version="2", shift=9)
    assert {where[0] for where in model.tracks} == {"2"}
    assert {where[1] for where in model.latest} == {"2"}
    assert (2, "ongoing", 0, "validation") in said(found)
    assert len({e.incident_id for e in found if isinstance(e, DriftEvent)
                and e.feature == "amount"}) == 1  # fmt: skip


def test_of_two_versions_side_by_side_none_takes_the_other_s_incident() -> None:
    model = state()
    run(model, range(1), version="1", shift=9)
    found = run(model, range(1, 2), version="2", shift=0)
    for hour in range(2, 8):
        put(model, T0 + hour * HOUR_S, version="1", shift=9)
        found += run(model, range(hour, hour + 1), version="2")
    assert {where[0] for where in model.tracks if where[3] == "amount"} == {"1", "2"}


def test_panes_of_doubt_are_few_and_forgotten_when_they_are_final() -> None:
    model = state()
    put(model, T0)
    model.doubt(T0, T0 + 20 * HOUR_S)
    assert model.inexact == (Window(T0, T0 + 20 * HOUR_S + model.spec.pane_s),)
    model.advance(T0 + 20 * HOUR_S, 0)
    assert len(model.inexact) == 1
    model.advance(T0 + 23 * HOUR_S, 0)
    assert model.inexact == ()


def test_any_number_of_doubts_is_a_bounded_number_of_stretches() -> None:
    held: tuple[Window, ...] = ()
    rng = np.random.default_rng(1)
    times = (rng.permutation(3_000) * 1_000).tolist()
    for at in times:
        held = marked(held, at, at + 300)
    assert len(held) <= MAX_STRETCHES
    assert all(touches(held, Window(at, at + 1)) for at in times)
    assert all(a.end_s < b.start_s for a, b in pairwise(held))


def test_touching_stretches_are_one() -> None:
    held = marked(marked(marked((), 300, 600), 900, 1_200), 600, 900)
    assert held == (Window(300, 1_200),)
    assert not touches(held, Window(0, 300))
    assert not touches(held, Window(1_200, 1_500))


def test_a_chain_keeps_the_last_two_ids_of_a_topic_and_the_producers_heard_last() -> None:
    chain = Chain({})
    for i in range(300):
        step = progress(0, 1, topic_id=f"id {i}")
        found = marker(step, progress(i, i + 1, topic="labels"), epoch=f"e{i}")
        chain = chain.extended(found, chain.check(found))
    assert [key[0] for key in chain.progress] == ["id", "id 298", "id 299"]
    assert (len(chain.epochs), "e299" in chain.epochs, "e0" in chain.epochs) == (128, True, False)


@pytest.mark.parametrize("years", [1, 99])
def test_an_ended_stream_s_windows_of_years_still_end_at_a_date(years: int) -> None:
    from stream_monitor.core.watermarks import FLUSHED_US

    model = state(windows=(WindowSize(HOUR_S), WindowSize(years * 365 * 24 * HOUR_S)))
    put(model, T0)
    flushed_s = FLUSHED_US // 1_000_000
    assert len(model.advance(flushed_s, flushed_s)) >= 4
    assert (model.panes, model.closed) == ({}, {})
