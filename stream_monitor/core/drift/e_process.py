"""Evidence against "as the reference" that may be looked at after every row of a growing window."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_PRIORS = (0.5, 0.1, 0.02)
_SCALES = (1.0, 10.0, 100.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The e-value of a window as ``log_e`` (natural logarithm) and its ``p``, min(1, 1/e).

    ``p`` at the closest look is valid at every look: n counts the window's rows so far, m the
    reference's.

    >>> Evidence(log_e=0.0, p=1.0, n=0, m=10).p
    1.0
    """

    log_e: float
    p: float
    n: int
    m: int


def dirichlet_evidence(k: Counts, w: Counts) -> Evidence | None:
    """Weigh a window of counts w so far against a reference of counts k.

    Formula: E = mean_jc DirMult(w | κ_j·π_c) ÷ max_c DirMult(w | k + c), with DirMult(w | a) =
    Γ(A)/Γ(A + n)·Π Γ(a_b + w_b)/Γ(a_b), A = Σ a_b, and π_c the shares of k + c. Below stands what
    the reference predicts, c = ½, 0.1 or 0.02 rows added to every cell: so a cell it lacks is rare
    but not impossible, and the prior that suits the window best counts, be most cells common, or
    a long tail, or all but empty. Above stand worlds around the same shares that are less certain,
    as if known from κ = B, 10·B and 100·B rows, each at most half of the reference's: large, middle
    and small shifts.
    Assumption: independent rows. The probability that E ever reaches 1/α, however often one looks,
    is at most α on average over the shares that a reference like this one leaves possible (Ville).
    None when the reference is empty. Without a window row, and with one cell, E = 1.
    Range: log E any sign, nats; it grows with the rows if the shares differ. The unordered cells
    must stay the same from look to look.
    Reference: Good, The Bayes/non-Bayes compromise, 1992; Lindon and Malek, Anytime-valid
    inference for multinomial count data, 2022.

    >>> quiet = dirichlet_evidence(np.array([500, 500]), np.array([52, 48]))
    >>> loud = dirichlet_evidence(np.array([500, 500]), np.array([80, 20]))
    >>> quiet.p, loud.p < 1e-5
    (1.0, True)
    """
    m, n = int(k.sum()), int(w.sum())
    if m == 0:
        return None
    filled = np.flatnonzero(w)
    below, above = [], []
    for prior in _PRIORS:
        null = np.asarray(k + prior, dtype=np.float64)
        worth = float(null.sum())
        below.append(_log_probability(null, worth, w, n, filled))
        rows = [min(scale * len(k), 0.5 * worth) for scale in _SCALES]
        above += [_log_probability(null * (r / worth), r, w, n, filled) for r in rows]
    highest = max(above)
    mean = highest + math.log(sum(math.exp(a - highest) for a in above) / len(above))
    log_e = mean - max(below)
    return Evidence(log_e=log_e, p=math.exp(min(0.0, -log_e)), n=n, m=m)


@njit(cache=True, nogil=True)
def _log_probability(
    a: Floats, total: float, w: Counts, n: int, filled: NDArray[np.int64]
) -> float:
    """ln DirMult(w | a) without the multinomial coefficient; empty cells add nothing."""
    log_p = math.lgamma(total) - math.lgamma(total + n)
    for b in filled:
        log_p += math.lgamma(a[b] + w[b]) - math.lgamma(a[b])
    return log_p
