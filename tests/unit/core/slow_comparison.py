"""What a comparison measures, feature by feature and window by window: an oracle for whole windows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize, stats

from stream_monitor.core.binning import GUARD_BINS, NumericBinning
from stream_monitor.core.drift.brownian_bridge import kolmogorov_survival
from stream_monitor.core.drift.chi_square import chi_square
from stream_monitor.core.drift.jensen_shannon import jensen_shannon
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.largest_share_change import largest_share_change
from stream_monitor.core.drift.new_category import new_category
from stream_monitor.core.drift.population_stability import population_stability
from stream_monitor.core.drift.rates import rate_change
from stream_monitor.core.drift.scaled_moments import scaled_mean
from stream_monitor.core.drift.score import Score
from stream_monitor.core.drift.wasserstein import wasserstein
from stream_monitor.core.drift.window_null import arcsine_share, log_shape
from stream_monitor.core.policy import Aspect, FeaturePolicy, Test
from stream_monitor.core.references import SegmentReference, WindowProfile
from stream_monitor.core.verdicts import Measurement

Found = tuple[list[Measurement], dict[str, float | None]]
Summary = Any
Noise = tuple[float | None, Sequence[float | None]]
Look = tuple[float | None, Sequence[float | None], Noise]
NOT_KNOWN: Noise = (None, ())


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
        own, theirs = _moments(w, binning), [_moments(s, binning) for s in earlier]
        if (_moments(r, binning)[3] or 0.0) * r.n < 0.5:
            theirs = [(m[0], None, m[2], m[3]) for m in theirs]
        signed = [
            _among(
                [(own[i], [m[i] for m in theirs], (own[i + 2], [m[i + 2] for m in theirs]))], True
            )
            for i in range(2)
        ]
        ratio = _scale_ratio(k, x, coarse)
        ps = [p for p in (*signed, _above(log_shape(k, x), shapes, k, ratio)) if p is not None]
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
                noise = _arcsine_noise(w.n, [s.n for s in earlier], k[c] / k.sum())
                looks.append((arcsine_share(int(x[c]), w.n), column, noise))
        is_one = len(looks) == 2 and not w.unseen
        p_window = _among(looks[:1] if is_one else looks)
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
    noise = _arcsine_noise(of(w), [of(s) for s in earlier], marked(r) / of(r))
    look = (arcsine_share(marked(w), of(w)), column, noise)
    p_window = _among([look], is_skewed) if score.p < 1 else None
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
    return replace(m, p_window=_among(looks, is_skewed=True)) if looks else m


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


def _among(looks: Sequence[Look], is_skewed: bool = False) -> float | None:
    """Bonferroni over the looks for which 20 windows are there."""
    ps = []
    for c, column, (noise, noises) in looks:
        known = np.array([value for value in column if value is not None])
        if c is not None and len(known) >= 20:
            sd = max(float(known.std(ddof=1)), 1e-9)
            t = (c - known.mean()) / (sd * math.sqrt(1 + 1 / len(known)))
            z = _symmetric(t, known, sd) if is_skewed else abs(t)
            if sd > 1e-9 and noise is not None:
                shared = np.mean([n for n in noises if n is not None])
                ps.append(_beyond(z, sd, len(known), noise, float(shared)))
            else:
                ps.append(min(1.0, 2 * float(stats.t.sf(z, len(known) - 1))))
    return min(1.0, len(ps) * min(ps)) if ps else None


def _beyond(z: float, sd: float, k: int, noise: float, shared: float) -> float:
    """The tail at z·sd·√(1 + 1/k), over the chi-square's Wilson-Hilferty places."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(32)
    step = 2 / (9 * (k - 1))
    possible = sd**2 / np.maximum(0.05, 1 - step + nodes * math.sqrt(step)) ** 3
    variance = np.maximum(0, possible - shared) + noise + possible / k
    tails = 2 * stats.norm.sf(z * sd * math.sqrt(1 + 1 / k) / np.sqrt(variance))
    return float((weights * tails).sum() / weights.sum())


