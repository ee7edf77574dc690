"""The join over time: expiry, lost labels, erasures, labels taken back, labels with their predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from stream_monitor.core.source_notes import decode_note
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.published import assert_sound, newest, results
from tests.unit.services.source_stream import SourceRecord, event, label, text_time
from tests.unit.services.trouble import kill
from tests.unit.services.watched import DAY_S, HOUR_S, SOURCE_PARTITIONS, T0


def prepared() -> Fleet:
    fleet = Fleet()
    fleet.publish(*references())
    return fleet


def everywhere(name: str, time_s: float) -> list[SourceRecord]:
    """An event and a label of it in every partition, so that time moves in all of them."""
    found = []
    for i in range(40):
        found.append(event(f"{name}-{i}", "flights", time_s))
        found.append(label(f"{name}-{i}", time_s + 1, sent_s=time_s))
    return found


def run(fleet: Fleet, records: list[SourceRecord], times: int = 3) -> None:
    fleet.send(records)
    fleet.step(times=times)


def letters(fleet: Fleet, reason: str) -> list[dict[str, bytes]]:
    topic = fleet.broker.topic(fleet.config.topics.dead_letters)
    found = [dict(e.headers) for log in topic.logs for e in log.read(0, log.end, 10_000)[0]]
    return [headers for headers in found if headers["reason"] == reason.encode()]


def performance(fleet: Fleet) -> dict[str, Any]:
    """The newest performance of segment all in the first day's window."""
    [found] = [
        r
        for r in newest(results(fleet, "performance")).values()
        if r["segment"] == "all" and r["window"]["size"] == "1h"
    ]
    return found


@pytest.mark.parametrize("place", [None, "before_commit", "after_commit", "before_store"])
def test_a_label_without_prediction_is_one_dead_letter_whatever_happens(place: str | None) -> None:
    fleet = prepared()
    first = fleet.profiler()
    lost = [label(f"lost-{i}", T0 + i, sent_s=T0 + i) for i in range(9)]
    run(fleet, [*everywhere("a", T0), *lost, label("taken-back", T0, None, T0)])
    for day in range(1, 9):
        if place and day == 4:
            first.trouble.plan(place, kill)
        run(fleet, everywhere(f"d{day}", T0 + day * DAY_S), times=2)
        if not first.is_alive:
            first = fleet.restart(first)
    fleet.step(times=4)
    found = letters(fleet, "no_prediction")
    offsets = [(h["partition"], h["offset"]) for h in found]
    assert len(offsets) == len(set(offsets)) == 9
    assert {h["topic"] for h in found} == {b"labels"}
    assert first.service.status.pending_predictions < 40 * 6, "old predictions are forgotten"
    for log_at, log in enumerate(fleet.broker.topic("labels").logs):
        kept = list(log.read(0, log.end, 10_000)[0])
        for headers in found:
            if int(headers["partition"]) == log_at:
                entry = next(e for e in kept if e.offset == int(headers["offset"]))
                assert (entry.key or b"").startswith(b"lost-")


def test_a_lost_store_replays_from_where_the_join_begins() -> None:
    fleet = prepared()
    first = fleet.profiler()
    days = 12
    for day in range(days):
        run(fleet, everywhere(f"d{day}", T0 + day * DAY_S), times=2)
    fleet.step(times=2)
    held = first.service.status.pending_predictions
    fleet.bury(first)
    fleet.stores.clear()
    again = fleet.profiler()
    fleet.step(again, times=6)
    counts = again.service.status.counts
    replayed = counts["replayed", "inference"]
    assert 3 * 40 <= replayed <= 6 * 40, "about the horizon of three days, not everything"
    assert again.service.status.pending_predictions == held
    late = [label(f"d{days - 1}-3", T0 + days * DAY_S, "on_time")]
    run(fleet, late)
    assert fleet.counts()["labels", "corrected"] == 1


