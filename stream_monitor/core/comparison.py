"""A window beside a reference: per feature the scores, the deciding tests' figures, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stream_monitor.core.binning import NumericBinning
from stream_monitor.core.drift.brownian_bridge import kolmogorov_survival
from stream_monitor.core.drift.chi_square import chi_square
from stream_monitor.core.drift.jensen_shannon import jensen_shannon
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.largest_share_change import largest_share_change
from stream_monitor.core.drift.new_category import new_category
from stream_monitor.core.drift.population_stability import population_stability
from stream_monitor.core.drift.rates import rate_change
from stream_monitor.core.drift.score import Score
from stream_monitor.core.drift.wasserstein import wasserstein
from stream_monitor.core.evidence import Bins, category_bins, numeric_bins
from stream_monitor.core.policy import Aspect, FeaturePolicy, Test
from stream_monitor.core.profile.categorical import CategoricalSummary
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.references import SegmentReference, WindowProfile
from stream_monitor.core.schema import FeatureKind, Schema
from stream_monitor.core.summaries import (
    Counts,
    NumericWindows,
    ShareWindows,
    coarse_counts,
    decile_counts,
    with_unseen,
)
from stream_monitor.core.verdicts import Measurement


@dataclass(frozen=True, slots=True)
class Comparison:
    """One feature of a window beside one reference. `scores` holds None where nothing can be measured."""

    feature: str
    kind: FeatureKind
    n_window: int
    n_reference: int
    windows: int
    measurements: tuple[Measurement, ...]
    scores: Mapping[str, float | None]
    summary: Mapping[str, float | None]
    bins: Bins


class ReferenceView:
    """A reference segment prepared for comparing windows of one size."""

    def __init__(self, reference: SegmentReference, size: str) -> None:
        self.total = reference.total
        self.windows = reference.windows.get(size, ())
        self._numeric: dict[int, NumericWindows] = {}
        self._shares: dict[tuple[str, int], ShareWindows] = {}

    @cached_property
    def schema(self) -> Schema:
        """The schema of both sides."""
        return self.total.profile.layout.binning.schema

    def compare(
        self, window: WindowProfile, policies: Mapping[str, FeaturePolicy]
    ) -> list[Comparison]:
        """Every feature of a window, in the schema's order, numeric first."""
        found = []
        default = FeaturePolicy()
        for i, name in enumerate(self.schema.numeric):
            found.append(self._compare_numeric(i, name, window, policies.get(name, default)))
        for i, name in enumerate(self.schema.categorical):
            found.append(self._compare_categorical(i, name, window, policies.get(name, default)))
        return found

    def _compare_numeric(
        self, i: int, name: str, window: WindowProfile, policy: FeaturePolicy
    ) -> Comparison:
        binning: NumericBinning = self.total.profile.layout.bins.numeric[i]
        r, w = self.total.numeric[i], window.numeric[i]
        k, x = (coarse_counts(side.counts, binning) for side in (r, w))
        ks = kolmogorov_smirnov(r.counts, w.counts, discrete=binning.is_discrete)
        chi, share = chi_square(k, x), largest_share_change(k, x)
        measurements = []
        if ks and share and policy.test is not Test.NONE:
            p_window = self._numeric_windows(i, binning).p(w)
            if policy.test is Test.CHI_SQUARE:
                measurements.append(_share_measurement(chi, share, p_window))
            else:
                cells = int(np.count_nonzero(r.counts + w.counts))
                smallest = kolmogorov_survival(
                    1 / np.sqrt(1 / ks.n + 1 / ks.m) + 0.5826 / np.sqrt(cells)
                )
                measurements.append(
                    Measurement(
                        Aspect.DISTRIBUTION,
                        "ks",
                        ks.statistic,
                        _p(ks),
                        p_window,
                        ks.effect,
                        smallest,
                    )
                )
        outside = [s.n - int(s.counts[binning.inner].sum()) for s in (r, w)]
        whole = [_rows(s) for s in (r, w)]
        for aspect, pick in _NUMERIC_RATES.items():
            measurements += self._rate(
                aspect, i, "numeric", (pick(r), whole[0]), (pick(w), whole[1]), pick, _rows
            )
        measurements += self._rate(
            Aspect.OUT_OF_RANGE, i, "numeric", (outside[0], r.n), (outside[1], w.n),
            lambda s: s.n - int(s.counts[binning.inner].sum()), lambda s: s.n,
        )  # fmt: skip
        measurements += self._rate(
            Aspect.ZERO, i, "numeric", (r.zero, r.n), (w.zero, w.n), lambda s: s.zero, lambda s: s.n
        )
        distance = wasserstein(r.counts, w.counts, r.bin_means, w.bin_means)
        scores = _scores(ks, chi, k, x, share)
        scores |= {
            "wasserstein": _statistic(distance),
            "wasserstein_iqr": distance.statistic / binning.iqr if distance else None,
        }
        summary = {
            "mean": w.mean, "sd": w.sd, "median": w.median, "min": w.minimum, "max": w.maximum,
            "missing_share": w.missing / whole[1] if whole[1] else None,
        }  # fmt: skip
        return Comparison(
            name, FeatureKind.NUMERIC, w.n, r.n, len(self.windows), tuple(measurements), scores,
            summary, numeric_bins(binning, k, x),
        )  # fmt: skip

    def _compare_categorical(
        self, i: int, name: str, window: WindowProfile, policy: FeaturePolicy
    ) -> Comparison:
        categories = self.total.profile.layout.bins.categorical[i].categories
        r, w = self.total.categorical[i], window.categorical[i]
        k, x = with_unseen(r), with_unseen(w)
        chi, share = chi_square(k, x), largest_share_change(k, x)
        measurements = []
        if share and policy.test is not Test.NONE:
            p_window = self._category_windows(i).p(x, w.n)
            measurements.append(_share_measurement(chi, share, p_window))
        whole = [_rows(s) for s in (r, w)]
        for aspect, pick in _CATEGORICAL_RATES.items():
            measurements += self._rate(
                aspect, i, "categorical", (pick(r), whole[0]), (pick(w), whole[1]), pick, _rows
            )
        measurements += self._new_category(i, r, w)
        summary = {
            "distinct": float(w.distinct),
            "unseen_share": w.unseen / w.n if w.n else None,
            "missing_share": w.missing / whole[1] if whole[1] else None,
        }
        return Comparison(
            name, FeatureKind.CATEGORICAL, w.n, r.n, len(self.windows), tuple(measurements),
            _scores(None, chi, k, x, share), summary, category_bins((*categories, "other"), k, x),
        )  # fmt: skip

    def _new_category(
        self, i: int, r: CategoricalSummary, w: CategoricalSummary
    ) -> list[Measurement]:
        """Good–Turing where the reference holds only known categories, else the rate of unseen ones."""
        if r.unseen:
            return self._rate(
                Aspect.NEW_CATEGORY, i, "categorical", (r.unseen, r.n), (w.unseen, w.n),
                lambda s: s.unseen, lambda s: s.n,
            )  # fmt: skip
        once, twice = (int(np.count_nonzero(r.counts == times)) for times in (1, 2))
        score = new_category(w.unseen, w.n, r.n, once, twice)
        if score is None:
            return []
        return [
            Measurement(
                Aspect.NEW_CATEGORY, "good_turing", score.statistic, _p(score), None, score.effect
            )
        ]

    def _rate(
        self, aspect: Aspect, i: int, part: str, reference: tuple[int, int], window: tuple[int, int],
        pick: Any, of: Any,
    ) -> list[Measurement]:  # fmt: skip
        score = rate_change(*reference, *window)
        if score is None:
            return []
        p_window = None
        if _p(score) < 1:
            key = (aspect.value, i) if part == "numeric" else (aspect.value, -1 - i)
            if key not in self._shares:
                summaries = [getattr(earlier, part)[i] for earlier in self.windows]
                self._shares[key] = ShareWindows.of_rates([(pick(s), of(s)) for s in summaries])
            p_window = self._shares[key].p(np.array([window[0]]), window[1])
        return [
            Measurement(
                aspect, "two_proportion", score.statistic, _p(score), p_window, score.effect
            )
        ]

    def _numeric_windows(self, i: int, binning: NumericBinning) -> NumericWindows:
        if i not in self._numeric:
            total = coarse_counts(self.total.numeric[i].counts, binning)
            windows = [earlier.numeric[i] for earlier in self.windows]
            self._numeric[i] = NumericWindows.of(windows, total, binning)
        return self._numeric[i]

    def _category_windows(self, i: int) -> ShareWindows:
        key = ("categories", i)
        if key not in self._shares:
            windows = [earlier.categorical[i] for earlier in self.windows]
            self._shares[key] = ShareWindows.of_categories(windows)
        return self._shares[key]


