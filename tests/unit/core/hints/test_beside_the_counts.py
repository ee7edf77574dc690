"""Hints from elsewhere than one feature's counts: absence, types, references, segments, calendar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream_monitor.core.calendar import CalendarEntry, EntryKind
from stream_monitor.core.columns import MISSING, WRONG_TYPE
from stream_monitor.core.drill_down import Carrier
from stream_monitor.core.hints.absence import missing_hint, non_finite_hint, type_hint
from stream_monitor.core.hints.concentrated import concentrated_hint
from stream_monitor.core.hints.hint import Hint, HintKind
from stream_monitor.core.hints.named_days import calendar_hint
from stream_monitor.core.hints.pattern import Pattern, pattern_of, season_hint
from tests.unit.core.hints.faults import NUMERIC, Rows, categorical, numeric

RNG = np.random.default_rng(3)
REFERENCE, WINDOW = NUMERIC["normal"](RNG, 5_000), NUMERIC["normal"](RNG, 1_000)


def text(hint: Hint | None) -> str:
    assert hint is not None
    return hint.text


def every(step: int) -> np.ndarray:
    return np.arange(len(WINDOW)) % step == 0


def test_missing_rows_are_said_with_the_share_before() -> None:
    before = Rows.of(REFERENCE)
    window = Rows.of(WINDOW).with_state(every(5), MISSING)
    assert text(missing_hint(numeric(before.values, window))) == (
        "20 % of the rows have no value, in the reference none"
    )


def test_a_field_that_no_row_has_is_gone() -> None:
    window = Rows.of(WINDOW).with_state(every(1), MISSING)
    hint = missing_hint(numeric(REFERENCE, window))
    assert text(hint) == ("the field is absent from 100 % of the rows; probably renamed or dropped")
    assert hint is not None
    assert hint.kind is HintKind.VANISHED_FIELD


def test_infinite_values_and_wrong_types_are_named() -> None:
    infinite = numeric(REFERENCE, np.where(every(10), np.inf, WINDOW))
    typed = numeric(REFERENCE, Rows.of(WINDOW).with_state(every(4), WRONG_TYPE))
    assert text(non_finite_hint(infinite)).startswith("10 % of the values are NaN or infinite")
    assert text(type_hint(typed)).startswith("25 % of the values are not numbers")
    texts = categorical(["a", "b"] * 500, ["a", "b"] * 100, wrong_types=50)
    assert text(type_hint(texts)).startswith("20 % of the values are not text")


def test_an_aspect_that_did_not_drift_gives_no_hint() -> None:
    window = Rows.of(WINDOW).with_state(every(2), MISSING)
    quiet = replace(numeric(REFERENCE, window), aspects=frozenset({"distribution"}))
    assert missing_hint(quiet) is None
    assert non_finite_hint(quiet) is None
    assert type_hint(quiet) is None


def test_numbers_that_come_as_text_are_seen_in_the_sample() -> None:
    evidence = replace(numeric(REFERENCE, WINDOW), coerced=(0.0, 0.75))
    assert text(type_hint(evidence)) == (
        "numbers come as text in 75 % of the sampled rows, in the reference none"
    )
    assert type_hint(replace(evidence, coerced=(0.7, 0.75))) is None


@pytest.mark.parametrize(
    ("moved", "quiet", "pattern"),
    [
        ({"validation"}, {"sliding"}, Pattern.STRUCTURAL),
        ({"training"}, set(), Pattern.STRUCTURAL),
        ({"validation", "training"}, {"sliding", "previous"}, Pattern.STRUCTURAL),
        ({"sliding"}, {"validation"}, Pattern.SUDDEN),
        ({"previous"}, set(), Pattern.SUDDEN),
        ({"validation", "sliding"}, set(), Pattern.BOTH),
        ({"training", "previous"}, set(), Pattern.BOTH),
        ({"validation"}, {"seasonal"}, Pattern.SEASONAL),
        ({"sliding"}, {"year_ago", "validation"}, Pattern.SEASONAL),
        ({"validation", "sliding", "seasonal"}, set(), Pattern.BOTH),
        ({"validation", "seasonal"}, {"year_ago"}, Pattern.STRUCTURAL),
        ({"seasonal"}, {"validation"}, Pattern.UNCLEAR),
        (set(), {"validation"}, Pattern.UNCLEAR),
    ],
)
def test_the_pattern_follows_from_the_references_that_moved(
    moved: set[str], quiet: set[str], pattern: Pattern
) -> None:
    assert pattern_of(moved, quiet) == pattern
    assert (season_hint(moved, quiet) is not None) == (pattern is Pattern.SEASONAL)


def test_the_season_names_the_quiet_reference() -> None:
    hint = season_hint({"validation"}, {"year_ago"})
    assert text(hint) == (
        "usual for the time of the year: the reference of the same season is quiet"
    )


def test_the_one_producer_that_carries_a_change_is_named() -> None:
    carriers = (Carrier("producer=mobile", 0.95), Carrier("country=DE", 0.6))
    hint = concentrated_hint(carriers, {"producer=mobile": 0.2, "country=DE": 0.1})
    assert text(hint) == (
        "95 % of the change goes away without producer=mobile, which sends 20 % of the events"
    )


def test_of_two_the_one_with_less_traffic_is_named() -> None:
    carriers = (Carrier("app=shop", 1.0), Carrier("library=2.1", 1.0))
    hint = concentrated_hint(carriers, {"app=shop": 0.4, "library=2.1": 0.1})
    assert hint is not None
    assert hint.detail["segment"] == "library=2.1"


@pytest.mark.parametrize(("share", "traffic"), [(0.9, 0.51), (0.79, 0.1), (0.8, 0.45)])
def test_what_follows_the_traffic_is_not_concentrated(share: float, traffic: float) -> None:
    assert concentrated_hint([Carrier("producer=a", share)], {"producer=a": traffic}) is None
    assert concentrated_hint([], {}) is None


def test_the_calendar_names_each_entry_once() -> None:
    entries = [CalendarEntry(name, EntryKind.HOLIDAY, 0, 9) for name in ("Xmas", "Sale", "Xmas")]
    assert text(calendar_hint(entries)) == "calendar: Xmas, Sale"
    assert calendar_hint([]) is None
