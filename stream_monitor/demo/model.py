"""The demo's model: a river pipeline that learns on January's flights which ones land late.

River learns one flight at a time; a year is scored from the learned weights with numpy, because
that takes a fraction of a second and gives the numbers of river's own `predict_proba_one`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from river import compose, linear_model, preprocessing, stats

from stream_monitor.demo.flights import (
    CATEGORICAL_FEATURES,
    FEATURES,
    LATE,
    NUMERIC_FEATURES,
    ON_TIME,
    TIME_ZONE,
)

JANUARY_ENDS = datetime(2013, 2, 1, tzinfo=ZoneInfo(TIME_ZONE))


def january(flights: pa.Table) -> pa.Table:
    """Select the flights scheduled before 1 February in New York: what the model learns from."""
    return flights.filter(pc.less(flights["timestamp"], pa.scalar(JANUARY_ENDS)))


def pipeline() -> compose.Pipeline:
    """Build the untrained river pipeline: fill, scale and one-hot encode, logistic regression.

    A missing number is filled with the running mean, so that it moves the score neither way.
    """
    means = ((name, stats.Mean()) for name in NUMERIC_FEATURES)
    scale = ("scale", preprocessing.StandardScaler())
    numbers = compose.Pipeline(("select", compose.Select(*NUMERIC_FEATURES)), scale)
    categories = compose.Select(*CATEGORICAL_FEATURES) | preprocessing.OneHotEncoder()
    return compose.Pipeline(
        ("fill", preprocessing.StatImputer(*means)),  # type: ignore[no-untyped-call]
        ("encode", compose.TransformerUnion(("numbers", numbers), ("categories", categories))),
        ("regression", linear_model.LogisticRegression()),
    )


def learn(flights: pa.Table) -> compose.Pipeline:
    """Learn from the labelled flights in their order; those without a label teach nothing."""
    labelled = flights.filter(pc.is_valid(flights["label"]))
    model = pipeline()
    is_late = pc.equal(labelled["label"].cast(pa.string()), LATE).to_pylist()
    for x, y in zip(feature_rows(labelled), is_late, strict=True):
        model.learn_one(x, y)
    return model


def score(model: compose.Pipeline, flights: pa.Table) -> tuple[list[str], NDArray[np.float64]]:
    """Predict the label and P(late), one each per flight, with what the model has learned."""
    fill, encode, regression = model["fill"], model["encode"], model["regression"]
    scale = encode["numbers"]["scale"]
    logits = np.full(flights.num_rows, regression.intercept)
    for name in NUMERIC_FEATURES:
        logits += _scaled(flights[name], name, fill, scale) * regression.weights.get(name, 0.0)
    for name in CATEGORICAL_FEATURES:
        codes, values = _categories(flights[name])
        weights = [regression.weights.get(f"{name}_{value}", 0.0) for value in values]
        logits += np.array(weights, dtype=np.float64)[codes]
    scores: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-logits))
    return np.where(scores > 0.5, LATE, ON_TIME).tolist(), scores


def with_predictions(flights: pa.Table, model: compose.Pipeline) -> pa.Table:
    """Append the columns `predicted_label` and `score` = P(late), to six digits as a service sends it."""
    labels, scores = score(model, flights)
    predicted = pa.array(labels).dictionary_encode()
    return flights.append_column("predicted_label", predicted).append_column(
        "score", pa.array(scores.round(6))
    )


def feature_rows(flights: pa.Table) -> list[dict[str, Any]]:
    """Give each flight's features as the dict that river reads; None where missing."""
    rows: list[dict[str, Any]] = flights.select(FEATURES).to_pylist()
    return rows


def _scaled(
    column: pa.ChunkedArray,
    name: str,
    fill: preprocessing.StatImputer,
    scale: preprocessing.StandardScaler,
) -> NDArray[np.float64]:
    filled = column.cast(pa.float64()).fill_null(fill.stats[name].get())
    spread = scale.vars[name] ** 0.5
    if spread == 0.0:
        return np.zeros(len(column))
    return np.asarray((filled.to_numpy() - scale.means[name]) / spread, dtype=np.float64)


def _categories(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    encoded = column.unify_dictionaries().combine_chunks()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()
