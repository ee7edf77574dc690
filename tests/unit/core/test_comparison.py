import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest

from stream_monitor.core.comparison import Comparison, ReferenceView
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.scaled_moments import scaled_mean
from stream_monitor.core.drift.window_null import (
    RowNoise,
    WindowNull,
    arcsine_share,
    log_shape,
    predictive_p_among_skewed,
    predictive_p_in_slot,
    predictive_p_of_differences,
)
from stream_monitor.core.policy import Aspect, FeaturePolicy, Test
from stream_monitor.core.references import SegmentReference
from stream_monitor.core.schema import FeatureKind
from stream_monitor.core.verdicts import Measurement, VerdictState, judge
from tests.unit.core.random_windows import CATEGORICAL, NUMERIC, RandomWindows, reference_of
from tests.unit.core.slow_comparison import slow_comparison

RATES_OF_ROWS = {Aspect.MISSING, Aspect.NON_FINITE, Aspect.WRONG_TYPE}

POLICIES = {
    "atoms": FeaturePolicy(floor=0.0),
    "heavy": FeaturePolicy(test=Test.CHI_SQUARE),
    "dirty": FeaturePolicy(test=Test.NONE),
    "rare": FeaturePolicy(test=Test.NONE),
}


def measurement(comparisons: list[Comparison], feature: str, aspect: Aspect) -> Measurement:
    (found,) = (c for c in comparisons if c.feature == feature)
    (wanted,) = (m for m in found.measurements if m.aspect is aspect)
    return wanted


def numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in values.items()}


def figures(m: Measurement) -> dict[str, float]:
    return numbers(
        {
            "statistic": m.statistic, "p": m.p_iid, "p_window": m.p_window, "effect": m.effect,
            "smallest": m.smallest_p,
        }
    )  # fmt: skip


def close_to(expected: dict[str, float]) -> object:
    return pytest.approx(expected, rel=1e-8, abs=1e-13, nan_ok=True)


@pytest.mark.parametrize("is_coarse", [False, True])
@pytest.mark.parametrize("count", [5, 22])
@pytest.mark.parametrize(
    ("rows", "shift"), [(300, 0.0), (300, 0.4), (4_000, 0.05), (1, 0.0), (0, 0.0)]
)
def test_a_whole_window_is_measured_as_each_feature_alone(
    is_coarse: bool, count: int, rows: int, shift: float
) -> None:
    source = RandomWindows(np.random.default_rng(count), is_coarse)
    windows = (*source.windows(count - 1), source.window(count, 0))
    reference = reference_of((*windows, source.window(count + 1, 200)), source.layout)
    window = source.window(100, rows, shift)
    expected = slow_comparison(reference, window, POLICIES)
    found = ReferenceView(reference, "1h").compare(window, POLICIES)
    assert [c.feature for c in found] == [*NUMERIC, *CATEGORICAL]
    for comparison in found:
        measured, scores = expected[comparison.feature]
        assert list(comparison.scores) == list(scores)
        assert numbers(comparison.scores) == close_to(numbers(scores))
        assert len(comparison.measurements) == len(measured)
        for ours, theirs in zip(comparison.measurements, measured, strict=True):
            assert (ours.aspect, ours.test) == (theirs.aspect, theirs.test)
            assert figures(ours) == close_to(figures(theirs))


def test_the_p_of_a_discrete_feature_is_exact_from_its_floor_on() -> None:
    source = RandomWindows(np.random.default_rng(3))
    reference, window = reference_of(source.windows(3), source.layout), source.window(9, 500, 0.1)
    i = NUMERIC.index("counts")
    sides = (reference.total.numeric[i].counts, window.numeric[i].counts)
    exact = kolmogorov_smirnov(*sides, discrete=True)
    assert exact is not None
    assert exact.p is not None
    for floor, is_exact in ((exact.effect, True), (exact.effect + 1e-9, False)):
        policies = {"counts": FeaturePolicy(floor=floor)}
        found = ReferenceView(reference, "1h").compare(window, policies)
        p = measurement(found, "counts", Aspect.DISTRIBUTION).p_iid
        assert (p == exact.p) is is_exact
        assert p >= exact.p


