"""A year of flights from New York in daily windows, after a reference of 35 days: what is found, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.detection.rows import Row, fact_row, weekly_row
from stream_monitor import ReferencePeriod, Replay, replay
from stream_monitor.config.model import ModelConfig
from stream_monitor.demo import flights

NAME: Final = "flights_year"
INCIDENT: Final = "incident"
_SINCE, _UNTIL = "2013-01-01", "2013-02-05"
_WEEKS: Final = 47
"""The whole weeks from the end of the reference to the end of the year."""
_MOST_PER_WEEK: Final = 1.5
_NEW: Final = ("ACK", "MVY", "TVC")
_FLIGHTS: Final = 3
_CANCELLED: Final = 0.16
_ZONE: Final = ZoneInfo(flights.TIME_ZONE)
Record = dict[str, Any]


def run(is_quick: bool) -> list[Row]:
    """All rows; `is_quick` makes no difference."""
    year = _year()
    default = _replay(year, {})
    seasonal = _replay(
        year, {"references": {"validation": True, "sliding": True, "seasonal": True}}
    )
    return [
        _missing(year),
        *_temperature(seasonal),
        *[_new_destination(year, default, name) for name in _NEW],
        *_incidents(default),
    ]


def _year() -> pa.Table:
    table = flights.load()
    is_late = pc.fill_null(pc.greater(table["dep_delay"], 15), False)
    guess = pc.if_else(is_late, flights.LATE, flights.ON_TIME)
    return table.append_column("predicted_label", guess)


def _replay(year: pa.Table, settings: Record) -> Replay:
    kinds = dict.fromkeys(flights.NUMERIC_FEATURES, "numeric")
    kinds |= dict.fromkeys(flights.CATEGORICAL_FEATURES, "categorical")
    model = {
        "name": "flights",
        "pane": "1h",
        "windows": [{"size": "1d", "timezone": flights.TIME_ZONE}],
        "features": kinds,
        "prediction": "class",
        "columns": {"id": "prediction_id", "prediction": {"label": "predicted_label"}},
        **settings,
    }
    config = ModelConfig.model_validate(model)
    return replay(year, config, ReferencePeriod(since=_SINCE, until=_UNTIL))


def _day(record: Record) -> str:
    start = datetime.fromisoformat(record["window"]["start"]).astimezone(_ZONE)
    return start.date().isoformat()


def _features(found: Replay, feature: str) -> Iterator[tuple[str, Record]]:
    """(day, the feature beside one reference)."""
    for record in found.records:
        if record["type"] == "window":
            yield from ((_day(record), f) for f in record["features"] if f["feature"] == feature)


def _days(year: pa.Table) -> pa.ChunkedArray:
    return pc.utf8_slice_codeunits(year["prediction_id"], 0, 10)


def _missing(year: pa.Table) -> Row:
    """One feature and one reference, so that α is 0.001: the days with 16 % and more cancelled."""
    shares = pa.table({"day": _days(year), "gone": year["dep_delay"].is_null().cast(pa.int64())})
    grouped = shares.group_by("day").aggregate([("gone", "mean")]).to_pylist()
    expected = {row["day"] for row in grouped if row["gone_mean"] >= _CANCELLED}
    found = _replay(
        year, {"features": {"dep_delay": "numeric"}, "references": {"validation": True}}
    )
    alarmed = {
        day
        for day, feature in _features(found, "dep_delay")
        for aspect in feature.get("aspects", ())
        if aspect["aspect"] == "missing" and aspect["verdict"] == "drift"
    }
    note = f"α 0.001; {len(alarmed - expected)} other days alarm, {len(expected - alarmed)} do not"
    return fact_row(
        NAME, "missing departure delay: days with ≥ 16 % cancelled that alarm",
        len(alarmed & expected), "days", f"exactly {len(expected)}", alarmed == expected, note,
    )  # fmt: skip


def _temperature(found: Replay) -> list[Row]:
    """July is not like January, and like July.

    One day alone cannot always drift from January. Neighbouring days of the reference correlate at 0.7, so
    its 35 days tell as much of how days differ as some six independent ones.
    """
    single = {name: _july(found, name) for name in ("validation", "sliding", "seasonal")}
    days, drifting = single.pop("validation")
    is_open = _open_days(found, "temp", "validation", days)
    rows = [
        fact_row(
            NAME, "temperature: July days with an incident open against validation", len(is_open), "days",
            "most", len(is_open) > len(days) / 2,
            f"of {len(days)} days; {len(drifting)} of them drift singly",
        )
    ]  # fmt: skip
    for reference, (days, drifting) in single.items():
        case = f"temperature: July days whose values drift from {reference}"
        note = f"of {len(days)} days"
        rows.append(fact_row(NAME, case, len(drifting), "days", "0", not drifting, note))
    return rows


def _july(found: Replay, reference: str) -> tuple[list[str], list[str]]:
    """The days, and those that drift by their values or range, not by how many are missing."""
    july = {
        day: feature
        for day, feature in _features(found, "temp")
        if feature["reference"] == reference and day.startswith("2013-07")
    }
    drifting = [d for d, f in july.items() if any(map(_is_drift_of_values, f.get("aspects", ())))]
    return list(july), drifting


def _open_days(found: Replay, feature: str, reference: str, days: Iterable[str]) -> list[str]:
    """Those of the days on which an incident of a feature against a reference is open."""
    is_open = {
        _day(record): record["alert_status"] == "firing"
        for record in found.records
        if record["type"] == "drift" and record["feature"] == feature
        if reference in record["references"]
    }
    last = {day: max((moved for moved in is_open if moved <= day), default="") for day in days}
    return [day for day, moved in last.items() if is_open.get(moved, False)]


def _is_drift_of_values(aspect: Record) -> bool:
    is_of_values = aspect["aspect"] in ("distribution", "out_of_range")
    return is_of_values and aspect["verdict"] == "drift"


def _new_destination(year: pa.Table, found: Replay, name: str) -> Row:
    at = pc.equal(year["dest"].cast(pa.string()), name)
    counted = pc.value_counts(_days(year).filter(at)).to_pylist()
    first = min(row["values"] for row in counted if row["counts"] >= _FLIGHTS)
    alarms = sorted(
        day
        for day, feature in _features(found, "dest")
        for aspect in feature.get("aspects", ())
        if aspect["aspect"] == "new_category" and aspect["verdict"] == "drift" and day >= first
    )
    late = _days_between(first, alarms[0]) if alarms else 365
    alarmed = alarms[0] if alarms else "never"
    note = f"≥ {_FLIGHTS} flights on {first}; new_category alarms from then on first on {alarmed}"
    case = f"new destination {name}: days until new_category alarms"
    return fact_row(NAME, case, late, "days", "≤ 1", late <= 1, note)


def _days_between(first: str, last: str) -> int:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days


def _incidents(found: Replay) -> list[Row]:
    opened = [r for r in found.records if r["type"] == "drift" and r["status"] == "opened"]
    after = [r for r in opened if _day(r) >= _UNTIL]
    within = len(opened) - len(after)
    note = f"12 features, prediction, joint, volume; {within} more within the reference's days"
    rate = weekly_row(NAME, "incidents opened", len(after), _WEEKS, _MOST_PER_WEEK, note)
    return [rate, *[_listed(record) for record in _in_order(opened)]]


def _in_order(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda r: (_day(r), r["feature"]))


def _listed(record: Record) -> Row:
    """Date, feature, aspect, references, pattern, hint."""
    hints = record.get("hints") or []
    words = [
        _day(record), record["feature"], record.get("deciding") or "",
        " and ".join(record["references"]), record.get("pattern") or "",
        hints[0]["text"].replace("|", "/") if hints else "",
    ]  # fmt: skip
    return Row(NAME, " | ".join(words), 1.0, INCIDENT, is_shown=False)
