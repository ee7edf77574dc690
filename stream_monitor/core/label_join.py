"""The tables on both sides of the label join; the join itself is the pending store's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns, LabelColumns, MatchedColumns
from stream_monitor.core.profile.profile import Layout

_CARRIED: Final = "\x1f"
"""Begins the ids of predictions that came with their labels: a control character is in no other id."""


def predictions_table(events: InferenceColumns, layout: Layout) -> pa.Table:
    """What the join must know of each event, with `row`, its row in the raw batch."""
    n = events.n
    width = len(events.segments)
    texts = [column.cast(pa.string()) for column in events.segments]
    if width:
        flat = pa.concat_arrays(texts).take(
            pa.array(np.arange(n * width).reshape(width, n).T.ravel())
        )
    else:
        flat = pa.nulls(0, pa.string())
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * width)
    return pa.table(
        {
            "row": events.row,
            "prediction_id": events.prediction_id,
            "model": pa.repeat(events.model, n),
            "version": events.version.cast(pa.string()),
            "profile_id": pa.repeat(layout.profile_id, n),
            "timestamp_us": events.timestamp_us,
            "segments": pa.ListArray.from_arrays(offsets, flat),
            "predicted_label": events.predicted_label,
            "score": events.score,
            "predicted_value": events.predicted_value,
        }
    )


def labels_table(
    labels: LabelColumns, offsets: NDArray[np.int64], carriers: NDArray[np.int64]
) -> pa.Table:
    """Labels in the order of their offsets, with `row`, their row in the raw batch.

    `offsets` are those of the batch's records. Labels in the rows `carriers` bring their predictions: both
    are known by an id of their own, so that a record of the inference topic is counted beside them.
    """
    ids = labels.prediction_id
    if len(carriers):
        is_carrier = pa.array(np.isin(labels.row, carriers))
        ids = pc.if_else(is_carrier, carried_ids(ids), ids)
    return pa.table(
        {
            "row": labels.row,
            "prediction_id": ids,
            "outcome": labels.outcome,
            "label": labels.label,
            "timestamp_us": labels.timestamp_us,
            "offset": offsets[labels.row],
        }
    )


def carried_ids(ids: pa.StringArray) -> pa.StringArray:
    """The ids under which the join knows predictions that came with their labels."""
    return pc.binary_join_element_wise(pa.scalar(_CARRIED), ids, "")


def carried_predictions(
    carried: pa.Table, layout_of: Callable[[str, str], Layout]
) -> Iterator[pa.Table]:
    """Predictions that came with labels, as predictions_table has them, by model and version."""
    for group in pa.TableGroupBy(carried, ["model", "version"]).aggregate([]).to_pylist():
        same = pc.and_(
            pc.equal(carried["model"], group["model"]),
            pc.equal(carried["version"], group["version"]),
        )
        rows = carried.filter(same)
        profile_id = layout_of(group["model"], group["version"]).profile_id
        ids = carried_ids(rows["prediction_id"].combine_chunks())
        rows = rows.set_column(1, "prediction_id", ids)
        yield rows.add_column(4, "profile_id", pa.repeat(profile_id, len(rows)))


def matched_columns(
    pairs: pa.Table, segment_keys: Mapping[str, Sequence[str]]
) -> list[MatchedColumns]:
    """The join's pairs by model, outcome and profile id; `segment_keys` by model."""
    if not len(pairs):
        return []
    pairs = pairs.combine_chunks()
    groups = pa.TableGroupBy(pairs, ["model", "outcome", "profile_id"]).aggregate([])
    found = []
    for group in groups.to_pylist():
        mask = None
        for name, value in group.items():
            same = pc.equal(pairs[name], value)
            mask = same if mask is None else pc.and_(mask, same)
        found.append(_matched(pairs.filter(mask), len(segment_keys.get(group["model"], ()))))
    return found


def _matched(pairs: pa.Table, width: int) -> MatchedColumns:
    segments = pairs["segments"].combine_chunks()
    return MatchedColumns(
        model=pairs["model"][0].as_py(),
        outcome=pairs["outcome"][0].as_py(),
        version=_text(pairs["version"]),
        profile_id=_text(pairs["profile_id"]),
        segments=tuple(pc.list_element(segments, i).cast(pa.string()) for i in range(width)),
        timestamp_us=_numbers(pairs["timestamp_us"]).astype(np.int64),
        predicted_label=_text(pairs["predicted_label"]),
        score=_numbers(pairs["score"]),
        predicted_value=_numbers(pairs["predicted_value"]),
        label=_text(pairs["label"]),
        delay_us=_numbers(pairs["delay_us"]).astype(np.int64),
        sign=_numbers(pairs["sign"]).astype(np.int64),
    )


def _text(column: pa.ChunkedArray) -> pa.StringArray:
    return column.combine_chunks().cast(pa.string())


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.combine_chunks().to_numpy(zero_copy_only=False))
