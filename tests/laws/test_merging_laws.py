"""The laws that make a profile a sum, on every mergeable."""

from copy import deepcopy
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.errors import IncompatibleProfiles
from stream_monitor.core.wire import decode_profile, encode_profile, profile_digest
from tests.laws.mergeables import LAYOUT, MERGEABLES, PARTS, Mergeable, counted_in_slots

WITHOUT_PARAMETERS = {"score", "source", "unknown_fields"}
QUICK = settings(max_examples=10, deadline=None)


def batches(data: st.DataObject, kind: Mergeable, n: int) -> list[Any]:
    return [data.draw(st.lists(kind.row, max_size=30)) for _ in range(n)]


@pytest.mark.parametrize("name", sorted(MERGEABLES))
@given(data=st.data())
@QUICK
def test_the_empty_one_changes_nothing_on_either_side(name: str, data: st.DataObject) -> None:
    kind = MERGEABLES[name]
    (rows,) = batches(data, kind, 1)
    counted = kind.count(rows)
    assert kind.empty().merge(counted) == counted
    assert counted.merge(kind.empty()) == counted


@pytest.mark.parametrize("name", sorted(MERGEABLES))
def test_two_empty_ones_are_empty(name: str) -> None:
    kind = MERGEABLES[name]
    assert kind.empty().merge(kind.empty()) == kind.empty()
    assert kind.profile(kind.empty().merge(kind.empty())).events == 0


@pytest.mark.parametrize("name", sorted(MERGEABLES))
@given(data=st.data())
@QUICK
def test_neither_order_nor_grouping_of_merges_matters(name: str, data: st.DataObject) -> None:
    kind = MERGEABLES[name]
    a, b, c = map(kind.count, batches(data, kind, 3))
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))


@pytest.mark.parametrize("name", sorted(MERGEABLES))
@given(data=st.data())
@QUICK
def test_split_equals_whole_and_the_order_of_rows_is_irrelevant(
    name: str, data: st.DataObject
) -> None:
    kind = MERGEABLES[name]
    parts = batches(data, kind, data.draw(st.integers(1, 4)))
    rows = [row for part in parts for row in part]
    whole = kind.count(rows)
    shuffled = kind.count(data.draw(st.permutations(rows)))
    merged = reduce(lambda a, b: a.merge(b), map(kind.count, parts))
    assert merged == whole
    assert shuffled == whole
    digests = {profile_digest(kind.profile(one)) for one in (whole, shuffled, merged)}
    assert len(digests) == 1


@pytest.mark.parametrize("name", PARTS)
@given(data=st.data())
@QUICK
def test_slots_are_counted_as_if_alone(name: str, data: st.DataObject) -> None:
    kind = MERGEABLES[name]
    (rows,) = batches(data, kind, 1)
    slot = np.array([data.draw(st.integers(-1, 3)) for _ in rows], np.int64)
    counted = counted_in_slots(name, rows, slot)
    for index in range(4):
        alone = kind.count([row for row, s in zip(rows, slot, strict=True) if s == index])
        assert counted.slot(index) == alone
        assert counted.grown(9).slot(index) == alone
    assert counted.grown(9).slot(8) == kind.empty()
    assert counted.grown(9).slots == 9


@pytest.mark.parametrize("name", sorted(MERGEABLES))
@given(data=st.data())
@QUICK
def test_merging_leaves_its_operands_unchanged(name: str, data: st.DataObject) -> None:
    kind = MERGEABLES[name]
    first, second = batches(data, kind, 2)
    a, b = kind.count(first), kind.count(second)
    before = deepcopy(a), deepcopy(b)
    merged = a.merge(b)
    again = merged.merge(a)
    assert (a, b) == before
    assert merged == before[0].merge(before[1])
    assert again == before[0].merge(before[1]).merge(before[0])


@pytest.mark.parametrize("name", PARTS)
@given(data=st.data())
@QUICK
def test_counting_on_in_a_copy_leaves_the_original_unchanged(
    name: str, data: st.DataObject
) -> None:
    (rows,) = batches(data, MERGEABLES[name], 1)
    original = counted_in_slots(name, rows, np.zeros(len(rows), np.int64))
    before = deepcopy(original)
    for copy in (original.grown(6), original.slot(0)):
        for array in copy.arrays.values():
            array += 1
        for kept in (*getattr(copy, "unseen", {}).values(), *getattr(copy, "listed", {}).values()):
            kept.clear()
    assert original == before


@pytest.mark.parametrize("name", sorted(MERGEABLES))
@given(data=st.data(), max_bytes=st.sampled_from([1, 4_200, 5_000, 900_000]))
@QUICK
def test_payloads_of_any_size_merge_to_the_whole(
    name: str, data: st.DataObject, max_bytes: int
) -> None:
    kind = MERGEABLES[name]
    (rows,) = batches(data, kind, 1)
    profile = kind.profile(kind.count(rows))
    payloads = encode_profile(profile, max_bytes)
    decoded = [decode_profile(payload, LAYOUT) for payload in payloads]
    whole = reduce(lambda a, b: a.merge(b), reversed(decoded))
    assert whole == profile
    assert profile_digest(whole) == profile_digest(profile)


@pytest.mark.parametrize("name", sorted(MERGEABLES))
@given(data=st.data())
@QUICK
def test_every_row_is_counted_exactly_once(name: str, data: st.DataObject) -> None:
    kind = MERGEABLES[name]
    (rows,) = batches(data, kind, 1)
    assert kind.is_conserved(kind.count(rows), rows)


@pytest.mark.parametrize("name", sorted(set(MERGEABLES) - WITHOUT_PARAMETERS))
def test_other_parameters_do_not_merge(name: str) -> None:
    kind = MERGEABLES[name]
    with pytest.raises(IncompatibleProfiles, match="profile id"):
        kind.empty().merge(kind.other())


def test_parts_of_another_kind_do_not_merge() -> None:
    with pytest.raises(IncompatibleProfiles):
        MERGEABLES["score"].empty().merge(MERGEABLES["traffic"].empty())


def test_profiles_with_different_parts_need_the_same_profile_id_too() -> None:
    numeric = MERGEABLES["numeric"].profile(MERGEABLES["numeric"].empty())
    coarse = type(numeric)(LAYOUT.coarse, {})
    with pytest.raises(IncompatibleProfiles):
        numeric.merge(coarse)
    with pytest.raises(IncompatibleProfiles):
        numeric.merge(MERGEABLES["profile"].other())


@pytest.mark.parametrize("name", ["outcome:label", "outcome:value"])
@given(data=st.data())
@QUICK
def test_what_is_taken_out_again_was_never_there(name: str, data: st.DataObject) -> None:
    kind = MERGEABLES[name]
    kept, corrected = batches(data, kind, 2)
    opposite = [(*row[:5], -row[5]) for row in corrected]
    assert kind.count(kept + corrected + opposite) == kind.count(kept)
    assert kind.count(corrected).merge(kind.count(opposite)).is_empty()
