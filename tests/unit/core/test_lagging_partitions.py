"""max_hold: a partition that lags far behind lets windows close, which say that they are not complete."""

from dataclasses import replace

import pytest

from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.published import to_json
from stream_monitor.core.results import WindowResult
from stream_monitor.core.watermarks import FLUSHED_US, topic_watermark_us
from stream_monitor.core.wire import PartitionProgress, encode_delta, encode_marker
from tests.unit.core.builders import HOUR_S, MICRO, deltas, events, marker, progress
from tests.unit.core.streams import SPEC, T0, catalogue

LAYOUT = catalogue().layout_for(SPEC, "1")
CLOSES_S = T0 + HOUR_S + SPEC.allowed_lateness_s
FAR = progress(0, 1, 1_000)


@pytest.mark.parametrize(
    ("steps", "partitions", "hold_s", "expected_s"),
    [
        ([FAR, progress(0, 1, 400, partition=1)], 2, None, 400),
        ([FAR, progress(0, 1, 400, partition=1)], 2, 100, 900),
        ([FAR, progress(0, 1, 950, partition=1)], 2, 100, 950),
        ([FAR], 2, None, None),
        ([FAR], 2, 100, 900),
        ([FAR, progress(0, 0, None, partition=1)], 2, 100, 900),
        ([], 2, 100, None),
        ([FAR, progress(0, 1, 7, partition=1, is_flushed=True)], 2, 100, 1_000),
        ([FAR, progress(0, 1, 7, partition=1, is_flushed=True)], 3, 100, 900),
        ([progress(0, 1, 7, is_flushed=True)], 2, 100, None),
    ],
)
def test_no_partition_holds_time_for_longer(
    steps: list[PartitionProgress], partitions: int, hold_s: int | None, expected_s: int | None
) -> None:
    hold_us = None if hold_s is None else hold_s * MICRO
    expected = None if expected_s is None else expected_s * MICRO
    assert topic_watermark_us(steps, "inference", partitions, hold_us) == expected


def test_only_a_topic_that_has_ended_everywhere_has_ended() -> None:
    ended = [progress(0, 1, 7, partition=i, is_flushed=True) for i in range(2)]
    assert topic_watermark_us(ended, "inference", 2, 100 * MICRO) == FLUSHED_US


def closed_by(state: PartitionState) -> list[WindowResult]:
    return [
        o for _, o in state.advance()
        if isinstance(o, WindowResult) and (o.size.name, o.key.segment) == ("1h", "all")
    ]  # fmt: skip


@pytest.mark.parametrize("max_hold_s", [None, HOUR_S])
def test_windows_close_without_a_lagging_partition_and_its_events_revise_them(
    max_hold_s: int | None,
) -> None:
    spec = replace(SPEC, max_hold_s=max_hold_s)
    state = PartitionState("inference", "labels", {"flights": ModelState(spec, "app", catalogue())})

    def commit(partition: int, n: int, sequence: int, watermark_s: int) -> None:
        found = deltas(spec, LAYOUT, events([T0 + 5] * n, segment=[None] * n)) if n else []
        epoch = f"p{partition}"
        written = [r for delta in found for r in encode_delta(delta, epoch, sequence)]
        start = sequence * 10
        step = progress(start, start + 10, watermark_s, partition=partition)
        receipt = marker(step, sequence=sequence, n=len(written), epoch=epoch)
        for record in [*written, encode_marker(replace(receipt, partitions=(("inference", 2),)))]:
            state.add(0, record)

    commit(0, 3, 0, CLOSES_S + HOUR_S)
    commit(1, 1, 0, T0 + 10)
    found = closed_by(state)
    if max_hold_s is None:
        assert found == []
        return
    assert [(r.traffic.events, r.revision, r.is_complete) for r in found] == [(4, 0, False)]
    assert to_json(found[0], "flights")["complete"] is False
    commit(1, 2, 1, CLOSES_S)
    found = closed_by(state)
    assert [(r.traffic.events, r.revision, r.is_complete) for r in found] == [(6, 1, True)]
