"""Events and labels as producers send them: random, with duplicates, corrections, late ones and poison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.random import Generator

from tests.unit.services.watched import CARRIERS, CLASSES, ORIGINS, T0

POISON = (b"", b"{", b"[1]", b"7", b"\xff\xfe", b'{"model": "nobody", "prediction_id": "x"}')


class SourceRecord(NamedTuple):
    """A record on its way to a source topic, and the time at which it is sent, in seconds."""

    topic: str
    key: bytes | None
    value: bytes | None
    sent_s: float


def text_time(time_s: float) -> str:
    """RFC 3339."""
    return datetime.fromtimestamp(time_s, UTC).isoformat()


def event(
    name: str, model: str, time_s: float, sent_s: float | None = None, version: str = "1",
    amount: float = 1.0, carrier: str = "UA", origin: str = "JFK", label: str = "late",
) -> SourceRecord:  # fmt: skip
    """A prediction of one of the watched models."""
    numeric = {"flights": "distance", "fares": "price"}.get(model, "distance")
    unknown = {f"extra {sum(name.encode()) % 5}": 1} if sum(name.encode()) % 3 else {}
    value: dict[str, Any] = {
        "prediction_id": name, "model": model, "model_version": version,
        "timestamp": text_time(time_s), "features": {numeric: amount, "carrier": carrier, **unknown},
        "prediction": {"label": label, "score": 0.75}, "tags": {"origin": origin},
        "latency_ms": 12.0, "status": 200,
    }  # fmt: skip
    sent_s = time_s if sent_s is None else sent_s
    return SourceRecord("inference", name.encode(), orjson.dumps(value), sent_s)


def label(
    name: str, time_s: float, value: str | None = "late", sent_s: float | None = None,
    outcome: str | None = None,
) -> SourceRecord:  # fmt: skip
    """A label of the default outcome or of another; None takes it back."""
    body = {"prediction_id": name, "label": value, "timestamp": text_time(time_s)}
    body |= {} if outcome is None else {"outcome": outcome}
    sent_s = time_s if sent_s is None else sent_s
    return SourceRecord("labels", name.encode(), orjson.dumps(body), sent_s)


@dataclass(frozen=True, slots=True)
class Mixture:
    """What a random stream holds: shares of events, and hours.

    An event that is `erased` gets a tombstone after all its duplicates; labels that are `untold` get one
    in their own topic. `refunds` are labels of a second outcome.
    """

    events: int = 20
    hours: float = 3.2
    late: float = 0.06
    duplicates: float = 0.05
    labelled: float = 0.8
    labels_first: float = 0.15
    corrected: float = 0.1
    poison: float = 0.03
    erased: float = 0.03
    untold: float = 0.03
    refunds: float = 0.0
    drift: bool = True
    versions: Sequence[str] = ("1",)


def random_stream(
    rng: Generator, models: Sequence[str], mixture: Mixture | None = None
) -> list[SourceRecord]:
    """Everything in the order in which it is sent."""
    mixture = mixture or Mixture()
    found: list[SourceRecord] = []
    for name in models:
        times = np.sort(rng.uniform(T0, T0 + mixture.hours * 3_600, mixture.events))
        for i, time_s in enumerate(times.tolist()):
            found += _one(rng, f"{name}-{i}", name, time_s, mixture)
    return sorted(found, key=lambda record: record.sent_s)


def _one(rng: Generator, name: str, model: str, time_s: float, mix: Mixture) -> list[SourceRecord]:
    sent_s = time_s + rng.uniform(0, 30)
    if rng.random() < mix.late:
        sent_s += rng.uniform(600, 9_000)
    moved = 40.0 if mix.drift and T0 + 3_600 <= time_s < T0 + 7_200 else 0.0
    drawn = event(
        name, model, time_s, sent_s, version=str(rng.choice(list(mix.versions))),
        amount=round(rng.normal(100, 10) + moved, 1), carrier=str(rng.choice(CARRIERS)),
        origin=str(rng.choice(ORIGINS)), label=str(rng.choice(CLASSES)),
    )  # fmt: skip
    found = [drawn]
    last_s = sent_s
    if rng.random() < mix.duplicates:
        last_s += rng.uniform(0, 4_000)
        found.append(drawn._replace(sent_s=last_s))
    if rng.random() < mix.labelled:
        found += _labels(rng, name, time_s, sent_s, mix)
    if mix.refunds and rng.random() < mix.refunds:
        told_s = sent_s + rng.uniform(60, 7_000)
        found.append(label(name, time_s + 90, str(rng.choice(CLASSES)), told_s, "refund"))
    if rng.random() < mix.erased:
        erased_s = last_s + rng.uniform(1, 5_000)
        found.append(SourceRecord("inference", name.encode(), None, erased_s))
    if rng.random() < mix.poison:
        topic = str(rng.choice(["inference", "labels"]))
        bad = POISON[int(rng.integers(len(POISON)))]
        found.append(SourceRecord(topic, name.encode(), bad, sent_s))
        found.append(SourceRecord("inference", b"never-" + name.encode(), None, sent_s + 1))
    return found


def _labels(
    rng: Generator, name: str, time_s: float, sent_s: float, mix: Mixture
) -> list[SourceRecord]:
    is_first = rng.random() < mix.labels_first
    arrives_s = sent_s - rng.uniform(1, 60) if is_first else sent_s + rng.uniform(60, 7_000)
    found = [label(name, time_s + 60, str(rng.choice(CLASSES)), arrives_s)]
    if rng.random() < mix.corrected:
        again = [str(rng.choice(CLASSES)), None][int(rng.random() < 0.3)]
        found.append(label(name, time_s + 120, again, arrives_s + rng.uniform(1, 3_000)))
    if rng.random() < mix.untold:
        untold_s = arrives_s + rng.uniform(1, 4_000)
        found.append(SourceRecord("labels", name.encode(), None, untold_s))
    return found
