from collections.abc import Callable
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.binning import Binning, CategoricalBinning, learn_numeric
from stream_monitor.core.drift.association_pattern import (
    log_pattern_distance,
    pattern_noise,
    pattern_strength,
)
from stream_monitor.core.drift.correlation import fisher_z_noise
from stream_monitor.core.drift.cramers_v import association_change, cramers_v
from stream_monitor.core.drift.distance_null import predictive_p_of_distances
from stream_monitor.core.drift.window_null import (
    RowNoise,
    predictive_p_among,
)
from stream_monitor.core.errors import IncompatibleProfiles
from stream_monitor.core.joint_comparison import (
    JointComparison,
    JointReference,
    PairComparison,
    deciding_pair,
)
from stream_monitor.core.profile.joint import JointPart
from stream_monitor.core.profile.joint_params import choose_joint
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from tests.unit.core.drift.one_correlation import correlation_change

NUMBERS, WORDS = ("a", "b", "c", "d"), ("u", "v", "w")
SCHEMA = Schema(
    (
        *(Feature(name, FeatureKind.NUMERIC) for name in NUMBERS),
        *(Feature(name, FeatureKind.CATEGORICAL) for name in WORDS),
    )
)
LETTERS = tuple("pqrst")
PAIRS = [("u", "v"), ("v", "w")]
BINNING = Binning(
    SCHEMA,
    tuple(learn_numeric(np.random.default_rng(i).lognormal(0, 1, 5_000)) for i in range(4)),
    (CategoricalBinning(LETTERS),) * 3,
)
PARAMS = choose_joint(BINNING, {}, pairs=PAIRS)


def part(n: int, rng: np.random.Generator, r: float = 0.6, turn: int = 0) -> JointPart:
    """Rows in which a and b have correlation r, and v is often u's letter, `turn` letters on."""
    z = rng.standard_normal((4, n))
    z[1] = r * z[0] + np.sqrt(1 - r * r) * z[1]
    letters = rng.integers(0, 5, (3, n))
    letters[1] = np.where(rng.random(n) < 0.4, (letters[0] + turn) % 5, letters[1])
    words = tuple(pa.array(np.array(LETTERS)[row]).dictionary_encode() for row in letters)
    found = JointPart.empty(PARAMS)
    states = np.zeros((4, n), np.uint8)
    found.update(np.exp(z), states, words, states[:3], np.zeros(n, np.int64))
    return found


def reference(n: int, count: int, seed: int) -> tuple[JointPart, list[JointPart]]:
    rng = np.random.default_rng(seed)
    windows = [part(n, rng) for _ in range(count)]
    return reduce(JointPart.merge, windows), windows


def compare_joint(
    total: JointPart,
    windows: list[JointPart],
    window: JointPart,
    quiet: Callable[[str], bool],
) -> JointComparison:
    """A window beside a reference that is used once."""
    return JointReference(total, [w.summarise() for w in windows]).compare(window, quiet)


def always(_: str) -> bool:
    return True


TOTAL, WINDOWS = reference(500, 35, 1)


def test_figures_of_a_pair_are_those_of_its_tests() -> None:
    window = part(300, np.random.default_rng(2))
    found = compare_joint(TOTAL, WINDOWS, window, always)
    assert len(found.correlations) == 6
    r, own = (side.summarise().correlations for side in (TOTAL, window))
    pair = found.correlations[1]
    assert (pair.first, pair.second) == ("a", "c")
    score = correlation_change(float(own[0, 2]), 300, float(r[0, 2]), 17_500)
    assert score is not None
    assert score.p is not None
    z = np.arctanh([[w.summarise().correlations[0, 2]] for w in WINDOWS])
    now = np.arctanh(own[[0], [2]])
    noise = RowNoise(*fisher_z_noise(np.array([300.0]), np.array([1 / 497]), r[[0], [2]]))
    p_window = float(predictive_p_among(now, z, noise=noise)[0])
    assert (pair.reference, pair.window) == (r[0, 2], own[0, 2])
    assert (pair.n_window, pair.n_reference, pair.windows) == (300, 17_500, 35)
    assert (pair.statistic, pair.effect) == pytest.approx((score.statistic, score.effect))
    assert pair.p_iid == pytest.approx(min(1.0, 6 * score.p))
    assert pair.p_window == pytest.approx(min(1.0, 6 * p_window))
    assert pair.p == max(pair.p_iid, pair.p_window)


def test_figures_of_a_categorical_pair_are_those_of_its_tests() -> None:
    window = part(300, np.random.default_rng(3), turn=1)
    found = compare_joint(TOTAL, WINDOWS, window, always)
    k, w = (side.summarise().tables[0] for side in (TOTAL, window))
    score = association_change(k, w)
    (pair, _) = found.associations
    assert score is not None
    assert score.p is not None
    assert (pair.first, pair.second) == ("u", "v")
    assert (pair.statistic, pair.effect) == (score.statistic, score.effect)
    assert pair.p_iid == min(1.0, 2 * score.p)
    assert (pair.reference, pair.window) == (cramers_v(k), cramers_v(w))
    tables = [earlier.summarise().tables[0] for earlier in WINDOWS]
    along, around = pattern_noise(k)
    strengths = np.array([pattern_strength(k - t, t[None]) for t in tables])
    noise = RowNoise(np.array([along / 300]), np.array([along / 500]))
    strength = predictive_p_among(pattern_strength(k, w[None]), strengths, noise=noise)
    distances = np.array([log_pattern_distance(k - t, t[None]) for t in tables])
    now = log_pattern_distance(k, w[None])
    ratio = np.array([(17_500 * 300 / 17_800) / (500 * 17_000 / 17_500)])
    distance = predictive_p_of_distances(now, distances, np.array([around]), ratio)
    least = min(float(strength[0]), float(distance[0]))
    assert pair.p_window == pytest.approx(min(1.0, 2 * 2 * least))