def test_the_note_tells_the_next_owner_how_far_time_has_come() -> None:
    fleet = prepared()
    first = fleet.profiler()
    run(fleet, everywhere("a", T0 + 5 * HOUR_S))
    committed = fleet.broker.groups["app-profiler"].committed
    notes = {tp: decode_note(at.note, at.offset) for tp, at in committed.items()}
    assert len(notes) == 2 * SOURCE_PARTITIONS
    assert {n.newest_us for n in notes.values() if n} <= {
        int((T0 + 5 * HOUR_S + i) * 1e6) for i in (0, 1)
    }
    watermarks = dict(first.service.status.watermark_us)
    fleet.restart(first)
    fleet.step(times=2)
    fleet.send([event("x", "flights", T0)])
    fleet.step(times=3)
    again = fleet.processes[-1].service.status
    assert {tp: again.watermark_us[tp] for tp in watermarks} == watermarks


@pytest.mark.parametrize("order", ["label_first", "erased_first", "one_batch"])
def test_an_erased_prediction_takes_its_label_along(order: str) -> None:
    fleet = prepared()
    fleet.profiler()
    fleet.detector()
    kept = [event(f"k{i}", "flights", T0 + i) for i in range(8)]
    kept += [label(f"k{i}", T0 + 60, sent_s=T0 + 60) for i in range(8)]
    gone = [event("gone", "flights", T0 + 5)]
    erased = [SourceRecord("inference", b"gone", None, T0 + 70)]
    its_label = [label("gone", T0 + 61, sent_s=T0 + 61)]
    run(fleet, kept)
    if order == "one_batch":
        run(fleet, [*gone, *its_label, *erased])
    else:
        run(fleet, gone)
        for part in (its_label, erased) if order == "label_first" else (erased, its_label):
            run(fleet, part)
    fleet.finish()
    shown = performance(fleet)
    assert (shown["predictions"], shown["labels"]) == (9, 8)
    assert fleet.counts()["records", "inference", "tombstone"] == 1
    assert_sound(fleet)


def test_a_tombstone_takes_a_label_back() -> None:
    fleet = prepared()
    fleet.profiler()
    fleet.detector()
    run(fleet, [event(f"k{i}", "flights", T0 + i) for i in range(4)])
    run(fleet, [label(f"k{i}", T0 + 60) for i in range(4)])
    run(fleet, [SourceRecord("labels", b"k2", None, T0 + 90)])
    fleet.finish()
    assert performance(fleet)["labels"] == 3
    counts = fleet.counts()
    assert counts["labels", "retracted"] == counts["records", "labels", "tombstone"] == 1
    assert_sound(fleet)


def test_labels_that_carry_their_predictions_need_no_inference_record() -> None:
    fleet = prepared()
    fleet.profiler()
    fleet.detector()

    def carrying(name: str, value: str) -> SourceRecord:
        body = {
            "prediction_id": name, "label": value, "timestamp": text_time(T0 + 60),
            "model": "flights", "model_version": "1", "tags": {"origin": "JFK"},
            "prediction": {"label": "late", "score": 0.9, "timestamp": text_time(T0 + 5)},
        }  # fmt: skip
        return SourceRecord("labels", name.encode(), orjson.dumps(body), T0 + 60)

    run(fleet, [event(f"k{i}", "flights", T0 + i) for i in range(6)])
    run(fleet, [label("k0", T0 + 60), carrying("c1", "late"), carrying("c2", "late")])
    run(fleet, [carrying("c1", "late"), carrying("c2", "on_time")])
    fleet.finish()
    shown = performance(fleet)
    assert shown["labels"] == 3
    assert shown["metrics"]["accuracy"] == pytest.approx(2 / 3)
    counts = fleet.counts()
    assert (counts["labels", "duplicate"], counts["labels", "corrected"]) == (1, 1)
    assert_sound(fleet)


def test_time_goes_on_in_random_order() -> None:
    """Labels and predictions of many days, interleaved at random, leave the join as it should be."""
    rng = np.random.default_rng(3)
    fleet = prepared()
    fleet.profiler()
    stream = [r for day in range(6) for r in everywhere(f"d{day}", T0 + day * DAY_S)]
    order = np.argsort([r.sent_s + rng.uniform(0, HOUR_S) for r in stream])
    for at in range(0, len(order), 60):
        run(fleet, [stream[i] for i in order[at : at + 60]], times=1)
    fleet.step(times=3)
    assert fleet.counts()["labels", "matched"] + fleet.counts()["labels", "waiting"] == 6 * 40
    assert not letters(fleet, "no_prediction")
