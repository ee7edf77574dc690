"""What moved, in plain words, where no cause is known: every drift says at least this."""

from __future__ import annotations

import numpy as np

from stream_monitor.core.hints.feature_evidence import (
    CategoricalEvidence,
    FeatureEvidence,
    NumericEvidence,
    share,
)
from stream_monitor.core.hints.hint import Hint, HintKind, percent


def movement_hint(feature: FeatureEvidence) -> Hint | None:
    """The extremes that were passed, else the mean or the spread, else the share that moved most.

    None where one side has no values.
    """
    if isinstance(feature, NumericEvidence):
        return _numeric(feature)
    return _categorical(feature)


def _numeric(feature: NumericEvidence) -> Hint | None:
    r, w = feature.reference, feature.window
    if r.mean is None or w.mean is None or r.sd is None or w.sd is None:
        return None
    if "out_of_range" in feature.aspects:
        return _outside(feature)
    spread = max(r.sd, 1e-300)
    shift = (w.mean - r.mean) / spread
    if abs(shift) >= 0.1 or w.sd == r.sd:
        word = "higher" if shift > 0 else "lower"
        text = f"values are {word}: mean {r.mean:.4g} → {w.mean:.4g}"
    else:
        word = "wider" if w.sd > r.sd else "narrower"
        text = f"values are spread {word}: standard deviation {r.sd:.4g} → {w.sd:.4g}"
    detail = {"mean_before": r.mean, "mean": w.mean, "sd_before": r.sd, "sd": w.sd}
    return Hint(HintKind.MOVEMENT, text, 0.1, detail)


def _outside(feature: NumericEvidence) -> Hint:
    """How many values lie beyond the reference's, and on which side."""
    w, inner = feature.window, feature.binning.inner
    below, above = int(w.counts[: inner.start].sum()), int(w.counts[inner.stop :].sum())
    is_above = above >= below
    edge = feature.reference.maximum if is_above else feature.reference.minimum
    reached = w.maximum if is_above else w.minimum
    part = share(above if is_above else below, w.n)
    side = "above" if is_above else "below"
    text = f"{percent(part)} of the values lie {side} all of the reference's: {edge:.4g} → {reached:.4g}"
    detail = {"share": part, "edge": float(edge or 0.0), "reached": float(reached or 0.0)}
    return Hint(HintKind.MOVEMENT, text, 0.1, detail)


def _categorical(feature: CategoricalEvidence) -> Hint | None:
    r, w = feature.reference, feature.window
    if not r.n or not w.n:
        return None
    if "new_category" in feature.aspects:
        new, before = share(w.unseen, w.n), share(r.unseen, r.n)
        text = f"{percent(new)} of the values are in new categories, in the reference {percent(before)}"
        return Hint(HintKind.MOVEMENT, text, 0.1, {"before": before, "after": new})
    change = w.counts / w.n - r.counts / r.n
    if not len(change):
        return None
    i = int(np.abs(change).argmax())
    before, after = share(int(r.counts[i]), r.n), share(int(w.counts[i]), w.n)
    can_name = feature.can_name(max(int(r.counts[i]), int(w.counts[i])))
    what = repr(feature.binning.categories[i]) if can_name else "one category"
    text = f"{what} went from {percent(before)} to {percent(after)} of the values"
    return Hint(HintKind.MOVEMENT, text, 0.1, {"before": before, "after": after})
