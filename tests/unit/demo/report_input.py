"""A seeded year of results and events as the detector publishes them, for tests of the report."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

Record = dict[str, Any]

ZONE = "America/New_York"
NUMERIC = (
    "dep_delay",
    "distance",
    "humid",
    "precip",
    "prediction.score",
    "pressure",
    "sched_hour",
    "temp",
    "visib",
    "wind_speed",
)
CATEGORIES = {
    "carrier": ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9"),
    "dest": ("ORD", "ATL", "LAX", "BOS", "MCO", "CLT", "SFO", "FLL", "MIA", "DCA", "DTW", "DFW"),
    "origin": ("EWR", "JFK", "LGA"),
    "prediction.label": ("on_time", "late"),
}
SEASONAL = {"temp": 0.9, "humid": 0.25, "pressure": 0.2, "dest": 0.22}
STORM = {date(2013, 2, 8): 0.508, date(2013, 2, 9): 0.575, date(2013, 5, 23): 0.224}
RECOVER_AFTER = 7


def year(seed: int = 7, days: int = 365) -> tuple[list[Record], list[Record]]:
    """Window and performance records of each day, and the drift events that follow from them."""
    rng = np.random.default_rng(seed)
    results: list[Record] = []
    for day in range(days):
        on = date(2013, 1, 1) + timedelta(days=day)
        window, n = _window(on), int(rng.integers(680, 1000))
        features = [
            _feature(name, reference, on, n, day, rng)
            for name in (*NUMERIC, *CATEGORIES)
            for reference in ("validation", "sliding")
        ]
        head = {"model": "flights", "version": "1", "segment": "all", "window": window}
        results.append(
            {
                "type": "window",
                **head,
                "revision": 0,
                "exact": True,
                "profile_id": "5f3c",
                "n": n,
                "features": features,
                "traffic": {"events": n, "p50_ms": None},
            }
        )
        results += _performance(head, on, n, rng)
    return results, events_of(results)


def events_of(results: list[Record]) -> list[Record]:
    """Open at the first drift, go on while it drifts, recover after a quiet week."""
    open_since: dict[tuple[str, str], list[int]] = {}
    events = []
    for day, window in enumerate(r for r in results if r["type"] == "window"):
        for feature in window["features"]:
            track = (feature["feature"], feature["reference"])
            since = open_since.get(track)
            if feature["verdict"] == "drift":
                status = "ongoing" if since else "opened"
                open_since[track] = [since[0] if since else day, day]
            elif since and day - since[1] >= RECOVER_AFTER:
                status = "recovered"
                open_since.pop(track, None)
            else:
                continue
            opened = since[0] if since else day
            events.append(_event(window, feature, status, opened))
    return events


def _event(window: Record, feature: Record, status: str, opened: int) -> Record:
    name = f"{feature['feature']}/{feature['reference']}"
    kept = ("feature", "reference", "severity", "verdict", "aspects", "n_window", "n_reference")
    return {
        "id": hashlib.sha256(f"{name}/{window['window']['start']}".encode()).hexdigest()[:32],
        "status": status,
        "incident": f"{name}/{opened}",
        "revision": 0,
        **{key: window[key] for key in ("model", "version", "segment", "window")},
        **{key: feature[key] for key in kept},
        "references": [feature["reference"]],
    }


def _window(on: date) -> Record:
    zone = ZoneInfo(ZONE)
    start, end = (
        datetime(d.year, d.month, d.day, tzinfo=zone).astimezone(UTC).isoformat()
        for d in (on, on + timedelta(days=1))
    )
    return {"size": "1d", "timezone": ZONE, "start": start, "end": end}


def _performance(head: Record, on: date, n: int, rng: np.random.Generator) -> list[Record]:
    season = 0.895 - 0.04 * np.exp(-(((on.timetuple().tm_yday - 190) / 30) ** 2))
    storm = STORM.get(on, 0.007)
    accuracy = float(np.clip(season + rng.normal(0, 0.018) - 0.08 * storm, 0.6, 0.99))
    f1 = float(np.clip(accuracy - 0.14 + rng.normal(0, 0.03), 0.3, 0.95))
    labels = int(n * (1 - storm) * 0.997)
    metrics = {"accuracy": accuracy, "f1": f1, "precision": f1 + 0.06, "recall": f1 - 0.06}
    record = {"type": "performance", **head, "outcome": "label", "predictions": n}
    early = {**record, "revision": 0, "labels": labels // 2, "maturity": 0.5, "metrics": metrics}
    return [early, {**early, "revision": 1, "labels": labels, "maturity": labels / n}]


def _feature(
    name: str, reference: str, on: date, n: int, day: int, rng: np.random.Generator
) -> Record:
    shift = _shift(name, on) * (1.0 if reference == "validation" else 0.3) + rng.normal(0, 0.105)
    missing = STORM.get(on, 0.006) if name == "dep_delay" else 0.0
    usual = 0.012
    aspects = [_aspect("distribution", abs(shift) / 6, floor=0.05, critical=0.11)]
    if name == "dep_delay":
        aspects.append(_aspect("missing", abs(missing - usual), floor=0.1, critical=0.15))
    drifting = [a for a in aspects if a["verdict"] == "drift"]
    worst = max(drifting or aspects, key=lambda a: a["effect"] / a["floor"])
    verdict = "drift" if drifting else "ok"
    if day < (31 if reference == "validation" else 35):
        verdict, drifting = "no_reference", []
    elif n < 700:
        verdict, drifting = "insufficient_data", []
    return {
        "feature": name,
        "kind": "categorical" if name in CATEGORIES else "numeric",
        "reference": reference,
        "n_window": n,
        "n_reference": 27004,
        "k_windows": 35,
        "verdict": verdict,
        "severity": worst["severity"] if drifting else None,
        "ratio": worst["effect"] / worst["floor"],
        "deciding": worst["aspect"],
        "aspects": aspects if verdict != "no_reference" else [],
        "scores": {
            "ks": None if name in CATEGORIES else abs(shift) / 3,
            "chi_square": 120 * abs(shift),
            "psi": shift * shift,
            "jensen_shannon": abs(shift) / 5,
            "wasserstein": None if name in CATEGORIES else 3.1 * abs(shift),
            "largest_share_change": abs(shift) / 8,
        },
        "summary": {"mean": 12.0, "sd": 40.0, "median": -2.0, "missing_share": missing},
        "bins": _bins(name, shift, rng),
    }


def _shift(name: str, on: date) -> float:
    year_share = on.timetuple().tm_yday / 365
    seasonal = SEASONAL.get(name, 0.02) * (1 - np.cos(2 * np.pi * year_share)) / 2
    return float(seasonal + (0.4 * STORM.get(on, 0.0) if name != "distance" else 0.0))


def _aspect(aspect: str, effect: float, floor: float, critical: float) -> Record:
    is_drift = effect >= floor
    severity = ("critical" if effect >= critical else "warning") if is_drift else None
    return {
        "aspect": aspect,
        "test": "ks" if aspect == "distribution" else "rate",
        "statistic": effect,
        "p_iid": 1e-9,
        "p_window": 1e-5,
        "p": 1e-5,
        "alpha": 1e-4,
        "effect": effect,
        "floor": floor,
        "verdict": "drift" if is_drift else "ok",
        "severity": severity,
    }


def _bins(name: str, shift: float, rng: np.random.Generator) -> Record:
    if name in CATEGORIES:
        labels = [*CATEGORIES[name]]
        reference = 0.78 ** np.arange(len(labels))
    else:
        labels = [f"{low} – {low + 5}" for low in range(-10, 90, 5)]
        reference = np.exp(-(((np.arange(20) - 7) / 4.5) ** 2)) + 0.05
    tilt = np.exp(2.2 * shift * np.linspace(-1, 1, len(labels)))
    window = reference * tilt * rng.uniform(0.93, 1.07, len(labels))
    sides = {"reference": reference / reference.sum(), "window": window / window.sum()}
    return {"labels": labels, **{side: np.round(s, 5).tolist() for side, s in sides.items()}}
