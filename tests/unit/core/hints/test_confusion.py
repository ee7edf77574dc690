"""Injected fault → first hint, over distributions and window sizes; and no hint on plain shifts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Final

import numpy as np
import pytest

from stream_monitor.core.columns import MISSING, WRONG_TYPE
from stream_monitor.core.hints.causes import hints_of, window_hints
from stream_monitor.core.hints.feature_evidence import FeatureEvidence
from stream_monitor.core.hints.hint import Hint, HintKind
from tests.unit.core.hints.faults import (
    CATEGORIES,
    NUMERIC,
    Rng,
    Rows,
    Values,
    categorical,
    numeric,
)

SIZES: Final = (1_000, 5_000)
REFERENCE_ROWS: Final = 10_000

NumericFault = Callable[[Rng, Values], Rows | Values]
CategoryFault = Callable[[Rng, list[str]], list[str | None]]


def in_part(share: float, change: Callable[[Values], Values]) -> NumericFault:
    return lambda rng, x: np.where(rng.random(len(x)) < share, change(x), x)


def as_state(share: float, state: int) -> NumericFault:
    return lambda rng, x: Rows.of(x).with_state(rng.random(len(x)) < share, state)


NUMERIC_FAULTS: Final[dict[str, tuple[HintKind, NumericFault]]] = {
    "× 1,000": (HintKind.SCALE, lambda rng, x: 1_000 * x),
    "× 10": (HintKind.SCALE, lambda rng, x: 10 * x),
    "÷ 100": (HintKind.SCALE, lambda rng, x: x / 100),
    "5 % × 1,000": (HintKind.SCALE, in_part(0.05, lambda x: 1_000 * x)),
    "sign": (HintKind.SIGN_FLIP, lambda rng, x: -x),
    "10 % sign": (HintKind.SIGN_FLIP, in_part(0.1, lambda x: -x)),
    "rounded": (HintKind.RESOLUTION, lambda rng, x: np.rint(x)),
    "clipped": (HintKind.CLIPPING, lambda rng, x: np.minimum(x, np.quantile(x, 0.9))),
    "stuck": (HintKind.STUCK_VALUE, lambda rng, x: np.full(len(x), x[0])),
    "3 % −999": (HintKind.STUCK_VALUE, in_part(0.03, lambda x: np.full(len(x), -999.0))),
    "20 % missing": (HintKind.MISSING_BURST, as_state(0.2, MISSING)),
    "field gone": (HintKind.VANISHED_FIELD, as_state(1.0, MISSING)),
    "10 % text": (HintKind.TYPE_CHANGE, as_state(0.1, WRONG_TYPE)),
    "5 % NaN": (HintKind.NON_FINITE, in_part(0.05, lambda x: np.full(len(x), np.nan))),
}
NOT_IN_THE_COUNTS: Final = {("sign", "standard normal"), ("10 % sign", "standard normal")}
"""A distribution that is its own mirror image."""

PLAIN_NUMERIC: Final[dict[str, Callable[[Rng, Values], Values]]] = {
    "mean + 0.3 sd": lambda rng, x: x + 0.3 * x.std(),
    "mean − 0.5 sd": lambda rng, x: x - 0.5 * x.std(),
    "mean + 1 sd": lambda rng, x: x + x.std(),
    "mean − 2 sd": lambda rng, x: x - 2 * x.std(),
    "mean + 3 sd": lambda rng, x: x + 3 * x.std(),
    "spread × 0.5": lambda rng, x: x.mean() + 0.5 * (x - x.mean()),
    "spread × 0.8": lambda rng, x: x.mean() + 0.8 * (x - x.mean()),
    "spread × 1.3": lambda rng, x: x.mean() + 1.3 * (x - x.mean()),
    "spread × 2": lambda rng, x: x.mean() + 2 * (x - x.mean()),
    "values × 0.6": lambda rng, x: 0.6 * x,
    "values × 1.5": lambda rng, x: 1.5 * x,
    "half moved": lambda rng, x: np.where(rng.random(len(x)) < 0.5, x + x.std(), x),
}


def by_frequency(values: list[str]) -> list[str]:
    return [name for name, _ in Counter(values).most_common()]


def some(share: float, change: Callable[[str], str | None]) -> CategoryFault:
    return lambda rng, v: [change(x) if rng.random() < share else x for x in v]


def with_second(change: Callable[[str], list[str]]) -> CategoryFault:
    """A change of all rows of the second most frequent category."""

    def fault(rng: Rng, values: list[str]) -> list[str | None]:
        second = by_frequency(values)[1]
        return [x for v in values for x in (change(v) if v == second else [v])]

    return fault


CATEGORY_FAULTS: Final[dict[str, tuple[HintKind, CategoryFault]]] = {
    "20 % Latin-1": (HintKind.ENCODING, some(0.2, lambda x: x.encode().decode("latin-1"))),
    "question marks": (HintKind.ENCODING, some(1, lambda x: x.encode("ascii", "replace").decode())),
    "upper case": (HintKind.SPELLING, some(1, str.upper)),
    "5 % spaces": (HintKind.SPELLING, some(0.05, lambda x: f" {x}")),
    "renamed": (HintKind.RENAMED_CATEGORY, with_second(lambda x: ["Atlantis"])),
    "vanished": (HintKind.VANISHED_CATEGORY, with_second(lambda x: [])),
    "5 % new": (HintKind.NEW_CATEGORY, some(0.05, lambda x: "Atlantis")),
    "stuck": (HintKind.STUCK_VALUE, lambda rng, v: [v[0]] * len(v)),
    "20 % missing": (HintKind.MISSING_BURST, some(0.2, lambda x: None)),
    "field gone": (HintKind.VANISHED_FIELD, some(1, lambda x: None)),
}


def with_shares(power: float) -> CategoryFault:
    """Other shares of the same categories."""

    def change(rng: Rng, values: list[str]) -> list[str | None]:
        names, counts = zip(*Counter(values).items(), strict=True)
        p = np.array(counts) ** power
        return [names[i] for i in rng.choice(len(names), len(values), p=p / p.sum())]

    return change


PLAIN_CATEGORIES: Final[dict[str, CategoryFault]] = {
    "flatter": with_shares(0.7),
    "steeper": with_shares(1.4),
    "one more frequent": lambda rng, v: some(0.15, lambda x: by_frequency(v)[1])(rng, v),
    "one half as frequent": lambda rng, v: [x for x in v if x != v[0] or rng.random() < 0.5],
}


def as_kept(name: str, before: Values, after: Values) -> Values:
    """A plain change that keeps what the feature is: whole, in cents, mostly zero."""
    if "integers" in name:
        return np.rint(after)
    if name == "money":
        return np.round(after, 2)
    return np.where(before == 0, 0.0, after) if name == "zero inflated" else after


def faulty() -> Iterator[tuple[str, str, HintKind, FeatureEvidence]]:
    for size in SIZES:
        rng = np.random.default_rng(size)
        for name, draw in NUMERIC.items():
            reference, window = draw(rng, REFERENCE_ROWS), draw(rng, size)
            for fault, (kind, change) in NUMERIC_FAULTS.items():
                yield fault, name, kind, numeric(reference, change(rng, window))
        for name, pick in CATEGORIES.items():
            known, seen = pick(rng, REFERENCE_ROWS), pick(rng, size)
            for fault, (kind, alter) in CATEGORY_FAULTS.items():
                yield fault, name, kind, categorical(known, alter(rng, seen))


def plain() -> Iterator[tuple[str, str, FeatureEvidence]]:
    for size in SIZES:
        rng = np.random.default_rng(size + 1)
        for name, draw in NUMERIC.items():
            reference, window = draw(rng, REFERENCE_ROWS), draw(rng, size)
            for what, change in PLAIN_NUMERIC.items():
                after = as_kept(name, window, change(rng, window))
                yield what, name, numeric(reference, after)
        for name, pick in CATEGORIES.items():
            known, seen = pick(rng, REFERENCE_ROWS), pick(rng, size)
            for what, alter in PLAIN_CATEGORIES.items():
                yield what, name, categorical(known, alter(rng, seen))


def first(evidence: FeatureEvidence) -> str:
    return next((hint.kind.value for hint in hints_of(evidence)), "none")


@pytest.fixture(scope="module")
def confusion() -> dict[tuple[str, str], Counter[str]]:
    """(fault, right hint) → how often which hint came first, where the fault raised an alarm."""
    table: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for fault, name, kind, evidence in faulty():
        if evidence.aspects and (fault, name) not in NOT_IN_THE_COUNTS:
            table[fault, kind.value][first(evidence)] += 1
    return table


def test_nearly_all_first_hints_are_right(
    confusion: dict[tuple[str, str], Counter[str]],
) -> None:
    right = sum(counts[kind] for (_, kind), counts in confusion.items())
    assert right >= 0.97 * sum(counts.total() for counts in confusion.values())


def test_every_fault_is_named_rightly_in_nine_of_ten_cases(
    confusion: dict[tuple[str, str], Counter[str]],
) -> None:
    wrong = {
        fault: dict(counts)
        for (fault, kind), counts in confusion.items()
        if counts[kind] < 0.9 * counts.total()
    }
    assert wrong == {}
    assert {fault for fault, _ in confusion} == {*NUMERIC_FAULTS, *CATEGORY_FAULTS}


def test_hardly_any_plain_change_gets_a_hint() -> None:
    found = [(what, name, first(evidence)) for what, name, evidence in plain() if evidence.aspects]
    assert len(found) > 200
    wrong = [case for case in found if case[2] != "none"]
    assert len(wrong) <= 0.01 * len(found), wrong


def test_the_factor_and_the_share_of_rows_are_right() -> None:
    powers: dict[str, tuple[float, float]] = {
        "× 1,000": (1e3, 1.0), "× 10": (10.0, 1.0), "÷ 100": (0.01, 1.0), "5 % × 1,000": (1e3, 0.05),
    }  # fmt: skip
    for fault, name, _, evidence in faulty():
        if fault in powers and name in NUMERIC:
            (hint,) = (h for h in hints_of(evidence) if h.kind is HintKind.SCALE)
            factor, share = powers[fault]
            assert hint.detail["factor"] == pytest.approx(factor), (fault, name)
            assert hint.detail["share"] == pytest.approx(share, abs=0.03), (fault, name)


def swapped(size: int) -> Iterator[tuple[str, tuple[Hint, ...]]]:
    """Each pair of features that differ, swapped in one window beside a third that drifted alone."""
    rng = np.random.default_rng(size)
    drawn = {name: (draw(rng, REFERENCE_ROWS), draw(rng, size)) for name, draw in NUMERIC.items()}
    third = numeric(drawn["uniform"][0] * 7, drawn["uniform"][1] * 8, "third")
    for a, b in combinations(drawn, 2):
        pair = numeric(drawn[a][0], drawn[b][1], "a"), numeric(drawn[b][0], drawn[a][1], "b")
        if {a, b} != {"lognormal", "exponential"}:  # nearly the same distribution
            yield f"{a}, {b}", window_hints((*pair, third))
    words = {
        name: (pick(rng, REFERENCE_ROWS), pick(rng, size)) for name, pick in CATEGORIES.items()
    }
    for a, b in combinations(words, 2):
        texts = [
            categorical(words[a][0], words[b][1], "a"),
            categorical(words[b][0], words[a][1], "b"),
        ]
        if {a, b} != {"Zipf 10", "steep 12"}:  # nearly the same shares
            yield f"{a}, {b}", window_hints(texts)


@pytest.mark.parametrize("size", SIZES)
def test_columns_that_were_swapped_are_found(size: int) -> None:
    found = {pair: [(h.detail["first"], h.detail["second"]) for h in hints]
             for pair, hints in swapped(size)}  # fmt: skip
    wrong = {pair: names for pair, names in found.items() if names != [("a", "b")]}
    assert len(wrong) <= 0.05 * len(found), wrong


def test_features_that_drift_side_by_side_are_not_called_swapped() -> None:
    features: dict[str, list[FeatureEvidence]] = defaultdict(list)
    for what, name, evidence in plain():
        features[what].append(replace(evidence, name=name))
    found = {what: window_hints(several) for what, several in features.items()}
    assert found == dict.fromkeys(features, ())
