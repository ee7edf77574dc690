"""How unusual a window is among reference windows: for streams whose windows differ without drift.

Each summary turns a window into one signed number; a predictive t places it among the reference's.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.chi_square import two_sample_kernel
from stream_monitor.core.drift.predictive_t import predictive_p_kernel

Floats = NDArray[np.float64]

_NO_SLOTS: Final = np.zeros(0, np.int64)


class WindowNull(StrEnum):
    """What varies between reference windows without drift, and so how a window is placed among them."""

    AMONG = "among"
    DIFFERENCES = "differences"
    SLOTS = "slots"
    AMONG_SKEWED = "among_skewed"


NULL_CODES: Final = {null: code for code, null in enumerate(WindowNull)}
"""The nulls as the numbers that the compiled functions take."""


@dataclass(frozen=True)
class RowNoise:
    """The sampling variance of F summaries, which windows have because they hold only so many rows, (F,).

    ``window`` is the judged window's, ``windows`` the mean over the reference's windows. Too little of
    ``windows`` or too much of ``window`` makes p larger.
    """

    window: Floats
    windows: Floats


def predictive_p(c: float, reference: Floats) -> float | None:
    """Return the two-sided p of summary ``c`` among K summaries of reference windows.

    `predictive_p_among` for one summary that no window lacks. None when K < 2.

    >>> round(predictive_p(3.0, np.array([0.0, 1.0, -1.0])), 4)
    0.1217
    """
    if len(reference) < 2:
        return None
    return float(predictive_p_among(np.array([c]), reference.reshape(-1, 1))[0])


def predictive_p_among(
    c: Floats, reference: Floats, least_dof: int = 1, noise: RowNoise | None = None
) -> Floats:
    """Return the two-sided p of F summaries ``c`` among those of K reference windows, (K, F).

    Formula: t = (c − mean)/(sd·√(1 + 1/K)), Student t with K − 1 degrees of freedom, sd with K − 1.
    With ``noise``, ν of the judged window and h of the reference's, windows may hold more or fewer rows
    than that one: p = E[2Φ(−|c − mean|/√V)], V = max(0, S − h) + ν + S/K, S = (K − 1)·sd²/W, over
    W ~ χ²(K − 1): what windows vary by beyond their rows' noise, at every spread that sd leaves possible
    (a generalised p-value). Where ν = h and S > h that is the t above. W is taken by Wilson and
    Hilferty's normal approximation: with 20 windows p is up to a fifth too large at 1e-5.
    Assumption: windows independent and their summaries about normal; 20 or more of them to judge at
    1 %. Skewed summaries are too eager far out.
    NaN stands for a summary that is missing, in ``c`` and in the windows, of which K counts the
    others. NaN is returned where ``c`` is missing or the degrees of freedom are fewer than
    ``least_dof``. Reference windows without spread count as spread 1e-9 and no noise, so that equal
    gives p = 1 and any real difference a p near 0: they hold no evidence that windows vary, and the
    test of independent rows is left to decide.
    Range: 0 to 1, no units.
    Reference: Geisser, Predictive Inference, 1993; Weerahandi, Generalized confidence intervals, 1993.

    >>> reference = np.array([[0.0, 5.0], [1.0, np.nan], [-1.0, np.nan]])
    >>> predictive_p_among(np.array([3.0, 5.0]), reference).round(4).tolist()
    [0.1217, nan]
    """
    return _predictive_p(WindowNull.AMONG, c, reference, _NO_SLOTS, 0, least_dof, noise)


def predictive_p_among_skewed(
    c: Floats, reference: Floats, least_dof: int = 1, noise: RowNoise | None = None
) -> Floats:
    """Return the same for summaries that are skewed between windows, as those of rain or prices are.

    Formula: the t of `predictive_p_among` is taken back to that of a symmetric summary: z with
    z + g·(z² − 1)/6 = |t|, g the third standardised moment of the K windows in the direction of ``c``,
    and at least 0, so that p never falls by it.
    Assumption: as there, but skewness may be moderate (a gamma of shape 1 has 2). Of symmetric windows it
    is conservative: the moment's noise counts in one direction only.
    NaN, noise, spread and range as there.
    Reference: Cornish and Fisher, Moments and cumulants in the specification of distributions, 1937;
    Johnson, Modified t tests, 1978.

    >>> skewed = np.array([[0.0], [0.0], [0.0], [0.0], [5.0]])
    >>> c = np.array([9.0])
    >>> p, plain = predictive_p_among_skewed(c, skewed)[0], predictive_p_among(c, skewed)[0]
    >>> round(float(p), 4), round(float(plain), 4)
    (0.0737, 0.0309)
    """
    return _predictive_p(WindowNull.AMONG_SKEWED, c, reference, _NO_SLOTS, 0, least_dof, noise)


def predictive_p_of_differences(c: Floats, reference: Floats, least_dof: int = 1) -> Floats:
    """Return the two-sided p of the step from the last of K windows, in order of time, to ``c``.

    Formula: t = (c − c_K)/√(Σ d²/D) over the D = K − 1 steps d between neighbours, D degrees of
    freedom; the mean step counts as 0.
    Assumption: steps independent, about normal, with mean 0 and one spread: a level that wanders.
    Where windows are independent instead, neighbouring steps share a window: then it is about 1.1
    times too eager at 1 % with 20 windows.
    NaN and spread as in `predictive_p_among`; a step next to a missing summary is left out, and
    there is none to judge when the last window's is missing.
    Range: 0 to 1, no units.
    Reference: Box and Jenkins, Time Series Analysis: Forecasting and Control, 1970 (the random
    walk's forecast is its last value).

    >>> history = np.array([[0.0], [1.0], [0.0], [1.0]])
    >>> round(float(predictive_p_of_differences(np.array([4.0]), history)[0]), 4)  # t = 3, 3 dof
    0.0577
    """
    return _predictive_p(WindowNull.DIFFERENCES, c, reference, _NO_SLOTS, 0, least_dof, None)


def predictive_p_in_slot(
    c: Floats, reference: Floats, slots: NDArray[np.int64], slot: int, least_dof: int = 1,
    noise: RowNoise | None = None,
) -> Floats:  # fmt: skip
    """Return the two-sided p of ``c`` among the reference windows of its slot (an hour of the week).

    ``slots`` names the slot of each of the K windows, ``slot`` that of the judged one.
    Formula: the one-way layout: t = (c − mean of its slot's windows)/(s·√(1 + 1/K_slot)), s² the
    squared residuals of all K windows around their slots' means over K − S, S the number of slots
    with a window; K − S degrees of freedom. A slot with one window adds none.
    Assumption: windows independent, about normal around their slot's mean, with one spread in all
    slots.
    NaN, noise and spread as in `predictive_p_among`; also NaN where the slot has no window.
    Range: 0 to 1, no units.
    Reference: Scheffé, The Analysis of Variance, 1959, chapter 3.

    >>> reference, slots = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
    >>> round(float(predictive_p_in_slot(np.array([11.0]), reference, slots, 0)[0]), 4)
    0.0287
    """
    slots = slots.astype(np.int64)
    return _predictive_p(WindowNull.SLOTS, c, reference, slots, slot, least_dof, noise)


def _predictive_p(
    null: WindowNull, c: Floats, reference: Floats, slots: NDArray[np.int64], slot: int, least: int,
    noise: RowNoise | None,
) -> Floats:  # fmt: skip
    if not len(reference):
        return np.full(len(c), np.nan)
    c, reference = np.ascontiguousarray(c), np.ascontiguousarray(reference)
    nothing = np.zeros(len(c))
    own, theirs = (nothing, nothing) if noise is None else (noise.window, noise.windows)
    found: Floats = _p_of_columns(NULL_CODES[null], c, reference, slots, slot, own, theirs, least)
    return found


@njit(cache=True, nogil=True)
def _p_of_columns(
    null: int, c: Floats, reference: Floats, slots: NDArray[np.int64], slot: int, noise: Floats,
    mean_noise: Floats, least_dof: int,
) -> Floats:  # fmt: skip
    found = np.empty(len(c))
    for f in range(len(c)):
        found[f] = predictive_p_kernel(
            null, c[f], reference, f, slots, slot, noise[f], mean_noise[f], least_dof
        )
    return found


def log_shape(k: NDArray[np.int64], w: NDArray[np.int64]) -> float | None:
    """Summarise shape: the logarithm of the chi-square distance to the reference.

    Formula: ln Σ (√(n/m)·k − √(m/n)·w)²/(k + w) on coarse bins, none merged. For a reference's own
    window pass k without it (k − w). Pool guard bins into the edge bins first: the reference
    defines its extremes, so its own windows never fall outside while a fresh one does.
    Assumption: windows of about the same number of rows.
    None when either side is empty or the shares are equal to the last row (a constant feature):
    a distance of 0 has no logarithm and shows no drift.
    Range: any sign, nats.
    Reference: Wilson and Hilferty, The distribution of chi-square, 1931 (why a transform helps).

    >>> round(log_shape(np.array([50, 50]), np.array([70, 30])), 6)
    2.120264
    """
    found = float(log_shape_kernel(k, w))
    return None if math.isnan(found) else found


@njit(cache=True, nogil=True)
def log_shape_kernel(k: NDArray[np.int64], w: NDArray[np.int64]) -> float:
    """`log_shape`, compiled; NaN for None."""
    if k.sum() == 0 or w.sum() == 0:
        return math.nan
    statistic = two_sample_kernel(k, w)
    return math.log(statistic) if statistic > 1e-12 else math.nan


def arcsine_share(x: int, n: int) -> float | None:
    """Summarise a rate: a scale on which sampling noise does not depend on the rate.

    Formula: arcsin √(x/n). Anscombe's (x + 3/8)/(n + 3/4) was simulated beside it and not taken:
    between half and one expected row a window it is 3 times too eager at 0.1 %, this 0.6 times;
    elsewhere they are alike. Assumption: none; below half an expected row a window no scale makes
    the counts normal, and the test of independent rows has to agree.
    None when n is 0. Rates of 0 and 1 are defined.
    Range: 0 to π/2, radians; the noise has sd about 1/(2·√n).
    Reference: Freeman and Tukey, Transformations related to the angular and the square root, 1950.

    >>> round(arcsine_share(1, 4), 6)  # π/6
    0.523599
    """
    return math.asin(math.sqrt(x / n)) if n else None
