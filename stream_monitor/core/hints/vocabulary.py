"""Categories that came, went or swapped names: shares of both sides, and who may be named."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from stream_monitor.core.hints.feature_evidence import CategoricalEvidence, share
from stream_monitor.core.hints.hint import Hint, HintKind, percent

_LEAST_EXPECTED: Final = 20
_LEAST_ROWS: Final = 10
_LEFT_OVER: Final = 0.02
_ALIKE: Final = 2.0
_STEADY: Final = 0.6
_LEAST_SHARE: Final = 0.002
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Category:
    """A category that went or came: `rows` on the side that has it, and its share there."""

    name: str
    rows: int
    share: float


def vanished(evidence: CategoricalEvidence) -> list[Category]:
    """Known categories of which at most 2 % of the expected rows are left, most frequent first.

    Only where at least 20 rows were to be expected, so that chance leaves none with e⁻²⁰, and where
    categories of a like share did not become rare as well: that is a change of shares.
    """
    before, after = evidence.reference.counts, evidence.window.counts
    expected = before * (evidence.window.n / max(evidence.reference.n, 1))
    is_gone = (np.minimum(before, expected) >= _LEAST_EXPECTED) & (after <= _LEFT_OVER * expected)
    found = []
    for i in np.flatnonzero(is_gone).tolist():
        alike = ~is_gone & (expected >= expected[i] / _ALIKE) & (expected <= expected[i] * _ALIKE)
        if after[alike].sum() >= _STEADY * expected[alike].sum():
            p = share(int(before[i]), evidence.reference.n)
            found.append(Category(evidence.binning.categories[i], int(before[i]), p))
    return sorted(found, key=lambda c: (-c.rows, c.name))


def appeared(evidence: CategoricalEvidence, explained: Collection[str] = ()) -> list[Category]:
    """Kept unseen values that at least ten rows of the window hold and the reference does not."""
    before = {value for value, _ in evidence.reference.unseen_values}
    return [
        Category(value, rows, share(rows, evidence.window.n))
        for value, rows in evidence.window.unseen_values
        if rows >= _LEAST_ROWS and value not in before and value not in explained
    ]


def renamed(evidence: CategoricalEvidence, explained: Collection[str]) -> tuple[Category, ...]:
    """A category that went, then the new ones whose share could be the same by chance, nearest first.

    The least ambiguous one, then the most frequent; empty where no new one fits.
    """
    new = appeared(evidence, explained)
    matches = [(old, *_alike(evidence, old, new)) for old in vanished(evidence)]
    fitting = [match for match in matches if len(match) > 1]
    return min(fitting, key=lambda match: (len(match), -match[0].rows), default=())


def _alike(evidence: CategoricalEvidence, old: Category, new: list[Category]) -> list[Category]:
    h = 1 / evidence.window.n + 1 / evidence.reference.n
    most = 4 * math.sqrt(old.share * (1 - old.share) * h)
    alike = [c for c in new if abs(c.share - old.share) <= most]
    return sorted(alike, key=lambda c: abs(c.share - old.share))


def renamed_hint(evidence: CategoricalEvidence, match: tuple[Category, ...]) -> Hint | None:
    """The hint of a match of `renamed`; less sure where several new ones would do."""
    if not match:
        return None
    old, first, *others = match
    is_named = evidence.can_name(old.rows) and evidence.can_name(first.rows)
    what = (
        f"{old.name!r} is gone and {first.name!r} is new"
        if is_named
        else "one category is gone and one is new"
    )
    detail: dict[str, str | float] = {"share_before": old.share, "share": first.share}
    if is_named:
        detail |= {"before": old.name, "after": first.name}
    return Hint(
        HintKind.RENAMED_CATEGORY,
        f"{what}, with about the same share ({percent(old.share)} before, {percent(first.share)} now); "
        "probably renamed",
        0.6 if others else 0.86,
        detail,
    )


def new_hint(evidence: CategoricalEvidence, explained: Collection[str]) -> Hint | None:
    """More rows in categories that the reference does not know, apart from the explained ones.

    Of more unseen values than are kept, those that are stand for all.
    """
    window, reference = evidence.window, evidence.reference
    kept = sum(rows for _, rows in window.unseen_values)
    left = sum(rows for value, rows in window.unseen_values if value not in explained)
    rows = round(window.unseen * share(left, kept))
    rise = share(rows, window.n) - share(reference.unseen, reference.n)
    if rows < _LEAST_ROWS or rise < _LEAST_SHARE or _is_usual(evidence, rows):
        return None
    named = [c.name for c in appeared(evidence, explained) if evidence.can_name(c.rows)][:_SHOWN]
    names = f": {', '.join(map(repr, named))}" if named else ""
    detail: dict[str, str | float] = {"share": share(rows, window.n)}
    if named:
        detail["names"] = ", ".join(named)
    text = f"{percent(share(rows, window.n))} of the values are categories unknown to the reference"
    return Hint(HintKind.NEW_CATEGORY, text + names, 0.7, detail)


def _is_usual(evidence: CategoricalEvidence, rows: int) -> bool:
    """Whether the reference's rare categories let so many rows in unseen ones be expected."""
    reference, n = evidence.reference, evidence.window.n
    once = int((reference.counts == 1).sum())
    expected = n * share(max(reference.unseen, once, 1), reference.n)
    return rows <= 2 * expected + 4 * math.sqrt(expected)


def vanished_hint(evidence: CategoricalEvidence, explained: Collection[str]) -> Hint | None:
    """Known categories that are gone, apart from the explained ones."""
    gone = [c for c in vanished(evidence) if c.name not in explained]
    total = sum(c.share for c in gone)
    if not gone:
        return None
    named = [c.name for c in gone if evidence.can_name(c.rows)][:_SHOWN]
    names = f": {', '.join(map(repr, named))}" if named else ""
    many = "one category is" if len(gone) == 1 else f"{len(gone)} categories are"
    detail: dict[str, str | float] = {"share_before": total, "categories": float(len(gone))}
    if named:
        detail["names"] = ", ".join(named)
    text = f"{many} gone that held {percent(total)} of the reference{names}"
    return Hint(HintKind.VANISHED_CATEGORY, text, 0.75, detail)
