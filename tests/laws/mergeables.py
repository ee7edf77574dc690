"""One entry per mergeable: how to count rows into it, and what is conserved. New parts join here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from stream_monitor.core.binning import (
    Binning,
    CategoricalBinning,
    learn_numeric,
)
from stream_monitor.core.columns import UnknownFields
from stream_monitor.core.profile.joint_params import (
    CategoryPair,
    CountedCategories,
    JointParams,
    choose_joint,
)
from stream_monitor.core.profile.part import Part
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.core.profile.source import SourceRows
from stream_monitor.core.schema import Feature, FeatureKind, Outcome, OutcomeKind, Schema

ZEROS = np.zeros(1, np.int64)


def _layout(seed: int) -> Layout:
    rng = np.random.default_rng(seed)
    schema = Schema(
        (
            Feature("amount", FeatureKind.NUMERIC),
            Feature("hour", FeatureKind.NUMERIC),
            Feature("carrier", FeatureKind.CATEGORICAL),
            Feature("origin", FeatureKind.CATEGORICAL),
            *[Feature("tail", FeatureKind.CATEGORICAL)] * seed,
        )
    )
    numeric = (
        learn_numeric(rng.lognormal(3, 1, 2_000)),
        learn_numeric(rng.integers(0, 24, 500).astype(float)),
    )
    categorical = (CategoricalBinning(("AA", "B6", "UA")[seed:]), CategoricalBinning(()))
    outcomes = (
        Outcome("label", OutcomeKind.CLASS, ("late", "on_time"), positive=("late", None)[seed]),
        Outcome("fraud", classes=("late", "on_time"), absent_means=("late", "on_time")[seed]),
        Outcome("value", OutcomeKind.NUMBER, resolution=0.01 * (1 + seed)),
    )
    binning = Binning(schema, numeric, categorical)
    return Layout(binning, outcomes, joint=_joint(binning))


def _joint(binning: Binning) -> JointParams:
    numbers = choose_joint(binning, {})
    if numbers is None:
        raise AssertionError("two numeric features are a pair")
    carrier = CountedCategories("carrier", 0, binning.categorical[0].categories)
    return JointParams(
        numbers.features, (CategoryPair(carrier, CountedCategories("origin", 1, ("7", "UA"))),)
    )


LAYOUT = _layout(0)
OTHER_LAYOUT = _layout(1)


def _joint_name(layout: Layout) -> str:
    return str(layout.joint_name)


_ANY_FLOAT = st.one_of(st.floats(), st.floats(-50, 500), st.sampled_from([0.0, -0.0, 1e308]))
_STATES = st.sampled_from([0, 0, 0, 1, 2])
_WORDS = st.one_of(st.sampled_from(["AA", "UA", "", "é" * 300]), st.integers(0, 150).map(str))
_DELAYS = st.integers(-(10**6), 10**14)
_SIGNS = st.sampled_from([1, 1, -1])
_LABELS = st.sampled_from(["late", "on_time", "diverted"])
_SCORES = st.one_of(st.floats(0, 1), st.sampled_from([np.nan, np.inf, -0.5, 1.0, 2.0]))
_NUMBERS = st.one_of(st.floats().map(str), st.sampled_from(["", "none", "1e999", "-7"]))


def _dictionary(values: Sequence[str | None]) -> pa.DictionaryArray:
    return pa.array(values, pa.string()).dictionary_encode()


def _update(part: Any, rows: Sequence[tuple[Any, ...]], slot: np.ndarray) -> None:
    """Counts rows into a part the way the counter does."""
    columns = list(zip(*rows, strict=True)) if rows else []
    if not columns:
        return
    if part.name == "numeric":
        pairs = np.array(rows, np.float64).reshape(len(rows), 2, 2)
        part.update(pairs[:, :, 0].T.copy(), pairs[:, :, 1].T.astype(np.uint8), slot)
    elif part.name == "categorical":
        states = np.array([[s for _, s in column] for column in columns], np.uint8)
        values = tuple(_dictionary([v if not s else None for v, s in c]) for c in columns)
        part.update(values, states, slot)
    elif part.name == "joint":
        pairs = np.array([row[:2] for row in rows], np.float64).reshape(len(rows), 2, 2)
        words = tuple(_dictionary([v if not s else None for v, s in c]) for c in columns[2:])
        states = np.array([[s for _, s in column] for column in columns[2:]], np.uint8)
        numbers, number_states = pairs[:, :, 0].T.copy(), pairs[:, :, 1].T.astype(np.uint8)
        part.update(numbers, number_states, words, states, slot)
    elif part.name == "score":
        part.update(np.array(columns[0], np.float64), slot)
    elif part.name == "source":
        partition, offset = (np.array(c, np.int64) for c in columns)
        part.update(SourceRows(partition.astype(np.int32), offset), slot)
    elif part.name == "unknown_fields":
        looked = np.flatnonzero([names is not None for (names,) in rows])
        pairs = [(i, name) for i, (names,) in enumerate(rows) for name in names or ()]
        carried = np.array([i for i, _ in pairs], np.int64)
        part.update(UnknownFields(looked, carried, _dictionary([n for _, n in pairs])), slot)
    elif part.name == "traffic":
        latency, status, timed, sampled, coerced = (np.array(c) for c in columns)
        part.update(latency.astype(np.float64), status.astype(np.int64), timed, slot)
        looked = np.flatnonzero(sampled)
        part.update_sample(looked, looked, coerced[looked].astype(np.int64), slot)
    else:
        label, guess, score, value, delay, sign = columns
        part.update(
            pa.array(label, pa.string()), pa.array(guess, pa.string()), np.array(score),
            np.array(value), np.array(delay, np.int64), np.array(sign, np.int64), slot,
        )  # fmt: skip
        part.update_events(pa.array(guess, pa.string()), np.array(score), slot)


def _sum(part: Part, *names: str) -> int:
    return sum(int(part.arrays[name].sum()) for name in names)


def _is_conserved(part: Any, rows: Sequence[tuple[Any, ...]]) -> bool:
    n = len(rows)
    if part.name == "numeric":
        kept = _sum(part, "counts", "missing", "non_finite", "wrong_type")
        return kept == 2 * n
    if part.name == "categorical":
        return _sum(part, "counts", "unseen", "missing", "wrong_type") == 2 * n
    if part.name == "joint":
        both = sum(not row[2][1] and not row[3][1] for row in rows)
        return _sum(part, "rows") == n and _sum(part, "tables") == both
    if part.name == "score":
        return _sum(part, "counts", "outside") == sum(not np.isnan(s) for (s,) in rows)
    if part.name == "source":
        return _sum(part, "rows") == n
    if part.name == "unknown_fields":
        looked = [set(names) for (names,) in rows if names is not None]
        carried = _sum(part, "carried") == sum(map(len, looked))
        return carried and (_sum(part, "looked"), _sum(part, "rows")) == (
            len(looked), sum(map(bool, looked)),
        )  # fmt: skip
    if part.name == "traffic":
        timed = sum(not np.isnan(row[0]) for row in rows)
        return _sum(part, "events") == _sum(part, "status") == n and _sum(part, "latency") == timed
    signs = sum(row[5] for row in rows)
    same = _sum(part, "labels") == _sum(part, "delay") == signs
    if "predicted" in part.arrays and _sum(part, "predicted") != n:
        return False
    return same and ("confusion" not in part.arrays or _sum(part, "confusion") == signs)


@dataclass(frozen=True)
class Mergeable:
    """Everything that the laws need to know: `count` makes one from rows, in as many slots as asked."""

    name: str
    row: st.SearchStrategy[tuple[Any, ...]]
    empty: Callable[[], Any]
    other: Callable[[], Any]
    count: Callable[[Sequence[tuple[Any, ...]]], Any]
    is_conserved: Callable[[Any, Sequence[tuple[Any, ...]]], bool]
    profile: Callable[[Any], Profile]


def _part(name: str, row: st.SearchStrategy[tuple[Any, ...]]) -> Mergeable:
    def count(rows: Sequence[tuple[Any, ...]]) -> Part:
        part = LAYOUT.empty_parts()[name]
        _update(part, rows, np.zeros(len(rows), np.int64))
        return part

    return Mergeable(
        name,
        row,
        lambda: LAYOUT.empty_parts()[name],
        lambda: OTHER_LAYOUT.empty_part(
            _joint_name(OTHER_LAYOUT) if name == _joint_name(LAYOUT) else name
        ),
        count,
        _is_conserved,
        lambda part: Profile(LAYOUT, {name: part}),
    )


def counted_in_slots(name: str, rows: Sequence[tuple[Any, ...]], slot: np.ndarray) -> Part:
    """The part `name` with rows counted into four slots."""
    part = LAYOUT.empty_parts(4)[name]
    _update(part, rows, slot)
    return part


_PARTS = [
    _part("numeric", st.tuples(*[st.tuples(_ANY_FLOAT, _STATES)] * 2)),
    _part("categorical", st.tuples(*[st.tuples(_WORDS, _STATES)] * 2)),
    _part(
        _joint_name(LAYOUT),
        st.tuples(
            *[st.tuples(_ANY_FLOAT, _STATES)] * 2,
            *[st.tuples(_WORDS, _STATES)] * 2,
        ),
    ),
    _part("score", st.tuples(_SCORES)),
    _part(
        "traffic",
        st.tuples(
            _ANY_FLOAT, st.integers(-999, 999), st.booleans(), st.booleans(), st.integers(0, 3)
        ),
    ),
    _part(
        "source",
        st.tuples(st.one_of(st.integers(0, 3), st.integers(0, 400)), st.integers(0, 2**53)),
    ),
    _part(
        "unknown_fields",
        st.tuples(st.none() | st.lists(st.integers(0, 60).map("field {}".format), max_size=40)),
    ),
    _part("outcome:label", st.tuples(_LABELS, _LABELS, _SCORES, _ANY_FLOAT, _DELAYS, _SIGNS)),
    _part("outcome:fraud", st.tuples(_LABELS, _LABELS, _SCORES, _ANY_FLOAT, _DELAYS, _SIGNS)),
    _part("outcome:value", st.tuples(_NUMBERS, _LABELS, _SCORES, _ANY_FLOAT, _DELAYS, _SIGNS)),
]


def _count_profile(rows: Sequence[tuple[Any, ...]]) -> Profile:
    parts = {p.name: p.count([row for name, row in rows if name == p.name]) for p in _PARTS}
    return Profile(LAYOUT, {name: part for name, part in parts.items() if not part.is_empty()})


def _profile_is_conserved(profile: Profile, rows: Sequence[tuple[Any, ...]]) -> bool:
    events = sum(name == "traffic" for name, _ in rows)
    return profile.events == events and all(
        p.is_conserved(profile.parts.get(p.name, p.empty()), [r for n, r in rows if n == p.name])
        for p in _PARTS
    )


_WHOLE = Mergeable(
    "profile",
    st.one_of(*[st.tuples(st.just(p.name), p.row) for p in _PARTS]),
    lambda: Profile(LAYOUT),
    lambda: Profile(OTHER_LAYOUT),
    _count_profile,
    _profile_is_conserved,
    lambda profile: profile,
)

PARTS = [p.name for p in _PARTS]
MERGEABLES = {m.name: m for m in [*_PARTS, _WHOLE]}
