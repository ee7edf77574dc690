"""The cells by which evidence grows: the same whatever the window holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stream_monitor.core.comparison import Comparison, ReferenceView
from stream_monitor.core.evidence_cells import sides_of
from stream_monitor.core.policy import Aspect
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.references import SegmentReference, WindowProfile, build_reference
from stream_monitor.core.windows import Window
from tests.unit.core.builders import SCHEMA, deltas, events, model_spec

SPEC = model_spec()


def sides(known: list[str], seen: list[str], aspect: Aspect) -> tuple[list[int], list[int]]:
    """Of `carrier`."""
    reference = build_reference(SPEC, [events([0] * len(known), carrier=known)], "1")
    (delta,) = deltas(SPEC, reference.layout, events([0] * len(seen), carrier=seen))
    total = reference.segments[ALL].total
    window = WindowProfile(Window(0, 300), delta.profile)
    compared: Comparison = ReferenceView(SegmentReference(total), "1h").compare(window, {})[1]
    measured = next(m for m in compared.measurements if m.aspect is aspect)
    k, w = sides_of(compared, measured, SCHEMA, total.tables, window.tables)
    return k.tolist(), w.tolist()


def test_rare_and_unknown_categories_are_one_cell() -> None:
    known = ["UA"] * 60 + ["AA"] * 30 + ["B6"] * 4 + ["DL"]
    k, w = sides(known, ["UA"] * 5 + ["DL", "new", "newer"], Aspect.DISTRIBUTION)
    assert dict(zip(k, w, strict=True)) == {60: 5, 30: 0, 5: 3}


def test_without_rare_ones_unknown_categories_are_left_to_their_own_aspect() -> None:
    known = ["UA"] * 60 + ["AA"] * 30
    assert sides(known, ["UA", "AA", "new"], Aspect.DISTRIBUTION) == ([30, 60], [1, 1])
    assert sides(known, ["UA", "AA", "new"], Aspect.NEW_CATEGORY) == ([90, 0], [2, 1])


def test_unknown_categories_are_expected_as_surely_as_good_and_turing_say() -> None:
    """N1 = 6, N2 = 2, m = 100: mean 6 %, variance 10/100², as of 60 rows with 3.6 of them new."""
    known = ["UA"] * 90 + [f"c{i}" for i in range(6)] + ["d", "d", "e", "e"]
    assert sides(known, ["UA", "new"], Aspect.NEW_CATEGORY) == ([57, 3], [1, 1])


def test_rates_are_rows_with_a_mark_and_without() -> None:
    reference = build_reference(
        SPEC, [events([0] * 8, amount=[1.0, 2, 3, 4, 5, 6, np.nan, 0])], "1"
    )
    total = reference.segments[ALL].total
    compared = ReferenceView(SegmentReference(total), "1h").compare(total, {})[0]
    for aspect, marked in ((Aspect.MISSING, [7, 1]), (Aspect.ZERO, [6, 1])):
        measured = replace(compared.measurements[0], aspect=aspect, test="two_proportion")
        k, w = sides_of(compared, measured, SCHEMA, total.tables, total.tables)
        assert k.tolist() == w.tolist() == marked
