import numpy as np
import pytest
from scipy import stats

from stream_monitor.core.drift.monotone_trend import mann_kendall_p, theil_sen_slope
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.published import to_json
from stream_monitor.core.results import WindowResult
from stream_monitor.core.windows import DAY_S
from tests.unit.core.streams import catalogue
from tests.unit.core.test_moving_references import DAYS, MONDAY, ReferenceKind, put, replace

RNG = np.random.default_rng(9)


def test_slope_is_that_of_scipy() -> None:
    series = RNG.normal(size=(12, 5)) + np.arange(12)[:, None] * 0.3
    for f, slope in enumerate(theil_sen_slope(series)):
        assert slope == pytest.approx(stats.theilslopes(series[:, f], np.arange(12)).slope)


def test_p_is_about_that_of_kendall_s_tau() -> None:
    series = RNG.normal(size=(12, 40)) + np.arange(12)[:, None] * 0.2
    exact = [stats.kendalltau(np.arange(12), column).pvalue for column in series.T]
    assert mann_kendall_p(series) == pytest.approx(exact, abs=0.03)


def test_false_alarms_without_a_trend_are_at_most_those_asked_for() -> None:
    p = mann_kendall_p(RNG.normal(size=(12, 20_000)))
    assert 0.03 <= (p <= 0.05).mean() <= 0.055
    assert (p <= 0.01).mean() <= 0.012


def test_a_slow_rise_is_told_with_its_slope_and_a_level_is_not() -> None:
    for slope in (0.2, 0.0):
        spec = replace(DAYS, references=(ReferenceKind.VALIDATION,))
        model = ModelState(spec, "app", catalogue())
        records = []
        for day in range(20):
            put(model, day, shift=slope * day)
            end = MONDAY + (day + 1) * DAY_S + spec.allowed_lateness_s
            outputs = model.advance(end, end)
            records += [to_json(o, "m") for o in outputs if isinstance(o, WindowResult)]
        assert [bool(r["trends"]) for r in records] == [False] * 7 + [True] * 13
        last = records[-1]["trends"]["amount"]
        assert last["slope"] == pytest.approx(slope, abs=0.03)
        assert (last["p"] < 1e-4) == (slope > 0)
