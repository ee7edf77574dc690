from dataclasses import replace

import pytest

from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState, UnknownReference
from stream_monitor.core.profile.counter import Delta
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.results import WindowResult
from stream_monitor.core.state_records import StateRecords
from stream_monitor.core.system_events import integrity_event
from stream_monitor.core.watermarks import FLUSHED_US
from stream_monitor.core.wire import PartitionProgress, encode_delta, encode_marker
from tests.unit.core.builders import HOUR_S, deltas, events, marker, progress
from tests.unit.core.streams import SPEC, T0, catalogue

LAYOUT = catalogue().layout_for(SPEC, "1")
CLOSES_S = T0 + HOUR_S + SPEC.allowed_lateness_s


def fresh(held: ReferenceCatalogue | None = None) -> PartitionState:
    model = ModelState(SPEC, "app", held or catalogue())
    return PartitionState("inference", "labels", {"flights": model})


def delta_of(n: int, at_s: int = T0) -> list[Delta]:
    found = events([at_s] * n, segment=[None] * n)
    return deltas(SPEC, LAYOUT, found)


def written(n: int, sequence: int = 0, epoch: str = "e", at_s: int = T0) -> bytes:
    (delta,) = delta_of(n, at_s)
    (record,) = encode_delta(delta, epoch, sequence)
    return record


def receipt(*steps: PartitionProgress, sequence: int = 0, n: int = 1, epoch: str = "e") -> bytes:
    return encode_marker(marker(*steps, sequence=sequence, n=n, epoch=epoch))


def feed(state: PartitionState, *records: bytes, offset: int = 0) -> int:
    return sum(len(state.add(offset + i, record)) for i, record in enumerate(records))


def total(state: PartitionState) -> int:
    return sum(profile.events for profile in state.models["flights"].panes.values())


def test_a_delta_counts_only_once_its_marker_has_come() -> None:
    state = fresh()
    feed(state, written(3))
    assert total(state) == 0
    feed(state, receipt(progress(0, 3)), offset=1)
    assert total(state) == 3


def test_commits_interleave_and_each_marker_takes_its_own_deltas() -> None:
    state = fresh()
    one, two = progress(0, 3), progress(0, 5, partition=1)
    feed(state, written(3, epoch="a"), written(5, epoch="b"), receipt(one, epoch="a"))
    assert total(state) == 3
    assert state.resume_offset(3) == 1
    feed(state, receipt(two, epoch="b"), offset=3)
    assert total(state) == 8
    assert state.resume_offset(4) == 4


def test_a_replayed_commit_is_counted_once() -> None:
    state = fresh()
    commit = [written(3), receipt(progress(0, 3))]
    assert feed(state, *commit, *commit) == 0
    assert total(state) == 3
    assert (state.chain.duplicates, state.chain.violations) == (1, 0)
    assert state.unmarked == {}


def test_deltas_of_an_aborted_commit_go_when_the_next_of_its_epoch_is_marked() -> None:
    state = fresh()
    feed(state, written(9, sequence=0), written(3, sequence=1), written(7, epoch="other"))
    feed(state, receipt(progress(0, 3), sequence=1), offset=3)
    assert total(state) == 3
    assert state.resume_offset(4) == 2


@pytest.mark.parametrize("step", [progress(4, 6), progress(1, 6), progress(9, 9)])
def test_a_gap_or_overlap_is_applied_reported_and_marks_its_windows(
    step: PartitionProgress,
) -> None:
    state = fresh()
    feed(state, written(3), receipt(progress(0, 3, T0), progress(0, 0, T0, "labels")))
    n = feed(state, written(2, 1), receipt(replace(step, watermark_us=T0), sequence=1), offset=2)
    assert (n, total(state), state.chain.violations) == (1, 5, 1)
    later = progress(step.end, step.end, CLOSES_S)
    feed(state, receipt(later, sequence=2, n=0), offset=4)
    closed = [output for _, output in state.advance() if isinstance(output, WindowResult)]
    assert [result.is_exact for result in closed] == [False]


def test_a_marker_that_promises_more_deltas_than_came_is_a_violation() -> None:
    state = fresh()
    assert feed(state, written(3), receipt(progress(0, 3), n=2)) == 1
    assert total(state) == 3


def test_unreadable_records_and_unknown_models_are_counted_and_harm_nothing() -> None:
    state = fresh()
    (delta,) = delta_of(2)
    other = Delta(replace(delta.key, model="nobody"), delta.profile)
    alien = Delta(replace(delta.key, profile_id="unknown"), delta.profile)
    feed(state, b"junk", *encode_delta(other, "e", 0), written(3))
    for record in encode_delta(alien, "e", 0):
        state.add(3, record, tolerant=True)
    feed(state, receipt(progress(0, 3), n=3), offset=4)
    assert (total(state), state.unreadable) == (3, 3)


