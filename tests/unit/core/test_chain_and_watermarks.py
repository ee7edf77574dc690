import pytest

from stream_monitor.core.chain import Chain, Link, chain_key
from stream_monitor.core.watermarks import FLUSHED_US, topic_watermark_us
from stream_monitor.core.wire import PartitionProgress
from tests.unit.core.builders import MICRO, marker, progress


def chain(*steps: PartitionProgress) -> Chain:
    return Chain({chain_key(step): step for step in steps})


HELD = chain(progress(0, 10), progress(0, 5, topic="labels"))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([progress(10, 12)], Link.NEXT),
        ([progress(10, 10)], Link.NEXT),
        ([], Link.NEXT),
        ([progress(3, 9, partition=4)], Link.NEXT),
        ([progress(10, 12), progress(5, 8, topic="labels")], Link.NEXT),
        ([progress(0, 9, topic_id="made anew")], Link.NEXT),
        ([progress(0, 10)], Link.DUPLICATE),
        ([progress(4, 10)], Link.DUPLICATE),
        ([progress(0, 10), progress(5, 5, topic="labels")], Link.DUPLICATE),
        ([progress(0, 10), progress(2, 2, topic="labels")], Link.DUPLICATE),
        ([progress(11, 12)], Link.VIOLATION),
        ([progress(11, 11)], Link.VIOLATION),
        ([progress(9, 12)], Link.VIOLATION),
        ([progress(10, 12), progress(6, 8, topic="labels")], Link.VIOLATION),
        ([progress(0, 10), progress(5, 8, topic="labels")], Link.VIOLATION),
        ([progress(0, 10), progress(0, 3, partition=4)], Link.VIOLATION),
    ],
)
def test_a_marker_is_next_known_or_a_violation(
    steps: list[PartitionProgress], expected: Link
) -> None:
    assert HELD.check(marker(*steps)) is expected


def follow(held: Chain, *steps: PartitionProgress) -> Chain:
    found = marker(*steps, sequence=1 + max(held.epochs.values(), default=-1))
    return held.extended(found, held.check(found))


def test_violations_and_duplicates_are_counted_and_the_chain_goes_on() -> None:
    gap = follow(HELD, progress(11, 20))
    assert (gap.violations, gap.duplicates) == (1, 0)
    assert gap.check(marker(progress(20, 21), sequence=1)) is Link.NEXT
    again = follow(gap, progress(11, 20))
    assert (again.violations, again.duplicates) == (1, 1)
    assert again.progress == gap.progress


def test_an_overlap_never_takes_the_chain_back() -> None:
    after = follow(HELD, progress(10, 12), progress(2, 4, topic="labels"))
    assert {step.end for step in after.progress.values()} == {12, 5}
    assert after.violations == 1


def test_the_chain_is_a_value() -> None:
    before = dict(HELD.progress)
    follow(HELD, progress(10, 99))
    assert HELD.progress == before


def test_a_watermark_never_goes_back() -> None:
    held = follow(chain(), progress(0, 10, 500))
    for step in (progress(10, 12, 400), progress(12, 12), progress(12, 13, 499)):
        held = follow(held, step)
        assert topic_watermark_us(held.progress.values(), "inference", 1) == 500 * MICRO
    held = follow(held, progress(13, 14, 501))
    assert topic_watermark_us(held.progress.values(), "inference", 1) == 501 * MICRO


def test_the_topic_s_watermark_is_the_smallest_of_all_its_partitions() -> None:
    steps = [progress(0, 1, 500), progress(0, 1, 400, partition=1), progress(0, 1, 1, "labels")]
    assert topic_watermark_us(steps, "inference", 2) == 400 * MICRO
    assert topic_watermark_us(steps, "inference", 3) is None
    assert topic_watermark_us(steps, "inference", 0) is None
    assert topic_watermark_us([*steps, progress(0, 0, None, partition=2)], "inference", 3) is None


def test_a_flushed_partition_holds_nothing_back() -> None:
    ended = progress(0, 1, 400, partition=1, is_flushed=True)
    assert topic_watermark_us([progress(0, 1, 500), ended], "inference", 2) == 500 * MICRO
    never = progress(0, 0, None, is_flushed=True)
    assert topic_watermark_us([never, ended], "inference", 2) == FLUSHED_US


def test_a_topic_made_anew_tells_the_time_by_its_new_id() -> None:
    held = follow(chain(), progress(0, 90, 500, topic_id="z"))
    held = follow(held, progress(0, 1, 100, topic_id="a"))
    assert topic_watermark_us(held.progress.values(), "inference", 1) == 100 * MICRO
    held = follow(held, progress(1, 2, 110, topic_id="a"))
    assert topic_watermark_us(held.progress.values(), "inference", 1) == 110 * MICRO
    assert held.violations == 0
