"""Labels that land hours later: each prediction day's figures against an offline join of the same file."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from stream_monitor import ReferencePeriod, Replay, replay
from stream_monitor.config.model import ModelConfig
from stream_monitor.demo import flights

LAST_DAY = "2013-03-31"
ALLOWED_LATENESS = timedelta(minutes=5)
ZONE = ZoneInfo(flights.TIME_ZONE)

Row = dict[str, Any]


def model(horizon: str, **outcome: Any) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "name": "flights",
            "pane": "1h",
            "windows": [{"size": "1d", "timezone": flights.TIME_ZONE}],
            "features": {"distance": "numeric"},
            "prediction": "class",
            "references": {"validation": True},
            "outcomes": {
                "label": {
                    "classes": [flights.ON_TIME, flights.LATE], "positive": flights.LATE,
                    "horizon": horizon, **outcome,
                }
            },
            "columns": {
                "id": "prediction_id", "label": "label", "label_time": "label_time",
                "prediction": {"label": "predicted_label"},
            },
        },
        context={"source": "test"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def quarter() -> pa.Table:
    """The first three months; a flight that leaves more than ten minutes late is expected to land late."""
    table = flights.load()
    table = table.filter(pc.less_equal(days_of(table), LAST_DAY))
    is_late = pc.fill_null(pc.greater(table["dep_delay"], 10), False)
    guess = pc.if_else(is_late, flights.LATE, flights.ON_TIME)
    return table.append_column("predicted_label", guess)


def days_of(table: pa.Table) -> pa.ChunkedArray:
    return pc.utf8_slice_codeunits(table["prediction_id"], 0, 10)


class Join:
    """The same table joined offline: of any day, what was known by any time."""

    def __init__(self, table: pa.Table) -> None:
        self._day = np.asarray(days_of(table).to_pylist())
        self._guess = np.asarray(table["predicted_label"].to_pylist(), dtype=object)
        self._actual = np.asarray(table["label"].to_pylist(), dtype=object)
        self._departed, self._landed = (
            table[name].cast(pa.int64()).to_numpy(zero_copy_only=False)
            for name in ("timestamp", "label_time")
        )
        self.days = sorted(set(self._day))

    def predictions(self, day: str) -> int:
        return int(np.count_nonzero(self._day == day))

    def known(
        self, day: str, until: datetime | None = None, within: timedelta | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """What happened and what was predicted: labels that landed before `until`, `within` a delay."""
        rows = (self._day == day) & np.isfinite(self._landed)
        if until is not None:
            rows &= self._landed < until.timestamp() * 1e6
        if within is not None:
            rows &= self._landed - self._departed <= within.total_seconds() * 1e6
        return self._actual[rows], self._guess[rows]

    def delays_s(self, day: str) -> NDArray[Any]:
        """How long the labels of a day took."""
        rows = (self._day == day) & np.isfinite(self._landed)
        return (self._landed[rows] - self._departed[rows]) / 1e6

    def filled(self, day: str, within: timedelta) -> tuple[NDArray[Any], NDArray[Any], int]:
        """All of a day, on time unless it landed late within a delay; and how many did."""
        rows = self._day == day
        with np.errstate(invalid="ignore"):
            is_known = self._landed - self._departed <= within.total_seconds() * 1e6
        is_late = rows & is_known & (self._actual == flights.LATE)
        actual = np.where(is_late, flights.LATE, flights.ON_TIME)[rows]
        return actual, self._guess[rows], int(is_late.sum())


def day_of(row: Row) -> str:
    start = datetime.fromisoformat(row["start"]).astimezone(ZONE)
    return start.date().isoformat()


def close_of(day: str) -> datetime:
    """When the window of a New York day closes: midnight there, and the allowed lateness."""
    tomorrow = date.fromisoformat(day) + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZONE)
    return midnight.astimezone(UTC) + ALLOWED_LATENESS


def assert_metrics(row: Row, actual: NDArray[Any], guess: NDArray[Any]) -> None:
    assert row["labels"] == len(actual)
    assert row["accuracy"] == metrics.accuracy_score(actual, guess)
    for name in ("precision", "recall", "f1"):
        exact = getattr(metrics, f"{name}_score")(actual, guess, pos_label=flights.LATE)
        assert row[name] == exact, name


@pytest.fixture(scope="module")
def join(quarter: pa.Table) -> Join:
    return Join(quarter)


@pytest.fixture(scope="module")
def replayed(quarter: pa.Table) -> Replay:
    return replay(quarter, model("2d"), ReferencePeriod(since="2013-01-01", until="2013-02-05"))


@pytest.fixture(scope="module")
def revisions(replayed: Replay) -> dict[str, list[Row]]:
    """The published performance per prediction day, in the order of publishing."""
    found: dict[str, list[Row]] = {}
    for row in replayed.performance.to_pylist():
        found.setdefault(day_of(row), []).append(row)
    return found


def test_every_prediction_day_has_its_performance(
    join: Join, revisions: dict[str, list[Row]]
) -> None:
    assert sorted(revisions) == join.days
    assert len(join.days) == 90
    for day, rows in revisions.items():
        assert [row["revision"] for row in rows] == list(range(len(rows)))
        assert {row["predictions"] for row in rows} == {join.predictions(day)}


def test_mature_performance_is_that_of_the_offline_join(
    join: Join, revisions: dict[str, list[Row]]
) -> None:
    for day, rows in revisions.items():
        assert rows[-1]["maturity"] == 1.0
        assert_metrics(rows[-1], *join.known(day))


def test_performance_at_close_knows_only_what_had_landed_by_then(
    join: Join, revisions: dict[str, list[Row]]
) -> None:
    for day, rows in revisions.items():
        actual, guess = join.known(day, until=close_of(day))
        assert len(actual) < len(join.known(day)[0])
        assert_metrics(rows[0], actual, guess)
        assert rows[0]["maturity"] == len(actual) / join.predictions(day)
        assert rows[0]["maturity"] < 1


def test_each_revision_in_between_is_the_join_at_a_later_close(
    join: Join, revisions: dict[str, list[Row]]
) -> None:
    between = 0
    for day, rows in revisions.items():
        later = [day, *(d for d in join.days if d > day)][:3]
        closes = [join.known(day, until=close_of(d)) for d in later]
        for row in rows[1:-1]:
            [(actual, guess)] = [pair for pair in closes if len(pair[0]) == row["labels"]][:1]
            assert_metrics(row, actual, guess)
            between += 1
    assert between > 0


def test_maturity_and_labels_only_grow(revisions: dict[str, list[Row]]) -> None:
    for rows in revisions.values():
        assert [r["maturity"] for r in rows] == sorted({r["maturity"] for r in rows})
        assert [r["labels"] for r in rows] == sorted(r["labels"] for r in rows)


def test_cancelled_flights_never_hold_a_day_immature(
    join: Join, revisions: dict[str, list[Row]]
) -> None:
    storm = revisions["2013-02-09"]
    assert storm[-1]["labels"] < 0.5 * join.predictions("2013-02-09")
    assert storm[-1]["maturity"] == 1.0


def test_label_after_the_horizon_is_not_counted(quarter: pa.Table, join: Join) -> None:
    january = quarter.filter(pc.less(days_of(quarter), "2013-02-01"))
    found = replay(january, model("3h"), ReferencePeriod(rows=10_000)).performance.to_pylist()
    last = {day_of(row): row for row in found}
    assert len(last) == 31
    for day, row in last.items():
        actual, guess = join.known(day, within=timedelta(hours=3))
        assert len(actual) < len(join.known(day)[0])
        assert_metrics(row, actual, guess)


def test_label_delay_is_that_of_the_file_within_a_bin(
    join: Join, revisions: dict[str, list[Row]]
) -> None:
    for day, rows in revisions.items():
        delays = join.delays_s(day)
        for name, q in (("label_delay_p50_s", 0.5), ("label_delay_p95_s", 0.95)):
            exact = float(np.quantile(delays, q, method="inverted_cdf"))
            assert exact < rows[-1][name] <= exact * 2 ** (1 / 3)


@pytest.mark.parametrize("horizon_h", [3, 48])
def test_a_day_whose_missing_labels_mean_on_time_is_the_offline_join_with_them_filled_in(
    quarter: pa.Table, join: Join, horizon_h: int
) -> None:
    """Only late landings are reported, like frauds: whatever is not reported in time was on time."""
    january = quarter.filter(pc.less(days_of(quarter), "2013-02-01"))
    is_late = pc.fill_null(pc.equal(january["label"], flights.LATE), False)
    nothing = pa.scalar(None, january["label"].type)
    reported = january.set_column(
        january.column_names.index("label"), "label",
        pc.if_else(is_late, january["label"], nothing),
    )  # fmt: skip
    absent = model(f"{horizon_h}h", absent_means=flights.ON_TIME)
    found = replay(reported, absent, ReferencePeriod(rows=10_000)).performance.to_pylist()
    last = {day_of(row): row for row in found}
    assert len(last) == 31
    for day, row in last.items():
        actual, guess, labels = join.filled(day, timedelta(hours=horizon_h))
        assert row["predictions"] == len(actual)
        assert (row["labels"], row["absent"]) == (labels, len(actual) - labels)
        assert row["accuracy"] == metrics.accuracy_score(actual, guess)
        for name in ("precision", "recall", "f1"):
            exact = getattr(metrics, f"{name}_score")(actual, guess, pos_label=flights.LATE)
            assert row[name] == exact, name


def test_a_table_without_labels_says_nothing_of_absence(quarter: pa.Table) -> None:
    january = quarter.filter(pc.less(days_of(quarter), "2013-01-08"))
    config = model("3h", absent_means=flights.ON_TIME)
    unlabelled = config.model_copy(
        update={"columns": config.columns.model_copy(update={"label": None, "label_time": None})}
    )
    rows = replay(january, unlabelled, ReferencePeriod(rows=3_000)).performance.to_pylist()
    assert {(row["absent"], row["accuracy"]) for row in rows} == {(0, None)}
