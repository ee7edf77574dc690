"""An offline replay equals a recomputation by hand, and a detector fed in any batches."""

from collections import defaultdict
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.published import to_json
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import build_reference
from stream_monitor.core.replaying import replay_rows
from stream_monitor.core.results import PerformanceResult, WindowResult
from stream_monitor.core.tables import TableRows
from tests.unit.core.builders import HOUR_S, MICRO, events, texts
from tests.unit.core.streams import CARRIERS, ORIGINS, SPEC, T0, Detector, catalogue, random_log

LAYOUT = catalogue().layout_for(SPEC, "1")
N = 1_500


def table(seed: int = 4) -> tuple[TableRows, dict[str, NDArray[Any]]]:
    rng = np.random.default_rng(seed)
    raw = {
        "time_s": np.sort(rng.integers(T0, T0 + 5 * HOUR_S, N)),
        "amount": np.where(rng.random(N) < 0.05, np.nan, rng.normal(0, 2, N)),
        "carrier": rng.choice([*CARRIERS, "new"], N),
        "origin": rng.choice(ORIGINS, N),
        "version": rng.choice(["1", "2"], N),
        "label": rng.choice(["late", "on_time"], N),
        "delay_s": rng.integers(-60, 4 * HOUR_S, N),
    }
    found = events(
        raw["time_s"], raw["amount"], raw["carrier"].tolist(), raw["version"].tolist(),
        raw["origin"].tolist(), label="late",
    )  # fmt: skip
    label_us = (raw["time_s"] + raw["delay_s"]) * MICRO
    return TableRows(found, texts(raw["label"].tolist()), label_us), raw


def test_every_window_is_what_numpy_counts() -> None:
    rows, raw = table()
    found = [o for o in replay_rows(rows, SPEC, catalogue()) if isinstance(o, WindowResult)]
    edges = LAYOUT.bins.numeric[0].edges
    seen = 0
    for result in found:
        inside = (raw["time_s"] >= result.window.start_s) & (raw["time_s"] < result.window.end_s)
        inside &= raw["version"] == result.key.version
        if result.key.segment != "all":
            inside &= raw["origin"] == result.key.segment.removeprefix("origin=")
        assert result.traffic.events == inside.sum()
        assert result.revision == 0
        amount = raw["amount"][inside]
        carriers = raw["carrier"][inside]
        by_feature = {(f.feature, f.reference): f.comparison for f in result.features}
        numeric = by_feature["amount", ReferenceKind.VALIDATION]
        category = by_feature["carrier", ReferenceKind.VALIDATION]
        assert numeric is not None
        assert category is not None
        assert numeric.n_window == np.isfinite(amount).sum()
        assert numeric.summary["missing_share"] == np.isnan(amount).mean()
        place = np.searchsorted(edges, amount[np.isfinite(amount)], side="right")
        assert len(place) == numeric.n_window
        unseen = category.summary["unseen_share"]
        assert unseen == (carriers == "new").mean()
        seen += int(inside.sum())
    assert seen == 2 * 2 * N
    assert {r.size.name for r in found} == {"1h", "2h"}


def test_performance_is_final_and_counts_the_labels_within_the_horizon() -> None:
    rows, raw = table()
    final: dict[Any, PerformanceResult] = {}
    for output in replay_rows(rows, SPEC, catalogue()):
        if isinstance(output, PerformanceResult):
            final[output.key] = output
    known = raw["delay_s"] <= SPEC.outcomes[0].horizon_s
    for key, output in final.items():
        inside = (raw["time_s"] >= output.window.start_s) & (raw["time_s"] < output.window.end_s)
        inside &= raw["version"] == key.version
        if key.segment != "all":
            inside &= raw["origin"] == key.segment.removeprefix("origin=")
        late = raw["label"][inside & known] == "late"
        assert output.performance.maturity == 1.0
        assert output.performance.labels == len(late)
        assert output.performance.metrics["accuracy"] == late.mean()


