"""A known shift in 100,000 loans: who alarms and who does not; figures against scipy and scikit-learn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy import special, stats
from scipy.spatial import distance
from sklearn import metrics

from stream_monitor import ReferencePeriod, Replay, replay
from stream_monitor.config.model import ModelConfig

TABLE = Path(__file__).parents[1] / "data" / "car_loan.parquet"
REFERENCE_ROWS = 50_000
SHIFTED_FROM_ROW = 75_000
WINDOW = np.timedelta64(15, "D")
ORIGIN = np.datetime64("2018-01-01")
SHIFTED = ("car_value", "salary_range", "loan_length", "repaid_loan_on_prev_car")
UNCHANGED = ("size_of_downpayment", "driver_tenure", "debt_to_income_ratio")
NUMERIC = ("car_value", "debt_to_income_ratio", "driver_tenure", "loan_length")
CATEGORICAL = ("repaid_loan_on_prev_car", "salary_range", "size_of_downpayment")
QUIET, MOVED = 24, 35
"""A window before the shift and one after it, by number."""

MODEL = ModelConfig.model_validate(
    {
        "name": "car_loan",
        "pane": "1d",
        "windows": [{"size": "15d", "origin": "2018-01-01"}],
        "features": {**dict.fromkeys(NUMERIC, "numeric"), **dict.fromkeys(CATEGORICAL, "categorical")},
        "prediction": "class",
        "outcomes": {"repaid": {"classes": ["0", "1"], "positive": "1"}},
        "columns": {
            "id": "id", "timestamp": "timestamp", "label": "repaid",
            "prediction": {"label": "y_pred", "score": "y_pred_proba"},
        },
    }
)  # fmt: skip

Row = dict[str, Any]
Counts = NDArray[np.int64]


@pytest.fixture(scope="module")
def loans() -> pa.Table:
    return pq.read_table(TABLE)


@pytest.fixture(scope="module")
def replayed() -> Replay:
    return replay(TABLE, MODEL, ReferencePeriod(rows=REFERENCE_ROWS))


@pytest.fixture(scope="module")
def number(loans: pa.Table) -> Counts:
    """The window of each row, counted from the origin."""
    counted: Counts = (loans["timestamp"].to_numpy() - ORIGIN) // WINDOW
    return counted


def window_number(row: Row) -> int:
    return int((np.datetime64(row["start"].rstrip("Z")) - ORIGIN) // WINDOW)


def drifting(replayed: Replay, feature: str, reference: str | None = None) -> list[int]:
    return [
        window_number(row)
        for row in replayed.windows.to_pylist()
        if row["feature"] == feature
        and row["verdict"] == "drift"
        and reference in (None, row["reference"])
    ]


def scores(replayed: Replay, window: int) -> dict[str, Row]:
    """Each feature's record beside the validation reference."""
    record = [r for r in replayed.records if r["type"] == "window"][window]
    return {f["feature"]: f for f in record["features"] if f["reference"] == "validation"}


def test_every_row_is_in_one_window(replayed: Replay, number: Counts) -> None:
    records = [r for r in replayed.records if r["type"] == "window"]
    assert [r["n"] for r in records] == np.bincount(number).tolist()
    assert [window_number(r["window"]) for r in records] == list(range(len(records)))


@pytest.mark.parametrize("feature", SHIFTED)
def test_shifted_feature_alarms_in_every_window_after_the_shift(
    feature: str, replayed: Replay, number: Counts
) -> None:
    first = int(number[SHIFTED_FROM_ROW]) + 1
    after = set(range(first, int(number[-1]) + 1))
    assert len(after) == 10
    found = drifting(replayed, feature, "validation")
    assert after <= set(found)
    assert min(found) >= int(number[SHIFTED_FROM_ROW])


@pytest.mark.parametrize("feature", SHIFTED)
def test_sliding_reference_alarms_at_the_shift_and_then_takes_it_for_normal(
    feature: str, replayed: Replay, number: Counts
) -> None:
    start = int(number[SHIFTED_FROM_ROW])
    found = drifting(replayed, feature, "sliding")
    assert {start, start + 1} <= set(found) <= {start, start + 1, start + 2}


def test_unchanged_features_alarm_at_most_once(replayed: Replay) -> None:
    assert sum(len(drifting(replayed, feature)) for feature in UNCHANGED) <= 1


def test_default_budget_and_floors_judge(replayed: Replay) -> None:
    judged = [row for row in replayed.windows.to_pylist() if row["alpha"] is not None]
    assert {row["alpha"] for row in judged} == {0.001}
    assert {row["floor"] for row in judged if row["feature"] == "car_value"} <= {0.03, 0.005}


def test_performance_of_every_window_is_that_of_scikit_learn(
    loans: pa.Table, replayed: Replay, number: Counts
) -> None:
    actual, guess = (loans[name].to_numpy().astype(np.int64) for name in ("repaid", "y_pred"))
    found = replayed.performance.to_pylist()
    assert [window_number(row) for row in found] == list(range(int(number[-1]) + 1))
    for row in found:
        rows = number == window_number(row)
        y, p = actual[rows], guess[rows]
        assert (row["labels"], row["predictions"], row["maturity"]) == (rows.sum(), rows.sum(), 1.0)
        assert row["accuracy"] == metrics.accuracy_score(y, p)
        assert row["precision"] == metrics.precision_score(y, p)
        assert row["recall"] == metrics.recall_score(y, p)
        assert row["f1"] == metrics.f1_score(y, p)


