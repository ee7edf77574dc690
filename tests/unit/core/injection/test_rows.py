"""Drifts of labels and of whole rows do what their names say."""

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.rows import flip_labels, lose, resampled_rows

N = 6_000
HALF = (np.arange(N) >= N // 2).astype(np.float64)
RNG = np.random.default_rng(1)
LABELS = pa.array(np.where(RNG.random(N) < 0.3, "late", "on_time"), mask=RNG.random(N) < 0.1)
GROUPS = np.arange(N) // 500
LATE = np.array(LABELS.to_pylist()) == "late"
KNOWN = np.asarray(LABELS.is_valid())


def test_lost_values_are_null_at_their_rate() -> None:
    values = pa.array(np.arange(N))
    lost = np.asarray(lose(values, HALF, 0.3, np.random.default_rng(0)).is_null())
    assert lost[: N // 2].sum() == 0
    assert lost[N // 2 :].mean() == pytest.approx(0.3, abs=0.03)


def test_labels_flip_at_their_rate_and_keep_their_gaps() -> None:
    flipped = flip_labels(LABELS, HALF, 0.25, np.random.default_rng(0))
    assert flipped.is_null() == LABELS.is_null()
    changed = (np.array(flipped.to_pylist()) != np.array(LABELS.to_pylist())) & KNOWN
    assert changed[: N // 2].sum() == 0
    assert changed[N // 2 :].sum() / KNOWN[N // 2 :].sum() == pytest.approx(0.25, abs=0.03)


def test_of_many_classes_a_label_becomes_each_other_one_as_often() -> None:
    labels = pa.array(["a", "b", "c"] * 2_000)
    flipped = flip_labels(labels, np.ones(N), 1.0, np.random.default_rng(0)).to_pylist()
    pairs = list(zip(labels.to_pylist(), flipped, strict=True))
    assert all(before != after for before, after in pairs)
    assert pairs.count(("a", "b")) == pytest.approx(1_000, abs=100)


def test_one_class_cannot_flip() -> None:
    with pytest.raises(InvalidSpecification, match="fewer than two classes"):
        flip_labels(pa.array(["late"] * 3), np.ones(3), 0.5, np.random.default_rng(0))


@pytest.mark.parametrize("points", [0.2, -0.2])
def test_resampling_moves_the_balance_of_classes_within_each_group(points: float) -> None:
    source = resampled_rows(LABELS, HALF, points, "late", GROUPS, np.random.default_rng(0))
    np.testing.assert_array_equal(source[: N // 2], np.arange(N // 2))
    np.testing.assert_array_equal(GROUPS[source], GROUPS)
    np.testing.assert_array_equal(source[~KNOWN], np.flatnonzero(~KNOWN))
    after = LATE[source][N // 2 :][KNOWN[N // 2 :]]
    before = LATE[: N // 2][KNOWN[: N // 2]].mean()
    assert after.mean() == pytest.approx(before + points, abs=0.03)


def test_resampling_keeps_what_a_class_looks_like() -> None:
    x = np.random.default_rng(2).normal(np.where(LATE, 2.0, 0.0), 1.0)
    source = resampled_rows(LABELS, HALF, 0.3, "late", GROUPS, np.random.default_rng(0))
    moved, late = x[source][N // 2 :], LATE[source][N // 2 :]
    assert moved[late].mean() == pytest.approx(2.0, abs=0.15)
    assert moved[~late].mean() == pytest.approx(0.0, abs=0.15)


def test_a_balance_beyond_everything_or_of_an_unknown_class_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidSpecification, match=r"choose a size from -0\.3"):
        resampled_rows(LABELS, HALF, 0.9, "late", GROUPS, rng)
    with pytest.raises(InvalidSpecification, match="no label is 'early'"):
        resampled_rows(LABELS, HALF, 0.1, "early", GROUPS, rng)
