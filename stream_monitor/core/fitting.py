"""Window records that are too large for a topic: what can be spared goes first, and the record says so."""

from __future__ import annotations

from typing import Any, Final

import orjson

from stream_monitor.core.verdicts import VerdictState

MAX_RESULT_BYTES: Final = 4_000_000
_FIGURES: Final = ("deciding", "aspects", "scores", "summary", "bins")


def fitted(
    record: dict[str, Any], max_bytes: int = MAX_RESULT_BYTES
) -> tuple[dict[str, Any], bytes]:
    """The record and its JSON of at most `max_bytes`, `truncated` if something had to go.

    In this order: the bins of all features, the figures of features without drift, then whole features,
    those furthest from drift first.
    """
    data = orjson.dumps(record)
    if len(data) <= max_bytes or "features" not in record:
        return record, data
    features = sorted(record["features"], key=lambda feature: -(feature["ratio"] or 0.0))
    ranked = [_without(feature, ("bins",)) for feature in features]
    calm = [
        feature if feature["verdict"] == VerdictState.DRIFT else _without(feature, _FIGURES)
        for feature in ranked
    ]
    for kept in (ranked, calm):
        cut = record | {"truncated": True, "features": kept}
        data = orjson.dumps(cut)
        if len(data) <= max_bytes:
            return cut, data
    left = max_bytes - len(orjson.dumps(cut | {"features": []}))
    fitting = []
    for feature in calm:
        left -= len(orjson.dumps(feature)) + 1
        if left < 0:
            break
        fitting.append(feature)
    cut = cut | {"features": fitting}
    return cut, orjson.dumps(cut)


def _without(feature: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in feature.items() if name not in names}
