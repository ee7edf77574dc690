"""Binnings learned from sketches against those learned from every value."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream_monitor.core.binning import FINE_BINS, GUARD_BINS, fit_numeric, learn_numeric
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError
from stream_monitor.core.learning import (
    RANK_ERROR,
    SKETCH_K,
    BinningLearner,
    CategoryCounts,
    ValueSketch,
)
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.profile import ALL, Profile
from stream_monitor.core.references import HOURS, Reference, build_reference, sum_profiles
from stream_monitor.core.value_counts import ValueCounts
from stream_monitor.core.windows import DAY_S, WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events, model_spec, texts

TOLERANCE = 4 * RANK_ERROR
"""RANK_ERROR holds 99 times of 100; four times of it as good as always."""
N = 30_000
SHARES = np.arange(1, FINE_BINS) / FINE_BINS
T0 = 1_700_006_400


def sketched(values: NDArray[np.float64], parts: int = 7) -> ValueCounts:
    sketch = ValueSketch()
    for part in np.array_split(values, parts):
        sketch.add(part)
    return sketch.counts()


def ranks(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of the values below each point, and up to it."""
    ordered = np.sort(values)
    below, upto = (np.searchsorted(ordered, at, side) for side in ("left", "right"))
    return np.stack([below, upto]) / len(values)


@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([0.0, 0.3, 3.0]),
    atoms=st.lists(st.tuples(st.floats(-5, 5), st.floats(0.0, 0.2)), max_size=3),
    decimals=st.sampled_from([2, 4, 12]),
)
@settings(max_examples=25, deadline=None)
def test_every_edge_is_within_the_rank_error_of_its_quantile(
    seed: int, spread: float, atoms: list[tuple[float, float]], decimals: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=N) * np.exp(spread * rng.normal(size=N))
    for value, share in atoms:
        values[rng.random(N) < share] = value
    values = np.round(values, decimals)
    binning = fit_numeric(sketched(values))
    edges = np.array(binning.edges[GUARD_BINS:-GUARD_BINS])
    below, upto = ranks(values, edges)
    fits = (below[:, None] - TOLERANCE <= SHARES) & (upto[:, None] + TOLERANCE >= SHARES)
    assert fits.any(axis=1).all(), "an edge is no quantile"
    found = fits.any(axis=0) | (ranks(values, values.min(keepdims=True))[1] + TOLERANCE >= SHARES)
    assert found.all(), "a quantile has no edge"
    assert binning.edges[GUARD_BINS - 1] == values.min()
    assert binning.edges[-GUARD_BINS] == np.nextafter(values.max(), np.inf)


@given(
    seed=st.integers(0, 2**32 - 1),
    distinct=st.sampled_from([1, 2, 24, FINE_BINS, FINE_BINS + 1, 900, SKETCH_K]),
)
@settings(max_examples=25, deadline=None)
def test_discrete_values_are_learned_exactly(seed: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(distinct, 0.3))
    values = rng.choice(np.round(rng.normal(size=distinct), 3), N, p=share)
    assert fit_numeric(sketched(values)) == learn_numeric(values)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.6])
@pytest.mark.parametrize("at", [0.0, 1.0])
def test_a_heavy_value_begins_a_bin_as_when_every_value_is_held(share: float, at: float) -> None:
    rng = np.random.default_rng(4)
    values = rng.lognormal(0, 1, 200_000)
    values[rng.random(len(values)) < share] = at
    binning, exact = fit_numeric(sketched(values)), learn_numeric(values)
    assert at in binning.edges
    assert at in exact.edges
    assert binning.is_discrete is exact.is_discrete
    assert abs(len(binning.edges) - len(exact.edges)) <= 1
    # Where the middle half is one value, the scale is the deviation, which a tail moves.
    assert binning.iqr == pytest.approx(exact.iqr, rel=0.3 if share > 0.5 else 0.02)