def standing(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What a reader holds who keeps the highest revision: windows whole, of drift events the course.

    Places in the source are left out: the rows of a table have none.

    A revision that leaves an incident's course alone publishes no event, so an event's figures may be
    those of an earlier revision of its window.
    """
    held: dict[str, Any] = {}
    for record in records:
        if record["type"] == "drift":
            course = {k: record[k] for k in ("status", "incident", "window", "feature")}
            held[record["id"]] = course
        elif record["type"] == "window":
            where = [record[k] for k in ("version", "segment", "profile_id", "window")]
            held[orjson.dumps(where).decode()] = record | {"revision": None, "source": None}
    return {k: v for k, v in held.items() if v.get("status") != "retracted"}


def replayed(found: InferenceColumns) -> list[dict[str, Any]]:
    nothing = pa.nulls(found.n, pa.string())
    rows = TableRows(found, nothing, found.timestamp_us)
    outputs = replay_rows(rows, SPEC, catalogue(), "app")
    return [orjson.loads(orjson.dumps(to_json(output, SPEC.name))) for output in outputs]


def joined(parts: list[InferenceColumns]) -> InferenceColumns:
    """All events in order of time."""
    columns: dict[str, list[Any]] = defaultdict(list)
    for part in parts:
        columns["time_s"] += (part.timestamp_us // MICRO).tolist()
        columns["amount"] += part.numeric[0].tolist()
        columns["carrier"] += part.categorical[0].to_pylist()
        columns["version"] += part.version.to_pylist()
        columns["segment"] += part.segments[0].to_pylist()
    order = np.argsort(columns["time_s"], kind="stable")
    ordered = {k: [v[i] for i in order] for k, v in columns.items()}
    return events(ordered.pop("time_s"), **ordered, label="late")


def digests(records: list[dict[str, Any]]) -> dict[str, str]:
    return {k: v["digest"] for k, v in standing(records).items() if "digest" in v}


def stops(rng: np.random.Generator, n: int) -> list[int]:
    return sorted({*(rng.choice(n, int(rng.integers(0, 40))) + 1).tolist(), n})


@given(st.integers(0, 2**32), st.sampled_from([0, 1_800]))
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
def test_a_detector_fed_in_any_batches_ends_where_a_replay_does(seed: int, late_s: int) -> None:
    rng = np.random.default_rng(seed)
    log, counted, _ = random_log(rng, late_s, has_versions=False, has_labels=False)
    detector = Detector()
    for until in stops(rng, len(log)):
        detector.read(log, until)
    assert detector.model.late_dropped == 0
    whole = standing(replayed(joined(counted)))
    assert standing(detector.published) == whole


@given(st.integers(0, 2**32))
@settings(max_examples=2, deadline=None, phases=[Phase.generate])
def test_windows_of_several_versions_are_the_same_in_any_batches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    log, counted, _ = random_log(rng, 1_800, has_versions=True, has_labels=False)
    detector = Detector()
    for until in stops(rng, len(log)):
        detector.read(log, until)
    assert digests(detector.published) == digests(replayed(joined(counted)))


@pytest.mark.parametrize("outcome", ["label", None])
def test_an_empty_table_publishes_nothing(outcome: str | None) -> None:
    none = events([], segment=[])
    rows = TableRows(none, texts([]), none.timestamp_us)
    assert list(replay_rows(rows, SPEC, catalogue(), outcome=outcome)) == []


def test_progress_tells_how_many_events_have_passed() -> None:
    rows, _ = table()
    told: list[int] = []
    list(replay_rows(rows, SPEC, catalogue(), progress=told.append))
    assert told == sorted(told)
    assert told[-1] == N


def test_versions_with_references_of_their_own_are_counted_apart() -> None:
    rows, raw = table()
    held = ReferenceCatalogue()
    held.add(catalogue().of_model("flights")[0])
    held.add(build_reference(SPEC, [rows.events], "2"))
    found = [o for o in replay_rows(rows, SPEC, held) if isinstance(o, WindowResult)]
    ids = {r.key.version: r.key.profile_id for r in found}
    assert ids["1"] != ids["2"]
    for version in "12":
        whole = [r for r in found if r.key.version == version and r.key.segment == "all"]
        hourly = sum(r.traffic.events for r in whole if r.size.name == "1h")
        assert hourly == (raw["version"] == version).sum()


def test_drift_in_the_stream_is_found() -> None:
    log, _, _ = random_log(np.random.default_rng(0), 0, has_versions=False)
    detector = Detector()
    detector.read(log, len(log))
    opened = [r for r in detector.published if r.get("status") == "opened"]
    assert {r["feature"] for r in opened} >= {"amount"}