def _arcsine_noise(n: int, others: Sequence[int], rate: float) -> Noise:
    own = 1 / (4 * n) if n else None
    return own, [min(1 / (4 * m), rate) if m else None for m in others]


def _above(
    shape: float | None, shapes: Sequence[float | None], k: Any, ratio: float
) -> float | None:
    """p of a shape so far up, less what it may have risen by with `ratio` times the values."""
    known = np.array([shape for shape in shapes if shape is not None])
    if shape is None or len(known) < 20:
        return None
    distances, g = np.exp(known), np.count_nonzero(k) - 1.0
    mean, error = distances.mean(), distances.std(ddof=1) / math.sqrt(len(known))
    excess = max(0.0, mean - g)
    c = shape - math.log((g + excess * max(1.0, ratio)) / (g + excess))
    if c <= known.mean():
        return 1.0
    sd = max(float(known.std(ddof=1)), 1e-9)
    t = (c - known.mean()) / (sd * math.sqrt(1 + 1 / len(known)))
    p = min(1.0, 2 * float(stats.t.sf(_symmetric(t, known, sd), len(known) - 1)))
    if ratio <= 1:
        return p
    nodes, weights = np.polynomial.hermite_e.hermegauss(32)
    step = 2 / (9 * 2 * (mean / error) ** 2)
    x = np.maximum(0, mean / np.maximum(0.05, 1 - step + nodes * math.sqrt(step)) ** 3 - g)
    most = distances.var(ddof=1) * (1 + math.sqrt(2 / (len(known) - 1)))
    shown = np.clip(most - 2 * g - 4 * x, 0, 2 * x * x)
    variance = 2 * g + 4 * ratio * x + ratio**2 * (shown / ratio + (1 - 1 / ratio) * 2 * x * x)
    a = (g + ratio * x) ** 2 / variance
    tails = stats.gamma.sf(math.exp(shape), a, scale=(g + ratio * x) / a)
    return max(p, float((weights * tails).sum() / weights.sum()))


def _scale_ratio(k: Any, x: Any, coarse: Sequence[Any]) -> float:
    """By how much more the scale of a window's chi-square is than the reference windows'."""
    held = [(c.sum(), k.sum() - c.sum()) for c in coarse if log_shape(k - c, c) is not None]
    scales = [n * m / (n + m) for n, m in held]
    scale = k.sum() * x.sum() / max(1, k.sum() + x.sum())
    return float(scale / max(1.0, np.mean(scales))) if scales else 1.0


def _symmetric(t: float, known: Any, sd: float) -> float:
    """The root of z + g·(z² − 1)/6 = |t|, by search."""
    g = math.copysign(1, t) * float(((known - known.mean()) ** 3).mean()) / sd**3
    if g <= 0 or abs(t) <= 1:
        return abs(t)
    return float(
        optimize.brentq(lambda z: z + g * (z * z - 1) / 6 - abs(t), 0.0, abs(t), xtol=1e-14)
    )


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


def _moments(s: Summary, binning: NumericBinning) -> tuple[float | None, ...]:
    """Location and spread, and the noise of both."""
    location = scaled_mean(s.counts, s.bin_means, binning.median, binning.iqr)
    if not s.n or location is None:
        return (None,) * 4
    filled = s.counts > 0
    scaled = np.arcsinh((s.bin_means[filled] - binning.median) / (2 * binning.iqr))
    q, n = s.counts[filled] / s.counts.sum(), int(s.counts.sum())
    variance, fourth = (float((q * (scaled - location) ** power).sum()) for power in (2, 4))
    if n < 10:
        return location, None, variance / n, None
    noise = (max(0.0, fourth - variance**2) + 2 * variance**2 / n) / (variance + 0.001) ** 2 / n
    return location, math.log(variance + 0.001), variance / n, noise
