from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from river import compose

from stream_monitor.demo import model


def test_january_ends_at_midnight_in_new_york(flights: pa.Table) -> None:
    january = model.january(flights)
    assert january.num_rows == 27_004
    assert january["prediction_id"][-1].as_py().startswith("2013-01-31")
    assert flights["prediction_id"][27_004].as_py().startswith("2013-02-01")


def test_vectorised_scores_are_those_of_river(flights: pa.Table, learned: compose.Pipeline) -> None:
    chosen = np.random.default_rng(0).choice(flights.num_rows, 1_500, replace=False)
    sample = flights.take(chosen)
    _, scores = model.score(learned, sample)
    expected = [learned.predict_proba_one(row)[True] for row in model.feature_rows(sample)]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", ["dep_delay", "pressure", "temp"])
def test_flights_with_missing_numbers_are_scored_as_river_scores_them(
    flights: pa.Table, learned: compose.Pipeline, missing: str
) -> None:
    sample = flights.filter(pc.is_null(flights[missing])).slice(0, 200)
    labels, scores = model.score(learned, sample)
    rows = model.feature_rows(sample)
    expected = [learned.predict_proba_one(row)[True] for row in rows]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
    assert labels == ["late" if learned.predict_one(row) else "on_time" for row in rows]


def test_destinations_that_january_never_saw_are_scored(
    flights: pa.Table, learned: compose.Pipeline
) -> None:
    known = pc.unique(model.january(flights)["dest"].cast(pa.string()))
    unseen = flights.filter(pc.invert(pc.is_in(flights["dest"].cast(pa.string()), value_set=known)))
    assert unseen.num_rows > 100
    _, scores = model.score(learned, unseen)
    expected = [learned.predict_proba_one(row)[True] for row in model.feature_rows(unseen)]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_learning_again_gives_the_same_model(flights: pa.Table) -> None:
    few = flights.slice(0, 500)
    (_, first), (_, again) = (model.score(model.learn(few), few) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_predicts_better_than_always_on_time(predicted: pa.Table) -> None:
    later = predicted.slice(27_004)
    landed = later.filter(pc.is_valid(later["label"]))
    label = landed["label"].cast(pa.string())
    is_right = pc.equal(label, landed["predicted_label"].cast(pa.string()))
    accuracy = pc.mean(is_right.cast(pa.float64())).as_py()
    assert accuracy == pytest.approx(0.894, abs=0.01)
    assert accuracy > pc.mean(pc.equal(label, "on_time").cast(pa.float64())).as_py() + 0.1


def test_no_flights_give_no_scores(flights: pa.Table, learned: compose.Pipeline) -> None:
    labels, scores = model.score(learned, flights.slice(0, 0))
    assert (labels, len(scores)) == ([], 0)
