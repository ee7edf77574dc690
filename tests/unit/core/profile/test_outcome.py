import warnings
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from stream_monitor.core.performance.classes import class_metrics
from stream_monitor.core.performance.numbers import number_metrics
from stream_monitor.core.performance.rolling import measure_performance
from stream_monitor.core.profile.outcome import OutcomePart
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.schema import Outcome, OutcomeKind
from tests.laws.mergeables import LAYOUT

RNG = np.random.default_rng(3)
CLASSES = ("a", "b", "c")
CLASS = Outcome("label", OutcomeKind.CLASS, CLASSES, positive="b")
NUMBER = Outcome("value", OutcomeKind.NUMBER, resolution=1e-3)


def part_of(
    outcome: Outcome, label: Sequence[str | None], guess: Sequence[str | None] = (),
    score: NDArray[np.float64] | None = None, value: Sequence[float] = (), sign: int = 1,
) -> OutcomePart:  # fmt: skip
    n = len(label)
    part = OutcomePart.empty(outcome)
    part.update(
        pa.array(label, pa.string()), pa.array(guess or [None] * n, pa.string()),
        np.full(n, np.nan) if score is None else score, np.array(value or [np.nan] * n),
        np.full(n, 10**9), np.full(n, sign), np.zeros(n, np.int64),
    )  # fmt: skip
    return part


@pytest.mark.parametrize("n", [1, 7, 2_000])
def test_class_metrics_are_those_of_scikit_learn(n: int) -> None:
    label, guess = RNG.choice(CLASSES, n), RNG.choice(CLASSES, n)
    found = class_metrics(part_of(CLASS, label.tolist(), guess.tolist()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            label == "b", guess == "b", average="binary", zero_division=np.nan
        )
    assert found["accuracy"] == metrics.accuracy_score(label, guess)
    for name, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert found[name] is None if np.isnan(expected) else found[name] == expected


def test_auc_is_within_the_grid_of_the_exact_one() -> None:
    label = RNG.choice(["a", "b"], 3_000)
    score = np.clip(RNG.normal(0.4 + 0.2 * (label == "b"), 0.2), 0, 1)
    found = class_metrics(part_of(CLASS, label.tolist(), score=score))["auc"]
    binned = np.minimum((score * 1_000).astype(int), 999)
    assert found == pytest.approx(metrics.roc_auc_score(label == "b", binned), abs=1e-12)
    assert found == pytest.approx(metrics.roc_auc_score(label == "b", score), abs=2e-3)


def test_auc_needs_both_classes() -> None:
    assert class_metrics(part_of(CLASS, ["b"], score=np.array([0.5])))["auc"] is None
    assert set(class_metrics(OutcomePart.empty(CLASS)).values()) == {None}


def test_classes_nobody_declared_count_against_accuracy() -> None:
    found = class_metrics(part_of(CLASS, ["zz", "b"], ["zz", "b"]))
    assert found["accuracy"] == 0.5
    assert class_metrics(part_of(CLASS, ["b"], [None]))["recall"] == 0.0


def test_without_a_positive_class_the_last_is_meant() -> None:
    assert OutcomePart.empty(Outcome(classes=("no", "yes"))).positive == "yes"


def test_number_metrics_are_those_of_scikit_learn() -> None:
    actual = RNG.normal(50, 20, 4_000)
    predicted = actual + RNG.normal(1, 3, 4_000)
    found = number_metrics(part_of(NUMBER, [str(x) for x in actual], value=predicted.tolist()))
    expected = {
        "rmse": metrics.root_mean_squared_error(actual, predicted),
        "mae": metrics.mean_absolute_error(actual, predicted),
        "bias": float((predicted - actual).mean()),
        "r2": metrics.r2_score(actual, predicted),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=NUMBER.resolution, rel=1e-6)


def test_labels_that_are_no_numbers_are_invalid_and_leave_the_metrics_alone() -> None:
    part = part_of(NUMBER, ["1", "x", "nan", "inf", ""], value=[1.5] * 5)
    assert part.arrays["invalid"][0] == 4
    assert number_metrics(part)["mae"] == pytest.approx(0.5)
    assert set(number_metrics(part_of(NUMBER, ["x"], value=[1.0])).values()) == {None}


def test_a_constant_label_has_no_r2() -> None:
    found = number_metrics(part_of(NUMBER, ["2", "2"], value=[1.0, 3.0]))
    assert found["r2"] is None
    assert found["rmse"] == 1.0


def test_errors_beyond_the_clip_are_counted() -> None:
    part = part_of(NUMBER, ["1e300", "-1e300", "1"], value=[-1e300, 1e308, 1.0])
    assert part.arrays["clipped"][0] == 2
    assert number_metrics(part)["rmse"] is not None


@pytest.mark.parametrize(("outcome", "old", "new"), [(CLASS, "a", "b"), (NUMBER, "12.345", "-3")])
def test_a_correction_leaves_what_the_new_label_alone_would(
    outcome: Outcome, old: str, new: str
) -> None:
    kept = part_of(outcome, [new], ["a"], np.array([0.3]), [7.0])
    wrong = part_of(outcome, [old], ["a"], np.array([0.3]), [7.0])
    out = part_of(outcome, [old], ["a"], np.array([0.3]), [7.0], sign=-1)
    assert wrong.merge(out).is_empty()
    assert wrong.merge(out).merge(kept) == kept


@pytest.mark.parametrize(
    ("labels", "has_passed", "maturity", "step"),
    [(0, False, 0.0, 0), (4, False, 0.5, 1), (8, False, 1.0, 5), (9, False, 1.0, 5),
     (0, True, 1.0, 5)],
)  # fmt: skip
def test_maturity_is_the_share_of_predictions_with_a_label(
    labels: int, has_passed: bool, maturity: float, step: int
) -> None:
    parts = LAYOUT.empty_parts()
    parts["traffic"].arrays["events"][0] = 8
    parts["outcome:label"].arrays["labels"][0] = labels
    found = measure_performance(Profile(LAYOUT, parts), LAYOUT.outcomes[0], has_passed)
    assert (found.maturity, found.step, found.predictions) == (maturity, step, 8)