def test_comparisons_are_equal_when_all_that_they_show_is() -> None:
    source = RandomWindows(np.random.default_rng(4))
    reference = reference_of(source.windows(3), source.layout)
    window, other = source.window(9, 300), source.window(9, 300)
    first, again, different = (
        ReferenceView(reference, "1h").compare(w, {}) for w in (window, window, other)
    )
    assert first == again
    assert all(a != b for a, b in zip(first, different, strict=True) if a.feature != "constant")


def test_a_window_that_no_feature_keeps_is_as_if_it_were_not_there() -> None:
    source = RandomWindows(np.random.default_rng(5))
    windows, window = source.windows(24), source.window(99, 300, 0.2)
    kept = np.ones((24, len(NUMERIC) + len(CATEGORICAL)), np.bool_)
    kept[[2, 7]] = False
    fewer = tuple(w for i, w in enumerate(windows) if i not in (2, 7))
    whole = reference_of(windows, source.layout)
    found = ReferenceView(whole, "1h", kept=kept).compare(window, {})
    assert found == ReferenceView(reference_of(fewer, source.layout), "1h").compare(window, {})


def test_windows_are_left_out_feature_by_feature() -> None:
    source = RandomWindows(np.random.default_rng(6))
    windows, window = source.windows(24), source.window(99, 300)
    kept = np.ones((24, len(NUMERIC) + len(CATEGORICAL)), np.bool_)
    kept[:5, NUMERIC.index("normal")] = False
    whole = reference_of(windows, source.layout)
    found = ReferenceView(whole, "1h", kept=kept).compare(window, {})
    plain = ReferenceView(whole, "1h").compare(window, {})
    changed = {a.feature for a, b in zip(found, plain, strict=True) if a != b}
    assert changed == {"normal"}
    (normal,) = (c for c in found if c.feature == "normal")
    assert (normal.windows, normal.n_reference) == (19, 19 * 300)
    assert measurement(found, "normal", Aspect.DISTRIBUTION).p_window is None


def test_one_slot_for_all_windows_is_no_slot() -> None:
    source = RandomWindows(np.random.default_rng(7))
    reference, window = reference_of(source.windows(22), source.layout), source.window(99, 300, 0.1)
    slots = ReferenceView(reference, "1h", null=WindowNull.SLOTS, slots=[4] * 22, slot=4)
    plain = ReferenceView(reference, "1h")
    for ours, theirs in zip(slots.compare(window, {}), plain.compare(window, {}), strict=True):
        for a, b in zip(ours.measurements, theirs.measurements, strict=True):
            if ours.kind is FeatureKind.CATEGORICAL or a.aspect in RATES_OF_ROWS:
                assert figures(a) == close_to(figures(b))
            elif a.p_window is not None and b.p_window is not None:
                assert a.p_window <= b.p_window * (1 + 1e-9)  # skewness counts without slots only


def test_a_window_is_placed_among_those_of_its_slot() -> None:
    source = RandomWindows(np.random.default_rng(8))
    windows = tuple(source.window(i, 300, 0.3 * (i % 3)) for i in range(30))
    slots, window = np.arange(30) % 3, source.window(99, 300, 0.3)
    reference = reference_of(windows[1::3], source.layout)
    held = SegmentReference(reference.total, {"1h": windows})
    view = ReferenceView(held, "1h", null=WindowNull.SLOTS, slots=slots.tolist(), slot=1)
    i, binning = NUMERIC.index("normal"), source.layout.bins.numeric[NUMERIC.index("normal")]

    def location(w: object) -> float:
        s = w.numeric[i]  # type: ignore[attr-defined]
        return scaled_mean(s.counts, s.bin_means, binning.median, binning.iqr) or 0.0

    column = np.array([[location(w)] for w in windows])
    noise = RowNoise(
        window.tables.numeric.moment_noise[0, [i]],
        np.mean([w.tables.numeric.moment_noise[0, [i]] for w in windows], axis=0),
    )
    c = np.array([location(window)])
    by_location = predictive_p_in_slot(c, column, slots, 1, noise=noise)[0]
    found = measurement(view.compare(window, {}), "normal", Aspect.DISTRIBUTION).p_window
    assert found is not None
    assert found <= 3 * by_location * (1 + 1e-9)
    assert found > 0.01
    other = ReferenceView(held, "1h", null=WindowNull.SLOTS, slots=slots.tolist(), slot=7)
    assert measurement(other.compare(window, {}), "normal", Aspect.DISTRIBUTION).p_window is None