@pytest.mark.parametrize("n", [200, 5_000])
def test_a_flip_with_unchanged_margins_is_found(n: int) -> None:
    total, windows = reference(n, 35, n)
    compared = JointReference(total, [w.summarise() for w in windows])
    rng = np.random.default_rng(n + 1)
    for _ in range(10):
        found = compared.compare(part(n, rng, r=-0.6, turn=1), always)
        correlation = deciding_pair(found.correlations, 0.1)
        association = deciding_pair(found.associations, 0.1)
        assert correlation is not None
        assert association is not None
        assert (correlation.first, correlation.second) == ("a", "b")
        assert correlation.effect == pytest.approx(1.16, abs=0.2)
        assert correlation.p <= 0.01
        assert (association.first, association.second) == ("u", "v")
        assert association.p <= 0.01


def test_unchanged_pairs_alarm_at_their_level() -> None:
    compared = JointReference(TOTAL, [w.summarise() for w in WINDOWS])
    rng = np.random.default_rng(5)
    least: dict[str, list[float]] = {"rows": [], "windows": [], "tables": []}
    for i in range(1_500):
        if i % 15 == 0:
            held, earlier = reference(200, 25, i)
            compared = JointReference(held, [w.summarise() for w in earlier])
        found = compared.compare(part(200, rng), always)
        least["rows"].append(min(pair.p_iid for pair in found.correlations))
        least["windows"].append(min(pair.p_window or 0.0 for pair in found.correlations))
        least["tables"].append(min(pair.p_window or 0.0 for pair in found.associations))
    rates = {name: np.mean(np.array(ps) <= 0.05) for name, ps in least.items()}
    # A table's distance is judged on one side only.
    assert 0.015 <= rates.pop("tables") <= 0.065
    for rate in rates.values():
        assert 0.025 <= rate <= 0.065


def test_a_pair_whose_feature_has_changed_itself_does_not_decide() -> None:
    window = part(500, np.random.default_rng(6), r=-0.6, turn=1)
    found = compare_joint(TOTAL, WINDOWS, window, lambda name: name not in ("b", "v"))
    explained = {(p.first, p.second) for p in found.correlations if p.explained_by_marginal}
    assert explained == {("a", "b"), ("b", "c"), ("b", "d")}
    deciding = deciding_pair(found.correlations, 0.1)
    assert deciding is not None
    assert "b" not in (deciding.first, deciding.second)
    assert deciding.p > 0.01
    assert all(pair.explained_by_marginal for pair in found.associations)
    assert deciding_pair(found.associations, 0.1) is None


def test_a_large_effect_decides_before_a_smaller_p_below_the_floor() -> None:
    def pair(name: str, p: float, effect: float) -> PairComparison:
        return PairComparison(name, "x", 9, 9, 0, 0.0, 0.0, 0.0, p, None, effect, False)

    pairs = [pair("tiny", 1e-9, 0.01), pair("large", 1e-3, 0.2), pair("quiet", 0.9, 0.3)]
    deciding = deciding_pair(pairs, 0.1)
    assert deciding is not None
    assert deciding.first == "large"
    assert deciding_pair([], 0.1) is None


def test_too_few_windows_leave_the_rows_to_decide() -> None:
    window = part(300, np.random.default_rng(7))
    found = compare_joint(TOTAL, WINDOWS[:19], window, always)
    assert {pair.p_window for pair in (*found.correlations, *found.associations)} == {None}
    assert {pair.windows for pair in found.correlations} == {19}
    none = compare_joint(TOTAL, [], window, always)
    assert {pair.p_window for pair in (*none.correlations, *none.associations)} == {None}
    assert all(pair.p == pair.p_iid for pair in none.correlations)


def test_windows_without_rows_do_not_count_and_an_empty_one_has_no_pairs() -> None:
    empty = JointPart.empty(PARAMS)
    window = part(300, np.random.default_rng(8))
    found = compare_joint(TOTAL, [*WINDOWS, empty], window, always)
    assert found == compare_joint(TOTAL, WINDOWS, window, always)
    nothing = compare_joint(TOTAL, WINDOWS, empty, always)
    assert (nothing.correlations, nothing.associations, nothing.reconstruction) == ((), (), None)
    unknown = compare_joint(empty, [], window, always)
    assert (unknown.correlations, unknown.associations, unknown.reconstruction) == ((), (), None)


def test_the_reconstruction_error_is_that_of_the_scored_rows() -> None:
    rng = np.random.default_rng(9)
    total = part(20_000, rng, r=0.9)
    same = compare_joint(total, [], total, always).reconstruction
    other = compare_joint(total, [], part(3_000, rng, r=0.3), always).reconstruction
    assert same is not None
    assert other is not None
    assert same.statistic == pytest.approx(1.0)
    # What is left is the difference of a and b, whose variance is 2·(1 − r).
    assert other.statistic == pytest.approx(0.7 / 0.1, rel=0.15)
    assert (other.p, other.n, other.m) == (None, 3_000, 20_000)


def test_parts_of_other_pairs_are_refused() -> None:
    foreign = JointPart.empty(choose_joint(BINNING, {}, most=2))
    with pytest.raises(IncompatibleProfiles):
        compare_joint(TOTAL, WINDOWS, foreign, always)
