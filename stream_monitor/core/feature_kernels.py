"""The scores and p of all features at once: loops over the compiled formulas of drift/.

Rows of counts that are empty on either side give NaN throughout.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.chi_square import chi_square_kernel
from stream_monitor.core.drift.jensen_shannon import jensen_shannon_kernel
from stream_monitor.core.drift.kolmogorov_smirnov import (
    distance_kernel,
    ks_p_kernel,
    smallest_ks_p_kernel,
)
from stream_monitor.core.drift.largest_share_change import share_change_kernel, share_p_kernel
from stream_monitor.core.drift.new_category import new_category_kernel
from stream_monitor.core.drift.population_stability import population_stability_kernel
from stream_monitor.core.drift.rates import rate_kernel
from stream_monitor.core.drift.scaled_moments import bin_means_kernel
from stream_monitor.core.drift.wasserstein import wasserstein_kernel

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SCORES = (
    "ks", "chi_square", "psi", "psi_excess", "jensen_shannon", "largest_share_change", "wasserstein",
)  # fmt: skip
"""Columns of the tables of scores."""

_MINIMUM_EXPECTED = 5.0


@njit(cache=True, nogil=True)
def numeric_scores(
    fine_k: Counts, sums_k: Counts, coarse_k: Counts, fine_w: Counts, sums_w: Counts,
    coarse_w: Counts, scales: Floats, is_discrete: Flags, by_shares: Flags,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Scores (F, 7), and p and the smallest p of the deciding test, (2, F).

    The test is KS, where discrete features get the bound of its p, or the shares' where `by_shares`.
    """
    scores = np.full((len(fine_k), len(SCORES)), math.nan)
    decided = np.full((2, len(fine_k)), math.nan)
    for f in range(len(fine_k)):
        m, n = fine_k[f].sum(), fine_w[f].sum()
        if m == 0 or n == 0:
            continue
        d, cells = distance_kernel(fine_k[f], fine_w[f])
        scores[f, 0] = d
        k, w = coarse_k[f], coarse_w[f]
        chi_p = _scores_of_shares(k, w, _in_pairs(k), _in_pairs(w), scores[f])
        if by_shares[f]:
            decided[0, f], decided[1, f] = _pair(k, w, chi_p, len(k)), _smallest_pair(m, n)
        else:
            decided[0, f] = ks_p_kernel(d, m, n, cells, is_discrete[f])
            decided[1, f] = smallest_ks_p_kernel(m, n, cells)
        scores[f, 6] = wasserstein_kernel(
            fine_k[f],
            fine_w[f],
            bin_means_kernel(fine_k[f], sums_k[f], scales[0, f], scales[2, f]),
            bin_means_kernel(fine_w[f], sums_w[f], scales[0, f], scales[2, f]),
        )
    return scores, decided


@njit(cache=True, nogil=True)
def categorical_scores(counts_k: Counts, counts_w: Counts, starts: Counts) -> tuple[Floats, Floats]:
    """The same of categories: feature f at starts[f] to starts[f + 1]; the last counts unseen values.

    A reference that defines the categories has no unseen values, a window without drift has some: how many
    too many is judged by `good_turing`, and here they are not a category. Chi-square counts them among the
    rare ones, whose shares in the reference are too large by what it has not seen; without rare ones it
    leaves them out.
    """
    features = len(starts) - 1
    scores = np.full((features, len(SCORES)), math.nan)
    decided = np.full((2, features), math.nan)
    for f in range(features):
        k, w = counts_k[starts[f] : starts[f + 1]], counts_w[starts[f] : starts[f + 1]]
        m, n = k.sum(), w.sum()
        if m == 0 or n == 0:
            continue
        tested = len(k) if k[-1] > 0 else len(k) - 1
        chi_p = _scores_of_shares(k, w, k, w, scores[f])
        if tested < len(k):
            known_k, known_w = _unseen_with_rare(k, w)
            scores[f, 1], chi_p = chi_square_kernel(known_k, known_w, _MINIMUM_EXPECTED)
            scores[f, 5] = share_change_kernel(k, w, tested)
        decided[0, f], decided[1, f] = _pair(k, w, chi_p, tested), _smallest_pair(m, n)
    return scores, decided


