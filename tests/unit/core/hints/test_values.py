"""Hints about numeric values, one by one: what they say, and where they say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.core.columns import MISSING
from stream_monitor.core.hints.causes import MOST_HINTS, hints_of
from stream_monitor.core.hints.clipping import clipping_hint
from stream_monitor.core.hints.feature_evidence import NumericEvidence
from stream_monitor.core.hints.hint import Hint, HintKind
from stream_monitor.core.hints.resolution import resolution_hint
from stream_monitor.core.hints.scale import scale_hint, sign_hint
from stream_monitor.core.hints.single_value import constant_hint, default_hint, near_constant_hint
from stream_monitor.core.schema import FeatureKind
from tests.unit.core.hints.faults import NUMERIC, Rows, numeric

N = 4_000


def drawn(name: str = "lognormal", seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return NUMERIC[name](rng, 10_000), NUMERIC[name](rng, N)


def only(evidence: NumericEvidence) -> Hint:
    (hint,) = hints_of(evidence)
    return hint


def test_another_unit_in_a_part_of_the_rows_is_said_with_factor_and_share() -> None:
    reference, window = drawn()
    window[:60] *= 1_000
    assert only(numeric(reference, window)).text == (
        "values are 1,000 times larger than in the reference for 1.5 % of the rows; "
        "probably another unit"
    )


@pytest.mark.parametrize("power", [-4, -3, -2, -1, 1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("name", ["normal", "lognormal", "uniform", "integers", "two peaks"])
def test_every_power_of_ten_is_told_from_its_neighbours(name: str, power: int) -> None:
    reference, window = drawn(name)
    hint = scale_hint(numeric(reference, window * 10.0**power))
    assert hint is not None
    assert hint.detail["factor"] == pytest.approx(10.0**power)
    assert hint.detail["share"] == 1.0


@pytest.mark.parametrize("factor", [1.0, 1.5, 2.54, 60.0, 0.45])
def test_other_factors_are_no_power_of_ten(factor: float) -> None:
    reference, window = drawn("normal")
    assert scale_hint(numeric(reference, window * factor)) is None


def test_a_constant_reference_has_no_scale_and_no_sign() -> None:
    constant = numeric(np.full(5_000, 3.0), np.full(N, 3_000.0))
    assert scale_hint(constant) is None
    assert constant_hint(constant) is None


@pytest.mark.parametrize("hint", [scale_hint, sign_hint, clipping_hint, resolution_hint,
                                  constant_hint, default_hint, near_constant_hint])  # fmt: skip
def test_no_rows_on_a_side_give_no_hint(hint) -> None:  # type: ignore[no-untyped-def]
    reference, _ = drawn()
    assert hint(numeric(reference, np.zeros(0))) is None
    nothing = Rows.of(reference).with_state(np.ones(len(reference), bool), MISSING)
    assert hint(numeric(nothing.values[:0], reference)) is None


def test_a_mirror_image_of_values_with_both_signs_is_not_told_from_a_shift() -> None:
    reference = np.random.default_rng(1).normal(0.4, 1, 10_000)
    assert sign_hint(numeric(reference, -reference[:N])) is None


def test_a_sign_flip_says_how_many_rows() -> None:
    reference, window = drawn("exponential")
    window[: N // 4] *= -1
    hint = only(numeric(reference, window))
    assert hint.kind is HintKind.SIGN_FLIP
    assert hint.text == "25 % of the values have the opposite sign of those in the reference"


def test_rounding_says_the_decimals_and_the_share_before() -> None:
    reference, window = drawn("standard normal")
    assert only(numeric(reference, np.round(window))).text == (
        "100 % of the values are whole numbers, in the reference 0.1 %; probably rounded"
    )
    hint = resolution_hint(numeric(reference, np.round(window, 2)))
    assert hint is not None
    assert hint.detail["decimals"] == 2


def test_the_end_of_rounding_is_seen_too() -> None:
    reference, window = drawn("integers")
    hint = only(numeric(reference, window * 1.13))
    assert hint.kind is HintKind.RESOLUTION
    assert hint.text.startswith(
        "only 11 % of the values have at most 1 decimal, in the reference 100 %"
    )


def test_zeros_are_no_rounding() -> None:
    reference, window = drawn("normal")
    window[: N // 2] = 0.0
    assert resolution_hint(numeric(reference, window)) is None
    assert only(numeric(reference, window)).kind is HintKind.STUCK_VALUE


def test_clipping_says_the_limits_and_the_share_on_them() -> None:
    reference, window = drawn("uniform")
    hint = only(numeric(reference, np.clip(window, 11, 18)))
    assert hint.kind is HintKind.CLIPPING
    assert hint.text.startswith("nothing is below 11 and above 18 any more, and 30 % of the values")
    assert (hint.detail["minimum"], hint.detail["maximum"]) == (11.0, 18.0)


def test_rows_that_are_left_out_beyond_a_limit_are_not_clipped() -> None:
    reference, window = drawn("uniform")
    assert clipping_hint(numeric(reference, window[window < 18])) is None


@pytest.mark.parametrize("value", [0.0, -1.0, 999.0, 1e6])
def test_a_default_value_is_named_with_its_share(value: float) -> None:
    reference, window = drawn("normal")
    window[: N // 20] = value
    hint = only(numeric(reference, window))
    assert hint.kind is HintKind.STUCK_VALUE
    assert hint.text == (
        f"5.0 % of the values are {value:.6g}, more than in the reference; probably a default"
    )


def test_a_value_beyond_what_sums_hold_is_no_unit() -> None:
    reference, window = drawn("normal")
    window[: N // 20] = 1e12
    assert hints_of(numeric(reference, window)) == ()


def test_more_zeros_where_zeros_are_usual_are_no_default() -> None:
    reference, window = drawn("zero inflated")
    window[: N // 2] = 0.0
    assert hints_of(numeric(reference, window)) == ()


def test_a_stuck_value_is_named_to_within_its_bin() -> None:
    reference, window = drawn("normal")
    window[: int(0.97 * N)] = 104.25
    hint = near_constant_hint(numeric(reference, window))
    assert hint is not None
    assert hint.detail["value"] == pytest.approx(104.25, abs=0.5)
    assert "about 104" in hint.text


def test_values_of_a_feature_that_may_not_be_named_are_in_no_text_and_no_detail() -> None:
    reference, window = drawn("normal")
    stuck, default, clipped = np.full(N, 123.5), window.copy(), np.minimum(window, 111.75)
    default[:400] = -777.0
    for rows, value in ((stuck, "123.5"), (default, "777"), (clipped, "111.75")):
        shown, hidden = (only(numeric(reference, rows, may_name=m)) for m in (True, False))
        assert value in shown.text
        assert value not in hidden.text
        assert {"value", "minimum", "maximum"} & shown.detail.keys()
        assert not {"value", "minimum", "maximum"} & hidden.detail.keys()


def test_hints_of_the_values_stand_behind_those_of_absence_and_are_at_most_three() -> None:
    reference, window = drawn()
    rows = Rows.of(np.where(np.arange(N) % 10 == 0, np.nan, 1_000 * window))
    evidence = numeric(reference, rows.with_state(np.arange(N) % 4 == 0, MISSING))
    season = Hint(HintKind.SEASON, "usual for the time of the year", 0.1)
    hints = hints_of(evidence, [season])
    assert len(hints) == MOST_HINTS
    assert {h.kind for h in hints} == {
        HintKind.SCALE, HintKind.MISSING_BURST, HintKind.NON_FINITE,
    }  # fmt: skip
    assert list(hints) == sorted(hints, key=lambda h: -h.confidence)


def test_a_feature_that_did_not_drift_has_no_hint() -> None:
    reference, window = drawn()
    evidence = numeric(reference, window)
    assert not evidence.aspects
    assert hints_of(evidence) == ()
    assert evidence.kind is FeatureKind.NUMERIC


def test_hints_do_not_change_what_they_look_at() -> None:
    reference, window = drawn("money")
    evidence = numeric(reference, window * 100)
    counts, means = evidence.window.counts.copy(), evidence.window.bin_means.copy()
    before = evidence.reference.counts.copy()
    hints_of(evidence)
    assert np.array_equal(evidence.window.counts, counts)
    assert np.array_equal(evidence.window.bin_means, means, equal_nan=True)
    assert np.array_equal(evidence.reference.counts, before)
