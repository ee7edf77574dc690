from dataclasses import fields

import numpy as np
import pytest

from stream_monitor.core.drift.scaled_moments import log_spread, scaled_mean
from stream_monitor.core.drift.window_null import arcsine_share
from stream_monitor.core.window_tables import WindowTables, sum_tables
from tests.unit.core.random_windows import CATEGORICAL, NUMERIC, RandomWindows, reference_of


def equal(a: WindowTables, b: WindowTables) -> bool:
    pairs = ((a.numeric, b.numeric), (a.categorical, b.categorical))
    return all(
        np.array_equal(getattr(mine, field.name), getattr(its, field.name))
        for mine, its in pairs
        for field in fields(mine)[1:]
    )


@pytest.mark.parametrize("is_coarse", [False, True])
def test_tables_add_up_like_the_profiles_they_are_made_of(is_coarse: bool) -> None:
    source = RandomWindows(np.random.default_rng(1), is_coarse)
    windows = source.windows(4, rows=100)
    whole = reference_of(windows, source.layout).total.tables
    assert equal(sum_tables([w.tables for w in windows]), whole)


def test_a_window_is_left_out_of_the_sums_of_single_features() -> None:
    source = RandomWindows(np.random.default_rng(2))
    windows = source.windows(4, rows=100)
    first, last = NUMERIC.index("dirty"), len(NUMERIC) + CATEGORICAL.index("many")
    kept = np.ones((4, len(NUMERIC) + len(CATEGORICAL)), np.bool_)
    kept[2, [first, last]] = False
    found = sum_tables([w.tables for w in windows], kept)
    whole = sum_tables([w.tables for w in windows])
    fewer = sum_tables([w.tables for i, w in enumerate(windows) if i != 2])
    for f in range(len(NUMERIC)):
        expected = fewer if f == first else whole
        for name in ("fine", "sums", "coarse", "n"):
            assert np.array_equal(
                getattr(found.numeric, name)[f], getattr(expected.numeric, name)[f]
            )
        for name in ("marked", "rows"):
            mine, its = getattr(found.numeric, name), getattr(expected.numeric, name)
            assert np.array_equal(mine[:, f], its[:, f])
    starts = whole.categorical.layout.starts
    for f in range(len(CATEGORICAL)):
        expected = fewer if len(NUMERIC) + f == last else whole
        place = slice(starts[f], starts[f + 1])
        assert np.array_equal(found.categorical.counts[place], expected.categorical.counts[place])
        assert np.array_equal(found.categorical.marked[:, f], expected.categorical.marked[:, f])


def test_tables_say_what_the_summaries_say() -> None:
    window = RandomWindows(np.random.default_rng(3)).window(0, 500)
    numeric, categorical = window.tables.numeric, window.tables.categorical
    for f, (s, binning) in enumerate(
        zip(window.numeric, window.profile.layout.bins.numeric, strict=True)
    ):
        rows = s.n + s.missing + s.wrong_type + s.non_finite
        marked = [
            s.missing,
            s.non_finite,
            s.wrong_type,
            s.n - s.counts[binning.inner].sum(),
            s.zero,
        ]
        assert numeric.marked[:, f].tolist() == marked
        assert numeric.rows[:, f].tolist() == [rows, rows, rows, s.n, s.n]
        expected = scaled_mean(s.counts, s.bin_means, binning.median, binning.iqr)
        assert numeric.moments[0, f] == pytest.approx(expected, rel=1e-12)
        spread = log_spread(s.counts, s.bin_means, binning.median, binning.iqr)
        assert numeric.moments[1, f] == pytest.approx(spread, rel=1e-12)
    starts = categorical.layout.starts
    for f, c in enumerate(window.categorical):
        place = slice(starts[f], starts[f + 1])
        assert categorical.counts[place].tolist() == [*c.counts.tolist(), c.unseen]
        assert categorical.rates[2, f] == arcsine_share(c.unseen, c.n)


def test_an_empty_window_has_counts_of_nobody_and_no_rates() -> None:
    window = RandomWindows(np.random.default_rng(4)).window(0, 0)
    assert not window.tables.numeric.fine.any()
    assert np.isnan(window.tables.numeric.moments).all()
    assert np.isnan(window.tables.numeric.rates).all()
    assert np.isnan(window.tables.categorical.shares).all()


def test_the_noise_of_moments_is_that_of_windows_of_one_stream() -> None:
    source = RandomWindows(np.random.default_rng(6))
    tables = [source.window(i, 400).tables.numeric for i in range(300)]
    moments = np.array([table.moments for table in tables])
    noise = np.array([table.moment_noise for table in tables]).mean(axis=0)
    varies = noise[0] > 0
    assert varies.sum() >= 3
    ratio = moments.var(axis=0, ddof=1)[:, varies] / noise[:, varies]
    assert ((ratio > 0.75) & (ratio < 1.3)).all()


def test_a_window_of_few_values_has_no_spread() -> None:
    few = RandomWindows(np.random.default_rng(7)).window(0, 8).tables.numeric
    assert np.isnan(few.moments[1]).all()
    assert np.isfinite(few.moments[0]).any()
