"""Nulls of features with few values: references are learned as ever, windows are multinomial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import special, stats

from stream_monitor.core.binning import learn_numeric
from stream_monitor.core.drift.brownian_bridge import grid_crossing_probability
from stream_monitor.core.drift.kolmogorov_smirnov import distance_kernel, ks_p_kernel
from stream_monitor.core.feature_kernels import categorical_scores

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_LEAST_OF_INTEREST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Discrete:
    """A numeric distribution: the share of rows below x (not at it), and a sampler of m values."""

    name: str
    below: Callable[[Floats], Floats]
    sample: Callable[[Generator, int], Floats]


def _normal_below(x: Floats) -> Floats:
    """Of a normal rounded to one decimal: what rounds to less than x."""
    return np.asarray(special.ndtr((np.ceil(np.round(10 * x, 6)) - 0.5) / 10))


def _inflated_below(x: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = special.ndtr(np.log(np.maximum(x, 0.0)))
    return np.asarray(np.where(x > 0, 0.6 + 0.4 * positive, 0.0))


def _inflated(rng: Generator, m: int) -> Floats:
    return np.where(rng.random(m) < 0.6, 0.0, rng.lognormal(size=m))


def _below_from(table: Floats) -> Callable[[Floats], Floats]:
    """The share below x of whole numbers, from their cdf."""
    padded = np.append(0.0, table)

    def below(x: Floats) -> Floats:
        return np.asarray(padded[np.clip(np.ceil(x), 0, len(table)).astype(np.int64)])

    return below


_POISSON: Final = stats.poisson.cdf(np.arange(60), 3.0)
_WIDE: Final = stats.nbinom.cdf(np.arange(5_000), 4, 4 / 204)

DISCRETE: Final = (
    Discrete(
        "Poisson 3",
        _below_from(_POISSON),
        lambda rng, m: rng.poisson(3.0, m).astype(np.float64),
    ),
    Discrete("60 % zeros, else lognormal", _inflated_below, _inflated),
    Discrete(
        "normal to one decimal", _normal_below, lambda rng, m: np.round(rng.normal(size=m), 1)
    ),
    Discrete(
        "negative binomial, mean 200",
        _below_from(_WIDE),
        lambda rng, m: rng.negative_binomial(4, 4 / 204, m).astype(np.float64),
    ),
)


def numeric_ps(
    marginal: Discrete, sizes: tuple[int, ...], m: int, times: int, rng: Generator
) -> dict[int, Floats]:
    """p of KS per window size; each repetition learns a reference of m values of its own."""
    found: dict[int, list[float]] = {n: [] for n in sizes}
    for _ in range(times):
        values = marginal.sample(rng, m)
        binning = learn_numeric(values)
        edges = np.array(binning.edges)
        k = np.bincount(np.searchsorted(edges, values, side="right"), minlength=binning.bins)
        shares = np.maximum(np.diff(marginal.below(edges), prepend=0.0, append=1.0), 0.0)
        for n in sizes:
            w = rng.multinomial(n, shares / shares.sum())
            found[n].append(_p(k, w, binning.is_discrete))
    return {n: np.array(ps) for n, ps in found.items()}


def _p(k: Counts, w: Counts, is_discrete: bool) -> float:
    """The exact p where it can matter: no p is less than that of one point alone."""
    m, n = int(k.sum()), int(w.sum())
    d, cells = distance_kernel(k, w)
    if is_discrete and cells > 1 and d > 0:
        scaled = d / np.sqrt(1 / n + 1 / m)
        points = np.cumsum(k + w)[:-1] / (m + n)
        inside = points[(points > 0) & (points < 1)]
        alone = special.erfc(scaled / np.sqrt(2 * inside * (1 - inside)))
        if alone.max(initial=0.0) <= _LEAST_OF_INTEREST:
            return grid_crossing_probability(scaled, points)
    return float(ks_p_kernel(d, m, n, cells, is_discrete))


@dataclass(frozen=True)
class Shares:
    """A categorical distribution."""

    name: str
    shares: Floats


def _zipf(kinds: int) -> Floats:
    shares = 1.0 / np.arange(1, kinds + 1)
    return np.asarray(shares / shares.sum())


CATEGORICAL: Final = (
    Shares("Zipf, 50 categories", _zipf(50)),
    Shares("Zipf, 500 categories", _zipf(500)),
    Shares("binary 0.5", np.array([0.5, 0.5])),
    Shares("binary 0.001", np.array([0.999, 0.001])),
)


def categorical_ps(marginal: Shares, n: int, m: int, times: int, rng: Generator) -> Floats:
    """p of the pair that decides; what a repetition's reference never met counts as unseen."""
    k, w = (rng.multinomial(rows, marginal.shares, times) for rows in (m, n))
    unseen = np.where(k == 0, w, 0).sum(axis=1, keepdims=True)
    k = np.append(k, np.zeros_like(unseen), axis=1)
    w = np.append(np.where(k[:, :-1] == 0, 0, w), unseen, axis=1)
    starts = np.arange(times + 1) * k.shape[1]
    _, decided = categorical_scores(k.ravel(), w.ravel(), starts)
    return np.asarray(decided[0])
