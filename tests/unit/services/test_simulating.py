"""Simulated drift over a made history: the drifted subjects alarm after the start, and the delay is right."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.drift import DriftKind
from stream_monitor.core.windows import Window, WindowSize
from stream_monitor.services.drift_requests import DriftRequest, drifting_features
from stream_monitor.services.simulating import Sighting, Simulation, simulate
from tests.unit.services.histories import (
    DAY_S,
    DAYS,
    PER_DAY,
    PERIOD,
    REFERENCE_DAYS,
    START_S,
    made,
    model,
    spec,
)

SPEC, MODEL = spec(), model()
TABLE = made().table.slice(0, 60 * PER_DAY)
START = "2024-04-13"
START_S_40 = START_S + 40 * DAY_S


def run(kind: DriftKind, **changed: Any) -> Simulation:
    values = {"start": START, **changed}
    return simulate(TABLE, MODEL, SPEC, PERIOD, DriftRequest(kind, **values))


def sighting(found: Simulation, subject: str, trial: int = 0) -> Sighting:
    seen = found.trials[trial].sightings
    return next(s for s in seen if (s.subject, s.reference) == (subject, "validation"))


@pytest.mark.parametrize(
    ("kind", "size", "subject"),
    [
        (DriftKind.SPREAD, 3.0, "amount"),
        (DriftKind.UNIT, 0.3, "amount"),
        (DriftKind.MISSING, 0.2, "amount"),
        (DriftKind.SHARE, 0.3, "country"),
        (DriftKind.NEW_CATEGORY, 0.1, "country"),
        (DriftKind.COVARIATE, 1.5, "weight"),
        (DriftKind.CORRELATION, 1.0, "features.joint"),
        (DriftKind.LABEL, 0.5, "prediction.score"),
        (DriftKind.CONCEPT, 0.4, "performance.label"),
    ],
)
def test_a_large_drift_is_seen_in_its_first_window(
    kind: DriftKind, size: float, subject: str
) -> None:
    found = run(kind, sizes=(size,))
    seen = sighting(found, subject)
    assert seen.is_touched
    assert seen.window == Window(START_S_40, START_S_40 + DAY_S)
    assert (seen.delay_windows, seen.delay_s, seen.rows) == (1, DAY_S, PER_DAY)
    assert seen.ratio >= 1


def test_an_early_look_shortens_the_delay() -> None:
    early = replace(SPEC, windows=(WindowSize(DAY_S // 4), WindowSize(DAY_S, early=True)))
    request = DriftRequest(DriftKind.MEAN, start=START, sizes=(4.0,), features=("amount",))
    found = simulate(TABLE, MODEL, early, PERIOD, request)
    days = [s for s in found.trials[0].touched if s.size == "1d" and s.reference == "validation"]
    [seen] = [s for s in days if s.subject == "amount"]
    assert seen.window == Window(START_S_40, START_S_40 + DAY_S)
    assert (seen.delay_windows, seen.delay_s) == (1, DAY_S // 4)
    assert seen.rows is not None
    assert 0 < seen.rows < PER_DAY / 2


def test_sizes_are_compared_and_a_smaller_drift_is_seen_later_or_not_at_all() -> None:
    found = run(DriftKind.MEAN, sizes=(1.5, 0.4, 0.0), features=("amount",))
    delays = [sighting(found, "amount", i).delay_windows for i in range(3)]
    assert delays[0] == 1
    assert delays[1] is None or delays[1] > 1
    assert delays[2] is None
    assert sighting(found, "amount", 2).rows is None
    assert [trial.drift_size for trial in found.trials] == [1.5, 0.4, 0.0]


def test_untouched_features_stay_quiet_and_the_table_is_altered_after_the_start_only() -> None:
    found = run(DriftKind.MEAN, sizes=(2.0,), features=("amount",))
    (trial,) = found.trials
    assert {s.subject for s in trial.touched} == {"amount"}
    assert "country" not in {s.subject for s in trial.others}
    assert trial.table.column_names == TABLE.column_names
    at = 40 * PER_DAY
    assert trial.table.slice(0, at) == TABLE.slice(0, at)
    assert trial.table["amount"][at:] != TABLE["amount"][at:]


def test_a_gradual_drift_is_seen_later_than_a_sudden_one() -> None:
    sudden = sighting(run(DriftKind.MISSING, sizes=(0.3,)), "amount")
    gradual = sighting(run(DriftKind.MISSING, sizes=(0.3,), ramp_s=15 * DAY_S), "amount")
    assert sudden.delay_windows == 1
    assert gradual.delay_windows is not None
    assert 1 < gradual.delay_windows <= 15


def test_a_window_that_drifts_anyway_proves_nothing() -> None:
    shifted = made(tuple(range(40, DAYS)), 20.0).table.slice(0, 60 * PER_DAY)
    request = DriftRequest(DriftKind.MEAN, ("amount",), (1.0,), START)
    seen = sighting(simulate(shifted, MODEL, SPEC, PERIOD, request), "amount")
    assert seen.window is None
    assert seen.masked == seen.windows == 20


def test_incidents_before_the_start_are_counted() -> None:
    shifted = made((33,), 30.0).table.slice(0, 60 * PER_DAY)
    request = DriftRequest(DriftKind.MISSING, ("country",), (0.3,), START)
    found = simulate(shifted, MODEL, SPEC, PERIOD, request)
    assert found.false_before >= 1
    assert found.weeks_before == pytest.approx((40 - REFERENCE_DAYS) / 7, abs=0.01)


def test_a_share_as_the_start_is_the_start_of_a_window() -> None:
    found = run(DriftKind.MISSING, start="0.34")
    assert (found.start_s - START_S) % DAY_S == 0
    assert found.start_s == START_S_40


def test_the_histograms_are_of_the_window_before_and_the_first_after() -> None:
    found = run(DriftKind.MEAN, sizes=(2.0,), features=("amount",))
    shares = found.trials[0].watch.shares
    assert sorted(w.start_s for _, w in shares) == [START_S_40 - DAY_S, START_S_40]
    for drawn in shares.values():
        assert drawn.n == PER_DAY
        assert sum(drawn.before) == pytest.approx(1)
        assert sum(drawn.after) == pytest.approx(1)


def test_versions_side_by_side_are_one_window() -> None:
    columns = MODEL.columns.model_copy(update={"model_version": "version"})
    versions = pa.array(["1"] * (PERIOD.rows or 0) + ["1", "2"] * (15 * PER_DAY))
    table = TABLE.append_column("version", versions)
    request = DriftRequest(DriftKind.MEAN, ("amount",), (2.0,), START)
    own = MODEL.model_copy(update={"columns": columns})
    seen = sighting(simulate(table, own, SPEC, PERIOD, request), "amount")
    assert (seen.windows, seen.delay_windows, seen.rows) == (20, 1, PER_DAY)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": DriftKind.MEAN, "features": ("country",)}, "choose of amount"),
        ({"kind": DriftKind.SHARE, "features": ("nothing",)}, "choose of country"),
        ({"kind": DriftKind.CONCEPT, "features": ("amount",)}, "leave out --feature"),
        ({"kind": DriftKind.MEAN, "start": "2024-03-10"}, "after the reference"),
        ({"kind": DriftKind.MEAN, "start": "1.5"}, "a share from 0 to below 1"),
        ({"kind": DriftKind.MEAN, "start": "soon"}, "is not a time"),
    ],
)
def test_what_does_not_fit_says_what_to_do(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSpecification, match=said):
        run(**changed)


def test_features_are_chosen_where_none_is_asked_for() -> None:
    chosen = {kind: drifting_features(DriftRequest(kind), SPEC) for kind in DriftKind}
    assert chosen[DriftKind.MEAN] == ("amount",)
    assert chosen[DriftKind.SHARE] == ("country",)
    assert chosen[DriftKind.COVARIATE] == ("amount", "weight")
    assert chosen[DriftKind.LABEL] == ()
