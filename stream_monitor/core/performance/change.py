"""How much worse an outcome is than in a reference: the figures that a performance verdict rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stream_monitor.core.arcsines import arcsine_noise
from stream_monitor.core.comparison import Comparison
from stream_monitor.core.drift.mean_change import mean_change
from stream_monitor.core.drift.rates import rate_change
from stream_monitor.core.drift.window_null import RowNoise, arcsine_share, predictive_p_among
from stream_monitor.core.performance.tally import Tally
from stream_monitor.core.plain_comparison import plain_comparison
from stream_monitor.core.policy import PERFORMANCE, Aspect, SubjectKind
from stream_monitor.core.verdicts import MINIMUM_WINDOWS, Measurement


def compare_performance(
    outcome: str, tally: Tally, windows: Sequence[Tally], needs_windows: bool = False
) -> Comparison:
    """An outcome's tally of one window beside those of a reference's windows.

    Shares (accuracy, precision, recall) are compared by Fisher's exact test and by arcsine shares among the
    windows; the effect is how many points worse. Mean absolute errors by Welch's test and by logarithms
    among the windows; the effect is the relative increase. Bias by Welch's test and by means among the
    windows; the effect is its change in standard deviations of the reference's errors. What improved has no
    effect. With `needs_windows` fewer than MINIMUM_WINDOWS reference windows do not suffice.
    """
    total = Tally.sum(windows)
    measured = []
    figures: dict[str, float | None] = {}
    for i, (aspect, x, n) in enumerate(tally.shares):
        figures[aspect.value] = x / n if n else None
        if total.shares:
            earlier = [(w.shares[i][1], w.shares[i][2]) for w in windows]
            measured += _share(aspect, (x, n), total.shares[i][1:], earlier)
    for i, (aspect, *_) in enumerate(tally.means):
        if total.means:
            earlier_sums = [w.means[i][1:] for w in windows]
            measured += _mean(aspect, tally.means[i][1:], total.means[i][1:], earlier_sums)
    if needs_windows:
        measured = [replace(m, smallest_p=1.0) if m.p_window is None else m for m in measured]
    rows = (_rows(tally), _rows(total))
    return plain_comparison(
        PERFORMANCE + outcome, SubjectKind.OUTCOME, rows, len(windows), tuple(measured), {}, figures
    )


def _rows(tally: Tally) -> int:
    of = [n for _, _, n in tally.shares] + [n for _, n, _, _ in tally.means]
    return max(of, default=0)


def _share(
    aspect: Aspect, window: tuple[int, int], total: tuple[int, int], earlier: list[tuple[int, int]]
) -> list[Measurement]:
    score = rate_change(*total, *window)
    if score is None or score.p is None:
        return []
    worse = max(0.0, total[0] / total[1] - window[0] / window[1])
    both = (window, *earlier)
    noises = arcsine_noise(np.array([n for _, n in both]))
    p_window = _among([arcsine_share(x, n) for x, n in both], noises.tolist())
    return [Measurement(aspect, "two_proportion", score.statistic, score.p, p_window, worse)]


def _mean(
    aspect: Aspect, window: tuple[int, int, int], total: tuple[int, int, int],
    earlier: list[tuple[int, int, int]],
) -> list[Measurement]:  # fmt: skip
    change = mean_change(window, total)
    if change is None or change.score.p is None:
        return []
    both = (window, *earlier)
    noises = [_noise_of_mean(*sums) for sums in both]
    if aspect is Aspect.MAE:
        effect = max(0.0, change.relative or 0.0)
        summaries = [math.log(total / n) if n and total else None for n, total, _ in both]
        noises = [
            noise * (n / total) ** 2 if total else 0.0
            for noise, (n, total, _) in zip(noises, both, strict=True)
        ]
    else:
        sd = math.sqrt(_noise_of_mean(*total) * total[0])
        effect = abs(change.difference) / sd if sd else 0.0
        summaries = [total / n if n else None for n, total, _ in both]
    p_window = _among(summaries, noises)
    statistic = change.score.statistic
    return [Measurement(aspect, "welch", statistic, change.score.p, p_window, effect)]


def _noise_of_mean(n: int, total: int, squares: int) -> float:
    """The sampling variance of a mean."""
    return max(0, squares * n - total * total) / n**3 if n else 0.0


def _among(summaries: Sequence[float | None], noises: Sequence[float]) -> float | None:
    """The predictive p of the first among the others; None with too few windows."""
    now, *earlier = ((summary, noise) for summary, noise in zip(summaries, noises, strict=True))
    known = [(summary, noise) for summary, noise in earlier if summary is not None]
    if now[0] is None or len(known) < MINIMUM_WINDOWS:
        return None
    values = np.array(known, dtype=np.float64)
    noise = RowNoise(np.array([now[1]]), values[:, 1].mean(keepdims=True))
    return float(predictive_p_among(np.array([now[0]]), values[:, :1], noise=noise)[0])
