"""Nulls of continuous features: the reference's edges and the window's counts from their exact laws.

A feature's fine bins lie between order statistics of its reference. Those are drawn as sums of gamma
spacings, so a repetition costs microseconds, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import special

from stream_monitor.core.binning import FINE_BINS, GUARD_BINS
from stream_monitor.core.drift.kolmogorov_smirnov import distance_kernel, ks_p_kernel

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_BLOCK: Final = 20_000


@dataclass(frozen=True, slots=True)
class Continuous:
    """A distribution by its quantile function and its cdf."""

    name: str
    quantile: Callable[[Floats], Floats]
    cdf: Callable[[Floats], Floats]


def _t2_quantile(u: Floats) -> Floats:
    return np.asarray((2 * u - 1) / np.sqrt(2 * u * (1 - u)))


def _t2_cdf(x: Floats) -> Floats:
    return np.asarray(0.5 * (1 + x / np.sqrt(2 + x * x)))


def _lognormal_cdf(x: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(x > 0, special.ndtr(np.log(np.maximum(x, 0)) / 2), 0.0))


CONTINUOUS: Final = (
    Continuous("normal", special.ndtri, special.ndtr),
    Continuous("uniform", lambda u: u, lambda x: np.clip(x, 0.0, 1.0)),
    Continuous("lognormal σ 2", lambda u: np.exp(2 * special.ndtri(u)), _lognormal_cdf),
    Continuous("Student t2", _t2_quantile, _t2_cdf),
)


def ps_of(marginal: Continuous, n: int, m: int, times: int, rng: Generator) -> Floats:
    """p of KS in `times` repetitions, each with a reference of its own."""
    found = []
    for first in range(0, times, _BLOCK):
        shares, held = _bins(marginal, m, min(_BLOCK, times - first), rng)
        found.append(_ks_ps(held, rng.multinomial(n, shares)))
    return np.concatenate(found)


def _bins(marginal: Continuous, m: int, times: int, rng: Generator) -> tuple[Floats, Counts]:
    """The true share of every bin per repetition, guards included, and the reference's rows in each."""
    at = (m - 1) * np.arange(1, FINE_BINS) / FINE_BINS
    quarters = (m - 1) * np.array([0.25, 0.75])
    low, high = np.floor(np.append(at, quarters)), np.ceil(np.append(at, quarters))
    ranks = np.unique(np.concatenate([[0], low, high, [m - 1]])).astype(np.int64)
    spacings = rng.gamma(np.diff(np.concatenate([[-1], ranks, [m]])), size=(times, len(ranks) + 1))
    uniform = np.cumsum(spacings, axis=1)
    values = marginal.quantile(uniform[:, :-1] / uniform[:, -1:])
    below, above = (values[:, np.searchsorted(ranks, side)] for side in (low, high))
    quantiles = below + (np.append(at, quarters) % 1.0) * (above - below)
    iqr = quantiles[:, -1:] - quantiles[:, -2:-1]
    least, largest = values[:, :1], np.nextafter(values[:, -1:], np.inf)
    decades = iqr * 10.0 ** np.arange(GUARD_BINS - 1)
    edges = np.concatenate(
        [least - decades[:, ::-1], least, quantiles[:, :-2], largest, largest + decades], axis=1
    )
    shares = np.diff(marginal.cdf(edges), axis=1, prepend=0.0, append=1.0)
    inner = np.diff(np.ceil(at).astype(np.int64), prepend=0, append=m)
    return np.maximum(shares, 0.0), np.pad(inner, GUARD_BINS)


@njit(cache=True, nogil=True)
def _ks_ps(k: Counts, w: Counts) -> Floats:
    found = np.empty(len(w))
    for i in range(len(w)):
        d, cells = distance_kernel(k, w[i])
        found[i] = ks_p_kernel(d, k.sum(), w[i].sum(), cells, False)
    return found
