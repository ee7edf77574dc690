"""Features together, from a table to the drift event."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor import ReferencePeriod, Replay, replay
from stream_monitor.config.model import ModelConfig

DAYS, N, REFERENCE_DAYS = 40, 300, 30
FLIPPED_FROM = 35


def table(flipped: float, shift: float = 0.0) -> pa.Table:
    """Two numeric and two categorical features, dependent; what `flipped` says holds in the last days."""
    rng = np.random.default_rng(7)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    columns: dict[str, list[Any]] = {name: [] for name in ("timestamp", "x", "y", "u", "v")}
    for day in range(DAYS):
        is_late = day >= FLIPPED_FROM
        r = flipped if is_late else 0.7
        x = rng.normal(size=N)
        y = r * x + np.sqrt(1 - r * r) * rng.normal(size=N) + shift * is_late
        u = rng.integers(0, 3, N)
        v = (u + (rng.random(N) < 0.3) * rng.integers(1, 3, N) + is_late * (flipped < 0)) % 3
        columns["timestamp"] += [start + timedelta(days=day, seconds=200 * i) for i in range(N)]
        columns["x"] += x.tolist()
        columns["y"] += y.tolist()
        columns["u"] += [f"u{i}" for i in u]
        columns["v"] += [f"v{i}" for i in v]
    return pa.table(columns)


def run(data: pa.Table, **joint: Any) -> Replay:
    model = ModelConfig.model_validate(
        {
            "name": "m", "pane": "1h", "windows": [{"size": "1d"}],
            "features": {"x": "numeric", "y": "numeric", "u": "categorical", "v": "categorical"},
            "references": {"validation": True}, "columns": {"timestamp": "timestamp"},
            "joint": joint.pop("joint", True) and {"pairs": [["u", "v"]], **joint},
        }
    )  # fmt: skip
    return replay(data, model, ReferencePeriod(rows=REFERENCE_DAYS * N))


def joint_results(found: Replay) -> list[dict[str, Any]]:
    windows = [r for r in found.records if r["type"] == "window"]
    return [f for w in windows for f in w["features"] if f["feature"] == "features.joint"]


def test_a_flip_with_quiet_margins_is_an_incident_that_names_the_pair() -> None:
    found = run(table(flipped=-0.7))
    judged = joint_results(found)
    assert [f["verdict"] for f in judged] == ["ok"] * FLIPPED_FROM + ["drift"] * 5
    last = judged[-1]
    assert {a["aspect"]: a["verdict"] for a in last["aspects"]} == {
        "correlation": "drift", "association": "drift"
    }  # fmt: skip
    assert last["scores"]["correlation_change"] == pytest.approx(1.3, abs=0.15)
    [event] = [r for r in found.records if r["type"] == "drift" and r["status"] == "opened"]
    assert (event["feature"], event["kind"]) == ("features.joint", "joint")
    assert event["cause"] == "dependence"
    assert "x and y went from 0.6" in event["hints"][0]["text"]


def test_a_pair_whose_margin_moved_is_left_to_the_margin() -> None:
    found = run(table(flipped=0.7, shift=2.0))
    states = {f["verdict"] for f in joint_results(found)}
    assert states == {"ok"}
    moved = {r["feature"] for r in found.records if r["type"] == "drift"}
    assert moved == {"y"}


@pytest.mark.parametrize("flipped", [0.7, 0.72])
def test_what_stays_is_quiet(flipped: float) -> None:
    found = run(table(flipped))
    assert [r for r in found.records if r["type"] == "drift"] == []


def test_joint_judging_can_be_muted_and_switched_off() -> None:
    muted = run(table(flipped=-0.7), mute=True)
    assert joint_results(muted)[-1]["verdict"] == "drift"
    assert [r for r in muted.records if r["type"] == "drift"] == []
    assert joint_results(run(table(flipped=-0.7), joint=False)) == []
