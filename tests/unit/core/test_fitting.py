from typing import Any

import orjson
import pytest

from stream_monitor.core.fitting import fitted


def record(features: int, bins: int = 20) -> dict[str, Any]:
    return {
        "type": "window",
        "features": [
            {
                "feature": f"f{i}", "verdict": "drift" if i % 4 == 0 else "ok", "ratio": i / features,
                "deciding": "distribution", "aspects": [{"aspect": "distribution", "p": 0.5}],
                "scores": {"ks": 0.5}, "summary": {"mean": 1.0},
                "bins": {"labels": ["a"] * bins, "reference": [0.1] * bins, "window": [0.1] * bins},
            }
            for i in range(features)
        ],
    }  # fmt: skip


def test_what_fits_is_left_as_it_is() -> None:
    whole = record(3)
    shown, data = fitted(whole)
    assert shown is whole
    assert orjson.loads(data) == whole


@pytest.mark.parametrize(
    ("share", "has_bins", "has_calm_figures", "is_whole"),
    [(0.99, False, True, True), (0.3, False, False, True), (0.05, False, False, False)],
)
def test_bins_go_first_then_the_figures_of_calm_features_then_features(
    share: float, has_bins: bool, has_calm_figures: bool, is_whole: bool
) -> None:
    whole = record(100)
    most = int(len(orjson.dumps(whole)) * share)
    shown, data = fitted(whole, most)
    assert len(data) <= most
    assert orjson.loads(data) == shown
    assert shown["truncated"] is True
    features = shown["features"]
    assert any("bins" in f for f in features) == has_bins
    assert any("scores" in f for f in features if f["verdict"] == "ok") == has_calm_figures
    assert all("scores" in f for f in features if f["verdict"] == "drift")
    assert (len(features) == 100) == is_whole
    assert features[0]["feature"] == "f99"
    assert whole == record(100)
