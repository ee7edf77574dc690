import numpy as np
import pytest
from sklearn.decomposition import PCA

from stream_monitor.core.drift.reconstruction import principal_components, reconstruction_error

RNG = np.random.default_rng(5)
MIXING = RNG.normal(size=(3, 8))


def rows(n: int) -> np.ndarray:
    return np.asarray(RNG.normal(size=(n, 3)) @ MIXING + 0.3 * RNG.normal(size=(n, 8)))


def test_components_and_errors_are_those_of_the_rows() -> None:
    reference, window = rows(2_000), 1.5 * rows(300)
    mean, sd = reference.mean(axis=0), reference.std(axis=0)
    reference, window = (reference - mean) / sd, (window - mean) / sd
    correlation = reference.T @ reference / 2_000
    components = principal_components(correlation, covered=0.9)
    pca = PCA(n_components=0.9, svd_solver="full").fit(reference)
    assert components.shape[1] == pca.n_components_
    own, other = (
        np.square(side - pca.inverse_transform(pca.transform(side))).sum(axis=1).mean()
        for side in (reference, window)
    )
    score = reconstruction_error(window.T @ window / 300, correlation, components, 300, 2_000)
    assert score is not None
    assert score.statistic == pytest.approx(other / own, rel=1e-9)
    assert score.p is None


def test_the_reference_beside_itself_has_ratio_one() -> None:
    correlation = np.corrcoef(rows(500).T)
    components = principal_components(correlation)
    score = reconstruction_error(correlation, correlation, components, 500, 500)
    assert score is not None
    assert score.effect == pytest.approx(1.0)


def test_nothing_left_over_and_empty_sides_cannot_be_measured() -> None:
    copies = np.ones((2, 2))
    components = principal_components(copies)
    assert components.shape == (2, 1)
    assert reconstruction_error(copies, copies, components, 10, 10) is None
    some = np.eye(2)
    for n, m in ((0, 5), (5, 0)):
        assert reconstruction_error(some, some, components, n, m) is None
    assert principal_components(np.zeros((0, 0))).shape == (0, 0)
