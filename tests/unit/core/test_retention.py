"""How long the join keeps what: by each model's horizons."""

from __future__ import annotations

from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.retention import JoinRetention
from stream_monitor.core.schema import Feature, FeatureKind, Outcome, Schema

HOUR_US = 3_600_000_000
SCHEMA = Schema((Feature("x", FeatureKind.NUMERIC),))


def retention(**horizons_s: tuple[int, ...]) -> JoinRetention:
    """Models with outcomes of these horizons."""
    return JoinRetention(
        {
            name: ModelSpec(
                name,
                SCHEMA,
                tuple(
                    Outcome(f"o{i}", classes=("a", "b"), horizon_s=horizon)
                    for i, horizon in enumerate(own)
                ),
            )
            for name, own in horizons_s.items()
        }
    )


def test_a_prediction_stays_for_the_longest_horizon_of_its_model_and_some_more() -> None:
    kept = retention(short=(3_600,), long=(3_600, 80 * 3_600), none=())
    bounds = kept.predictions_before_us(1_000 * HOUR_US)
    assert bounds == {
        "short": 998 * HOUR_US,
        "long": 910 * HOUR_US,
        "none": 998 * HOUR_US,
    }
    assert kept.labels_before_us(1_000 * HOUR_US) == 920 * HOUR_US
    assert kept.kept_from_us(1_000 * HOUR_US) == 909 * HOUR_US


def test_without_outcomes_duplicates_are_still_recognised_for_an_hour() -> None:
    kept = retention(none=())
    assert kept.longest_us == HOUR_US
    assert kept.kept_from_us(10 * HOUR_US) < kept.predictions_before_us(10 * HOUR_US)["none"]