def test_auc_of_every_window_is_that_of_scikit_learn(
    loans: pa.Table, replayed: Replay, number: Counts
) -> None:
    actual, score = (loans[name].to_numpy() for name in ("repaid", "y_pred_proba"))
    for row in replayed.performance.to_pylist():
        rows = number == window_number(row)
        exact = metrics.roc_auc_score(actual[rows], score[rows])
        assert row["auc"] == pytest.approx(
            exact, abs=1e-12
        )  # scores in steps of 0.01: no bin is shared


def tables_of_counts(
    loans: pa.Table, replayed: Replay, number: Counts, window: int
) -> Iterator[tuple[str, Counts, Counts]]:
    """Each feature's counts in the reference and in a window, from the raw rows, on the same bins."""
    binning = replayed.reference.layout.binning
    rows = np.arange(loans.num_rows)
    sides = rows < REFERENCE_ROWS, number == window
    for name, learned in zip(binning.schema.numeric, binning.numeric, strict=True):
        if name not in NUMERIC:
            continue
        inner = np.array(learned.edges[7:-7])
        cuts = inner[list(learned.coarse)][1:]
        bins = np.digitize(loans[name].to_numpy(), cuts)
        yield name, *(np.bincount(bins[s], minlength=len(cuts) + 1) for s in sides)
    for name in CATEGORICAL:
        bins = np.unique(np.asarray(loans[name].to_pylist()).astype(str), return_inverse=True)[1]
        yield name, *(np.bincount(bins[s], minlength=bins.max() + 1) for s in sides)


@pytest.mark.parametrize("window", [QUIET, MOVED])
def test_scores_are_those_of_scipy_on_the_same_bins(
    window: int, loans: pa.Table, replayed: Replay, number: Counts
) -> None:
    found = scores(replayed, window)
    features = []
    for name, k, w in tables_of_counts(loans, replayed, number, window):
        features.append(name)
        measured = found[name]["scores"]
        p, q = k / k.sum(), w / w.sum()
        assert measured["jensen_shannon"] == pytest.approx(distance.jensenshannon(p, q), rel=1e-9)
        assert measured["largest_share_change"] == pytest.approx(np.abs(p - q).max(), rel=1e-9)
        expected = (k + w) * w.sum() / (k + w).sum()
        if expected.min() >= 5:
            contingency = stats.chi2_contingency(np.stack([k, w]), correction=False)
            assert measured["chi_square"] == pytest.approx(contingency.statistic, rel=1e-9)
        if name in NUMERIC:
            k, w = (np.add.reduceat(side, np.arange(0, len(side), 2)) for side in (k, w))
        p, q = (np.maximum(side, 0.5) / side.sum() for side in (k, w))
        symmetrised = special.rel_entr(p, q).sum() + special.rel_entr(q, p).sum()
        assert measured["psi"] == pytest.approx(symmetrised, rel=1e-9)
    assert sorted(features) == sorted((*NUMERIC, *CATEGORICAL))


@pytest.mark.parametrize("feature", NUMERIC)
def test_binned_ks_is_just_below_that_of_the_raw_rows(
    feature: str, loans: pa.Table, replayed: Replay, number: Counts
) -> None:
    values, lost = loans[feature].to_numpy(), []
    reference = values[:REFERENCE_ROWS]
    for window in range(0, int(number[-1]), 3):
        judged = values[number == window]
        exact = stats.ks_2samp(reference, judged, method="asymp").statistic
        effective = len(reference) * len(judged) / (len(reference) + len(judged))
        gap = exact - scores(replayed, window)[feature]["scores"]["ks"]
        lost.append(gap * np.sqrt(effective))
    assert min(lost) >= -1e-12
    assert np.mean(lost) <= 0.08
    assert max(lost) <= 0.25
    if feature == "loan_length":  # one bin per value: nothing is lost
        assert max(lost) <= 1e-12


@pytest.mark.parametrize("feature", NUMERIC)
def test_binned_wasserstein_is_within_two_percent_or_three_thousandths_of_the_iqr(
    feature: str, loans: pa.Table, replayed: Replay, number: Counts
) -> None:
    values = loans[feature].to_numpy()
    reference = values[:REFERENCE_ROWS]
    iqr = stats.iqr(reference)
    for window in range(0, int(number[-1]), 3):
        carried = stats.wasserstein_distance(reference, values[number == window])
        measured = scores(replayed, window)[feature]["scores"]["wasserstein"]
        assert measured == pytest.approx(carried, rel=0.02, abs=0.003 * iqr)


def test_means_are_those_of_the_raw_rows(loans: pa.Table, replayed: Replay, number: Counts) -> None:
    found = scores(replayed, MOVED)
    for name in NUMERIC:
        values = loans[name].to_numpy()[number == MOVED]
        summary = found[name]["summary"]
        assert summary["mean"] == pytest.approx(values.mean(), rel=1e-4)
        assert summary["sd"] == pytest.approx(values.std(), rel=1e-3)