_NUMERIC_RATES: dict[Aspect, Any] = {
    Aspect.MISSING: lambda s: s.missing,
    Aspect.NON_FINITE: lambda s: s.non_finite,
    Aspect.WRONG_TYPE: lambda s: s.wrong_type,
}
_CATEGORICAL_RATES: dict[Aspect, Any] = {
    Aspect.MISSING: lambda s: s.missing,
    Aspect.WRONG_TYPE: lambda s: s.wrong_type,
}


def _rows(summary: NumericSummary | CategoricalSummary) -> int:
    rows = summary.n + summary.missing + summary.wrong_type
    return rows + summary.non_finite if isinstance(summary, NumericSummary) else rows


def _share_measurement(chi: Score | None, share: Score, p_window: float | None) -> Measurement:
    """χ² and the largest share change as a Bonferroni pair; the effect is the change of a share."""
    ps = [_p(share)] + ([_p(chi)] if chi else [])
    certain = rate_change(0, share.m, share.n, share.n)
    return Measurement(
        Aspect.DISTRIBUTION,
        "chi_square",
        chi.statistic if chi else share.statistic,
        min(1.0, len(ps) * min(ps)),
        p_window,
        share.effect,
        2 * _p(certain) if certain else 1.0,
    )


def _scores(
    ks: Score | None, chi: Score | None, k: Counts, x: Counts, share: Score | None
) -> dict[str, float | None]:
    deciles = (decile_counts(k), decile_counts(x)) if ks else (k, x)
    stability = population_stability(*deciles)
    return {
        "ks": _statistic(ks),
        "chi_square": _statistic(chi),
        "psi": _statistic(stability),
        "psi_excess": stability.effect if stability else None,
        "jensen_shannon": _statistic(jensen_shannon(k, x)),
        "largest_share_change": _statistic(share),
    }


def _statistic(score: Score | None) -> float | None:
    return score.statistic if score else None


def _p(score: Score) -> float:
    return 1.0 if score.p is None else score.p
