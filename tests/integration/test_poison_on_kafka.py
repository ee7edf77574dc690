"""Poison among good records: dead letters with the right reason, neighbours unharmed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Consumer, KafkaError

from stream_monitor.core.published import rfc3339
from tests.integration.installation import Installation, counted
from tests.integration.small_model import MODEL, START_S
from tests.integration.topics import read_values
from tests.schemas import accepted

pytestmark = pytest.mark.kafka
GOOD = 3_000


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "prediction_id": f"good-{number}",
        "model": "m",
        "model_version": "1",
        "timestamp": rfc3339(START_S + number),
        "features": {"x": float(number % 17), "c": "ab"[number % 2]},
        "prediction": {"label": "yes", "score": 0.75},
        **changes,
    }


def label(number: int) -> bytes:
    when = rfc3339(START_S + number + 60)
    return json.dumps(
        {"prediction_id": f"good-{number}", "label": "yes", "timestamp": when}
    ).encode()


def poison() -> list[tuple[str, bytes | None]]:
    """(reason or `tombstone`, value)."""
    good = json.dumps(event(0)).encode()
    return [
        ("malformed", b"{"),
        ("malformed", b""),
        ("malformed", b"\xef\xbb\xbf" + good),
        ("malformed", json.dumps(event(1)).encode().replace(b"good-1", b"\\ud800")),
        ("not_utf8", good.replace(b"good-0", b"\xff\xfe")),
        ("too_large", b'{"prediction_id":"' + b"x" * 900_000 + b'"}'),
        ("too_deep", b'{"a":' * 5_000),
        ("wrong_type", b"[1, 2]"),
        ("wrong_type", b"17"),
        ("wrong_type", json.dumps(event(2, prediction_id={"a": 1})).encode()),
        ("wrong_type", json.dumps(event(3, timestamp="soon")).encode()),
        ("wrong_type", json.dumps(event(4, features=7)).encode()),
        ("missing_field", json.dumps({"model": "m", "features": {}}).encode()),
        ("missing_field", json.dumps({"prediction_id": "z", "model": "m"}).encode()),
        ("unknown_model", json.dumps(event(5, model="nobody")).encode()),
        ("future_timestamp", json.dumps(event(6, timestamp="2999-01-01T00:00:00Z")).encode()),
        ("tombstone", None),
    ]


FEATURE_ERRORS = {
    "missing": {"c": "a"},
    "null": {"x": None, "c": "a"},
    "wrong_type": {"x": "three", "c": "a"},
    "nested": {"x": [1], "c": {"a": 1}},
}


def test_poison_is_buried_and_neighbours_are_counted(
    real_kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    installation = Installation(
        tmp_path / "app", real_kafka, topic_prefix, {"m": MODEL},
        profiler={"membership": "dynamic", "max_record_bytes": "800KB"},
    )  # fmt: skip
    table = pa.table(
        {
            "timestamp": pa.array(
                [(START_S - 86_400 + i) * 10**6 for i in range(GOOD)], pa.timestamp("us", "UTC")
            ),
            "x": [float(i % 17) for i in range(GOOD)],
            "c": ["ab"[i % 2] for i in range(GOOD)],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "reference.parquet")
    installation.run("reference", "build", "m", str(tmp_path / "reference.parquet"))
    bad = poison()
    records: list[bytes | None] = []
    for number in range(GOOD):
        records.append(json.dumps(event(number)).encode())
        if number % 100 == 0 and number // 100 < len(bad):
            records.append(bad[number // 100][1])
    errors = [
        json.dumps(event(10, prediction_id=f"odd-{name}", features=features)).encode()
        for name, features in FEATURE_ERRORS.items()
    ]
    errors.append(
        json.dumps(event(11, prediction_id="nan")).encode().replace(b'"x": 11.0', b'"x": NaN')
    )
    errors.append(
        json.dumps(event(11, prediction_id="inf")).encode().replace(b'"x": 11.0', b'"x": 1e999')
    )
    duplicates = [json.dumps(event(n)).encode() for n in range(0, 300, 3)]
    sent = installation.send(
        installation.inference, [(str(i).encode(), v) for i, v in enumerate([*records, *errors, *duplicates])]
    )  # fmt: skip
    labels: list[bytes | None] = [label(n) for n in range(GOOD)]  # fmt: skip
    labels += [b"{", json.dumps({"prediction_id": "good-1"}).encode(), None]
    sent += installation.send(installation.labels, [(None, v) for v in labels])
    words = installation.drain([("profiler", "one"), ("detector", "one")])

    reasons = read_reasons(real_kafka, installation.dead_letters)
    wanted = Counter(reason for reason, _ in bad if reason != "tombstone")
    assert reasons == wanted + Counter(malformed=1, missing_field=1)
    assert counted(words[:1], "consumed") == sent == counted(words[:1], "records.")
    assert words[1]["chain_violations"] == 0
    assert "error" in installation.run("check", code=1), "labels have no keys"
    shown = [json.loads(line) for line in installation.run("results", "--json").splitlines()]
    judged = {"x", "c", "prediction.label", "prediction.score", "traffic.volume"}
    assert {row["feature"] for row in shown} == judged
    references = json.loads(installation.run("reference", "show", "--json"))
    assert references["model"] == "m"
    assert references["events"] == GOOD
    replayed = installation.run("replay", "--model", "m", "--json", "--reference-rows", "1000")
    assert {json.loads(line)["feature"] for line in replayed.splitlines()} >= {"x", "c"}
    published = [json.loads(value) for value in read_values(real_kafka, installation.results)]
    events = [json.loads(value) for value in read_values(real_kafka, installation.events)]
    accepted([*published, *events])
    windows = {
        r["window"]["start"]: r
        for r in sorted(published, key=lambda r: r["revision"])
        if r["type"] == "window"
    }
    total = sum(r["n"] for r in windows.values())
    assert total + counted(words[:1], f"records.{installation.inference}.duplicate") == (
        GOOD + len(errors) + len(duplicates)
    )
    first = windows[rfc3339(START_S)]
    x = next(f for f in first["features"] if f["feature"] == "x" and f["reference"] == "validation")
    shares = {a["aspect"]: a["statistic"] * first["n"] for a in x["aspects"]}
    assert round(shares["missing"]) == 2
    assert round(shares["wrong_type"]) == 2
    assert round(shares["non_finite"]) == 2


def read_reasons(bootstrap: str, topic: str) -> Counter[str]:
    """The `reason` header of every dead letter."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap, "group.id": f"{topic}.reader",
            "auto.offset.reset": "earliest", "enable.partition.eof": True,
            "isolation.level": "read_committed", "enable.auto.commit": False,
        }
    )  # fmt: skip
    consumer.subscribe([topic])
    found: Counter[str] = Counter()
    ended: set[int] = set()
    while len(ended) < 3:
        for message in consumer.consume(1_000, 1.0):
            error = message.error()
            if error is None:
                found[dict(message.headers())["reason"].decode()] += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    consumer.close()
    return found
