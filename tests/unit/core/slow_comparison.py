"""What a comparison measures, feature by feature and window by window: an oracle for whole windows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stream_monitor.core.binning import GUARD_BINS, NumericBinning
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
from stream_monitor.core.drift.window_null import arcsine_share, log_shape
from stream_monitor.core.policy import Aspect, FeaturePolicy, Test
from stream_monitor.core.references import SegmentReference, WindowProfile
from stream_monitor.core.verdicts import Measurement
from tests.unit.core.slow_placing import (
    NOT_KNOWN,
    above,
    among,
    arcsine_noise,
    moments,
    scale_ratio,
)

Summary = Any
Found = tuple[list[Measurement], dict[str, float | None]]


def slow_comparison(
    reference: SegmentReference, window: WindowProfile, policies: dict[str, FeaturePolicy]
) -> dict[str, Found]:
    """Measurements and scores of every feature."""
    binning = window.profile.layout.bins
    windows = reference.windows["1h"]
    found: dict[str, Found] = {}
    for i, name in enumerate(binning.schema.numeric):
        sides = (reference.total.numeric[i], window.numeric[i])
        earlier = [w.numeric[i] for w in windows]
        policy = policies.get(name, FeaturePolicy())
        found[name] = _numeric(*sides, earlier, binning.numeric[i], policy)
    for i, name in enumerate(binning.schema.categorical):
        sides = (reference.total.categorical[i], window.categorical[i])
        earlier = [w.categorical[i] for w in windows]
        found[name] = _categorical(*sides, earlier, policies.get(name, FeaturePolicy()))
    return found


def _numeric(
    r: Summary, w: Summary, earlier: Sequence[Summary], binning: NumericBinning, policy: FeaturePolicy
) -> Found:  # fmt: skip
    k, x = _coarse(r, binning), _coarse(w, binning)
    floor = 0.03 if policy.floor is None else policy.floor
    ks = kolmogorov_smirnov(r.counts, w.counts, discrete=binning.is_discrete, exact_from=floor)
    measured = []
    if ks and ks.p is not None and policy.test is not Test.NONE:
        coarse = [_coarse(s, binning) for s in earlier]
        shapes = [log_shape(k - counts, counts) for counts in coarse]
        own, theirs = moments(w, binning), [moments(s, binning) for s in earlier]
        squares = [m[3] * s.n for m, s in zip(theirs, earlier, strict=True) if m[3] is not None]
        if not squares or np.mean(squares) < 0.5:
            theirs = [(m[0], None, m[2], m[3]) for m in theirs]
        signed = [
            among(
                [(own[i], [m[i] for m in theirs], (own[i + 2], [m[i + 2] for m in theirs]))], True
            )
            for i in range(2)
        ]
        ratio = scale_ratio(k, x, coarse)
        ps = [p for p in (*signed, above(log_shape(k, x), shapes, k, ratio)) if p is not None]
        p_window = min(1.0, len(ps) * min(ps)) if ps else None
        if policy.test is Test.CHI_SQUARE:
            measured.append(_shares(k, x, p_window))
        else:
            cells = np.count_nonzero(r.counts + w.counts)
            smallest = kolmogorov_survival(
                1 / math.sqrt(1 / ks.n + 1 / ks.m) + 0.5826 / math.sqrt(cells)
            )
            figures = (ks.statistic, ks.p, p_window, ks.effect, smallest)
            measured.append(Measurement(Aspect.DISTRIBUTION, "ks", *figures))

    def rows(s: Summary) -> int:
        return int(s.n + s.missing + s.wrong_type + s.non_finite)

    def outside(s: Summary) -> int:
        return int(s.n - s.counts[binning.inner].sum())

    for aspect, marked, of in (
        (Aspect.MISSING, lambda s: s.missing, rows),
        (Aspect.NON_FINITE, lambda s: s.non_finite, rows),
        (Aspect.WRONG_TYPE, lambda s: s.wrong_type, rows),
        (Aspect.OUT_OF_RANGE, outside, lambda s: s.n),
        (Aspect.ZERO, lambda s: s.zero, lambda s: s.n),
    ):
        found = _rate(aspect, r, w, earlier, marked, of, aspect is Aspect.ZERO)
        if aspect is Aspect.OUT_OF_RANGE:
            found = [_reaching(m, r, w, earlier, binning) for m in found]
        measured += found
    distance = wasserstein(r.counts, w.counts, r.bin_means, w.bin_means)
    pairs = [np.add.reduceat(c, range(0, len(c), 2)) for c in (k, x)]
    scores = {"ks": _statistic(ks)} | _scores(k, x, pairs[0], pairs[1])
    scores["wasserstein"] = _statistic(distance)
    scores["wasserstein_iqr"] = distance.statistic / binning.iqr if distance else None
    return measured, scores


def _categorical(
    r: Summary, w: Summary, earlier: Sequence[Summary], policy: FeaturePolicy
) -> Found:
    k, x = np.append(r.counts, r.unseen), np.append(w.counts, w.unseen)
    measured = []
    if r.n and w.n and policy.test is not Test.NONE:
        looks = []
        for c in range(len(x)):
            column = [arcsine_share(int(np.append(s.counts, s.unseen)[c]), s.n) for s in earlier]
            is_known = c < len(x) - 1
            if (x[c] and is_known) or any(column):
                noise = arcsine_noise(w.n, [s.n for s in earlier], k[c] / k.sum())
                looks.append((arcsine_share(int(x[c]), w.n), column, noise))
        is_one = len(looks) == 2 and not w.unseen
        p_window = among(looks[:1] if is_one else looks)
        measured.append(_shares(k, x, p_window, is_learned=not r.unseen))

    def rows(s: Summary) -> int:
        return int(s.n + s.missing + s.wrong_type)

    measured += _rate(Aspect.MISSING, r, w, earlier, lambda s: s.missing, rows)
    measured += _rate(Aspect.WRONG_TYPE, r, w, earlier, lambda s: s.wrong_type, rows)
    if r.unseen:
        measured += _rate(Aspect.NEW_CATEGORY, r, w, earlier, lambda s: s.unseen, lambda s: s.n)
    else:
        once, twice = (int((r.counts == times).sum()) for times in (1, 2))
        new = new_category(w.unseen, w.n, r.n, once, twice)
        if new and new.p is not None:
            figures = (new.statistic, new.p, None, new.effect)
            measured.append(Measurement(Aspect.NEW_CATEGORY, "good_turing", *figures))
    scores = {"ks": None} | _scores(k, x, k, x)
    if not r.unseen and r.n and w.n:
        scores["chi_square"] = _statistic(_chi_square(k, x, True))
        scores["largest_share_change"] = _statistic(_share(k, x, True))
    return measured, scores


def _rate(
    aspect: Aspect, r: Summary, w: Summary, earlier: Sequence[Summary],
    marked: Callable[[Summary], int], of: Callable[[Summary], int], is_skewed: bool = False,
) -> list[Measurement]:  # fmt: skip
    score = rate_change(marked(r), of(r), marked(w), of(w))
    if score is None or score.p is None:
        return []
    column = [arcsine_share(marked(s), of(s)) for s in earlier]
    noise = arcsine_noise(of(w), [of(s) for s in earlier], marked(r) / of(r))
    look = (arcsine_share(marked(w), of(w)), column, noise)
    p_window = among([look], is_skewed) if score.p < 1 else None
    figures = (score.statistic, score.p, p_window, score.effect)
    return [Measurement(aspect, "two_proportion", *figures)]


def _reaching(
    m: Measurement, r: Summary, w: Summary, earlier: Sequence[Summary], binning: NumericBinning
) -> Measurement:
    """Values outside: how far the window reaches beyond the reference, among how far its windows reach."""
    if m.p_window is None:
        return m

    def scaled(value: float | None) -> float | None:
        return None if value is None else math.asinh((value - binning.median) / (2 * binning.iqr))

    looks = []
    if w.minimum < r.minimum:
        looks.append((scaled(w.minimum), [scaled(s.minimum) for s in earlier], NOT_KNOWN))
    if w.maximum > r.maximum:
        looks.append((scaled(w.maximum), [scaled(s.maximum) for s in earlier], NOT_KNOWN))
    return replace(m, p_window=among(looks, is_skewed=True)) if looks else m


def _shares(k: Any, x: Any, p_window: float | None, is_learned: bool = False) -> Measurement:
    chi, share = _chi_square(k, x, is_learned), _share(k, x, is_learned)
    certain = rate_change(0, int(k.sum()), int(x.sum()), int(x.sum()))
    assert share is not None
    assert share.p is not None
    assert certain is not None
    assert certain.p is not None
    filled = np.count_nonzero((k + x)[: len(k) - is_learned])
    has_pair = chi is not None and chi.p is not None and filled != 2
    p = min(1.0, 2 * min(share.p, chi.p)) if has_pair else share.p
    statistic = chi.statistic if chi else share.statistic
    figures = (statistic, p, p_window, share.effect, 2 * certain.p)
    return Measurement(Aspect.DISTRIBUTION, "chi_square", *figures)


def _share(k: Any, x: Any, is_learned: bool) -> Score | None:
    return largest_share_change(k, x, tested=len(k) - is_learned)


def _chi_square(k: Any, x: Any, is_learned: bool) -> Score | None:
    """Unseen values with the rare categories, or without rare ones left out."""
    if not is_learned:
        return chi_square(k, x)
    least = 5 * (k + x).sum() / min(k.sum(), x.sum())
    is_rare = (k + x < least)[:-1]
    known = [np.append(side[:-1][~is_rare], side[:-1][is_rare].sum()) for side in (k, x)]
    if known[0][-1]:
        known[1][-1] += x[-1]
    return chi_square(*known)


def _scores(k: Any, x: Any, index_k: Any, index_x: Any) -> dict[str, float | None]:
    stability = population_stability(index_k, index_x)
    return {
        "chi_square": _statistic(chi_square(k, x)),
        "psi": _statistic(stability),
        "psi_excess": stability.effect if stability else None,
        "jensen_shannon": _statistic(jensen_shannon(k, x)),
        "largest_share_change": _statistic(largest_share_change(k, x)),
    }


def _statistic(score: Score | None) -> float | None:
    return score.statistic if score else None


def _coarse(s: Summary, binning: NumericBinning) -> Any:
    coarse = np.add.reduceat(s.counts[binning.inner], list(binning.coarse))
    coarse[0] += s.counts[:GUARD_BINS].sum()
    coarse[-1] += s.counts[-GUARD_BINS:].sum()
    return coarse
