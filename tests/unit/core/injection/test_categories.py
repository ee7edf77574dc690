"""Each drift of categories does what its name says, and nothing else."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.categories import NEW_CATEGORY, add_category, move_share

N = 6_000
HALF = (np.arange(N) >= N // 2).astype(np.float64)
RNG = np.random.default_rng(1)
VALUES = pa.array(RNG.choice(["a", "b", "c"], N, p=[0.5, 0.3, 0.2]), mask=RNG.random(N) < 0.1)


def shares(values: pa.StringArray, first: int = 0, last: int = N) -> dict[str | None, float]:
    counts = Counter(values[first:last].drop_null().to_pylist())
    return {name: count / counts.total() for name, count in counts.items()}


@pytest.mark.parametrize("points", [0.15, -0.15])
def test_share_moves_by_so_many_points_and_the_others_keep_their_proportions(points: float) -> None:
    drifted = move_share(VALUES, HALF, points, "b", np.random.default_rng(0))
    now = shares(drifted, N // 2)
    assert now["b"] == pytest.approx(0.3 + points, abs=0.02)
    assert now["a"] / now["c"] == pytest.approx(2.5, rel=0.12)
    assert drifted[: N // 2] == VALUES[: N // 2]
    assert drifted.is_null() == VALUES.is_null()


def test_the_most_frequent_category_moves_where_none_is_named() -> None:
    drifted = move_share(VALUES, HALF, 0.2, None, np.random.default_rng(0))
    assert shares(drifted, N // 2)["a"] == pytest.approx(0.7, abs=0.02)


def test_nothing_moves_by_nothing() -> None:
    rng = np.random.default_rng(0)
    assert move_share(VALUES, HALF, 0.0, "a", rng) == VALUES
    assert add_category(VALUES, HALF, 0.0, rng) == VALUES


@pytest.mark.parametrize(
    ("points", "category", "said"),
    [
        (0.1, "d", "no row has the category 'd': choose a, b, c"),
        (0.6, "a", "cannot change by 0.6"),
        (-0.4, "b", "choose a size from -0.291 to 0.709"),
    ],
)
def test_what_cannot_be_is_refused(points: float, category: str, said: str) -> None:
    with pytest.raises(InvalidSpecification, match=said):
        move_share(VALUES, HALF, points, category, np.random.default_rng(0))


def test_a_feature_without_values_is_refused() -> None:
    with pytest.raises(InvalidSpecification, match="choose another one"):
        move_share(pa.nulls(3, pa.string()), np.ones(3), 0.1, None, np.random.default_rng(0))


def test_new_category_has_its_share_and_a_name_that_was_not_there() -> None:
    drifted = add_category(VALUES, HALF, 0.2, np.random.default_rng(0))
    assert shares(drifted, N // 2)[NEW_CATEGORY] == pytest.approx(0.2, abs=0.02)
    assert NEW_CATEGORY not in shares(drifted, 0, N // 2)
    again = add_category(drifted, HALF, 0.2, np.random.default_rng(1))
    assert set(shares(again)) == {"a", "b", "c", NEW_CATEGORY, NEW_CATEGORY + "_"}
