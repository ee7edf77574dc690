"""Classification metrics from a confusion matrix."""

from __future__ import annotations

import numpy as np

from stream_monitor.core.profile.outcome import OutcomePart


def class_metrics(part: OutcomePart) -> dict[str, float | None]:
    """Accuracy, and precision, recall and F1 of the positive class; None where a ratio has no rows.

    Rows of unknown classes (the matrix's last slot) count against accuracy. Precision, recall and F1
    are TP/(TP+FP), TP/(TP+FN) and 2TP/(2TP+FP+FN). AUC is the chance that a positive row's score bin
    is above a negative's, ties counted half, from the 1,000-bin score × label histogram.
    """
    matrix = part.arrays["confusion"][0]
    positive = part.params.classes.index(part.positive)
    hit = int(matrix[positive, positive])
    predicted, actual = int(matrix[:, positive].sum()), int(matrix[positive].sum())
    right = int(np.trace(matrix[:-1, :-1]))
    return {
        "accuracy": _ratio(right, int(matrix.sum())),
        "precision": _ratio(hit, predicted),
        "recall": _ratio(hit, actual),
        "f1": _ratio(2 * hit, predicted + actual),
        "auc": _auc(part),
    }


def _auc(part: OutcomePart) -> float | None:
    negative, positive = part.arrays["scores"][0]
    below = np.cumsum(negative) - negative
    twice = int((positive * (2 * below + negative)).sum())
    return _ratio(twice, 2 * int(negative.sum()) * int(positive.sum()))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
