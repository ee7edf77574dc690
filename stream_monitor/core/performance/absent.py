"""Predictions that never get a label, as a subtraction: neither a timer nor an order of arrival."""

from __future__ import annotations

import numpy as np

from stream_monitor.core.profile.outcome import OutcomePart


def with_absent(part: OutcomePart, passed: OutcomePart) -> tuple[OutcomePart, int]:
    """The counts with every prediction of `passed` that has no label put into the absent class.

    `passed` is that share of `part` whose horizon is over. Also returns how many predictions that is: 0
    where a missing label means nothing. Labels that were never predictions count as none.
    """
    absent = part.params.absent_means
    if absent is None:
        return part, 0
    actual = part.params.classes.index(absent)
    known, scored = passed.arrays["confusion"][0], passed.arrays["scores"][0]
    missing = np.maximum(passed.arrays["predicted"][0] - known.sum(axis=0), 0)
    unscored = np.maximum(passed.arrays["predicted_scores"][0] - scored.sum(axis=0), 0)
    arrays = {**part.arrays, "confusion": part.arrays["confusion"].copy()}
    arrays["confusion"][0, actual] += missing
    arrays["scores"] = part.arrays["scores"].copy()
    arrays["scores"][0, int(absent == part.positive)] += unscored
    return OutcomePart(part.params, arrays), int(missing.sum())
