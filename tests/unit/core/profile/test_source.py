"""Offset ranges are those of the counted rows, however they were split, ordered and merged."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.profile.source import (
    KEPT_PARTITIONS,
    SourcePart,
    SourceRange,
    SourceRows,
)

Row = tuple[int, int]


def counted(rows: Sequence[Row], slot: int = 0) -> SourcePart:
    part = SourcePart.empty(None)
    partition, offset = np.array(rows, np.int64).reshape(-1, 2).T
    part.update(SourceRows(partition.astype(np.int32), offset), np.full(len(rows), slot))
    return part


def by_hand(rows: Sequence[Row]) -> tuple[SourceRange, ...]:
    found: dict[int, list[int]] = {}
    for partition, offset in rows:
        found.setdefault(partition, []).append(offset)
    return tuple(SourceRange(p, min(own), max(own), len(own)) for p, own in sorted(found.items()))


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_ranges_of_commits_in_any_order_are_those_of_all_their_rows(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**53)), min_size=1))
    at = data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows)))
    commits = [[r for r, c in zip(rows, at, strict=True) if c == k] for k in range(5)]
    parts = data.draw(st.permutations([counted(commit) for commit in commits]))
    assert reduce(SourcePart.merge, parts).summarise() == by_hand(rows)


def test_rows_that_are_not_counted_widen_nothing() -> None:
    part = SourcePart.empty(None)
    source = SourceRows(np.array([0, 0, 1, 1], np.int32), np.array([1, 9, 4, 5]))
    part.update(source, np.array([0, -1, -1, 0]))
    assert part.summarise() == (SourceRange(0, 1, 1, 1), SourceRange(1, 5, 5, 1))


def test_of_many_partitions_the_lowest_are_listed_and_all_rows_counted() -> None:
    many = [(p, 7) for p in range(KEPT_PARTITIONS + 50)]
    part = counted(many[100:]).merge(counted(many[:100]))
    assert [found.partition for found in part.summarise()] == list(range(KEPT_PARTITIONS))
    assert part.arrays["rows"].tolist() == [len(many)]


def test_rows_of_a_table_have_no_place() -> None:
    assert SourcePart.empty(None).summarise() == ()
