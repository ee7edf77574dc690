from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from stream_monitor.core.binning import (
    Binning,
    CategoricalBinning,
    learn_numeric,
)
from stream_monitor.core.columns import MISSING, WRONG_TYPE
from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.profile.joint import BLOCK_ROWS, JointPart, JointSummary
from stream_monitor.core.profile.joint_params import JointParams, choose_joint
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.wire import decode_profile, encode_profile, frame, profile_digest, unframe
from tests.unit.core.builders import LABEL, deltas, events, model_spec

RNG = np.random.default_rng(31)
Floats = NDArray[np.float64]
NAMES = ("a", "b", "c", "d")
COLOURS, SIZES = ("blue", "green", "red"), ("l", "s")
SCHEMA = Schema(
    (
        *(Feature(name, FeatureKind.NUMERIC) for name in NAMES),
        Feature("colour", FeatureKind.CATEGORICAL),
        Feature("size", FeatureKind.CATEGORICAL),
    )
)
BINNING = Binning(
    SCHEMA,
    (
        learn_numeric(RNG.normal(0, 1, 4_000)),
        learn_numeric(RNG.lognormal(0, 1, 4_000)),
        learn_numeric(RNG.integers(0, 5, 4_000).astype(float)),
        learn_numeric(np.zeros(10)),
    ),
    (CategoricalBinning(COLOURS), CategoricalBinning(SIZES)),
)


def chosen(binning: Binning = BINNING, most: int = 50, **more: object) -> JointParams:
    params = choose_joint(binning, {}, most, [("colour", "size")], **more)  # type: ignore[arg-type]
    assert params is not None
    return params


PARAMS = chosen()
LAYOUT = Layout(BINNING, joint=PARAMS)


def texts(values: Sequence[str | None]) -> pa.DictionaryArray:
    return pa.array(values, pa.string()).dictionary_encode()


def rows(n: int, absent: float = 0.0) -> tuple[Floats, NDArray[np.uint8]]:
    values = RNG.normal(0, 1, (4, n))
    values[1] = np.exp((values[0] + values[1]) / np.sqrt(2.0))
    values[2] = np.floor(np.clip(values[2] + 2, -1, 6))
    states = np.where(RNG.random((4, n)) < absent, MISSING, 0).astype(np.uint8)
    return values, states


def count(
    values: Floats, states: NDArray[np.uint8], slot: NDArray[np.int64] | None = None, slots: int = 1
) -> JointPart:
    n = values.shape[1]
    part = JointPart.empty(PARAMS, slots)
    words = (texts(["red"] * n), texts(["s"] * n))
    where = np.zeros(n, np.int64) if slot is None else slot
    part.update(values, states, words, np.zeros((2, n), np.uint8), where)
    return part


def scores_by_hand(values: Floats) -> Floats:
    """2b − (C − 1), b the coarse bin."""
    found = []
    for feature, column in zip(PARAMS.features, values[:3], strict=True):
        place = np.searchsorted(feature.edges, column, side="right")
        found.append(2.0 * place - len(feature.edges))
    return np.array(found)


def test_scores_are_those_of_the_coarse_bins_guards_pooled() -> None:
    values, states = rows(2_000)
    place = (scores_by_hand(values) + [[len(f.edges)] for f in PARAMS.features]) / 2
    layout = Layout(BINNING)
    numeric = layout.empty_parts()["numeric"]
    numeric.update(values, states, np.zeros(2_000, np.int64))  # type: ignore[attr-defined]
    for i, binning in enumerate(BINNING.numeric[:3]):
        fine = numeric.arrays["counts"][0, i, : binning.bins]
        coarse = np.add.reduceat(fine[binning.inner], list(binning.coarse))
        coarse[0] += fine[: binning.inner.start].sum()
        coarse[-1] += fine[binning.inner.stop :].sum()
        assert np.bincount(place[i].astype(int)).tolist() == coarse.tolist()


@pytest.mark.parametrize("absent", [0.0, 0.02, 0.6])
def test_sums_are_those_of_the_rows_in_which_both_have_a_value(absent: float) -> None:
    values, states = rows(2 * BLOCK_ROWS + 77, absent)
    values[0, :3] = [np.nan, np.inf, -np.inf]
    states[1, 3:5] = WRONG_TYPE
    summary = count(values, states).summarise()
    scores = scores_by_hand(values)
    present = (states[:3] == 0) & np.isfinite(values[:3])
    for i in range(3):
        for j in range(3):
            both = present[i] & present[j]
            x, y = scores[i, both], scores[j, both]
            got = (summary.n[i, j], summary.x[i, j], summary.xx[i, j], summary.xy[i, j])
            assert got == (both.sum(), x.sum(), (x * x).sum(), (x * y).sum())
            if i != j:
                expected = np.corrcoef(x, y)[0, 1]
                assert summary.correlations[i, j] == pytest.approx(expected, abs=1e-12)
    assert summary.rows == values.shape[1]


def test_rank_correlations_are_close_to_those_of_the_raw_rows() -> None:
    values, states = rows(20_000)
    summary = count(values, states).summarise()
    raw = spearmanr(values[0], values[1]).statistic
    assert summary.correlations[0, 1] == pytest.approx(raw, abs=0.01)


