"""Which label counts: the rules of the join over arrays, one row per label of a known prediction.

Labels of one prediction and outcome form a group. Within a group, equal labels in a row are one run,
known by its first label; the last run is the group's effective label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STATES: Final = ("matched", "waiting", "duplicate", "corrected", "retracted", "expired")
MATCHED, WAITING, DUPLICATE, CORRECTED, RETRACTED, EXPIRED = range(len(STATES))

RETRACTION: Final = -1
"""The label code of a null label."""

NO_HORIZON: Final = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Labels in order: those applied before, those that wait, those of the batch.

    All arrays have one length. `prediction` and `outcome` number the group, `label` the value;
    `horizon_us` is NO_HORIZON where none is known.
    """

    prediction: NDArray[np.int64]
    outcome: NDArray[np.int64]
    label: NDArray[np.int64]
    timestamp_us: NDArray[np.int64]
    delay_us: NDArray[np.int64]
    horizon_us: NDArray[np.int64]
    is_applied: NDArray[np.bool_]
    is_stored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the labels amount to: the state of each row, and rows (numbered as in LabelRows).

    `removed` and `added` are the labels of the pairs to take out and add; `superseded` are stored
    rows to delete, `applied` rows to store as their groups' effective labels, null ones included.
    """

    state: NDArray[np.int64]
    removed: NDArray[np.int64]
    added: NDArray[np.int64]
    superseded: NDArray[np.int64]
    applied: NDArray[np.int64]


def resolve(rows: LabelRows) -> Resolution:
    """Applies the rules; without rows everything is empty."""
    is_known = rows.horizon_us != NO_HORIZON
    is_due = rows.is_applied | (is_known & (rows.delay_us <= rows.horizon_us))
    state = np.where(is_known, EXPIRED, WAITING)
    due = _grouped(rows, np.flatnonzero(is_due))
    if len(due) == 0:
        return Resolution(state, due, due, due, due)
    is_first, is_repeated = _boundaries(rows, due)
    state[due] = _states(rows.label[due], is_first, is_repeated)
    groups = np.flatnonzero(is_first)
    run_start = np.maximum.accumulate(np.where(is_repeated, 0, np.arange(len(due))))
    after = due[run_start[np.append(groups[1:], len(due)) - 1]]
    had = rows.is_applied[due[groups]]
    before = np.where(had, due[groups], -1)
    moved = before != after
    stays = had & (rows.label[before] == rows.label[after])
    stays &= rows.timestamp_us[before] == rows.timestamp_us[after]
    removed = before[had & ~stays]
    added = after[~stays]
    superseded = due[rows.is_stored[due] & moved[np.cumsum(is_first) - 1]]
    return Resolution(
        state,
        removed[rows.label[removed] != RETRACTION],
        added[rows.label[added] != RETRACTION],
        superseded,
        after[moved],
    )


def _grouped(rows: LabelRows, due: NDArray[np.int64]) -> NDArray[np.int64]:
    outcomes = int(rows.outcome.max()) + 1 if len(rows.outcome) else 1
    group = rows.prediction[due] * outcomes + rows.outcome[due]
    return due[np.argsort(group, kind="stable")]


def _boundaries(
    rows: LabelRows, due: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each row is the first of its group, and whether it repeats the row before it."""
    prediction, outcome, label = rows.prediction[due], rows.outcome[due], rows.label[due]
    is_first = np.ones(len(due), np.bool_)
    is_first[1:] = (prediction[1:] != prediction[:-1]) | (outcome[1:] != outcome[:-1])
    is_repeated = ~is_first
    is_repeated[1:] &= label[1:] == label[:-1]
    return is_first, is_repeated


def _states(
    label: NDArray[np.int64], is_first: NDArray[np.bool_], is_repeated: NDArray[np.bool_]
) -> NDArray[np.int64]:
    follows_label = ~is_first
    follows_label[1:] &= label[:-1] != RETRACTION
    state = np.where(follows_label, CORRECTED, MATCHED)
    state[label == RETRACTION] = RETRACTED
    state[is_repeated] = DUPLICATE
    return state
