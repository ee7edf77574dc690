"""Three years of weeks and months through the real core, beside a recomputation with plain dates."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from stream_monitor.core.drift.monotone_trend import theil_sen_slope
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.published import to_json
from stream_monitor.core.replaying import replay_rows
from stream_monitor.core.results import FeatureResult, Output, PerformanceResult, WindowResult
from stream_monitor.core.tables import TableRows
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import DAY_S, MONTH_S, WEEK_S, WindowSize
from tests.unit.core.builders import HOUR_S, LABEL, MICRO, events, model_spec, texts
from tests.unit.core.streams import Detector, Profiler, catalogue
from tests.unit.core.test_windows import at

ZONE = "America/New_York"
FIRST_S, LAST_S = at("2023-01-01", ZONE), at("2026-01-01", ZONE)
MOVING = (ReferenceKind.SLIDING, ReferenceKind.PREVIOUS, ReferenceKind.YEAR_AGO)
SPEC = model_spec(
    windows=tuple(WindowSize(s, ZONE, recover_after=1) for s in (WEEK_S, MONTH_S)),
    references=MOVING, pane_s=HOUR_S, outcomes=(replace(LABEL, horizon_s=20 * DAY_S),),
    correction_horizon_s=DAY_S,
)  # fmt: skip
N = 3_000
Months = dict[Hashable, list[int]]


@cache
def stream() -> dict[str, Any]:
    """Events over three years whose amounts climb; a label comes within twenty days."""
    rng = np.random.default_rng(5)
    time_s = np.sort(rng.integers(FIRST_S, LAST_S, N))
    return {
        "time_s": time_s,
        "amount": rng.normal(0, 1, N) + (time_s - FIRST_S) / (LAST_S - FIRST_S),
        "carrier": rng.choice(["UA", "AA", "new"], N),
        "label": rng.choice(["late", "on_time"], N),
        "delay_s": rng.integers(1, 19 * DAY_S, N),
    }


@cache
def outputs() -> tuple[Output, ...]:
    raw = stream()
    found = events(raw["time_s"], raw["amount"], raw["carrier"].tolist(), label="late")
    label_us = (raw["time_s"] + raw["delay_s"]) * MICRO
    rows = TableRows(found, texts(raw["label"].tolist()), label_us)
    return tuple(replay_rows(rows, SPEC, catalogue()))


def local(time_s: int) -> datetime:
    return datetime.fromtimestamp(time_s, UTC).astimezone(ZoneInfo(ZONE))


PERIODS: dict[str, Callable[[datetime], Hashable]] = {
    "1d": lambda t: t.date(),
    "7d": lambda t: t.isocalendar()[:2],
    "1mo": lambda t: (t.year, t.month),
}


def grouped(size: str) -> Months:
    """Positions of events by calendar day, ISO week or month."""
    found: Months = defaultdict(list)
    for i, time_s in enumerate(stream()["time_s"].tolist()):
        found[PERIODS[size](local(time_s))].append(i)
    return found


def windows(size: str) -> list[WindowResult]:
    return [o for o in outputs() if isinstance(o, WindowResult) and o.size.name == size]


@pytest.mark.parametrize("size", ["7d", "1mo"])
def test_windows_hold_what_the_calendar_says(size: str) -> None:
    expected = grouped(size)
    found = {PERIODS[size](local(w.window.start_s)): w for w in windows(size)}
    assert found.keys() == expected.keys()
    for period, result in found.items():
        assert result.revision == 0
        assert result.traffic.events == len(expected[period])
        first, after = local(result.window.start_s), local(result.window.end_s)
        assert (first.hour, first.minute, after.hour, after.minute) == (0, 0, 0, 0)
        assert PERIODS[size](first) == period != PERIODS[size](after)


def of_amount(result: WindowResult, kind: ReferenceKind) -> FeatureResult:
    (found,) = [f for f in result.features if (f.feature, f.reference) == ("amount", kind)]
    return found


def rows_of_reference(result: WindowResult, kind: ReferenceKind) -> int:
    compared = of_amount(result, kind).comparison
    return 0 if compared is None else compared.n_reference


def test_previous_is_the_month_before_year_ago_the_same_month_and_sliding_twelve() -> None:
    sizes = {month: len(at) for month, at in grouped("1mo").items()}
    in_order = list(sizes)
    found = windows("1mo")
    assert len(found) == 36
    for i, result in enumerate(found):
        year, month = in_order[i]  # type: ignore[misc]
        before = [sizes[m] for m in in_order[max(0, i - 12) : i]]
        assert rows_of_reference(result, ReferenceKind.PREVIOUS) == (before[-1] if i else 0)
        assert rows_of_reference(result, ReferenceKind.SLIDING) == sum(before)
        a_year_ago = sizes.get((year - 1, month), 0)
        assert rows_of_reference(result, ReferenceKind.YEAR_AGO) == a_year_ago
        for kind in MOVING:
            is_there = rows_of_reference(result, kind) > 0
            assert of_amount(result, kind).state.is_judged == is_there
            assert is_there or of_amount(result, kind).state is VerdictState.NO_REFERENCE


def test_the_trend_is_over_the_last_twelve_months() -> None:
    amount = stream()["amount"]
    means = [fmean(amount[at]) for at in grouped("1mo").values()]
    for i, result in enumerate(windows("1mo")):
        recent = means[max(0, i - 11) : i + 1]
        trends = {t.feature: t for t in result.trends}
        if len(recent) < 8:
            assert not trends
            continue
        assert trends["amount"].windows == len(recent)
        expected = float(theil_sen_slope(np.array(recent)[:, None])[0])
        assert trends["amount"].slope == pytest.approx(expected, abs=2e-3)


def test_performance_of_a_month_is_final_when_its_last_labels_have_come() -> None:
    final: dict[Any, PerformanceResult] = {}
    for o in outputs():
        if isinstance(o, PerformanceResult) and o.size.name == "1mo":
            final[PERIODS["1mo"](local(o.window.start_s))] = o
    label = stream()["label"]
    for month, at_rows in grouped("1mo").items():
        found = final[month].performance
        assert (found.predictions, found.labels) == (len(at_rows), len(at_rows))
        assert found.metrics["accuracy"] == pytest.approx(np.mean(label[at_rows] == "late"))
        assert found.maturity == 1.0
    kinds = Counter(f.state for o in final.values() for f in o.features)
    assert kinds[VerdictState.OK] + kinds[VerdictState.DRIFT] >= 30


def test_records_say_the_month_and_its_zone() -> None:
    by_start = {r["window"]["start"]: r["window"] for r in map(_json, windows("1mo"))}
    assert by_start["2024-03-01T05:00:00Z"] == {
        "size": "1mo", "start": "2024-03-01T05:00:00Z", "end": "2024-04-01T04:00:00Z",
        "timezone": ZONE,
    }  # fmt: skip


def _json(result: WindowResult) -> dict[str, Any]:
    return to_json(result, "flights")


@pytest.mark.parametrize("is_short", [True, False], ids=["all sizes, a clock change", "3 years"])
def test_a_detector_that_restarts_and_gets_late_events_counts_the_same(is_short: bool) -> None:
    lengths = (HOUR_S, DAY_S, WEEK_S, MONTH_S) if is_short else (MONTH_S,)
    sizes = tuple(WindowSize(s, ZONE, recover_after=1) for s in lengths)
    spec = replace(SPEC, windows=sizes, references=(ReferenceKind.PREVIOUS,), outcomes=())
    raw, rng = stream(), np.random.default_rng(2)
    arrival = raw["time_s"] + rng.integers(0, 20 * HOUR_S, N)
    order = np.argsort(arrival, kind="stable")
    if is_short:
        order = order[(arrival[order] > at("2024-02-25")) & (arrival[order] < at("2024-04-05"))]
    log = _log(spec, order, 40)
    detector, published = Detector(spec), []
    for batch, until in enumerate([*range(30, len(log), 30), len(log)]):
        published += detector.read(log, until)
        if batch % 4 == 3:
            detector = detector.restarted()
    for size, period_of in PERIODS.items():
        if size in {s.name for s in sizes}:
            expected = Counter(period_of(local(t)) for t in raw["time_s"][order].tolist())
            assert _counted(published, size) == dict(expected)
    assert detector.model.late_dropped == 0
    assert not detector.model.panes


def _log(spec: ModelSpec, order: NDArray[np.int64], commits: int) -> list[bytes]:
    """A deltas partition that two profilers write, one after the other, events in the order of arrival."""
    raw = stream()
    profilers = [Profiler(p, FIRST_S, spec=spec) for p in (0, 1)]
    log: list[bytes] = []
    for i, part in enumerate(np.array_split(order, commits)):
        carriers = raw["carrier"][part].tolist()
        found = events(raw["time_s"][part], raw["amount"][part], carriers)
        written, marker = profilers[i % 2].commit(found)
        log += [*written, marker]
    return log + [p.commit(None, is_flushed=True)[1] for p in profilers]


def _counted(published: list[dict[str, Any]], size: str) -> dict[Hashable, int]:
    """The events in the last revision of each window."""
    last: dict[Hashable, int] = {}
    for record in published:
        if record["type"] == "window" and record["window"]["size"] == size:
            start_s = int(datetime.fromisoformat(record["window"]["start"]).timestamp())
            last[PERIODS[size](local(start_s))] = record["n"]
    return last
