"""A model file that comes while both services run: judged without a restart, nothing lost or doubled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.alerts.chain import until
from tests.brokers.kafka_process import free_ports
from tests.integration.installation import WAIT_S, Installation
from tests.integration.topics import read_values

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
HOUR_S = 3_600
START_S = 1_767_225_600
MODEL: dict[str, Any] = {
    "pane": "1h",
    "windows": [{"size": "1h"}],
    "features": {"amount": "numeric"},
}
EVENTS = 200
"""Per model and hour."""


def events(model: str, hour: int, extra: bool = False) -> list[tuple[bytes, bytes]]:
    found = []
    for i in range(EVENTS):
        name = f"{model}-{hour}-{i}"
        event = {
            "prediction_id": name, "model": model, "timestamp": START_S + hour * HOUR_S + 18 * i,
            "features": {"amount": i % 17} | ({"age": i % 5} if extra else {}),
        }  # fmt: skip
        found.append((name.encode(), json.dumps(event).encode()))
    return found


def test_a_new_model_a_changed_one_and_a_broken_file(
    real_kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    installation = Installation(tmp_path / "app", real_kafka, topic_prefix, {"loans": MODEL})
    models = installation.folder / "models"
    ports = free_ports(2)
    services = [
        installation.start(role, "one", port=port)
        for role, port in zip(("profiler", "detector"), ports, strict=True)
    ]

    def send(hour: int, names: tuple[str, ...], extra: bool = False) -> None:
        records = [r for name in names for r in events(name, hour, extra)]
        installation.send(installation.inference, records)

    def windows() -> dict[tuple[str, int], dict[str, Any]]:
        """By model and hour, the newest revision of every window."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for record in map(json.loads, read_values(real_kafka, installation.results)):
            if record["type"] == "window":
                start = record["window"]["start"]
                hour = int(start[11:13])
                seen = found.get((record["model"], hour), {"revision": -1})
                if record["revision"] >= seen["revision"]:
                    found[record["model"], hour] = record
        return found

    def shown(metric: str) -> list[float]:
        """The metric's value on both pages; empty where one does not show it."""
        values = [
            float(line.split()[-1])
            for port in ports
            for line in page(port).splitlines()
            if line.startswith(f"stream_monitor_{metric}{{")
        ]
        return values if len(values) == len(ports) else []

    def is_newer(loaded: list[float]) -> bool:
        """Whether both services began anew since."""
        now = shown("models_loaded_timestamp_seconds")
        return bool(now) and all(new > old for new, old in zip(now, loaded, strict=True))

    until(lambda: shown("models_loaded_timestamp_seconds"), "both services to run")
    send(0, ("loans",))
    send(1, ("loans",))
    until(lambda: ("loans", 0) in windows(), "the first window")

    loaded = shown("models_loaded_timestamp_seconds")
    (models / "broken.yaml").write_text("features: {amount: numerical}\n")
    (models / "fraud.yaml").write_text(yaml.safe_dump(MODEL))
    until(lambda: shown("models_refused") == [1.0, 1.0], "the broken file to be refused")
    until(lambda: is_newer(loaded), "both services to take the new model")
    (models / "broken.yaml").unlink()
    for hour in (2, 3):
        send(hour, ("loans", "fraud"))
    until(lambda: ("fraud", 2) in windows() and ("loans", 2) in windows(), "the new model's window")
    until(lambda: shown("models_refused") == [0.0, 0.0], "nothing to be refused any more")
    assert all(service.poll() is None for service in services)

    loaded = shown("models_loaded_timestamp_seconds")
    wider = MODEL | {"features": {"amount": "numeric", "age": "numeric"}}
    (models / "loans.yaml").write_text(yaml.safe_dump(wider))
    until(lambda: is_newer(loaded), "both services to take the changed model")
    for hour in (4, 5):
        send(hour, ("loans", "fraud"), extra=True)
    until(
        lambda: ("loans", 4) in windows() and ("fraud", 4) in windows(),
        "the changed model's window",
    )
    for service in services:
        service.terminate()
    assert [service.wait(WAIT_S) for service in services] == [0, 0]

    found = windows()
    assert {f["feature"] for f in found["loans", 4]["features"]} >= {"amount", "age"}
    assert {f["feature"] for f in found["loans", 1]["features"]} >= {"amount"}
    counted = {place: record["n"] for place, record in found.items()}
    assert counted == dict.fromkeys(counted, EVENTS)
    assert set(counted) == {("loans", h) for h in range(5)} | {("fraud", h) for h in range(2, 5)}
    assert read_values(real_kafka, installation.dead_letters) == []
    assert all(record["exact"] for record in found.values())


def page(port: int) -> str:
    """What a service shows; empty while it does not listen yet."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
