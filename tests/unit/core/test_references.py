from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from stream_monitor.core.binning import Binning
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.profile import ALL, Layout, Profile
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import (
    Reference,
    WindowProfile,
    build_reference,
)
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.windows import DAY_S, Window, WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events, model_spec

T0 = int(datetime(2013, 1, 1, tzinfo=UTC).timestamp())
SPEC = model_spec(windows=(WindowSize(HOUR_S), WindowSize(DAY_S)))
RNG = np.random.default_rng(2)


def reference(
    days: float = 2.0, spec: ModelSpec = SPEC, version: str = "1", shift: float = 0.0
) -> Reference:
    n = 2_000
    found = events(np.linspace(T0, T0 + days * DAY_S, n, endpoint=False), RNG.normal(shift, 1, n))
    return build_reference(spec, [found], version, Window(T0, T0 + int(days * DAY_S)))


def test_thirty_five_daily_windows_sum_to_the_whole() -> None:
    held = reference(35).segments[ALL]
    days = held.windows["1d"]
    assert len(days) == 35
    assert [w.window for w in days] == [
        Window(T0 + i * DAY_S, T0 + (i + 1) * DAY_S) for i in range(35)
    ]
    total = days[0].profile
    for window in days[1:]:
        total = total.merge(window.profile)
    assert total == held.total.profile
    assert held.total.profile.events == 2_000


def test_windows_that_reach_beyond_the_period_belong_to_the_whole_only() -> None:
    built = reference(2.5)
    assert len(built.segments[ALL].windows["1d"]) == 2
    assert len(built.segments[ALL].windows["1h"]) == 60
    assert (built.start_s, built.end_s, built.events) == (T0, T0 + int(2.5 * DAY_S), 2_000)
    cut = build_reference(
        SPEC, [events([T0, T0 + DAY_S])], "1", Window(T0 + 1, T0 + 2 * DAY_S)
    ).segments[ALL]
    assert [w.window.start_s for w in cut.windows["1d"]] == [T0 + DAY_S]


def test_chunks_and_segments_of_the_rows_do_not_change_the_reference() -> None:
    spec = model_spec(segment_keys=("origin",))
    n = 300
    found = events(
        np.linspace(T0, T0 + 5 * HOUR_S, n), RNG.normal(0, 1, n), segment=["JFK", "LGA", None] * 100
    )
    whole = build_reference(spec, [found], "1")
    rows = [np.arange(0, 7), np.arange(7, 200), np.arange(200, 200), np.arange(200, n)]
    chunked = build_reference(spec, [found.take(part) for part in rows], "1")
    assert chunked == whole
    assert set(whole.segments) == {ALL, "origin=JFK", "origin=LGA"}
    assert whole.segments["origin=JFK"].total.profile.events == 100
    assert whole.segments["origin=JFK"].total.profile.layout.is_coarse


def test_a_reference_without_rows_is_refused() -> None:
    for columns in ([], [events([])]):
        with pytest.raises(InvalidSpecification, match="has no rows"):
            build_reference(SPEC, columns, "1")


def windows_of(profile: Profile, starts: list[int]) -> list[WindowProfile]:
    return [WindowProfile(Window(s, s + HOUR_S), profile) for s in starts]


class TestCatalogue:
    def test_a_version_counts_by_its_own_reference_else_by_the_latest(self) -> None:
        catalogue = ReferenceCatalogue()
        first, second = reference(version="1"), reference(version="2", shift=9)
        catalogue.add(first)
        catalogue.add(second)
        chosen = {v: catalogue.layout_for(SPEC, v).profile_id for v in ("1", "2", "3")}
        assert chosen == {
            "1": first.layout.profile_id,
            "2": second.layout.profile_id,
            "3": second.layout.profile_id,
        }

    def test_inheriting_is_told_and_owning_is_not(self) -> None:
        catalogue = ReferenceCatalogue()
        built = reference()
        catalogue.add(built)
        id = built.layout.profile_id
        assert catalogue.is_inherited("flights", "2", id)
        assert not catalogue.is_inherited("flights", "1", id)
        assert not catalogue.is_inherited("flights", "2", "unknown")

    def test_another_schema_has_no_reference_and_a_layout_without_bins(self) -> None:
        catalogue = ReferenceCatalogue()
        catalogue.add(reference())
        wider = Schema((*SPEC.schema.features, Feature("delay", FeatureKind.NUMERIC)))
        other = replace(SPEC, schema=wider)
        layout = catalogue.layout_for(other, "1")
        assert not layout.bins.is_learned
        assert catalogue.layout(other, layout.profile_id) == layout
        assert catalogue.view(other, layout.profile_id, ALL, "1h") is None
        assert catalogue.windows(other, layout.profile_id, ALL, "1h") == ()
        assert catalogue.segments(other, layout.profile_id) == 0

    def test_an_unknown_profile_id_has_no_layout(self) -> None:
        assert ReferenceCatalogue().layout(SPEC, "unknown") is None

    def test_a_segment_that_the_reference_never_saw_has_no_view(self) -> None:
        catalogue = ReferenceCatalogue()
        built = reference()
        catalogue.add(built)
        id = built.layout.profile_id
        assert catalogue.view(SPEC, id, ALL, "1h") is not None
        assert catalogue.view(SPEC, id, "origin=JFK", "1h") is None

    def test_a_reference_built_again_replaces_the_first_and_its_views(self) -> None:
        catalogue = ReferenceCatalogue()
        built = reference()
        catalogue.add(built)
        view = catalogue.view(SPEC, built.layout.profile_id, ALL, "1h")
        again = replace(built, segments={})
        catalogue.add(again)
        assert view is not None
        assert catalogue.of_model("flights") == [again]
        assert catalogue.view(SPEC, built.layout.profile_id, ALL, "1h") is None

    def test_the_layout_has_the_outcomes_of_today(self) -> None:
        catalogue = ReferenceCatalogue()
        catalogue.add(reference())
        plain = replace(SPEC, outcomes=())
        assert catalogue.layout_for(plain, "1").outcomes == ()
        assert catalogue.layout_for(SPEC, "1").outcomes == SPEC.outcomes


def test_comparing_a_reference_with_itself_finds_nothing() -> None:
    held = reference().segments[ALL]
    for comparison in ReferenceView(held, "1h").compare(held.total, {}):
        assert all(m.effect == 0 or m.p_iid > 0.5 for m in comparison.measurements)
        assert comparison.n_window == comparison.n_reference == 2_000


def test_an_empty_window_is_compared_without_a_measurement_of_its_distribution() -> None:
    held = reference().segments[ALL]
    empty = WindowProfile(Window(T0, T0 + HOUR_S), Profile(held.total.profile.layout))
    for comparison in ReferenceView(held, "1h").compare(empty, {}):
        assert comparison.n_window == 0
        assert not [m for m in comparison.measurements if m.aspect == "distribution"]


def test_a_layout_without_a_reference_counts_traffic() -> None:
    layout = Layout(Binning(SPEC.schema), SPEC.outcomes)
    found = deltas(SPEC, layout, events([T0, T0 + 1, T0 + 400]))
    assert [(d.key.pane_s, d.profile.events) for d in found] == [(T0, 2), (T0 + 300, 1)]
