"""What verdicts find: beside SciPy's exact KS, small changes, gross errors, and trifles in a million rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from benchmarks.detection.changes import GROSS, LARGE, SMALL, Change
from benchmarks.detection.made_windows import (
    SIZE,
    Draw,
    judged,
    reference_of,
    spec_of,
    window_of,
)
from benchmarks.detection.rows import Row, Target, at_least, at_most, rate_row
from stream_monitor.core.binning import learn_numeric
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.joint_judging import judge_joint
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.verdicts import VerdictState

NAME: Final = "power"
ALPHA: Final = 0.01
_SEED: Final = 2
_WINDOWS: Final = 35
_FEATURES: Final = 100
_BATCHES: Final = 3
_PAIRS: Final = 200
Values = Callable[[Generator, int], NDArray[np.float64]]


def run(is_quick: bool) -> list[Row]:
    """All rows."""
    share = 10 if is_quick else 1
    rows = [
        row for i, case in enumerate(_BESIDE_SCIPY) for row in _beside(*case, i, 1_000 // share)
    ]
    features = _FEATURES // share
    for change in SMALL:
        rows += [_found(change, how, features, at_least(0.95)) for how in _REFERENCES]
    rows += [_flipped(how, _PAIRS // share) for how in _REFERENCES]
    for change in GROSS:
        rows += [_found(change, how, features, at_least(1.0)) for how in _REFERENCES[:2]]
    targets = (at_most(0.01), at_least(0.99))
    rows += [_large(change, target, share) for change, target in zip(LARGE, targets, strict=True)]
    return rows


_REFERENCES: Final = ("reference in one window", "in 35 smaller windows", "in 35 windows of n rows")
"""10,000 rows without a window-to-window null; the same rows as 35 windows, for which the judged one is too
large; and 35 windows of as many rows as the judged one."""


def _windows(how: str, n: int) -> list[int]:
    if how == _REFERENCES[0]:
        return [10_000]
    return [10_000 // _WINDOWS if how == _REFERENCES[1] else n] * _WINDOWS


def _found(change: Change, how: str, features: int, target: Target) -> Row:
    sizes = _windows(how, change.n)
    is_large = sum(sizes) > 100_000
    hits = of = 0
    for batch in range(_BATCHES):
        rng = np.random.default_rng([_SEED, batch])
        count = features // 2 if is_large else features
        before = [change.before(rng, count, rows) for rows in sizes]
        spec = spec_of(count, before[0].is_numeric)
        reference = reference_of(spec, before)
        window = window_of(spec, reference, change.after(rng, count, change.n))
        found = judged(spec, reference, window, ALPHA)
        hits += sum(result.state is VerdictState.DRIFT for result in found)
        of += len(found)
    most = change.most_found(sum(sizes), ALPHA)
    limit = "" if most is None or most > 0.99 else f"; no test finds more than {most:.3f}"
    return rate_row(
        NAME, change.name, hits, of, target, alpha=ALPHA, floor="default", n=change.n, m=sum(sizes),
        note=how + limit,
    )  # fmt: skip


def _flipped(how: str, times: int) -> Row:
    """Pairs with correlation 0.6 that becomes −0.6; neither feature changes by itself."""
    n, hits = 5_000, 0
    sizes = _windows(how, n)
    times = times // 4 if sum(sizes) > 100_000 else times
    spec = spec_of(2, True, judges_joint=True)
    for repetition in range(times):
        rng = np.random.default_rng([_SEED, 9, repetition])
        reference = reference_of(spec, [_pair(rng, 0.6, rows) for rows in sizes])
        window = window_of(spec, reference, _pair(rng, -0.6, n))
        joint = ReferenceView(reference.segments[ALL], SIZE.name).joint
        if joint is None:
            continue
        results = judged(spec, reference, window, ALPHA)
        found = judge_joint(ReferenceKind.VALIDATION, joint, window, results, spec, ALPHA)
        hits += found is not None and found.state is VerdictState.DRIFT
    return rate_row(
        NAME, "correlation 0.6 to −0.6", hits, times, at_least(0.95), alpha=ALPHA, floor="default", n=n,
        m=sum(sizes), note=how,
    )  # fmt: skip


def _pair(rng: Generator, r: float, rows: int) -> Draw:
    x, noise = rng.normal(size=(2, rows))
    return Draw(np.stack([x, r * x + np.sqrt(1 - r * r) * noise]))


def _large(change: Change, target: Target, share: int) -> Row:
    """A million rows against 100,000, counted 20 features at a time."""
    m, hits, of = 100_000, 0, 0
    spec = spec_of(20, True)
    for batch in range(max(1, 10 // share)):
        rng = np.random.default_rng([_SEED, 8, batch])
        reference = reference_of(spec, [change.before(rng, 20, m)])
        window = window_of(spec, reference, change.after(rng, 20, change.n))
        found = judged(spec, reference, window, ALPHA)
        hits += sum(result.state is VerdictState.DRIFT for result in found)
        of += len(found)
    return rate_row(
        NAME, change.name, hits, of, target, alpha=ALPHA, floor="default", n=change.n, m=m,
        note=_REFERENCES[0],
    )  # fmt: skip


def _normal(by: float) -> Values:
    return lambda rng, n: rng.normal(by, 1, n)


def _poisson(mean: float) -> Values:
    return lambda rng, n: rng.poisson(mean, n).astype(np.float64)


def _decimal(by: float) -> Values:
    return lambda rng, n: np.round(rng.normal(by, 1, n), 1)


_BESIDE_SCIPY: Final = (
    ("KS, normal + 0.2 sd", _normal(0.0), _normal(0.2), False),
    ("KS, normal × 1.3", _normal(0.0), lambda rng, n: rng.normal(0, 1.3, n), False),
    ("KS, Poisson 3 to 3.3", _poisson(3.0), _poisson(3.3), True),
    ("KS, normal to one decimal + 0.2 sd", _decimal(0.0), _decimal(0.2), True),
)


def _beside(
    name: str, before: Values, after: Values, is_discrete: bool, which: int, times: int
) -> list[Row]:
    """Both tests on the same samples."""
    n, m = 500, 2_000
    ours, theirs = np.empty(times), np.empty(times)
    for i in range(times):
        rng = np.random.default_rng([_SEED, 7, which, i])
        x, y = before(rng, m), after(rng, n)
        binning = learn_numeric(x)
        edges = np.array(binning.edges)
        k, w = (
            np.bincount(np.searchsorted(edges, side, side="right"), minlength=binning.bins)
            for side in (x, y)
        )
        score = kolmogorov_smirnov(k, w, discrete=binning.is_discrete)
        ours[i] = 1.0 if score is None or score.p is None else score.p
        theirs[i] = stats.ks_2samp(x, y, method="exact").pvalue
    rows = []
    for alpha in (0.05, 0.01):
        rate = float((theirs <= alpha).mean())
        words = f"SciPy's {rate:.3g}" + ("" if is_discrete else " − 0.02")
        target = Target(f"≥ {words}", at_least(rate - (0.0 if is_discrete else 0.02)).keeps)
        hits = int((ours <= alpha).sum())
        note = f"SciPy exact: {rate:.3f} on the same samples"
        row = rate_row(
            NAME, name, hits, times, target, alpha=alpha, floor="none", n=n, m=m, note=note
        )
        rows.append(row)
    return rows
