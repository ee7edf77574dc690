"""Pairs of features in windows of other sizes than the reference's, where windows differ without drift."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from stream_monitor.core.joint_comparison import JointReference, PairComparison
from stream_monitor.core.profile.joint import JointPart
from tests.unit.core.test_joint_comparison import LETTERS, PARAMS, always

K = 35
REFERENCES, EACH = 60, 20


def window(n: int, rng: np.random.Generator, effect: float) -> JointPart:
    """Rows in which a and b, and u and v, go together as much as this window has it."""
    z = rng.standard_normal((4, n))
    r = np.tanh(np.arctanh(0.6) + effect * rng.standard_normal())
    z[1] = r * z[0] + np.sqrt(1 - r * r) * z[1]
    letters = rng.integers(0, 5, (3, n))
    share = np.clip(0.4 + effect * rng.standard_normal(), 0.0, 1.0)
    letters[1] = np.where(rng.random(n) < share, letters[0], letters[1])
    words = tuple(pa.array(np.array(LETTERS)[row]).dictionary_encode() for row in letters)
    found, states = JointPart.empty(PARAMS), np.zeros((4, n), np.uint8)
    found.update(np.exp(z), states, words, states[:3], np.zeros(n, np.int64))
    return found


def is_alarm(pair: PairComparison, pairs: int) -> bool:
    """At 1 %, the Bonferroni factor of its kind taken back."""
    return pair.p / pairs <= 0.01


@pytest.mark.parametrize(("few", "many"), [(300, 300), (300, 3_000), (3_000, 300), (1_500, 500)])
@pytest.mark.parametrize("effect", [0.0, 0.05, 0.15])
def test_a_pair_in_a_window_of_any_size_keeps_the_level(few: int, many: int, effect: float) -> None:
    rng = np.random.default_rng(few + many)
    correlations = associations = 0
    for _ in range(REFERENCES):
        windows = [window(few, rng, effect) for _ in range(K)]
        total = reduce(JointPart.merge, windows)
        reference = JointReference(total, [w.summarise() for w in windows])
        for _ in range(EACH):
            found = reference.compare(window(many, rng, effect), always)
            correlations += is_alarm(found.correlations[0], 6)
            associations += is_alarm(found.associations[0], 2)
    most = stats.binom.ppf(0.99, REFERENCES * EACH, 0.013)
    assert correlations <= most
    assert associations <= most