def test_a_delta_of_a_reference_not_yet_read_is_refused_with_nothing_taken() -> None:
    state = fresh(ReferenceCatalogue())
    with pytest.raises(UnknownReference):
        feed(state, written(3))
    assert state.unmarked == {}


def test_a_fork_is_thrown_away_without_a_trace() -> None:
    state = fresh()
    feed(state, written(3), receipt(progress(0, 3, T0)), written(1, 1))
    before = dict(state.unmarked), dict(state.models["flights"].panes), state.chain
    fork = state.fork()
    later = receipt(progress(3, 4, CLOSES_S), sequence=1)
    feed(fork, later, written(5, 2), receipt(progress(4, 9, CLOSES_S), sequence=2), offset=3)
    assert fork.advance()
    assert (dict(state.unmarked), dict(state.models["flights"].panes), state.chain) == before
    assert state.models["flights"].closed == {}


def test_time_waits_for_every_partition() -> None:
    state = fresh()
    two = (("inference", 2), ("labels", 2))
    first = replace(marker(progress(0, 3, CLOSES_S), n=1), partitions=two)
    feed(state, written(3), encode_marker(first))
    assert state.advance() == []
    second = replace(marker(progress(0, 0, CLOSES_S, partition=1), epoch="b"), partitions=two)
    state.add(2, encode_marker(second))
    assert [type(output) for _, output in state.advance()][:1] == [WindowResult]


def test_labels_never_run_ahead_of_events() -> None:
    state = fresh()
    year = T0 + 365 * 24 * HOUR_S
    feed(state, written(3), receipt(progress(0, 3, CLOSES_S), progress(0, 1, year, "labels")))
    outputs = [output for _, output in state.advance() if not isinstance(output, WindowResult)]
    assert all(getattr(o, "performance", None) is None or o.performance.maturity < 1
               for o in outputs)  # type: ignore[union-attr]  # fmt: skip


def test_a_flushed_stream_is_over_when_both_topics_are() -> None:
    state = fresh()
    feed(state, receipt(progress(0, 0, is_flushed=True), n=0))
    assert not state.is_flushed
    ended = receipt(progress(0, 0, topic="labels", is_flushed=True), sequence=1, n=0)
    feed(state, ended, offset=1)
    assert state.is_flushed
    assert state.advance() == []
    assert state.models["flights"].watermark_s == FLUSHED_US // 1_000_000


def test_an_empty_commit_with_deltas_is_counted_once_when_read_again() -> None:
    state = fresh()
    first = [written(3), receipt(progress(0, 3))]
    taken_back = [written(2, 1), receipt(progress(3, 3), sequence=1)]
    assert feed(state, *first, *taken_back, *taken_back) == 0
    assert total(state) == 5
    assert state.chain.duplicates == 1


def hours(state: PartitionState) -> dict[int, bool]:
    """Of the hourly windows that close now: whether they are exact."""
    return {
        (output.window.start_s - T0) // HOUR_S: output.is_exact
        for _, output in state.advance()
        if isinstance(output, WindowResult)
        and (output.size.name, output.key.segment) == ("1h", "all")
    }


def at_hour(state: PartitionState, hour: int, start: int, sequence: int, n: int = 1) -> int:
    """A commit of one event of an hour, which moves time there; returns the violations."""
    step = progress(start, start + 1, T0 + hour * HOUR_S + 60)
    records = [written(1, sequence, at_s=T0 + hour * HOUR_S)] * bool(n)
    return feed(state, *records, receipt(step, sequence=sequence, n=1))


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("is_cut", [False, True])
def test_every_window_in_which_a_gap_may_have_lost_events_is_inexact(
    is_cut: bool, is_restarted: bool
) -> None:
    state = fresh()
    at_hour(state, 0, 0, 0)
    for hour in (1, 2, 3, 4):
        state.models["flights"].add(delta_of(1, T0 + hour * HOUR_S)[0])
    assert at_hour(state, 3, 1 if is_cut else 2, 1, n=not is_cut) == 1
    if is_restarted:
        records, again = StateRecords(), fresh()
        topic = records.changes(state)
        assert records.restore(again, topic) == 0
        state = again
    end = 2 if is_cut else 3
    feed(state, receipt(progress(end, end, T0 + 9 * HOUR_S), sequence=2, n=0))
    assert hours(state) == {0: False, 1: False, 2: False, 3: False, 4: True}


def test_a_gap_is_told_with_the_deltas_partition_that_saw_it() -> None:
    ids = set()
    for partition in range(3):
        state = fresh()
        state.partition = partition
        feed(state, receipt(progress(0, 3), n=0))
        (violation,) = state.add(1, receipt(progress(9, 9), sequence=1, n=0))
        event = integrity_event(violation.marker, "app", violation.partition)
        assert event["partition"] == partition
        ids.add(event["id"])
    assert len(ids) == 3
