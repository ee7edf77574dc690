"""The airport's side of the demo: predicted flights, the reference of the first weeks, and what it sends."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from stream_monitor.config.loading import Installation
from stream_monitor.config.monitor import TopicsConfig
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.references import Reference
from stream_monitor.demo import flights, model
from stream_monitor.demo.events import MODEL, Tick, ticks
from stream_monitor.services.history import ReferencePeriod, parse_time, reference_of, table_rows
from stream_monitor.services.ports import Outgoing, Producer
from stream_monitor.services.reference_building import publish
from stream_monitor.services.wiring import Wiring

REFERENCE_DAYS = 35
SENDER = "airport"
"""The role of the producer's transactional id."""
_SHORTEST_TICK_S = 60
_FIRST = date(2013, 1, 1)
_UNTIL = _FIRST + timedelta(days=REFERENCE_DAYS)


@dataclass(frozen=True, slots=True)
class Departures:
    """Flights with their predictions: those of the reference, and those that are replayed."""

    history: pa.Table
    replayed: pa.Table


def departures(days: int) -> Departures:
    """The flights of the reference's 35 days, and of so many days after them."""
    table = flights.load()
    table = model.with_predictions(table, model.learn(model.january(table)))
    first, middle, last = (
        parse_time(day.isoformat(), flights.TIME_ZONE)
        for day in (_FIRST, _UNTIL, _UNTIL + timedelta(days=days))
    )
    times = table["timestamp"].cast(pa.int64()).to_numpy()
    return Departures(
        table.filter(pa.array((times >= first) & (times < middle))),
        table.filter(pa.array((times >= middle) & (times < last))),
    )


def first_reference(history: pa.Table, installation: Installation) -> Reference:
    """What was normal in the flights of the first days, by the features of the installation's model."""
    spec = installation.specifications()[MODEL]
    rows = table_rows(history, installation.model(MODEL), spec)
    return reference_of(
        rows, spec, ReferencePeriod(since=_FIRST.isoformat(), until=_UNTIL.isoformat())
    )


def send(producer: Producer, topics: TopicsConfig, tick: Tick) -> None:
    """Writes what happened in a tick in one transaction."""
    producer.begin()
    for topic, records in ((topics.inference, tick.inference), (topics.labels, tick.labels)):
        for key, value, _ in records:
            producer.produce(Outgoing(topic, key, value))
    producer.commit()


def send_in_time(wiring: Wiring, days: int, speed: int, stop: threading.Event) -> int:
    """Publishes the reference, then sends flights and labels `speed` times as fast as they happened.

    Ends with the last label, or when `stop` is set; returns the number of records. Raises
    StreamMonitorError if the inference topic holds records already.
    """
    topics = wiring.monitor.topics
    wiring.installation.model(MODEL)
    extents = wiring.administration().extents([topics.inference])
    if any(extent.end > extent.beginning for extent in extents.values()):
        raise StreamMonitorError(
            f"topic {topics.inference} holds records already: the flights are sent once, into an empty topic"
        )
    found = departures(days)
    publish(wiring.installation, first_reference(found.history, wiring.installation))
    producer = wiring.producer(SENDER)
    producer.init_transactions()
    sent = 0
    began = time.monotonic()
    tick_s = max(_SHORTEST_TICK_S, speed)
    for number, tick in enumerate(ticks(found.replayed, timedelta(seconds=tick_s)), 1):
        if tick.inference or tick.labels:
            send(producer, topics, tick)
            sent += len(tick.inference) + len(tick.labels)
        if stop.wait(max(0.0, began + number * tick_s / speed - time.monotonic())):
            break
    producer.close()
    return sent
