"""Events and labels for the fault run, made from a seed: late, duplicated, corrected, retracted, poisoned."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

START_S = 1_735_689_600  # 2025-01-01
REFERENCE_S = 2 * 86_400
JITTER_S = 1_200
VERSION_TWO_FROM = 0.7
CLASSES = ("no", "yes")
FEATURES: dict[str, dict[str, str]] = {
    "fault-a": {"x": "numeric", "y": "numeric", "c": "categorical"},
    "fault-b": {"x": "numeric", "y": "numeric", "c": "categorical"},
    "fault-c": {"u": "numeric", "c": "categorical"},
    "fault-d": {"y": "numeric", "c": "categorical", "d": "categorical"},
}
OUTCOMES: dict[str, dict[str, dict[str, Any]]] = {
    name: {
        "label": {"classes": list(CLASSES), "positive": "yes", "horizon": "2h"},
        **({"amount": {"kind": "number", "horizon": "6h"}} if name in ("fault-a", "fault-b")
           else {"kept": {"classes": ["gone", "kept"], "positive": "kept", "horizon": "5h"}}),
    }
    for name in FEATURES
}  # fmt: skip
HORIZON_S = {"label": 7_200, "amount": 21_600, "kept": 18_000}
POISON = (
    b"{", b"\xff\xfe", b"[1, 2]", b'{"a":', b"17", b'{"prediction_id": {"a": 1}}', b'{"model": 3}',
)  # fmt: skip


def model_file(name: str) -> dict[str, Any]:
    """A model file: windows of an hour and a day, segments, two outcomes of different horizons."""
    return {
        "name": name,
        "pane": "15m",
        "windows": [{"size": "1h"}, {"size": "1d"}],
        "features": FEATURES[name],
        "prediction": "class",
        "segments": ["region"],
        "outcomes": OUTCOMES[name],
        "allowed_lateness": "1m",
        "correction_horizon": "4h",
    }


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says; `label` None retracts."""

    prediction_id: str
    outcome: str
    label: str | None
    time_us: int


