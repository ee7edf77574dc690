"""Canonical events and what a decoder for one model makes of them."""

from typing import Any

import orjson

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.decoding.inference import DecodedInference, InferenceDecoder
from tests.unit.core.builders import model_spec, records

RECORD_MS = 1_700_000_000_000
SPEC = model_spec(segment_keys=("origin",))
DECODER = InferenceDecoder({"flights": SPEC}, 2_000_000, 300_000)


def event(**changed: Any) -> dict[str, Any]:
    """A whole event with some fields changed."""
    whole = {
        "prediction_id": "a", "model": "flights", "features": {"amount": 1.5, "carrier": "UA"}
    }  # fmt: skip
    return {**whole, **changed}


def decode(*values: dict[str, Any] | bytes | None) -> DecodedInference:
    raw = [orjson.dumps(v) if isinstance(v, dict) else v for v in values]
    found = DECODER.decode(records(raw, RECORD_MS))
    assert sum(c.n for c in found.columns) + len(found.rejected) + found.tombstones == len(raw)
    return found


def columns(*values: dict[str, Any] | bytes | None) -> InferenceColumns:
    (found,) = decode(*values).columns
    return found