@njit(cache=True, nogil=True)
def _unseen_with_rare(k: Counts, w: Counts) -> tuple[Counts, Counts]:
    """The known categories, the rare ones and the unseen values in the last place; without rare ones none."""
    m, n = k.sum(), w.sum()
    least = _MINIMUM_EXPECTED * (m + n) / min(m, n)
    kept_k, kept_w = np.zeros_like(k), np.zeros_like(w)
    for c in range(len(k) - 1):
        at = c if k[c] + w[c] >= least else len(k) - 1
        kept_k[at] += k[c]
        kept_w[at] += w[c]
    if kept_k[-1] > 0:
        kept_w[-1] += w[-1]
    return kept_k, kept_w


def rate_ps(k: Counts, m: Counts, x: Counts, n: Counts) -> Floats:
    """p of each change from k of m to x of n rows, all of one shape."""
    flat = (np.ascontiguousarray(counts).ravel() for counts in (k, m, x, n))
    return np.asarray(_rate_ps(*flat)).reshape(k.shape)


@njit(cache=True, nogil=True)
def _rate_ps(k: Counts, m: Counts, x: Counts, n: Counts) -> Floats:
    found = np.full(len(k), math.nan)
    for i in range(len(k)):
        if m[i] > 0 and n[i] > 0:
            found[i] = rate_kernel(k[i], m[i], x[i], n[i])
    return found


@njit(cache=True, nogil=True)
def good_turing(counts_k: Counts, counts_w: Counts, starts: Counts) -> tuple[Floats, Floats]:
    """The expected share of unseen values and the p of the window's, (F,) each."""
    features = len(starts) - 1
    expected, ps = np.full(features, math.nan), np.full(features, math.nan)
    for f in range(features):
        k, w = counts_k[starts[f] : starts[f + 1]], counts_w[starts[f] : starts[f + 1]]
        m, n = k.sum(), w.sum()
        if m > 0 and n > 0:
            once, twice = (k[:-1] == 1).sum(), (k[:-1] == 2).sum()
            expected[f], ps[f] = new_category_kernel(w[-1], n, m, once, twice)
    return expected, ps


@njit(cache=True, nogil=True)
def _scores_of_shares(
    k: Counts, w: Counts, index_k: Counts, index_w: Counts, scores: Floats
) -> float:
    """Fills in the scores on shares, the index on cells of its own; returns the p of chi-square."""
    scores[1], chi_p = chi_square_kernel(k, w, _MINIMUM_EXPECTED)
    index, noise = population_stability_kernel(index_k, index_w)
    scores[2], scores[3] = index, index - noise
    scores[4] = jensen_shannon_kernel(k, w)
    scores[5] = share_change_kernel(k, w, len(k))
    return chi_p


@njit(cache=True, nogil=True)
def _pair(k: Counts, w: Counts, chi_p: float, tested: int) -> float:
    """The p of chi-square, where there is one, and of the largest share change as a Bonferroni pair.

    Of two categories both are the same test, and the exact one stands alone.
    """
    share_p = share_p_kernel(k, w, tested)
    filled = 0
    for c in range(tested):
        filled += k[c] + w[c] > 0
    if math.isnan(chi_p) or filled == 2:
        return share_p
    return min(1.0, 2.0 * min(share_p, chi_p))


@njit(cache=True, nogil=True)
def _smallest_pair(m: int, n: int) -> float:
    """The p of a window whose rows all lie where the reference has none."""
    return 2.0 * rate_kernel(0, m, n, n)


@njit(cache=True, nogil=True)
def _in_pairs(k: Counts) -> Counts:
    """Neighbouring cells added: deciles from coarse bins."""
    pairs = np.zeros((len(k) + 1) // 2, np.int64)
    for c in range(len(k)):
        pairs[c // 2] += k[c]
    return pairs
