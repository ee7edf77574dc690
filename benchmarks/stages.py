"""Where a drain spends its time: the real services in this process, with clocks around public methods."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.workload import installation_at
from stream_monitor.connectors.kafka.consumer import KafkaConsumer
from stream_monitor.connectors.kafka.producer import KafkaProducer
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.decoding.labels import LabelDecoder
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.services import batch, profiler
from stream_monitor.services.wiring import wire

BACKGROUND: Final = "background threads"
REST: Final = "rest of the batch"
_CLOCKED: Final[dict[str, tuple[tuple[Any, str], ...]]] = {
    "consume, values to lists": ((KafkaConsumer, "poll"), (profiler, "concatenate")),
    "decode": ((InferenceDecoder, "decode"), (LabelDecoder, "decode")),
    "join (pending store)": (
        (batch, "predictions_table"),
        (DuckPendingStore, "join"),
        (DuckPendingStore, "commit"),
    ),
    "count": ((ProfileCounter, "count"), (ProfileCounter, "drain")),
    "encode, produce, commit": (
        (profiler, "encode_delta"),
        (KafkaProducer, "begin"),
        (KafkaProducer, "produce"),
        (KafkaProducer, "send_offsets"),
        (KafkaProducer, "commit"),
    ),
}


def stages_of_a_drain(config: Path, events: int) -> dict[str, float]:
    """Seconds of processor time per stage until `events` are committed, start-up left out."""
    service = wire(installation_at(config)).profiler()
    gc.collect()
    gc.freeze()
    with _clocked() as seconds:
        service.start()
        seconds.clear()
        thread, process = time.thread_time(), time.process_time()
        while service.status.counts["consumed", "inference"] < events:
            service.step()
        thread, process = time.thread_time() - thread, time.process_time() - process
    service.close()
    found = dict(seconds)
    found[REST] = thread - sum(found.values())
    found[BACKGROUND] = process - thread
    return found


@contextmanager
def _clocked() -> Iterator[dict[str, float]]:
    """Puts a clock around the methods of every stage, and takes it off again."""
    seconds: dict[str, float] = defaultdict(float)
    before = []
    for stage, methods in _CLOCKED.items():
        for owner, name in methods:
            original = getattr(owner, name)
            before.append((owner, name, original))
            setattr(owner, name, _with_clock(original, stage, seconds))
    try:
        yield seconds
    finally:
        for owner, name, original in before:
            setattr(owner, name, original)


def _with_clock(
    original: Callable[..., Any], stage: str, seconds: dict[str, float]
) -> Callable[..., Any]:
    def measured(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return original(*arguments, **named)
        finally:
            seconds[stage] += time.thread_time() - began

    return measured
