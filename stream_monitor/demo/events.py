"""The flights as the canonical JSON records that a model's service and its back office would send.

A tick is a stretch of event time: what was predicted and what came true in it, ready to produce.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.demo.flights import CATEGORICAL_FEATURES, FEATURES

MODEL = "flights"
MODEL_VERSION = "1"
OUTCOME = "label"

# Key (the prediction id), JSON value, event time in ms since the epoch.
Record = tuple[bytes, bytes, int]
# A column cut to some rows: values that orjson writes, NaN for null.
Column = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Tick:
    """The records of one stretch of event time, each list in event-time order.

    `until_us` is the exclusive end in µs since the epoch.
    """

    until_us: int
    inference: list[Record]
    labels: list[Record]


def ticks(flights: pa.Table, tick: timedelta, model: str = MODEL) -> Iterator[Tick]:
    """Cut the year into ticks aligned to the epoch; quiet ticks are given, empty.

    `flights` has the columns of `model.with_predictions`, in the order of `timestamp`. A flight is
    sent at its scheduled departure and its label, if it has one, at `label_time`; the last tick
    holds the last label.
    """
    if flights.num_rows == 0:
        return
    tick_us = tick // timedelta(microseconds=1)
    departures = _instants_us(flights["timestamp"])
    landed, landings = _landings(flights)
    inference = _InferenceRecords(flights, model)
    labels = _LabelRecords(flights.take(landed))
    last_us = max(int(departures[-1]), int(landings[-1]) if len(landings) else 0)
    sent = confirmed = 0
    for until_us in range(
        (int(departures[0]) // tick_us + 1) * tick_us, last_us + tick_us + 1, tick_us
    ):
        to_send = int(np.searchsorted(departures, until_us))
        to_confirm = int(np.searchsorted(landings, until_us))
        yield Tick(
            until_us, inference.between(sent, to_send), labels.between(confirmed, to_confirm)
        )
        sent, confirmed = to_send, to_confirm


class _InferenceRecords:
    """Writes the predictions of consecutive rows."""

    def __init__(self, flights: pa.Table, model: str) -> None:
        self._ids = _texts(flights["prediction_id"])
        self._times_us = _instants_us(flights["timestamp"])
        self._features = [_values(flights, name) for name in FEATURES]
        self._origins = _texts(flights["origin"])
        self._labels = _texts(flights["predicted_label"])
        self._scores = flights["score"].to_numpy().round(6)
        self._model = model

    def between(self, start: int, stop: int) -> list[Record]:
        rows = slice(start, stop)
        times_us = self._times_us[rows]
        return [
            (
                prediction_id.encode(),
                orjson.dumps(
                    {
                        "prediction_id": prediction_id,
                        "model": self._model,
                        "model_version": MODEL_VERSION,
                        "timestamp": timestamp,
                        "features": dict(zip(FEATURES, features, strict=True)),
                        "prediction": {"label": label, "score": score},
                        "tags": {"origin": origin},
                    }
                ),
                time_ms,
            )
            for prediction_id, timestamp, time_ms, label, score, origin, features in zip(
                self._ids[rows].tolist(),
                _rfc3339(times_us),
                (times_us // 1000).tolist(),
                self._labels[rows].tolist(),
                self._scores[rows].tolist(),
                self._origins[rows].tolist(),
                zip(*(column[rows].tolist() for column in self._features), strict=True),
                strict=True,
            )
        ]


class _LabelRecords:
    """Writes what came true for consecutive rows in the order of landing."""

    def __init__(self, flights: pa.Table) -> None:
        self._ids = _texts(flights["prediction_id"])
        self._times_us = _instants_us(flights["label_time"])
        self._labels = _texts(flights["label"])

    def between(self, start: int, stop: int) -> list[Record]:
        rows = slice(start, stop)
        times_us = self._times_us[rows]
        return [
            (
                prediction_id.encode(),
                orjson.dumps(
                    {
                        "prediction_id": prediction_id,
                        "outcome": OUTCOME,
                        "label": label,
                        "timestamp": timestamp,
                    }
                ),
                time_ms,
            )
            for prediction_id, label, timestamp, time_ms in zip(
                self._ids[rows].tolist(),
                self._labels[rows].tolist(),
                _rfc3339(times_us),
                (times_us // 1000).tolist(),
                strict=True,
            )
        ]


def _landings(flights: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the labelled flights in the order of landing, and when each landed, in µs."""
    rows = np.flatnonzero(flights["label_time"].is_valid().to_numpy())
    landings = _instants_us(flights["label_time"].take(pa.array(rows)))
    order = np.argsort(landings, kind="stable")
    return rows[order], landings[order]


def _instants_us(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)


def _rfc3339(times_us: NDArray[np.int64]) -> list[str]:
    instants = times_us.astype("datetime64[us]").astype("datetime64[s]")
    texts: list[str] = np.datetime_as_string(instants, timezone="UTC").tolist()
    return texts


def _values(flights: pa.Table, name: str) -> Column:
    column = flights[name]
    return _texts(column) if name in CATEGORICAL_FEATURES else np.asarray(column.to_numpy())


def _texts(column: pa.ChunkedArray) -> Column:
    return np.asarray(column.cast(pa.string()).to_numpy(), dtype=object)
