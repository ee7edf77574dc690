"""Windows, performance and drift events tell where their events lie, and what else their records carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from stream_monitor.core.columns import InferenceColumns, UnknownFields
from stream_monitor.core.hints.hint import HintKind
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.profile.source import SourceRange, SourceRows
from stream_monitor.core.published import to_json
from stream_monitor.core.results import DriftEvent, Output, PerformanceResult
from tests.unit.core.builders import deltas, events
from tests.unit.core.one_model import LAYOUT, RNG, close, state, windows
from tests.unit.core.streams import T0


def put(
    model: ModelState, partition: int, first: int, n: int = 100, shift: float = 0.0,
    field: str = "", segment: list[str] | None = None, is_gone: bool = False,
) -> None:  # fmt: skip
    """A commit of rows at offsets from `first` on; with `field` all carry one that nobody knows."""
    carriers = RNG.choice(["UA", "AA", "B6"], n).tolist()
    amounts: Any = np.nan if is_gone else RNG.normal(shift, 1, n)
    found = events([T0] * n, amounts, carriers, segment=segment, label="late")
    names = pa.array([field] * n if field else [], pa.string()).dictionary_encode()
    rows = np.arange(n)
    carried = UnknownFields(rows, rows if field else rows[:0], names)
    found: InferenceColumns = replace(found, unknown=carried)
    source = SourceRows(np.full(n, partition, np.int32), first + rows)
    for delta in deltas(model.spec, LAYOUT, found, source=source):
        model.add(delta)


def performance(outputs: list[Output]) -> list[PerformanceResult]:
    return [output for output in outputs if isinstance(output, PerformanceResult)]


def drift(outputs: list[Output]) -> list[DriftEvent]:
    return [o for o in outputs if isinstance(o, DriftEvent) and o.feature == "amount"]


def test_everything_published_of_a_window_tells_its_ranges() -> None:
    model = state()
    put(model, 1, 500, shift=5.0)
    put(model, 0, 20, shift=5.0)
    put(model, 1, 40, shift=5.0)
    outputs = close(model, 0)
    expected = (SourceRange(0, 20, 119, 100), SourceRange(1, 40, 599, 200))
    assert windows(outputs)[0].source == expected
    assert performance(outputs)[0].source == expected
    (event,) = drift(outputs)
    assert event.source == expected
    assert to_json(event, "flights")["source"] == [
        {"partition": 0, "first": 20, "last": 119, "rows": 100},
        {"partition": 1, "first": 40, "last": 599, "rows": 200},
    ]


def test_a_revision_tells_the_late_rows_too() -> None:
    model = state()
    put(model, 0, 0)
    close(model, 0)
    put(model, 3, 7, n=2)
    (revised,) = windows(close(model, 0))
    assert revised.revision == 1
    assert revised.source == (SourceRange(0, 0, 99, 100), SourceRange(3, 7, 8, 2))


def test_segments_tell_their_own_rows() -> None:
    model = state(segment_keys=("origin",))
    put(model, 0, 0, n=4, segment=["JFK", "LGA", "JFK", "LGA"])
    found = {w.key.segment: w.source for w in windows(close(model, 0))}
    assert found == {
        "all": (SourceRange(0, 0, 3, 4),),
        "origin=JFK": (SourceRange(0, 0, 2, 2),),
        "origin=LGA": (SourceRange(0, 1, 3, 2),),
    }


def test_history_does_not_keep_places() -> None:
    model = state()
    put(model, 0, 0)
    close(model, 0)
    ((_, held),) = model.history["all", "1h", LAYOUT.profile_id]
    assert "source" not in held.profile.parts
    assert "unknown_fields" in held.profile.parts


def test_new_fields_are_told_and_no_alarm() -> None:
    model = state()
    put(model, 0, 0, field="tax")
    put(model, 0, 100, n=2, field="user 4711")
    outputs = close(model, 0)
    assert drift(outputs) == []
    assert to_json(windows(outputs)[0], "flights")["unknown_fields"] == {
        "looked_at": 102, "rows": 102, "carried": 102, "fields": {"tax": 100},
    }  # fmt: skip


def test_a_missing_feature_beside_a_new_field_is_called_renamed() -> None:
    model = state()
    put(model, 0, 0, field="Amount", is_gone=True)
    (event,) = drift(close(model, 0))
    assert event.result is not None
    hint = event.result.hints[0]
    assert hint.kind in (HintKind.VANISHED_FIELD, HintKind.RENAMED_FIELD)
    assert any("'Amount'" in h.text for h in event.result.hints)
