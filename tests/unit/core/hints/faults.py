"""Streams with and without an injected fault, as the evidence that hints see."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.core.binning import CategoricalBinning, learn_categories, learn_numeric
from stream_monitor.core.columns import MISSING, WRONG_TYPE
from stream_monitor.core.drift.chi_square import chi_square
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.largest_share_change import largest_share_change
from stream_monitor.core.drift.rates import rate_change
from stream_monitor.core.hints.feature_evidence import (
    CategoricalEvidence,
    NumericEvidence,
)
from stream_monitor.core.profile.categorical import CategoricalPart
from stream_monitor.core.profile.numeric import NumericPart, NumericSummary

Values = NDArray[np.float64]
Rng = np.random.Generator
ALPHA: Final = 1e-3


@dataclass(frozen=True)
class Rows:
    """Numeric values of a window and their states."""

    values: Values
    states: NDArray[np.uint8]

    @classmethod
    def of(cls, values: Values | Sequence[float]) -> Rows:
        array = np.asarray(values, np.float64)
        return cls(array, np.zeros(len(array), np.uint8))

    def with_state(self, where: NDArray[np.bool_], state: int) -> Rows:
        return Rows(self.values, np.where(where, np.uint8(state), self.states).astype(np.uint8))


def numeric(
    reference: Values, window: Rows | Values, name: str = "x", may_name: bool = True
) -> NumericEvidence:
    """A reference and a window under the reference's binning, with the aspects that drifted."""
    rows = window if isinstance(window, Rows) else Rows.of(window)
    params = (learn_numeric(reference),)
    sides = []
    for side in (Rows.of(reference), rows):
        part = NumericPart.empty(params)
        slots = np.zeros(len(side.values), np.int64)
        part.update(side.values[None, :], side.states[None, :], slots)
        sides.append(part.summarise(0))
    r, w = sides
    aspects = {"distribution"} if _is_ks_drift(r, w, params[0].is_discrete) else set()
    for aspect in ("missing", "non_finite", "wrong_type"):
        if _is_rate_drift(getattr(r, aspect), r.rows, getattr(w, aspect), w.rows):
            aspects.add(aspect)
    outside = [s.n - int(s.counts[params[0].inner].sum()) for s in sides]
    if _is_rate_drift(outside[0], r.n, outside[1], w.n):
        aspects.add("out_of_range")
    if _is_rate_drift(r.zero, r.n, w.zero, w.n):
        aspects.add("zero")
    return NumericEvidence(name, params[0], r, w, frozenset(aspects), may_name)


def _is_ks_drift(r: NumericSummary, w: NumericSummary, is_discrete: bool) -> bool:
    score = kolmogorov_smirnov(r.counts, w.counts, discrete=is_discrete)
    return score is not None and (score.p or 0.0) <= ALPHA and score.effect >= 0.03


def _is_rate_drift(k: int, m: int, x: int, n: int) -> bool:
    score = rate_change(k, m, x, n)
    return score is not None and (score.p or 0.0) <= ALPHA and score.effect >= 0.005


def categorical(
    reference: Sequence[str],
    window: Sequence[str | None],
    name: str = "c",
    may_name: bool = True,
    wrong_types: int = 0,
) -> CategoricalEvidence:
    """As `numeric`; None is a missing value, and some rows more are of the wrong type."""
    values, counts = np.unique(np.array(reference, object), return_counts=True)
    params = (learn_categories(values.tolist(), counts.tolist()),)
    r, w = (_count(params, side, n) for side, n in ((reference, 0), (window, wrong_types)))
    aspects = set()
    sides = [np.append(s.counts, s.unseen) for s in (r, w)]
    share, chi = largest_share_change(*sides), chi_square(*sides)
    if share and (share.p or 0.0) <= ALPHA / 2 and share.effect >= 0.01:
        aspects.add("distribution")
    if chi and share and (1.0 if chi.p is None else chi.p) <= ALPHA / 2 and share.effect >= 0.01:
        aspects.add("distribution")
    if _is_rate_drift(r.unseen, r.n, w.unseen, w.n):
        aspects.add("new_category")
    for aspect in ("missing", "wrong_type"):
        if _is_rate_drift(getattr(r, aspect), r.rows, getattr(w, aspect), w.rows):
            aspects.add(aspect)
    return CategoricalEvidence(name, params[0], r, w, frozenset(aspects), may_name)


def _count(params: tuple[CategoricalBinning, ...], values: Sequence[str | None], wrong_types: int):  # type: ignore[no-untyped-def]
    rows = [*values, *[None] * wrong_types]
    states = np.array([MISSING if v is None else 0 for v in values] + [WRONG_TYPE] * wrong_types)
    column = pa.array(rows, pa.string()).dictionary_encode()
    part = CategoricalPart.empty(params)
    part.update((column,), states.astype(np.uint8)[None, :], np.zeros(len(rows), np.int64))
    return part.summarise(0)


NUMERIC: Final[dict[str, Callable[[Rng, int], Values]]] = {
    "normal": lambda rng, n: rng.normal(100, 15, n),
    "standard normal": lambda rng, n: rng.normal(0, 1, n),
    "lognormal": lambda rng, n: rng.lognormal(3, 1, n),
    "uniform": lambda rng, n: rng.uniform(10, 20, n),
    "exponential": lambda rng, n: rng.exponential(30, n),
    "heavy tails": lambda rng, n: 50 + 5 * rng.standard_t(3, n),
    "integers": lambda rng, n: rng.poisson(20, n).astype(float),
    "many integers": lambda rng, n: np.rint(rng.lognormal(6, 0.8, n)),
    "two peaks": lambda rng, n: np.where(
        rng.random(n) < 0.4, rng.normal(20, 2, n), rng.normal(60, 5, n)
    ),
    "zero inflated": lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.lognormal(2, 0.7, n)),
    "money": lambda rng, n: np.round(rng.lognormal(4, 0.9, n), 2),
}

_PLACES: Final = (
    "Zürich", "São Paulo", "Málaga", "København", "Łódź", "Orléans", "Köln", "Bogotá", "Brno", "Lima",
)  # fmt: skip


def _zipf(categories: int, exponent: float = 1.0) -> Callable[[Rng, int], list[str]]:
    names = [
        _PLACES[i] if i < len(_PLACES) else f"{_PLACES[i % 10]} {chr(65 + i % 26)}{i}"
        for i in range(categories)
    ]
    p = 1 / np.arange(1, categories + 1) ** exponent
    return lambda rng, n: [names[i] for i in rng.choice(categories, n, p=p / p.sum())]


CATEGORIES: Final[dict[str, Callable[[Rng, int], list[str]]]] = {
    "Zipf 10": _zipf(10),
    "Zipf 50": _zipf(50),
    "Zipf 300": _zipf(300),
    "even 6": _zipf(6, 0.0),
    "steep 12": _zipf(12, 1.6),
}


def nfd(text: str) -> str:
    """Letters and accents apart."""
    return unicodedata.normalize("NFD", text)
