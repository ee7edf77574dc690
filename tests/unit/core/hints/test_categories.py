"""Hints about categories, one by one: what they say, and whom they may name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_monitor.core.evidence import NAMED_FROM
from stream_monitor.core.hints.causes import hints_of
from stream_monitor.core.hints.encoding import repaired
from stream_monitor.core.hints.feature_evidence import CategoricalEvidence
from stream_monitor.core.hints.hint import HintKind
from stream_monitor.core.schema import FeatureKind
from tests.unit.core.hints.faults import categorical, nfd

REFERENCE = ["Zürich"] * 500 + ["Genève"] * 300 + ["New York"] * 150 + ["Lima"] * 50
WINDOW = ["Zürich"] * 400 + ["Genève"] * 240 + ["New York"] * 120 + ["Lima"] * 40


def changed(old: str, new: str, rows: int = 1_000) -> list[str | None]:
    """The window, up to so many rows of one category changed."""
    left = rows
    values: list[str | None] = []
    for value in WINDOW:
        values.append(new if value == old and left > 0 else value)
        left -= value == old
    return values


def first(window: list[str | None], may_name: bool = True) -> str:
    return hints_of(categorical(REFERENCE, window, may_name=may_name))[0].text


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (
            changed("Genève", "GenÃ¨ve"),
            "30 % of the values were decoded wrongly on their way ('GenÃ¨ve' for 'Genève'); "
            "probably UTF-8 read as Latin-1 or Windows-1252",
        ),
        (
            changed("Zürich", "Z\ufffdrich"),
            "50 % of the values were decoded wrongly on their way ('Z\ufffdrich' for 'Zürich'); "
            "probably bytes of another encoding read as UTF-8",
        ),
        (
            changed("Zürich", "Z?rich"),
            "50 % of the values were decoded wrongly on their way ('Z?rich' for 'Zürich'); "
            "probably written in an encoding without these characters",
        ),
        (
            changed("Lima", "LIMA"),
            "5.0 % of the values differ from known categories only in upper and lower case "
            "('LIMA' for 'Lima')",
        ),
        (
            changed("New York", "New  York "),
            "15 % of the values differ from known categories only in spaces "
            "('New  York ' for 'New York')",
        ),
        (
            changed("Zürich", nfd("Zürich")),
            "50 % of the values differ from known categories only in their Unicode form "
            f"('{nfd('Zürich')}' for 'Zürich')",
        ),
        (
            changed("New York", "NYC"),
            "'New York' is gone and 'NYC' is new, with about the same share "
            "(15 % before, 15 % now); probably renamed",
        ),
        (
            changed("Zürich", "Bern", 160),
            "20 % of the values are categories unknown to the reference: 'Bern'",
        ),
        (
            [v for v in WINDOW if v != "New York"],
            "one category is gone that held 15 % of the reference: 'New York'",
        ),
        (
            ["Lima"] * 800,
            "100 % of the values are 'Lima'; probably a stuck or default value",
        ),
    ],
)
def test_a_hint_says_what_happened(window: list[str | None], text: str) -> None:
    assert first(window) == text


def test_damage_and_spelling_are_not_called_new_renamed_or_vanished() -> None:
    for window in (changed("Genève", "GenÃ¨ve"), changed("Lima", "LIMA")):
        (hint,) = hints_of(categorical(REFERENCE, window))
        assert hint.kind in {HintKind.ENCODING, HintKind.SPELLING}


def test_several_new_categories_of_the_share_make_a_renaming_less_sure() -> None:
    one = categorical(REFERENCE, changed("New York", "NYC"))
    two = categorical(REFERENCE, [*changed("New York", "NYC"), *["Bern"] * 115])
    sure, unsure = hints_of(one)[0], hints_of(two)
    renamed = next(h for h in unsure if h.kind is HintKind.RENAMED_CATEGORY)
    assert renamed.confidence < sure.confidence


def test_a_new_category_of_another_share_is_no_renaming() -> None:
    window = [*(v for v in WINDOW if v != "New York"), *["NYC"] * 20]
    kinds = {h.kind for h in hints_of(categorical(REFERENCE, window))}
    assert kinds == {HintKind.NEW_CATEGORY, HintKind.VANISHED_CATEGORY}


def words(evidence: CategoricalEvidence) -> str:
    hints = hints_of(evidence)
    assert hints
    return " ".join([h.text for h in hints] + [str(v) for h in hints for v in h.detail.values()])


@pytest.mark.parametrize(
    ("value", "others"),
    [("Ada B. Lovelace", 50), ("ADA LOVELACE", 0), ("AdÃ¡ Lovelace", 0), ("Ad\ufffd Lovelace", 0)],
)
def test_a_value_is_named_only_where_ten_rows_hold_it(value: str, others: int) -> None:
    reference = [*REFERENCE, "ada lovelace"]
    for rows, is_named in ((NAMED_FROM - 1, False), (NAMED_FROM, True)):
        window = [*WINDOW, *[value] * rows, *[f"id {i}" for i in range(others)]]
        evidence = replace(categorical(reference, window), aspects=frozenset({"new_category"}))
        assert (value in words(evidence)) is is_named
        assert is_named or "lovelace" not in words(evidence).casefold()


@pytest.mark.parametrize(
    "window",
    [
        changed("Genève", "GenÃ¨ve"),
        changed("Zürich", "Z\ufffdrich"),
        changed("Lima", "LIMA"),
        changed("New York", "NYC"),
        changed("Zürich", "Bern", 160),
        [v for v in WINDOW if v != "New York"],
        ["Lima"] * 800,
    ],
)
def test_no_value_of_a_masked_feature_is_in_a_text_or_a_detail(window: list[str | None]) -> None:
    shown = words(categorical(REFERENCE, window))
    hidden = words(categorical(REFERENCE, window, may_name=False))
    values = {v for v in [*window, *REFERENCE] if v}
    assert any(v in shown for v in values)
    assert not any(v in hidden for v in values)


def test_a_vanished_category_of_few_reference_rows_is_not_looked_for() -> None:
    reference = [*REFERENCE, *["Ada Lovelace"] * 9]
    assert hints_of(categorical(reference, [*WINDOW, *["Lima"] * 300])) == ()


def test_rare_categories_that_all_became_rarer_have_not_vanished() -> None:
    rare = [f"town {i}" for i in range(40)]
    reference = ["Zürich"] * 6_000 + [town for town in rare for _ in range(100)]
    window = ["Zürich"] * 2_000 + [town for town in rare[10:] for _ in range(3)]
    assert hints_of(categorical(reference, window)) == ()


def test_ids_among_categories_are_new_without_names() -> None:
    window = [*WINDOW, *[f"id {i}" for i in range(300)]]
    (hint,) = hints_of(categorical(REFERENCE, window))
    assert hint.text == "27 % of the values are categories unknown to the reference"


def test_values_that_the_reference_does_not_know_either_are_not_new() -> None:
    reference = [f"id {i}" for i in range(2_000)] + REFERENCE
    window = [f"id {i}" for i in range(2_000, 3_400)] + WINDOW
    evidence = categorical(reference, window)
    assert HintKind.NEW_CATEGORY not in {h.kind for h in hints_of(evidence)}


def test_a_share_of_kept_values_is_a_least_one() -> None:
    names = [f"Street {i}" for i in range(200)]
    (hint,) = hints_of(categorical(names * 20, [n.upper() for n in names] * 5))
    assert hint.text.startswith("at least ")
    assert hint.kind is HintKind.SPELLING


@pytest.mark.parametrize("text", ["Zürich", "日本", "naïve café", "Ł", "", "ASCII", "100 €", "Â"])
def test_text_that_was_decoded_rightly_is_left_alone(text: str) -> None:
    assert repaired(text) is None


@pytest.mark.parametrize("text", ["Zürich", "日本", "naïve café", "100 €", "ß"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_text_decoded_wrongly_is_repaired_however_often(text: str, times: int) -> None:
    damaged = text
    for _ in range(times):
        damaged = damaged.encode().decode("latin-1")
    assert repaired(damaged) == text


def test_evidence_knows_its_kind() -> None:
    assert categorical(REFERENCE, list(WINDOW)).kind is FeatureKind.CATEGORICAL