def test_rows_of_many_slots_in_any_order_find_theirs() -> None:
    values, states = rows(5_000, 0.1)
    slot = RNG.integers(-1, 5, 5_000)
    together = count(values, states, slot, slots=5)
    for s in range(5):
        mine = slot == s
        assert together.slot(s) == count(values[:, mine], states[:, mine])


def test_no_rows_and_one_row_have_no_correlations() -> None:
    for n in (0, 1):
        summary = count(*rows(n)).summarise()
        assert np.isnan(summary.correlations).all()
        assert summary.rows == n


def tables(colour: Sequence[str | None], size: Sequence[str | None]) -> JointSummary:
    part = JointPart.empty(PARAMS)
    states = np.array([[v is None for v in side] for side in (colour, size)], np.uint8)
    n = len(colour)
    part.update(*rows(n), (texts(colour), texts(size)), states, np.zeros(n, np.int64))
    return part.summarise()


def test_categories_are_counted_together_where_both_are_known_and_others_are_one() -> None:
    summary = tables(
        ["red", "red", "blue", "pink", None, "green"], ["s", "s", "xl", "l", "s", None]
    )
    (table,) = summary.tables
    assert table.tolist() == [[0, 0, 1], [0, 0, 0], [0, 2, 0], [1, 0, 0]]


def test_a_column_without_any_category_is_counted_nowhere() -> None:
    (table,) = tables([None, None], [None, "s"]).tables
    assert table.sum() == 0


def test_profiles_without_joint_are_the_bytes_they_were() -> None:
    plain, joint = Layout(BINNING), Layout(BINNING, joint=PARAMS)
    assert set(joint.empty_parts()) - set(plain.empty_parts()) == {f"joint:{PARAMS.digest}"}
    assert plain.profile_id == joint.profile_id
    assert joint.coarse == plain.coarse
    assert Profile(plain).joint is None


def test_the_counter_counts_pairs_for_all_events_and_not_for_segments() -> None:
    spec = model_spec(segment_keys=("origin",))
    binning = Binning(
        spec.schema, (learn_numeric(np.arange(100.0)),), (CategoricalBinning(("AA", "UA")),)
    )
    two = Schema((*spec.schema.features, Feature("zone", FeatureKind.CATEGORICAL)))
    binning = Binning(two, binning.numeric, (*binning.categorical, CategoricalBinning(("e", "w"))))
    joint = choose_joint(binning, {}, pairs=[("carrier", "zone")])
    found = events([0, 1, 2], 1.0, ["UA", "AA", "UA"], segment=["JFK", "JFK", "BOS"])
    zone = texts(["e", "w", "w"])
    object.__setattr__(found, "categorical", (*found.categorical, zone))
    object.__setattr__(found, "categorical_state", np.zeros((2, 3), np.uint8))
    counted = {
        delta.key.segment: delta.profile
        for delta in deltas(spec, Layout(binning, (LABEL,), joint=joint), found)
    }
    part = counted["all"].joint
    assert part is not None
    assert part.summarise().tables[0].tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]
    segments = [profile for name, profile in counted.items() if name != "all"]
    assert len(segments) == 1
    assert not any(name.startswith("joint") for p in segments for name in p.parts)


def profile(layout: Layout) -> Profile:
    part = JointPart.empty(layout.joint)
    values, states = rows(50)
    words = (texts(["red"] * 50), texts(["s"] * 50))
    part.update(values, states, words, np.zeros((2, 50), np.uint8), np.zeros(50, np.int64))
    traffic = layout.empty_part("traffic")
    traffic.arrays["events"][0] = 50
    return Profile(layout, {"traffic": traffic, str(layout.joint_name): part})


OTHER = Layout(BINNING, joint=chosen(most=2))


def test_bytes_with_pairs_are_read_by_layouts_of_other_pairs_or_none() -> None:
    counted = profile(LAYOUT)
    (payload,) = encode_profile(counted)
    assert decode_profile(payload, LAYOUT) == counted
    for layout in (OTHER, Layout(BINNING)):
        read = decode_profile(payload, layout)
        assert set(read.parts) == {"traffic"}
        assert read.events == 50
    (plain,) = encode_profile(Profile(LAYOUT, {"traffic": counted.parts["traffic"]}))
    joint = decode_profile(plain, LAYOUT).joint
    assert joint is not None
    assert joint.is_empty()


def test_cut_bytes_of_foreign_pairs_are_refused_too() -> None:
    (payload,) = encode_profile(profile(LAYOUT))
    header, body = unframe(payload)
    with pytest.raises(UnreadableBytes, match="cut short"):
        decode_profile(frame(header, body[:100]), Layout(BINNING))
    header["arrays"][0]["part"] = 5
    with pytest.raises(UnreadableBytes):
        decode_profile(frame(header, body), Layout(BINNING))


def test_profiles_of_other_pairs_merge_and_keep_both() -> None:
    mine, its = profile(LAYOUT), profile(OTHER)
    for first, second in ((mine, its), (its, mine)):
        merged = first.merge(second)
        assert merged.events == 100
        assert merged.joint == first.joint
        assert set(merged.parts) == set(mine.parts) | set(its.parts)
        assert profile_digest(merged) == profile_digest(second.merge(first))
        assert merged == merged.merge(Profile(first.layout))
        assert merged != first
    assert mine.merge(its).merge(mine).joint == mine.merge(mine).joint
