"""A retrained model during a storm: the same results, history and incidents, under another version."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stream_monitor import ReferencePeriod, Replay, replay
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.specification import model_spec
from stream_monitor.core.policy import VOLUME
from stream_monitor.core.published import to_json
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import Reference
from stream_monitor.core.replaying import replay_rows
from stream_monitor.demo import flights
from stream_monitor.services.history import reference_of, table_rows

ZONE = ZoneInfo(flights.TIME_ZONE)
PERIOD = ReferencePeriod(since="2013-01-01", until="2013-02-05")
NIGHT = datetime(2013, 2, 9, tzinfo=ZONE)
NOON = datetime(2013, 2, 8, 12, tzinfo=ZONE)
END = datetime(2013, 3, 1, tzinfo=ZONE)

Row = dict[str, Any]


def model(*features: str) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "name": "flights",
            "pane": "1h",
            "windows": [{"size": "1d", "timezone": flights.TIME_ZONE}],
            "features": dict.fromkeys(features or ("dep_delay", "temp"), "numeric"),
            "outcomes": {
                "label": {"classes": [flights.ON_TIME, flights.LATE], "horizon": 2 * 86_400}
            },
            "columns": {
                "id": "prediction_id", "model_version": "model_version", "label": "label",
                "label_time": "label_time", "prediction": {"label": "label"},
            },
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def winter() -> pa.Table:
    table = flights.load()
    return table.filter(pc.less(table["timestamp"], pa.scalar(END, table["timestamp"].type)))


def retrained(table: pa.Table, at: datetime | None = None) -> pa.Table:
    """The same events; from `at` on they are of version 2."""
    moment = pa.scalar(at or END, table["timestamp"].type)
    version = pc.if_else(pc.less(table["timestamp"], moment), "1", "2")
    return table.append_column("model_version", version)


@pytest.fixture(scope="module")
def one(winter: pa.Table) -> Replay:
    return replay(retrained(winter), model(), PERIOD)


@pytest.fixture(scope="module")
def overnight(winter: pa.Table) -> Replay:
    return replay(retrained(winter, NIGHT), model(), PERIOD)


@pytest.fixture(scope="module")
def at_noon(winter: pa.Table) -> Replay:
    return replay(retrained(winter, NOON), model(), PERIOD)


def start_of(at: datetime) -> str:
    return at.astimezone(ZoneInfo("UTC")).isoformat().replace("+00:00", "Z")


def without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def windows(replayed: Replay, version: str) -> list[Row]:
    found = [r for r in replayed.records if r["type"] == "window"]
    return [r for r in found if r["version"] == version]


def storm(replayed: Replay) -> list[Row]:
    events = [r for r in replayed.records if r["type"] == "drift" and r["feature"] == "dep_delay"]
    return [
        e for e in events
        if "validation" in e["references"] and e["starts_at"] == start_of(datetime(2013, 2, 8, tzinfo=ZONE))
    ]  # fmt: skip


def test_new_version_takes_over_on_the_night_of_the_change(overnight: Replay) -> None:
    border = start_of(NIGHT)
    assert {r["window"]["start"] < border for r in windows(overnight, "1")} == {True}
    assert {r["window"]["start"] >= border for r in windows(overnight, "2")} == {True}
    assert overnight.reference.version == "1"


def test_new_version_says_that_its_reference_is_inherited(overnight: Replay) -> None:
    assert {r["inherited"] for r in windows(overnight, "1")} == {False}
    assert {r["inherited"] for r in windows(overnight, "2")} == {True}
    assert {r["profile_id"] for r in windows(overnight, "2")} == {
        overnight.reference.layout.profile_id
    }


def test_every_result_is_that_of_a_single_version(one: Replay, overnight: Replay) -> None:
    expected, found = (
        [without(row, "version") for row in replayed.windows.to_pylist()]
        for replayed in (one, overnight)
    )
    assert found == expected
    features = [row for row in found if row["feature"] != VOLUME]
    assert {row["reference"] for row in features} == {"validation", "sliding"}


def test_sliding_history_has_no_gap(overnight: Replay) -> None:
    rows = [r for r in overnight.windows.to_pylist() if r["reference"] == "sliding"]
    after = {row["k_windows"] for row in rows if row["version"] == "2"}
    assert after == {30}


def test_performance_is_that_of_a_single_version(one: Replay, overnight: Replay) -> None:
    expected, found = (
        [without(row, "version") for row in replayed.performance.to_pylist()]
        for replayed in (one, overnight)
    )
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_open_incident_goes_on_under_its_id(one: Replay, overnight: Replay) -> None:
    events = storm(overnight)
    assert [(e["version"], e["status"]) for e in events] == [
        ("1", "opened"), ("2", "ongoing"), ("2", "recovered"),
    ]  # fmt: skip
    assert len({e["incident"] for e in events}) == 1
    assert [e["incident"] for e in events] == [e["incident"] for e in storm(one)]


def test_every_incident_is_that_of_a_single_version(one: Replay, overnight: Replay) -> None:
    expected, found = (
        [without(row, "version") for row in replayed.incidents.to_pylist()]
        for replayed in (one, overnight)
    )
    assert found == expected


def test_change_within_a_day_gives_each_version_its_part_of_the_day(
    one: Replay, at_noon: Replay
) -> None:
    day = start_of(datetime(2013, 2, 8, tzinfo=ZONE))
    parts = [r for v in "12" for r in windows(at_noon, v) if r["window"]["start"] == day]
    [whole] = [r for r in windows(one, "1") if r["window"]["start"] == day]
    assert [part["version"] for part in parts] == ["1", "2"]
    assert sum(part["n"] for part in parts) == whole["n"]


def test_divided_day_is_one_window_of_the_sliding_history(one: Replay, at_noon: Replay) -> None:
    border = start_of(NIGHT)
    expected, found = (
        [
            without(row, "version")
            for row in replayed.windows.to_pylist()
            if row["reference"] == "sliding" and row["start"] >= border
        ]
        for replayed in (one, at_noon)
    )
    assert found == expected


def test_divided_day_belongs_to_one_incident(at_noon: Replay) -> None:
    assert len({e["incident"] for e in storm(at_noon)}) == 1


def records_of(table: pa.Table, config: ModelConfig, *references: Reference) -> list[Row]:
    spec = model_spec(config, MonitorConfig())
    catalogue = ReferenceCatalogue()
    for reference in references:
        catalogue.add(reference)
    rows = table_rows(table, config, spec)
    return [to_json(output, spec.name) for output in replay_rows(rows, spec, catalogue)]


def test_version_of_another_schema_has_no_reference(winter: pa.Table, one: Replay) -> None:
    wider = model("dep_delay", "temp", "humid")
    table = retrained(winter, NIGHT)
    later = table.filter(
        pc.greater_equal(table["timestamp"], pa.scalar(NIGHT, table["timestamp"].type))
    )
    records = records_of(later, wider, one.reference)
    found = [r for r in records if r["type"] == "window"]
    features = [f for r in found for f in r["features"] if f["feature"] != VOLUME]
    assert {f["feature"] for f in features} == {"dep_delay", "temp", "humid"}
    assert {f["verdict"] for f in features} == {"no_reference"}
    assert {r["inherited"] for r in found} == {False}
    assert not [r for r in records if r["type"] == "drift"]


def test_version_without_reference_still_counts_traffic_and_labels(
    winter: pa.Table, one: Replay
) -> None:
    wider = model("dep_delay", "temp", "humid")
    records = records_of(retrained(winter), wider, one.reference)
    figures = [
        ([r["n"] for r in found if r["type"] == "window"],
         [(r["labels"], r["metrics"]) for r in found if r["type"] == "performance"])
        for found in (records, one.records)
    ]  # fmt: skip
    assert figures[0] == figures[1]


def test_version_with_a_reference_of_its_own_goes_on_with_the_open_incident(
    winter: pa.Table, one: Replay
) -> None:
    table, config = retrained(winter, NIGHT), model()
    spec = model_spec(config, MonitorConfig())
    rows = table_rows(table, config, spec)
    built = reference_of(rows, spec, ReferencePeriod(since="2013-01-10", until="2013-02-05"))
    own = Reference(
        built.model, "2", built.kind, built.layout, built.start_s, built.end_s, built.segments
    )
    records = records_of(table, config, one.reference, own)
    used = {
        (r["version"], r["profile_id"], r["inherited"]) for r in records if r["type"] == "window"
    }
    assert used == {
        ("1", one.reference.layout.profile_id, False),
        ("2", own.layout.profile_id, False),
    }
    storm_events = [
        r for r in records
        if r["type"] == "drift" and r["feature"] == "dep_delay" and "validation" in r["references"]
    ]  # fmt: skip
    assert [(e["version"], e["status"]) for e in storm_events] == [
        ("1", "opened"), ("2", "ongoing"), ("2", "recovered"),
    ]  # fmt: skip
    assert len({e["incident"] for e in storm_events}) == 1