def test_the_total_of_a_slot_holds_the_kept_windows_of_the_slot() -> None:
    source = RandomWindows(np.random.default_rng(13))
    windows, window = source.windows(24, rows=100), source.window(99, 300)
    kept = np.ones((24, len(NUMERIC) + len(CATEGORICAL)), np.bool_)
    kept[1, NUMERIC.index("normal")] = False
    view = ReferenceView(
        reference_of(windows, source.layout), "1h", null=WindowNull.SLOTS,
        slots=[i % 3 for i in range(24)], slot=1, kept=kept,
    )  # fmt: skip
    rows = {c.feature: c.n_reference for c in view.compare(window, {})}
    assert (rows["normal"], rows["heavy"], rows["many"]) == (700, 800, 800)


def test_a_window_is_placed_after_the_previous_one() -> None:
    source = RandomWindows(np.random.default_rng(9))
    windows, window = source.windows(25), source.window(99, 300, 0.2)
    held = SegmentReference(windows[-1], {"1h": windows})
    found = ReferenceView(held, "1h", null=WindowNull.DIFFERENCES).compare(window, {})
    i = NUMERIC.index("dirty")
    shares = [
        [arcsine_share(s.missing, s.n + s.missing + s.wrong_type + s.non_finite)]
        for s in (w.numeric[i] for w in (*windows, window))
    ]
    column = np.array(shares, np.float64)
    expected = predictive_p_of_differences(column[-1], column[:-1])[0]
    assert measurement(found, "dirty", Aspect.MISSING).p_window == pytest.approx(expected)


def test_a_step_s_shape_is_placed_among_the_steps_before() -> None:
    source = RandomWindows(np.random.default_rng(10))
    windows = source.windows(25)
    window = source.window(99, 300)
    at = NUMERIC.index("normal")
    widened, sums = (window.profile.numeric.arrays[name][0, at] for name in ("counts", "sums"))
    means = [int(sums[b]) // int(widened[b]) for b in (20, 75)]
    widened[:] = sums[:] = 0
    widened[[20, 75]] = 150  # about the same middle and spread, another shape
    sums[[20, 75]] = 150 * np.array(means)
    held = SegmentReference(windows[-1], {"1h": windows})
    view = ReferenceView(held, "1h", null=WindowNull.DIFFERENCES)
    found = measurement(view.compare(window, {}), "normal", Aspect.DISTRIBUTION).p_window
    f = NUMERIC.index("normal")
    coarse = [w.tables.numeric.coarse[f] for w in (*windows, window)]
    steps = np.array([[log_shape(a, b)] for a, b in pairwise(coarse)], float)
    expected = 3 * predictive_p_among_skewed(steps[-1], steps[:-1])[0]
    assert expected < 1e-6
    assert found == pytest.approx(expected)


def test_rows_alone_do_not_decide_where_windows_are_needed() -> None:
    source = RandomWindows(np.random.default_rng(11))
    window = source.window(99, 4_000, 0.8)
    for count, is_judged in ((19, False), (20, True)):
        reference = reference_of(source.windows(count), source.layout)
        found = ReferenceView(reference, "1h", needs_windows=True).compare(window, {})
        states = {
            (c.feature, m.aspect): judge(m, FeaturePolicy(), 1e-3).state
            for c in found
            for m in c.measurements
            if m.p_iid < 1
        }
        insufficient = [key for key, s in states.items() if s is VerdictState.INSUFFICIENT_DATA]
        assert insufficient == ([] if is_judged else list(states))
        assert ("many", Aspect.NEW_CATEGORY) in states


def test_what_found_nothing_needs_no_windows() -> None:
    source = RandomWindows(np.random.default_rng(12))
    reference = reference_of(source.windows(3), source.layout)
    found = ReferenceView(reference, "1h", needs_windows=True).compare(source.window(9, 300), {})
    assert measurement(found, "normal", Aspect.MISSING).smallest_p == 0.0
    assert measurement(found, "normal", Aspect.DISTRIBUTION).smallest_p == 1.0
