from collections import Counter
from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.binning import CategoricalBinning
from stream_monitor.core.profile.categorical import (
    KEPT_UNSEEN,
    MAX_VALUE_LENGTH,
    CategoricalPart,
    hash_value,
)

KNOWN = CategoricalBinning(("AA", "UA"))


def count(
    values: Sequence[str | None], binning: CategoricalBinning = KNOWN, batches: int = 1
) -> CategoricalPart:
    part = CategoricalPart.empty((binning,))
    for i in range(batches):
        some = values[i::batches]
        states = np.array([[v is None for v in some]], np.uint8)
        column = pa.array(some, pa.string()).dictionary_encode()
        part.update((column,), states, np.zeros(len(some), np.int64))
    return part


def test_known_categories_unseen_ones_and_missing_are_counted_apart() -> None:
    summary = count(["AA", "AA", "UA", "B6", "", None, "B6"]).summarise(0)
    assert summary.counts.tolist() == [2, 1]
    assert (summary.n, summary.unseen, summary.missing) == (6, 3, 1)
    assert summary.unseen_values == (("B6", 2), ("", 1))
    assert summary.distinct == 4


def test_a_column_of_nulls_is_missing_throughout() -> None:
    summary = count([None, None]).summarise(0)
    assert (summary.n, summary.missing, summary.distinct) == (0, 2, 0)


@given(
    st.lists(st.integers(0, 300).map(lambda i: f"v{i * i}"), max_size=400),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_the_bottom_64_and_their_counts_are_exact_however_the_rows_are_split(
    values: list[str], splits: int, random: object
) -> None:
    exact = Counter(values)
    bottom = sorted(exact, key=hash_value)[:KEPT_UNSEEN]
    expected = {(value, exact[value]) for value in bottom}
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    parts = [count(shuffled[i::splits], batches=i + 1) for i in range(splits)]
    merged = reduce(lambda a, b: b.merge(a), parts)
    assert set(merged.summarise(0).unseen_values) == expected
    assert merged == count(values)


def test_the_number_of_distinct_values_is_estimated_within_three_standard_errors() -> None:
    for distinct in (65, 500, 20_000):
        for prefix in ("a", "b", "c"):
            summary = count([f"{prefix}{i}" for i in range(distinct)]).summarise(0)
            assert abs(summary.distinct / distinct - 1) < 3 * 0.13


def test_long_values_are_told_apart_but_kept_short() -> None:
    long = "x" * 5_000
    summary = count([long + "1", long + "2"]).summarise(0)
    assert summary.distinct == 2
    assert [len(value) for value, _ in summary.unseen_values] == [MAX_VALUE_LENGTH] * 2


def test_without_known_categories_everything_is_unseen() -> None:
    summary = count(["x", "x"], CategoricalBinning(())).summarise(0)
    assert (summary.n, summary.unseen, len(summary.counts)) == (2, 2, 0)


def test_wrong_types_are_not_values() -> None:
    part = CategoricalPart.empty((KNOWN,))
    column = pa.array(["AA", None], pa.string()).dictionary_encode()
    part.update((column,), np.array([[0, 2]], np.uint8), np.zeros(2, np.int64))
    summary = part.summarise(0)
    assert (summary.n, summary.wrong_type, summary.missing) == (1, 1, 0)


def test_a_slice_of_a_column_counts_its_own_rows() -> None:
    column = pa.array(["AA", "UA", "UA", "zz"]).dictionary_encode().slice(1, 2)
    part = CategoricalPart.empty((KNOWN,))
    part.update((column,), np.zeros((1, 2), np.uint8), np.zeros(2, np.int64))
    assert part.summarise(0).counts.tolist() == [0, 2]