def test_a_sketch_does_not_grow_and_leaves_out_what_is_not_finite() -> None:
    rng = np.random.default_rng(5)
    sketch = ValueSketch()
    for _ in range(100):
        sketch.add(np.concatenate([rng.normal(size=10_000), [np.nan, np.inf, -np.inf]]))
    counts = sketch.counts()
    assert counts.rows == 1_000_000 + 2
    assert len(counts.values) < 4 * SKETCH_K
    masses = np.histogram(rng.normal(size=400_000), fit_numeric(counts).edges[7:-7])[0] / 400_000
    assert np.abs(masses - 1 / FINE_BINS).max() < 0.003


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.lists(st.floats(0, 1)))
@settings(max_examples=100, deadline=None)
def test_quantiles_of_counts_are_those_of_numpy(values: list[float], shares: list[float]) -> None:
    array = np.round(np.array(values), 1)
    counts = ValueCounts.of(array[::2]).merge(ValueCounts.of(array[1::2]))
    assert counts.quantiles(shares).tolist() == np.quantile(array, shares).tolist()
    assert counts.deviation() == pytest.approx(np.std(array), abs=1e-6)


def test_frequent_categories_are_found_among_any_number() -> None:
    rng = np.random.default_rng(6)
    counts = CategoryCounts()
    for part in range(20):
        rare = [f"id-{part}-{i}" for i in range(5_000)]
        often = [f"often-{i}" for i in rng.integers(0, 400, 20_000)]
        counts.add(texts([*rare, *often, None]).dictionary_encode())
    found = counts.counts()
    ranked = sorted(found, key=lambda name: -found[name])
    assert {name.split("-")[0] for name in ranked[:400]} == {"often"}
    assert len(found) < 25_000
    few = CategoryCounts()
    few.add(pa.array(["a", "b", "a", None, ""]).dictionary_encode())
    assert few.counts() == {"a": 2, "b": 1, "": 1}


SPEC = model_spec(segment_keys=("origin",), windows=(WindowSize(HOUR_S), WindowSize(DAY_S)))


def counted_at_once(spec: ModelSpec, columns: InferenceColumns, like: Reference) -> Profile:
    found = [d.profile for d in deltas(spec, like.layout, columns) if d.key.segment == ALL]
    return sum_profiles(found, like.layout).without_outcomes()


def rows(n: int = 2_000, days: float = 3.0) -> InferenceColumns:
    rng = np.random.default_rng(7)
    times = T0 + rng.uniform(0, days * DAY_S, n)
    versions = np.where(times > times.min(), "2", "1").tolist()
    return events(
        times, rng.normal(size=n), rng.choice(["UA", "AA"], n).tolist(), versions,
        rng.choice(["JFK", "LGA"], n).tolist(), label="late",
    )  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [SPEC, replace(SPEC, references=(ReferenceKind.SEASONAL,)),
     replace(SPEC, references=(ReferenceKind.SEASONAL,), pane_s=2 * HOUR_S,
             windows=(WindowSize(DAY_S),))],
)  # fmt: skip
def test_a_reference_of_few_rows_is_the_same_from_sketches_in_batches(spec: ModelSpec) -> None:
    whole = rows()
    chunks = [whole.take(part) for part in np.array_split(np.arange(whole.n), 9)]
    sketch = build_reference(spec, chunks, None, values=ValueSketch)
    assert sketch == build_reference(spec, [whole], "1")
    assert sketch.segments[ALL].total.profile == counted_at_once(spec, whole, sketch)
    assert sketch.version == "1", "that of the earliest event"
    hours = sketch.segments[ALL].windows.get(HOURS, ())
    assert sum(hour.events for hour in hours) in (0, whole.n)


def test_rows_that_are_gone_when_they_are_counted_are_named() -> None:
    whole = rows()

    class Vanishing:
        left = whole.n

        def __iter__(self):  # type: ignore[no-untyped-def]
            yield whole.take(np.arange(self.left))
            self.left -= 1

    with pytest.raises(StreamMonitorError, match="2000 events of flights were read first and 1999"):
        build_reference(SPEC, Vanishing(), None, values=ValueSketch)


def test_nothing_is_learned_without_rows() -> None:
    learner = BinningLearner(SPEC)
    learner.add(events([], segment=[]))
    with pytest.raises(InvalidSpecification, match="has no rows"):
        learner.layout()
    with pytest.raises(InvalidSpecification, match="has no rows"):
        _ = learner.version
