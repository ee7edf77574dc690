from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import AlarmBudgetConfig, MonitorConfig
from stream_monitor.config.specification import model_spec
from stream_monitor.config.windows import WindowConfig
from stream_monitor.core.policy import (
    JOINT,
    VOLUME,
    AlarmBudget,
    FeaturePolicy,
    ModelSpec,
    ReferenceKind,
    Severity,
    Test,
)
from stream_monitor.core.schema import Outcome, OutcomeKind
from stream_monitor.core.windows import MONTH_S, WindowSize


def spec(monitor: MonitorConfig | None = None, **keys: Any) -> ModelSpec:
    keys = {"name": "churn", "features": {"distance": "numeric"}, **keys}
    return model_spec(ModelConfig.model_validate(keys), monitor or MonitorConfig())


def test_shortest_model_has_the_core_defaults() -> None:
    found = spec()
    core = ModelSpec("churn", found.schema)
    assert found.windows == (
        WindowSize(3_600, k=2, n=3, recover_after=6),
        WindowSize(86_400, k=1, n=1, recover_after=7),
    )
    for key in ("outcomes", "segment_keys", "pane_s", "references", "sliding_s", "budget",
                "allowed_lateness_s", "correction_horizon_s", "owner", "tier"):  # fmt: skip
        assert getattr(found, key) == getattr(core, key)
    assert found.policies == {
        "distance": FeaturePolicy(), JOINT: FeaturePolicy(), VOLUME: FeaturePolicy()
    }  # fmt: skip


def test_key_without_a_value_has_its_default() -> None:
    empty = dict.fromkeys(("pane", "windows", "references", "segments", "outcomes", "columns"))
    assert spec(**empty) == spec()


def test_features_become_schema_and_policies() -> None:
    judged = {"kind": "categorical", "test": "none", "floor": 0.02, "critical_floor": 0.2,
              "rate_floor": 0.01, "critical_rate_floor": 0.1, "importance": 3,
              "severity": "critical", "mute": True}  # fmt: skip
    found = spec(features={"distance": "numeric", "carrier": judged})
    assert (found.schema.numeric, found.schema.categorical) == (("distance",), ("carrier",))
    assert found.policy("carrier") == FeaturePolicy(
        Test.NONE, 0.02, 0.2, 0.01, 0.1, 3.0, Severity.CRITICAL, True
    )


def test_class_prediction_adds_label_and_score() -> None:
    found = spec(prediction={"kind": "class", "score": {"floor": 0.1}})
    assert found.schema.numeric == ("distance", "prediction.score")
    assert found.schema.categorical == ("prediction.label",)
    assert found.policy("prediction.score").floor == 0.1
    assert found.policy("prediction.label").floor is None


def test_number_prediction_adds_value_and_needs_no_features() -> None:
    found = spec(features={}, prediction="number")
    assert (found.schema.numeric, found.schema.categorical) == (("prediction.value",), ())


def test_windows_keep_zone_origin_and_rule() -> None:
    window = {"size": "7d", "timezone": "Europe/Berlin", "origin": "2024-01-01", "k": 2, "n": 4,
              "recover_after": 3}  # fmt: skip
    expected = WindowSize(7 * 86_400, "Europe/Berlin", date(2024, 1, 1), 2, 4, 3)
    assert spec(windows=[window]).windows == (expected,)


def test_hour_day_week_and_month_are_windows_at_once() -> None:
    sizes = [{"size": size, "timezone": "Europe/Berlin"} for size in ("1h", "1d", "1w", "1mo")]
    found = spec(windows=sizes).windows
    assert [size.name for size in found] == ["1h", "1d", "7d", "1mo"]
    assert found[3] == WindowSize(MONTH_S, "Europe/Berlin", recover_after=1)
    assert [size.recover_after for size in found] == [7, 7, 1, 1]
    config = WindowConfig.model_validate({"size": "3mo"})
    assert config.model_dump(mode="json")["size"] == "3mo"


@pytest.mark.parametrize(
    ("references", "kinds", "sliding_s"),
    [
        ({"validation": {}}, (ReferenceKind.VALIDATION,), 30 * 86_400),
        ({"sliding": {"length": "7d"}}, (ReferenceKind.SLIDING,), 7 * 86_400),
        ({"sliding": True, "validation": False}, (ReferenceKind.SLIDING,), 30 * 86_400),
        ({"sliding": None, "validation": None},
         (ReferenceKind.VALIDATION, ReferenceKind.SLIDING), 30 * 86_400),
    ],
)  # fmt: skip
def test_reference_that_is_named_is_used_unless_false(
    references: dict[str, Any], kinds: tuple[ReferenceKind, ...], sliding_s: int
) -> None:
    found = spec(references=references)
    assert (found.references, found.sliding_s) == (kinds, sliding_s)


def test_outcomes_are_named_and_their_classes_are_text() -> None:
    outcomes = {
        "clicked": {"classes": [True, False], "positive": True, "horizon": "2h"},
        "stars": {"classes": [1, 2, 3]},
        "value": {"kind": "number", "resolution": 0.01},
    }
    assert spec(outcomes=outcomes).outcomes == (
        Outcome("clicked", OutcomeKind.CLASS, ("true", "false"), "true", 7_200),
        Outcome("stars", OutcomeKind.CLASS, ("1", "2", "3")),
        Outcome("value", OutcomeKind.NUMBER, resolution=0.01),
    )


def test_budget_is_the_installations_where_the_model_sets_none() -> None:
    monitor = MonitorConfig(alarm_budget=AlarmBudgetConfig(alarms_per_week=3.0, max_alpha=0.01))
    assert spec(monitor).budget == AlarmBudget(3.0, 0.01)
    assert spec(monitor, alarm_budget={"alarms_per_week": 0.5}).budget == AlarmBudget(0.5, 0.01)


def test_window_that_is_no_run_of_panes_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        spec(pane="1h", windows=[{"size": "1d", "timezone": "Asia/Kolkata"}, {"size": "2d"}])
    (problem,) = caught.value.problems
    assert (problem.source, problem.path) == ("model churn", "windows[0].size")


def test_unlisted_feature_is_in_the_column_of_its_name() -> None:
    model = ModelConfig.model_validate(
        {"features": {"a": "numeric", "b": "numeric"}, "segments": ["s"],
         "columns": {"features": {"a": "A"}}}
    )  # fmt: skip
    columns = model.columns
    assert (columns.of_feature("a"), columns.of_feature("b"), columns.of_segment("s")) == (
        "A", "b", "s",
    )  # fmt: skip


def test_windows_are_looked_at_early_by_a_shorter_size() -> None:
    hour, day = {"size": "1h"}, {"size": "1d", "early": True}
    assert [size.early for size in spec(windows=[hour, day]).windows] == [False, True]
    for windows in ([day], [{"size": "7h"}, day], [{"size": "1d", "timezone": "Asia/Tokyo"},
                    {"size": "2d", "early": True}]):  # fmt: skip
        with pytest.raises(ConfigError, match=r"windows\[\d\]\.early.* needs a shorter size"):
            spec(windows=windows)


def test_windows_are_looked_at_early_by_a_frozen_reference() -> None:
    windows = [{"size": "1h"}, {"size": "1d", "early": True}]
    with pytest.raises(ValueError, match="needs the reference validation or training"):
        spec(windows=windows, references={"sliding": True})