@dataclass
class FaultTraffic:
    """`records` in the order they are written: (is a label, key, value). Times are event times.

    `labels` are those of `records`, in the same order; `times_us` has the time of each prediction.
    Poison is in neither. Duplicates of a prediction carry other features, so that a wrong first shows.
    """

    events: int
    span_s: int
    seed: int = 1
    records: list[tuple[bool, bytes, bytes]] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    times_us: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    poison: int = 0

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        placed: list[tuple[float, bool, bytes, bytes, Label | None]] = []
        placed += self._predictions(np.random.default_rng(self.seed), chance)
        placed += self._labels(chance)
        placed += self._poison(chance)
        placed.sort(key=lambda row: row[0])
        self.records = [row[1:4] for row in placed]
        self.labels = [row[4] for row in placed if row[4] is not None]

    def end_at(self, records: int) -> None:
        """Leaves only so many records, as if the others had never been."""
        self.records = self.records[:records]
        poison = [is_label for is_label, key, _ in self.records if key.startswith(b"poison")]
        self.labels = self.labels[: sum(row[0] for row in self.records) - sum(poison)]
        self.poison = len(poison)

    def _predictions(self, rng: np.random.Generator, chance: random.Random) -> list[Any]:
        n = self.events
        times = START_S + np.sort(rng.random(n)) * self.span_s
        is_late = rng.random(n) < 0.04
        place = times + np.where(is_late, rng.random(n) * JITTER_S, 0.0)
        rows = []
        for i, body in enumerate(bodies(rng, times, self.span_s)):
            key = f"p-{i:09d}"
            body["prediction_id"] = key
            self.times_us[key] = int(times[i] * 1e3) * 1_000
            rows.append((float(place[i]), False, key.encode(), orjson.dumps(body), None))
            if chance.random() < 0.03:
                self.duplicates += 1
                body["features"] = dict.fromkeys(body["features"], None)
                again = float(place[i] + chance.random() * 300)
                rows.append((again, False, key.encode(), orjson.dumps(body), None))
        return rows

    def _labels(self, chance: random.Random) -> list[Any]:
        rows = []
        names = list(FEATURES)
        for i, (key, time_us) in enumerate(self.times_us.items()):
            for outcome in OUTCOMES[names[i % len(names)]]:
                if chance.random() < 0.15:
                    continue
                rows += self._labels_of(chance, key, time_us, outcome)
        return rows

    def _labels_of(self, chance: random.Random, key: str, time_us: int, outcome: str) -> list[Any]:
        horizon_s = HORIZON_S[outcome]
        kind = chance.random()
        if kind < 0.10:
            delay_s = -chance.random() * 900  # before its prediction
        elif kind < 0.12:
            delay_s = horizon_s * (1.0 + 0.1 * chance.random()) + 1  # too late to count
        else:
            delay_s = chance.random() * horizon_s * 0.8
        told = [(delay_s, self._value(chance, outcome))]
        later = delay_s + chance.random() * horizon_s * 0.15
        more = chance.random()
        if more < 0.03:
            told.append((later, told[0][1]))
        elif more < 0.08:
            told.append((later, self._value(chance, outcome)))
        elif more < 0.09:
            told.append((later, None))
        rows = []
        for delay, value in told:
            at_us = time_us + int(delay * 1e3) * 1_000
            body = {"prediction_id": key, "outcome": outcome, "label": value, "timestamp": at_us}
            what = Label(key, outcome, value, at_us)
            rows.append((at_us / 1e6, True, key.encode(), orjson.dumps(body), what))
        return rows

    def _value(self, chance: random.Random, outcome: str) -> str:
        if outcome == "amount":
            return f"{chance.gauss(10, 4):.3f}"
        return chance.choice(("no", "yes") if outcome == "label" else ("gone", "kept"))

    def _poison(self, chance: random.Random) -> list[Any]:
        self.poison = max(len(POISON), self.events // 250)
        return [
            (START_S + chance.random() * self.span_s, i % 3 == 0, f"poison-{i}".encode(),
             POISON[i % len(POISON)], None)
            for i in range(self.poison)
        ]  # fmt: skip


def bodies(rng: np.random.Generator, times: Any, span_s: float) -> Any:
    """Inference records without an id, of the models in turn; x drifts in the second half."""
    n = len(times)
    drift = np.where(times > START_S + span_s / 2, 4.0, 0.0)
    x = (rng.normal(10, 2, n) + drift).round(3).tolist()
    y = rng.lognormal(1, 0.5, n).round(3).tolist()
    c, d = (rng.integers(0, k, n).tolist() for k in (6, 15))
    score = rng.random(n).round(4).tolist()
    value = rng.normal(10, 4, n).round(3).tolist()
    region = rng.choice(["eu", "us"], n).tolist()
    is_two = (times > START_S + span_s * VERSION_TWO_FROM) & (rng.random(n) < 0.5)
    stamps = (times * 1e3).astype(np.int64).tolist()
    names = list(FEATURES)
    for i in range(n):
        name = names[i % len(names)]
        known = {"x": x[i], "u": x[i], "y": y[i], "c": f"c{c[i]}", "d": f"d{d[i]}"}
        yield {
            "model": name,
            "model_version": "2" if name == "fault-a" and is_two[i] else "1",
            "timestamp": stamps[i] * 1_000,
            "features": {feature: known[feature] for feature in FEATURES[name]},
            "prediction": {
                "label": "yes" if score[i] > 0.5 else "no", "score": score[i], "value": value[i],
            },
            "tags": {"region": region[i]},
            "latency_ms": 3.0 + c[i],
            "status": 200,
        }  # fmt: skip


def reference_events(events: int, seed: int = 99) -> dict[str, list[tuple[bytes, bytes]]]:
    """By model: records of the two days before the traffic starts."""
    rng = np.random.default_rng(seed)
    times = START_S - REFERENCE_S + np.sort(rng.random(events)) * REFERENCE_S
    found: dict[str, list[tuple[bytes, bytes]]] = {name: [] for name in FEATURES}
    for i, body in enumerate(bodies(rng, times, REFERENCE_S)):
        key = f"r-{i:09d}"
        found[body["model"]].append((key.encode(), orjson.dumps(body | {"prediction_id": key})))
    return found
