import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.profile.score import SCORE_BINS, ScorePart
from stream_monitor.core.profile.traffic import LATENCY_EDGES_MS, TrafficPart, TrafficSummary

BIN_FACTOR = 2 ** (1 / 4)


def scores(values: list[float]) -> ScorePart:
    part = ScorePart.empty(None)
    part.update(np.array(values), np.zeros(len(values), np.int64))
    return part


def traffic(latency: list[float], status: int | list[int] = 200, timed: bool = True) -> TrafficPart:
    n = len(latency)
    part = TrafficPart.empty(2)
    where = np.zeros(n, np.int64)
    statuses = np.broadcast_to(np.asarray(status, np.int64), n).copy()
    part.update(np.array(latency, np.float64), statuses, np.full(n, timed), where)
    return part


def figures(part: TrafficPart) -> TrafficSummary:
    return part.summarise()


def test_mean_confidence_is_exact_to_a_millionth() -> None:
    values = np.random.default_rng(1).random(5_000)
    expected = np.maximum(values, 1 - values).mean()
    assert scores(values.tolist()).summarise() == pytest.approx(expected, abs=1e-6)


def test_no_score_has_no_confidence() -> None:
    assert scores([]).summarise() is None
    assert scores([np.nan, 1.5, -0.1, np.inf]).summarise() is None


def test_scores_lie_on_a_grid_of_a_thousand_and_one_belongs_to_the_last_bin() -> None:
    counts = scores([0.0, 0.0005, 0.001, 0.9995, 1.0]).arrays["counts"][0]
    assert counts[[0, 1, SCORE_BINS - 1]].tolist() == [2, 1, 2]


def test_scores_outside_the_unit_interval_are_counted_apart() -> None:
    part = scores([np.nan, 1.5, -0.1, np.inf, 0.5])
    assert part.arrays["outside"][0] == 3
    assert part.arrays["counts"].sum() == 1


@given(st.lists(st.floats(0.11, 100_000), min_size=1, max_size=300))
@settings(max_examples=30, deadline=None)
def test_latency_quantiles_are_never_too_low_and_at_most_one_bin_too_high(
    latency: list[float],
) -> None:
    summary = figures(traffic(latency))
    for q, found in ((0.5, summary.p50_ms), (0.95, summary.p95_ms), (0.99, summary.p99_ms)):
        exact = float(np.quantile(latency, q, method="inverted_cdf"))
        assert found is not None
        assert exact <= found <= exact * BIN_FACTOR * (1 + 1e-12)


def test_the_extremes_of_latency_stay_inside_the_edges() -> None:
    assert figures(traffic([0.0, -3.0])).p50_ms == LATENCY_EDGES_MS[0]
    assert figures(traffic([np.inf, 1e9])).p99_ms == LATENCY_EDGES_MS[-1]


def test_no_latency_has_no_quantiles() -> None:
    summary = figures(traffic([np.nan, np.nan]))
    assert (summary.events, summary.p50_ms, summary.p99_ms) == (2, None, None)


def test_the_error_share_is_5xx_of_answered_requests() -> None:
    summary = figures(traffic([1.0] * 6, [200, 404, 500, 599, 0, 777]))
    assert summary.error_share == 2 / 4
    assert figures(traffic([1.0], 0)).error_share is None


def test_odd_statuses_are_no_status() -> None:
    part = traffic([1.0] * 4, [-200, 99, 600, 10**12])
    assert part.arrays["status"][0].tolist() == [4, 0, 0, 0, 0, 0]


def test_events_without_a_timestamp_are_counted() -> None:
    assert figures(traffic([1.0, 2.0], timed=False)).without_timestamp == 2


def test_coerced_types_are_counted_per_feature_of_the_sample() -> None:
    part = traffic([1.0] * 3)
    slot = np.array([0, -1, 0])
    part.update_sample(np.array([0, 1, 2]), np.array([0, 1, 2, 2]), np.array([1, 1, 0, 1]), slot)
    assert part.arrays["sampled"][0] == 2
    assert part.arrays["coerced"][0].tolist() == [1, 2]
