import numpy as np
import pytest

from stream_monitor.core.binning import Binning, CategoricalBinning, learn_numeric
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.profile.joint_params import (
    MAX_CATEGORIES_OF_PAIR,
    MAX_PAIRS,
    choose_joint,
    joint_from_json,
    joint_to_json,
)
from stream_monitor.core.schema import Feature, FeatureKind, Schema

RNG = np.random.default_rng(8)
NUMBERS = ("age", "constant", "income", "tenure")
WORDS = ("city", "nothing", "plan")
SCHEMA = Schema(
    (
        *(Feature(name, FeatureKind.NUMERIC) for name in NUMBERS),
        *(Feature(name, FeatureKind.CATEGORICAL) for name in WORDS),
    )
)
CITIES = tuple(sorted(f"c{i:03}" for i in range(100)))
BINNING = Binning(
    SCHEMA,
    tuple(
        learn_numeric(np.zeros(9) if name == "constant" else RNG.normal(size=900))
        for name in NUMBERS
    ),
    (CategoricalBinning(CITIES), CategoricalBinning(()), CategoricalBinning(("a", "b"))),
)


def names(most: int = 50, **importance: float) -> list[str]:
    params = choose_joint(BINNING, importance, most)
    return [feature.name for feature in params.features] if params else []


def test_the_most_important_features_are_chosen_and_constant_ones_left_out() -> None:
    assert names() == ["age", "income", "tenure"]
    assert names(2) == ["age", "income"]
    assert names(2, tenure=2.0) == ["age", "tenure"]
    assert names(2, age=0.5) == ["income", "tenure"]
    assert names(2, constant=9.0, tenure=2.0) == ["age", "tenure"]


def test_one_feature_is_no_pair() -> None:
    assert choose_joint(BINNING, {}, 1) is None
    assert choose_joint(Binning(SCHEMA), {}, pairs=[("city", "plan")]) is None


def test_borders_are_those_between_coarse_bins() -> None:
    params = choose_joint(BINNING, {})
    assert params is not None
    numeric = BINNING.numeric[0]
    assert len(params.features[0].edges) == len(numeric.coarse) - 1
    assert params.features[0].edges == numeric.coarsened().edges[8:-8]


def test_tables_are_bounded_and_keep_the_frequent_categories() -> None:
    plain = choose_joint(BINNING, {}, pairs=[("city", "plan")])
    counts = {"city": {"c077": 50, "c099": 40}}
    frequent = choose_joint(BINNING, {}, pairs=[("city", "plan")], counts=counts)
    assert plain is not None
    assert frequent is not None
    (pair,) = plain.pairs
    assert pair.shape == (MAX_CATEGORIES_OF_PAIR, 3)
    assert pair.first.categories == CITIES[:29]
    assert frequent.pairs[0].first.categories == (*CITIES[:27], "c077", "c099")
    assert plain.digest != frequent.digest


def test_pairs_with_a_constant_feature_are_left_out() -> None:
    params = choose_joint(BINNING, {}, pairs=[("city", "nothing")])
    assert params is not None
    assert params.pairs == ()


@pytest.mark.parametrize("pair", [("city", "city"), ("city", "age"), ("city", "unknown")])
def test_pairs_of_anything_but_two_categorical_features_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(InvalidSpecification, match=pair[1]):
        choose_joint(BINNING, {}, pairs=[pair])


def test_too_many_pairs_are_refused() -> None:
    with pytest.raises(InvalidSpecification, match="21 pairs"):
        choose_joint(BINNING, {}, pairs=[("city", "plan")] * (MAX_PAIRS + 1))


def test_parameters_are_read_back_from_json_exactly() -> None:
    params = choose_joint(BINNING, {}, pairs=[("city", "plan")])
    assert params is not None
    read = joint_from_json(joint_to_json(params))
    assert read == params
    assert read.digest == params.digest
