"""Time in live mode: quiet partitions follow the broker's clock; in history mode only events move time."""

from __future__ import annotations

from tests.unit.services.fleet import Fleet
from tests.unit.services.published import assert_sound, results
from tests.unit.services.source_stream import event
from tests.unit.services.watched import HOUR_S, T0, monitor

OUT_OF_ORDER_S, LATENESS_S, IDLE_S = 60, 300, 30


def fleet_in(time: str, now_s: float = T0) -> Fleet:
    """A fleet whose brokers' clock stands at `now_s`, with one profiler and one detector."""
    fleet = Fleet(monitor(time, idle_timeout=f"{IDLE_S}s"))
    fleet.broker.clock = lambda: int((now_s + fleet.clock.now_s - 1_000) * 1_000)
    fleet.profiler()
    fleet.detector()
    return fleet


def pass_time(fleet: Fleet, seconds: float) -> None:
    """Lets time go by, with a turn of everyone every ten seconds."""
    until_s = fleet.clock.now_s + seconds
    while fleet.clock.now_s < until_s:
        fleet.step()
        fleet.clock.now_s += 7


def closed_hours(fleet: Fleet) -> list[int]:
    found = [r for r in results(fleet, "window") if r["segment"] == "all"]
    return [r["n"] for r in found if r["window"]["size"] == "1h"]


def test_a_quiet_stream_closes_its_window_by_broker_time() -> None:
    fleet = fleet_in("live", T0 + HOUR_S - 60)
    fleet.send(event(f"e{i}", "flights", T0 + 60 * i) for i in range(8))
    pass_time(fleet, 60 + OUT_OF_ORDER_S + LATENESS_S - 30)
    assert closed_hours(fleet) == [], "the window is not over by the broker's clock"
    pass_time(fleet, 90)
    assert closed_hours(fleet) == [8]
    assert_sound(fleet)


def test_a_topic_without_any_record_holds_nothing_up_once_it_is_idle() -> None:
    fleet = fleet_in("live", T0 + 2 * HOUR_S)
    fleet.send([event("a", "flights", T0)])
    fleet.step(times=4)
    assert closed_hours(fleet) == [], "nothing is idle yet"
    pass_time(fleet, IDLE_S + 20)
    assert closed_hours(fleet) == [1]


def test_in_history_no_quiet_moves_time() -> None:
    fleet = fleet_in("history", T0 + 5 * HOUR_S)
    fleet.send(event(f"e{i}", "flights", T0 + 60 * i) for i in range(8))
    pass_time(fleet, 600)
    assert closed_hours(fleet) == []
    fleet.finish()
    assert closed_hours(fleet) == [8]


def test_a_partition_with_unread_records_is_not_idle() -> None:
    fleet = fleet_in("live", T0 + 2 * HOUR_S)
    profiler, detector = fleet.processes
    fleet.send([event("a", "flights", T0)])
    fleet.step(times=3)
    held = next(
        tp for tp in profiler.consumer.beginning(list(profiler.service.status.lag_records))
        if tp.topic == "inference"
    )  # fmt: skip
    waiting = [event(f"w{i}", "flights", T0 + 60) for i in range(40)]
    fleet.send(waiting)
    profiler.consumer.pause([held])
    pass_time(fleet, 4 * IDLE_S)
    assert closed_hours(fleet) == []
    profiler.consumer.resume([held])
    pass_time(fleet, 3 * IDLE_S)
    assert closed_hours(fleet) == [41], "what had waited was counted before the window closed"
    assert detector.service.status.counts["published",]


def test_a_delayed_but_steady_stream_is_not_idle_between_its_records() -> None:
    fleet = fleet_in("live", T0 + 2 * HOUR_S)
    for i in range(30):
        fleet.send(
            event(f"{i}-{j}", "flights", T0 + 100 * i, T0 + 2 * HOUR_S + 10 * i) for j in range(12)
        )
        pass_time(fleet, 10)
    assert closed_hours(fleet) == [], "events of the hour were still coming in"
    fleet.finish()
    assert closed_hours(fleet) == [360], "none of them was late"
