import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import gammaln

from stream_monitor.core.drift.e_process import dirichlet_evidence

LOOKS = np.unique(np.geomspace(20, 5_000, 50).astype(int))


def log_dirichlet_multinomial(w: NDArray[np.int64], a: NDArray[np.float64]) -> float:
    n, total = w.sum(), a.sum()
    return float(gammaln(total) - gammaln(total + n) + (gammaln(a + w) - gammaln(a)).sum())


def smallest_p(k: NDArray[np.int64], rows: NDArray[np.int64]) -> float:
    """The least p of all looks at a growing window."""
    smallest, w, before = 1.0, np.zeros_like(k), 0
    for n in LOOKS:
        w = w + np.bincount(rows[before:n], minlength=len(k))
        before = n
        evidence = dirichlet_evidence(k, w)
        assert evidence is not None
        smallest = min(smallest, evidence.p)
    return smallest


def test_evidence_is_the_ratio_of_the_two_predictions() -> None:
    k, w = np.array([40, 25, 0, 8]), np.array([3, 4, 1, 0])
    below, above = [], []
    for prior in (0.5, 0.1, 0.02):
        null = k + prior
        below.append(log_dirichlet_multinomial(w, null))
        for worth in (4.0, null.sum() / 2, null.sum() / 2):
            above.append(log_dirichlet_multinomial(w, worth * null / null.sum()))
    expected = np.log(np.exp(above).mean()) - max(below)
    evidence = dirichlet_evidence(k, w)
    assert evidence is not None
    assert evidence.log_e == pytest.approx(expected)
    assert evidence.p == pytest.approx(min(1.0, math.exp(-expected)))


def test_nothing_seen_is_no_evidence_and_nothing_known_cannot_be_measured() -> None:
    k = np.array([5, 9])
    evidence = dirichlet_evidence(k, 0 * k)
    assert evidence is not None
    assert evidence.log_e == pytest.approx(0.0)
    assert dirichlet_evidence(0 * k, k) is None
    assert dirichlet_evidence(k[:1], k[1:]) is not None


def test_the_probabilities_of_all_next_rows_sum_to_one() -> None:
    """Then the evidence is a martingale whatever the alternative: here in one cell's place."""
    k, w = np.array([40, 25, 8]), np.array([3, 4, 1])
    for prior in (0.5, 0.1, 0.02):
        now = log_dirichlet_multinomial(w, k + prior)
        after = [log_dirichlet_multinomial(w + row, k + prior) for row in np.eye(3, dtype=int)]
        assert np.exp(np.array(after) - now).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "shares",
    [
        np.full(20, 0.05),
        1 / np.arange(1, 101),
        np.concatenate([np.full(20, 0.0498), np.full(40, 1e-4)]),
        np.array([0.98, 0.02]),
    ],
    ids=["even", "long tail", "mostly empty", "a rare one"],
)
@pytest.mark.parametrize("m", [500, 5_000])
def test_fifty_looks_at_an_unchanged_window_seldom_alarm(
    shares: NDArray[np.float64], m: int
) -> None:
    rng = np.random.default_rng(m)
    shares = shares / shares.sum()
    ps = []
    for _ in range(300):
        rows = rng.choice(len(shares), LOOKS[-1], p=shares)
        ps.append(smallest_p(rng.multinomial(m, shares), rows))
    assert np.mean(np.array(ps) <= 0.05) <= 0.05
    assert np.mean(np.array(ps) <= 0.01) <= 0.01


def test_a_shift_is_found_before_the_window_is_full() -> None:
    rng = np.random.default_rng(9)
    shares = np.full(20, 0.05)
    moved = shares * np.tile([1.25, 0.75], 10)
    k = rng.multinomial(20_000, shares)
    ps = np.array([smallest_p(k, rng.choice(20, LOOKS[-1], p=moved)) for _ in range(60)])
    assert np.mean(ps <= 0.01) >= 0.95


def test_a_burst_in_a_cell_that_the_reference_lacks_is_loud() -> None:
    k = np.array([5_000, 5_000, 0])
    one, many = (dirichlet_evidence(k, np.array([50, 50, x])) for x in (1, 12))
    assert one is not None
    assert many is not None
    assert one.p > 0.05
    assert many.p < 1e-10
