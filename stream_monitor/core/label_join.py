"""The tables on both sides of the label join; the join itself is the pending store's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns, LabelColumns, MatchedColumns
from stream_monitor.core.profile.profile import Layout


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


def labels_table(labels: LabelColumns) -> pa.Table:
    """Labels in the order of their offsets, with `row`, their row in the raw batch."""
    return pa.table(
        {
            "row": labels.row,
            "prediction_id": labels.prediction_id,
            "outcome": labels.outcome,
            "label": labels.label,
            "timestamp_us": labels.timestamp_us,
        }
    )


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
