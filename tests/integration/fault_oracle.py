"""What a fault run must have published: one offline pass over what was written, and the comparison."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from stream_monitor.config.loading import Installation
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.published import rfc3339
from stream_monitor.core.records import Records
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.replaying import by_layout
from stream_monitor.core.tables import matched
from stream_monitor.core.wire import profile_digest
from tests.integration.fault_traffic import HORIZON_S, FaultTraffic

_CHUNK = 50_000
Key = tuple[str, ...]


@dataclass
class Expected:
    """By (model, version, segment, size, start): digest and events; with the outcome added: digest,
    predictions, labels; and by hand, of class outcomes in segment `all`: labels and hits.
    """

    windows: dict[Key, tuple[str, int]] = field(default_factory=dict)
    outcomes: dict[Key, tuple[str, int, int]] = field(default_factory=dict)
    by_hand: dict[Key, list[int]] = field(default_factory=dict)


def decoded(
    installation: Installation, events: Iterable[tuple[bytes, bytes]]
) -> Iterator[InferenceColumns]:
    """Columns of inference records, in chunks."""
    decoder = InferenceDecoder(installation.specifications(), 1_000_000, 0)
    rows = list(events)
    for first in range(0, len(rows), _CHUNK):
        some = rows[first : first + _CHUNK]
        n = len(some)
        late_ms = np.full(n, 2**42)  # a record time that no event time is ahead of
        records = Records(
            "inference", np.zeros(n, np.int32), np.arange(n), late_ms,
            [key for key, _ in some], [value for _, value in some],
        )  # fmt: skip
        yield from decoder.decode(records).columns


def effective_labels(traffic: FaultTraffic) -> dict[tuple[str, str], tuple[str, int]]:
    """By (prediction, outcome) the label that counts and its time: the first of the last run of equals.

    Labels later than the horizon do not count; a retraction takes out what came before.
    """
    held: dict[tuple[str, str], tuple[str | None, int]] = {}
    for label in traffic.labels:
        delay_us = label.time_us - traffic.times_us[label.prediction_id]
        if delay_us > HORIZON_S[label.outcome] * 1_000_000:
            continue
        where = (label.prediction_id, label.outcome)
        if where not in held or held[where][0] != label.label:
            held[where] = (label.label, label.time_us)
    return {where: (text, at) for where, (text, at) in held.items() if text is not None}


def expected(
    installation: Installation, catalogue: ReferenceCatalogue, traffic: FaultTraffic
) -> Expected:
    """The offline pass: first of each prediction, the labels that count, windows as sums of panes."""
    specs = installation.specifications()
    labels = effective_labels(traffic)
    counters = {
        name: ProfileCounter(name, spec.segment_keys, spec.pane_s) for name, spec in specs.items()
    }
    result = Expected()
    for chunk in decoded(installation, _first_predictions(traffic)):
        _count(chunk, specs[chunk.model], catalogue, counters[chunk.model], labels)
    for name, counter in counters.items():
        _sum_up(name, specs[name], counter, result)
    _count_by_hand(traffic, labels, result)
    return result


def _first_predictions(traffic: FaultTraffic) -> Iterator[tuple[bytes, bytes]]:
    seen: set[bytes] = set()
    for is_label, key, value in traffic.records:
        if not is_label and key not in seen and not key.startswith(b"poison"):
            seen.add(key)
            yield key, value


def _count(
    events: InferenceColumns, spec: ModelSpec, catalogue: ReferenceCatalogue,
    counter: ProfileCounter, labels: dict[tuple[str, str], tuple[str, int]],
) -> None:  # fmt: skip
    for chunk, layout in by_layout(events, spec, catalogue):
        counter.count(chunk, layout)
        ids = chunk.prediction_id.to_pylist()
        for outcome in spec.outcomes:
            found = [labels.get((key, outcome.name)) for key in ids]
            rows = np.array([i for i, pair in enumerate(found) if pair is not None], np.int64)
            known = [pair for pair in found if pair is not None]
            if known:
                text = pa.array([label for label, _ in known], pa.string())
                at = np.array([time_us for _, time_us in known], np.int64)
                some = chunk.take(rows)
                counter.count_matched(
                    matched(some, text, at, outcome.name, layout.profile_id), layout
                )


def _sum_up(name: str, spec: ModelSpec, counter: ProfileCounter, result: Expected) -> None:
    sums: dict[Key, Profile] = {}
    for delta in counter.drain():
        for size in spec.windows:
            start = rfc3339(size.window_at(delta.key.pane_s).start_s)
            where = (name, delta.key.version, delta.key.segment, size.name, start)
            sums[where] = sums[where].merge(delta.profile) if where in sums else delta.profile
    for where, profile in sums.items():
        result.windows[where] = (profile_digest(profile.without_outcomes()), profile.events)
        for outcome in spec.outcomes:
            part = profile.outcome(outcome.name)
            digest = profile_digest(Profile(profile.layout, {"outcome": part}))
            labels = int(part.arrays["labels"][0])
            result.outcomes[*where, outcome.name] = (digest, profile.events, labels)


def _count_by_hand(
    traffic: FaultTraffic, labels: dict[tuple[str, str], tuple[str, int]], result: Expected
) -> None:
    """Labels and hits of the class outcome `label` per hour, from the JSON alone."""
    by_hand: dict[Key, list[int]] = defaultdict(lambda: [0, 0])
    for key, value in _first_predictions(traffic):
        body = orjson.loads(value)
        found = labels.get((key.decode(), "label"))
        if found is not None:
            hour = rfc3339(body["timestamp"] // 3_600_000_000 * 3_600)
            cell = by_hand[body["model"], body["model_version"], "all", "1h", hour, "label"]
            cell[0] += 1
            cell[1] += found[0] == body["prediction"]["label"]
    result.by_hand = dict(by_hand)


def newest(published: list[dict[str, Any]], kind: str) -> dict[Key, dict[str, Any]]:
    """The record of the highest revision per window (and outcome)."""
    found: dict[Key, dict[str, Any]] = {}
    for record in published:
        if record["type"] == kind:
            where = window_key(record)
            if where not in found or found[where]["revision"] < record["revision"]:
                found[where] = record
    return found


def window_key(record: dict[str, Any]) -> Key:
    window = record["window"]
    where = (record["model"], record["version"], record["segment"], window["size"], window["start"])
    return (*where, record["outcome"]) if record["type"] == "performance" else where


def revision_faults(revisions: Iterable[tuple[Any, int]]) -> list[str]:
    """Revisions that are there twice, and holes before the highest, per key."""
    counts = Counter(revisions)
    faults = [f"{key} revision {n} is there {k} times" for (key, n), k in counts.items() if k > 1]
    highest: dict[Any, set[int]] = defaultdict(set)
    for key, n in counts:
        highest[key].add(n)
    return faults + [
        f"{key} has revisions {sorted(ns)}"
        for key, ns in highest.items()
        if ns != set(range(max(ns) + 1))
    ]


def differences(
    wanted: Expected, published: list[dict[str, Any]], events: list[dict[str, Any]]
) -> list[str]:
    """Every way in which what was published differs from the offline pass; empty when exact."""
    windows = {
        key: (record["digest"], record["n"]) for key, record in newest(published, "window").items()
    }
    performance = newest(published, "performance")
    outcomes = {
        key: (record["digest"], record["predictions"], record["labels"])
        for key, record in performance.items()
    }
    found = _differing("window", wanted.windows, windows)
    found += _differing("outcome", wanted.outcomes, outcomes)
    for key, (labels, hits) in wanted.by_hand.items():
        record = performance.get(key, {"labels": 0, "metrics": {"accuracy": 0}})
        got = record["labels"], round((record["metrics"]["accuracy"] or 0) * record["labels"])
        if got != (labels, hits):
            found.append(f"by hand {key}: {(labels, hits)} expected, {got} published")
    found += revision_faults(((r["type"], *window_key(r)), r["revision"]) for r in published)
    found += revision_faults((event["id"], event["revision"]) for event in events)
    found += [json.dumps(event) for event in events if event["type"] != "drift"]
    found += [f"{window_key(r)} is not exact" for r in published if not r.get("exact", True)]
    return found


def _differing(kind: str, wanted: dict[Key, Any], got: dict[Key, Any]) -> list[str]:
    return [
        f"{kind} {key}: {wanted.get(key)} expected, {got.get(key)} published"
        for key in sorted(wanted.keys() | got.keys())
        if wanted.get(key) != got.get(key)
    ]
