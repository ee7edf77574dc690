"""Flights in a blizzard as events of a model, two more models, and what runs while they are sent."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from stream_monitor.demo import flights
from tests.alerts.chain import Chain
from tests.dashboards.asking import BOARDS, Asking
from tests.integration.installation import Installation, Record

ZONE = ZoneInfo(flights.TIME_ZONE)
MODEL: dict[str, Any] = {
    "owner": "flights-team",
    "tier": "1",
    "pane": "1h",
    "windows": [{"size": "1d", "timezone": flights.TIME_ZONE, "recover_after": 6}],
    "features": {"dep_delay": "numeric", "distance": "numeric", "carrier": "categorical"},
    "references": {"validation": True, "sliding": False},
    "columns": {"timestamp": "timestamp"},
    "service": {"selector": 'job="flights-api"'},
}
OTHERS: dict[str, dict[str, Any]] = {
    # A number and a class, so that every panel of the dashboards has something to show; nobody is told.
    "delays": {
        "owner": "others", "tier": "2", "pane": "1h", "windows": MODEL["windows"],
        "features": {"rising": {"kind": "numeric", "mute": True}}, "prediction": "number",
        "segments": ["side"], "references": MODEL["references"],
        "outcomes": {"minutes": {"kind": "number", "horizon": "1d", "performance": {"mute": True}}},
        "columns": {"timestamp": "timestamp", "segments": {"side": "side"},
                    "prediction": {"value": "value"}},
    },
    "answers": {
        "owner": "others", "tier": "2", "pane": "1h", "windows": MODEL["windows"],
        "features": {"kind": {"kind": "categorical", "mute": True}}, "prediction": "class",
        "references": {"validation": False, "sliding": True},
        "outcomes": {"late": {"classes": ["no", "yes"], "positive": "yes", "horizon": "1d",
                              "performance": {"mute": True}}},
    },
}  # fmt: skip

Change = Callable[[dict[str, Any]], None]


def february() -> pa.Table:
    """January and February, with the features of MODEL."""
    table = flights.load()
    end = pa.scalar("2013-03-01T05:00:00Z").cast(pa.timestamp("us", tz="UTC"))
    return table.filter(pc.less(table["timestamp"], end))


def days(table: pa.Table) -> dict[date, list[dict[str, Any]]]:
    """The events of every day of New York."""
    found: dict[date, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        features = {name: row[name] for name in MODEL["features"]}
        event = {
            "prediction_id": row["prediction_id"], "model": "flights", "model_version": "1",
            "timestamp": row["timestamp"].isoformat(), "features": features,
        }  # fmt: skip
        found.setdefault(row["timestamp"].astimezone(ZONE).date(), []).append(event)
    return found


def delays(days: list[date]) -> pa.Table:
    """The predictions of `delays`, as a table."""
    events = [json.loads(value or b"") for day in days for _, value in others(day)[0][::2]]
    return pa.table({
        "timestamp": pa.array([datetime.fromisoformat(e["timestamp"]) for e in events]),
        "rising": [e["features"]["rising"] for e in events],
        "value": [e["prediction"]["value"] for e in events],
        "side": [e["tags"]["side"] for e in events],
    })  # fmt: skip


def others(day: date) -> tuple[list[Record], list[Record]]:
    """A day of the two other models: predictions and labels."""
    midnight = datetime.combine(day, datetime.min.time(), ZONE)
    inference: list[Record] = []
    labels: list[Record] = []
    for i in range(96):
        at = midnight + timedelta(minutes=15 * i)
        rising = day.toordinal() % 1_000 + i % 7
        value, score = 10.0 + i % 5, (i * 37 % 96) / 96
        answers = {"label": "yes" if score > 0.5 else "no", "score": score}
        for model, features, prediction, outcome, label in (
            ("delays", {"rising": rising}, {"value": value}, "minutes", value + i % 3),
            ("answers", {"kind": "ab"[i % 2]}, answers, "late", "yes" if i % 3 else "no"),
        ):
            name = f"{model}-{day}-{i}"
            event = {
                "prediction_id": name, "model": model, "model_version": "1",
                "timestamp": at.isoformat(), "features": features, "prediction": prediction,
                "tags": {"side": "lr"[i % 2]}, "latency_ms": 20 + i % 9, "status": 200,
            }  # fmt: skip
            known = {"prediction_id": name, "timestamp": at.isoformat(), "label": label,
                     "outcome": outcome}  # fmt: skip
            inference.append((name.encode(), json.dumps(event).encode()))
            labels.append((name.encode(), json.dumps(known).encode()))
    return inference, labels


@dataclass
class Story:
    """What runs, and the day that was sent last."""

    installation: Installation
    running: Chain
    events: dict[date, list[dict[str, Any]]]
    ports: tuple[int, ...]
    services: list[subprocess.Popen[str]] = field(default_factory=list)
    sent: date = date(2013, 2, 4)

    def start(self, role: str) -> None:
        port = self.ports[("profiler", "detector").index(role)]
        self.services.append(self.installation.start(role, role, port=port))

    def start_live(self, prefix: str) -> None:
        """A profiler of events of this moment: those of the past have no lag in seconds."""
        files, bootstrap = self.installation.folder.with_name("live"), self.installation.bootstrap
        live = Installation(files, bootstrap, f"{prefix}live-", {"flights": MODEL}, time="live")
        self.services.append(live.start("profiler", "live", port=self.ports[2]))

    def send_until(self, last: date, change: Change = lambda _: None) -> None:
        """Sends the days up to `last`, changed; the windows of the days before it can close then."""
        records: list[Record] = []
        labels: list[Record] = []
        while self.sent < last:
            self.sent += timedelta(days=1)
            own, known = others(self.sent)
            records, labels = [*records, *own], [*labels, *known]
            for event in self.events[self.sent]:
                changed = {**event, "features": dict(event["features"])}
                change(changed["features"])
                records.append((event["prediction_id"].encode(), json.dumps(changed).encode()))
        self.installation.send(self.installation.inference, records)
        self.installation.send(self.installation.labels, labels)

    def closed(self, day: date) -> bool:
        """Whether the window of a day is judged."""
        end = self.running.query("min(stream_monitor_window_end_timestamp_seconds)")
        midnight = (day + timedelta(days=1)).isoformat() + "T05:00:00Z"
        second = pa.scalar(midnight).cast(pa.timestamp("s", tz="UTC")).value
        return bool(end) and float(end[0]["value"][1]) >= second

    def unanswered(self) -> set[tuple[str, str, str]]:
        """Queries of the dashboards (dashboard, panel, query) that have no answer now."""
        asking = Asking(f"{self.running.prometheus}/api/v1", time.time(), 120, "1m")
        return {
            (name, *place) for name, board in BOARDS.items() for place in asking.unanswered(board)
        }

    def features(self, alert: str) -> set[str]:
        """Features for which the alert fires."""
        return {labels["feature"] for labels in self.running.firing(alert)}

    def told(self, word: str) -> list[str]:
        """Texts of the team's Slack messages that hold a word."""
        texts = [
            message["attachments"][0]["text"]
            for message in self.running.inbox.slack
            if message["channel"] == "#flights-alerts"
        ]
        return [text for text in texts if word in text]

    def muted(self, feature: str) -> list[dict[str, Any]]:
        """The statuses of the alerts on a feature, where every one of them is muted."""
        found = [a for a in self.running.alerts() if a["labels"].get("feature") == feature]
        states = [alert["status"] for alert in found]
        return states if all(s["state"] == "suppressed" for s in states) else []
