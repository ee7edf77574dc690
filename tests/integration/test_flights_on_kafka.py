"""Three models of flights through two profilers and two detectors equal one offline pass."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stream_monitor.demo import flights, model
from stream_monitor.demo.events import ticks
from stream_monitor.services.history import parse_time
from tests.integration.installation import Installation, counted
from tests.integration.topics import read_values
from tests.schemas import accepted

pytestmark = pytest.mark.kafka
ORIGINS = ("EWR", "JFK", "LGA")
REFERENCE_UNTIL = "2013-02-05"
KINDS = dict.fromkeys(flights.NUMERIC_FEATURES, "numeric") | dict.fromkeys(
    flights.CATEGORICAL_FEATURES, "categorical"
)


def flights_model(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "pane": "1h",
        "windows": [{"size": "1d", "timezone": flights.TIME_ZONE}],
        "features": dict(KINDS),
        "prediction": "class",
        "segments": ["origin"],
        "outcomes": {
            "label": {
                "kind": "class", "classes": ["on_time", "late"], "positive": "late", "horizon": "2d",
            }
        },
        "columns": {
            "id": "prediction_id", "timestamp": "timestamp", "label": "label",
            "label_time": "label_time", "prediction": {"label": "predicted_label", "score": "score"},
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def quarter() -> Any:
    """January to March with predictions of a river model."""
    table = flights.load()
    table = model.with_predictions(table, model.learn(model.january(table)))
    end = parse_time("2013-04-01", flights.TIME_ZONE)
    return table.filter(pc.less(table["timestamp"].cast("int64"), end))


def test_every_window_equals_the_offline_pass(
    real_kafka: str, topic_prefix: str, tmp_path: Path, quarter: Any
) -> None:
    names = [f"flights-{origin}" for origin in ORIGINS]
    installation = Installation(
        tmp_path / "app", real_kafka, topic_prefix, {n: flights_model(n) for n in names}
    )
    expected: dict[tuple[str, ...], str] = {}
    inference: list[tuple[bytes, bytes, int]] = []
    labels: list[tuple[bytes, bytes, int]] = []
    for origin, name in zip(ORIGINS, names, strict=True):
        own = quarter.filter(pc.equal(quarter["origin"].cast("string"), origin))
        file = tmp_path / f"{name}.parquet"
        pq.write_table(own, file)
        period = ("--since", "2013-01-01", "--until", REFERENCE_UNTIL)
        installation.run("reference", "build", name, str(file), *period)
        replayed = installation.run(
            "replay", str(file), "--model", name, "--json",
            "--reference-since", "2013-01-01", "--reference-until", REFERENCE_UNTIL,
        )  # fmt: skip
        for line in map(json.loads, replayed.splitlines()):
            expected[name, line["segment"], line["start"]] = line["digest"]
        for day in ticks(own, timedelta(days=1), model=name):
            inference += day.inference
            labels += day.labels
    sent = sum(
        installation.send(topic, [(k, v) for k, v, _ in sorted(records, key=lambda r: r[2])])
        for topic, records in ((installation.inference, inference), (installation.labels, labels))
    )
    roles = [(role, n) for role in ("profiler", "detector") for n in ("one", "two")]
    words = installation.drain(roles)

    published = [json.loads(value) for value in read_values(real_kafka, installation.results)]
    windows = [record for record in published if record["type"] == "window"]
    newest: dict[tuple[str, ...], dict[str, Any]] = {}
    for record in sorted(windows, key=lambda r: r["revision"]):
        newest[record["model"], record["segment"], record["window"]["start"]] = record
    assert {key: record["digest"] for key, record in newest.items()} == expected
    assert len(expected) == 3 * 2 * 90

    revisions = Counter(
        (r["model"], r["segment"], r["window"]["start"], r["type"], r.get("outcome"), r["revision"])
        for r in published
    )
    assert max(revisions.values()) == 1
    events = [json.loads(value) for value in read_values(real_kafka, installation.events)]
    assert events
    assert max(Counter((e["id"], e["revision"]) for e in events).values()) == 1
    assert not [e for e in events if e["type"] == "integrity"]
    assert accepted([*published, *events])["drift", "opened", "numeric"]
    profilers, detectors = words[:2], words[2:]
    assert sum(w["chain_violations"] for w in detectors) == 0
    assert all(counted([w], "published") for w in detectors), "both detectors publish"
    assert counted(profilers, "consumed") == sent == counted(profilers, "records")
    final = {
        (r["model"], r["segment"], r["window"]["start"]): r
        for r in sorted(published, key=lambda r: r["revision"])
        if r["type"] == "performance"
    }
    assert len(final) == len(expected)
    assert all(r["maturity"] == 1.0 for r in final.values())
    offline = quarter.filter(quarter["label"].is_valid())
    right = pc.equal(offline["label"].cast("string"), offline["predicted_label"].cast("string"))
    total = [r for (_, segment, _), r in final.items() if segment == "all"]
    assert sum(r["labels"] for r in total) == offline.num_rows
    assert round(sum(r["metrics"]["accuracy"] * r["labels"] for r in total if r["labels"])) == (
        pc.sum(right).as_py()
    )
