"""A year of real departures: the days that drift are those on which the file says flights were cancelled."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stream_monitor import ReferencePeriod, Replay, replay
from stream_monitor.config.model import ModelConfig
from stream_monitor.demo import flights

CANCELLED_SHARE = 0.16
STORM = ("2013-02-08", "2013-02-09")
REFERENCE_DAYS = 35

MODEL = ModelConfig.model_validate(
    {
        "name": "flights",
        "pane": "1h",
        "windows": [{"size": "1d", "timezone": flights.TIME_ZONE}],
        "features": {"dep_delay": "numeric"},
        "prediction": "class",
        "references": {"validation": True},
        "columns": {"id": "prediction_id", "prediction": {"label": "predicted_label"}},
        "alarm_budget": {"alarms_per_week": 1.0, "max_alpha": 1e-3},
    }
)  # fmt: skip

Days = dict[str, float]


@pytest.fixture(scope="module")
def year() -> pa.Table:
    table = flights.load()
    is_late = pc.fill_null(pc.greater(table["dep_delay"], 15), False)
    guess = pc.if_else(is_late, flights.LATE, flights.ON_TIME)
    return table.append_column("predicted_label", guess)


@pytest.fixture(scope="module")
def replayed(year: pa.Table) -> Replay:
    return replay(year, MODEL, ReferencePeriod(since="2013-01-01", until="2013-02-05"))


@pytest.fixture(scope="module")
def cancelled(year: pa.Table) -> Days:
    """Share of cancelled flights per New York day, straight from the file's ids and nulls."""
    days = pc.utf8_slice_codeunits(year["prediction_id"], 0, 10)
    gone = pa.table({"day": days, "gone": year["dep_delay"].is_null().cast(pa.int64())})
    shares = gone.group_by("day").aggregate([("gone", "mean")]).to_pydict()
    return dict(zip(shares["day"], shares["gone_mean"], strict=True))


def day_of(record: dict[str, Any]) -> str:
    """The New York day of a window: its start is that day's midnight."""
    start = np.datetime64(record["window"]["start"].rstrip("Z"))
    return str((start - np.timedelta64(4, "h")).astype("datetime64[D]"))


def missing(replayed: Replay) -> dict[str, dict[str, Any]]:
    """The judged missing rate of dep_delay per day."""
    return {
        day_of(record): aspect
        for record in replayed.records
        if record["type"] == "window"
        for feature in record["features"]
        if feature["feature"] == "dep_delay"
        for aspect in feature["aspects"]
        if aspect["aspect"] == "missing"
    }


def test_every_new_york_day_of_the_year_is_one_window(replayed: Replay, cancelled: Days) -> None:
    counted = {day_of(r): r["n"] for r in replayed.records if r["type"] == "window"}
    assert counted.keys() == cancelled.keys()
    assert len(counted) == 365
    assert sum(counted.values()) == 336_776


def test_missing_share_of_every_day_is_the_files(replayed: Replay, cancelled: Days) -> None:
    found = {
        day_of(record): feature["summary"]["missing_share"]
        for record in replayed.records
        if record["type"] == "window"
        for feature in record["features"]
        if feature["feature"] == "dep_delay"
    }
    assert found == cancelled


def test_exactly_the_nine_days_with_most_cancellations_drift(
    replayed: Replay, cancelled: Days
) -> None:
    expected = {day for day, share in cancelled.items() if share >= CANCELLED_SHARE}
    found = missing(replayed)
    assert len(expected) == 9
    assert {day for day, aspect in found.items() if aspect["verdict"] == "drift"} == expected
    assert {aspect["alpha"] for aspect in found.values()} == {1e-3}


def test_margin_on_both_sides_of_the_line(replayed: Replay) -> None:
    ps = sorted((aspect["p"], aspect["verdict"]) for aspect in missing(replayed).values())
    assert ps[8] == (pytest.approx(2.21e-4, rel=0.01), "drift")
    assert ps[9] == (pytest.approx(1.93e-3, rel=0.01), "ok")


def test_independent_rows_alone_would_have_cried_on_most_days(replayed: Replay) -> None:
    alone = [a for a in missing(replayed).values() if a["p_iid"] <= 1e-3 and a["effect"] >= 0.005]
    assert len(alone) > 100


def test_storm_of_february_drifts_critically_on_both_days(
    replayed: Replay, cancelled: Days
) -> None:
    found = missing(replayed)
    for day in STORM:
        assert cancelled[day] > 0.5
        assert (found[day]["verdict"], found[day]["severity"]) == ("drift", "critical")
    assert sorted(found, key=lambda day: found[day]["p"])[:2] == list(reversed(STORM))


def test_storm_is_one_incident_that_recovers_after_a_quiet_week(replayed: Replay) -> None:
    events = [r for r in replayed.records if r["type"] == "drift" and r["feature"] == "dep_delay"]
    storm = [e for e in events if e["incident"] == events[0]["incident"]]
    assert [(e["status"], day_of(e)) for e in storm] == [
        ("opened", "2013-02-08"), ("ongoing", "2013-02-09"), ("recovered", "2013-02-16"),
    ]  # fmt: skip
    assert [e["alert_status"] for e in storm] == ["firing", "firing", "resolved"]
    assert storm[0]["deciding"] == "missing"


def test_weeks_with_hardly_a_cancellation_are_quiet_throughout(
    replayed: Replay, cancelled: Days
) -> None:
    days = sorted(cancelled)[REFERENCE_DAYS:]
    weeks = [days[i : i + 7] for i in range(len(days) - 6)]
    quiet = {day for week in weeks if max(cancelled[d] for d in week) < 0.01 for day in week}
    assert len(quiet) > 60
    drifting = {
        (day_of(record), feature["feature"])
        for record in replayed.records
        if record["type"] == "window" and day_of(record) in quiet
        for feature in record["features"]
        if feature["verdict"] == "drift"
    }
    assert drifting == {("2013-11-28", "traffic.volume")}  # Thanksgiving: a third fewer departures


def test_reference_days_do_not_drift_from_themselves(replayed: Replay) -> None:
    days = sorted(missing(replayed))[:REFERENCE_DAYS]
    assert {missing(replayed)[day]["verdict"] for day in days} == {"ok"}


def test_a_storm_is_told_of_before_its_day_is_over(year: pa.Table) -> None:
    sizes = [{"size": size, "timezone": flights.TIME_ZONE} for size in ("1h", "1d")]
    windows = [sizes[0], sizes[1] | {"early": True}]
    model = ModelConfig.model_validate(MODEL.model_dump(exclude_unset=True) | {"windows": windows})
    weeks = year.filter(pc.less(year["prediction_id"], "2013-02-11"))
    records = replay(weeks, model, ReferencePeriod(since="2013-01-01", until="2013-02-05")).records
    events = [r for r in records if r["type"] == "drift" and r["window"]["size"] == "1d"]
    early, *later = [e for e in events if e["feature"] == "dep_delay" and day_of(e) == STORM[0]]
    assert (early["status"], early["deciding"]) == ("opened", "missing")
    assert early["judged_until"] <= "2013-02-09T00:00:00Z" < early["window"]["end"]
    assert [(e["status"], e["revision"], e["judged_until"]) for e in later] == [
        ("opened", 1, early["window"]["end"])
    ]
