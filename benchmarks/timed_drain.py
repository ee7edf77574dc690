"""`python -m benchmarks.timed_drain CONFIG RECORDS PRODUCER`: a profiler's records per second.

The clock runs from its first batch on. PRODUCER is `transactional` (the real one) or `plain`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.plain_producer import PlainProducer
from benchmarks.workload import installation_at
from stream_monitor.connectors.kafka.settings import Cluster
from stream_monitor.services import wiring
from stream_monitor.services.ports import Condition, Producer
from stream_monitor.services.profiler import Profiler


def main(config: str, records: str, producer: str) -> None:
    if producer == "plain":
        plain: Callable[[Cluster, str, Condition], Producer] = PlainProducer
        vars(wiring)["KafkaProducer"] = plain
    installation = installation_at(Path(config))
    service = wiring.wire(installation).profiler()
    gc.collect()
    gc.freeze()
    service.start()
    first = _steps_until(service, 1)
    began = time.perf_counter()
    last = _steps_until(service, int(records))
    rate = (last - first) / (time.perf_counter() - began)
    service.close()
    print(rate)


def _steps_until(service: Profiler, consumed: int) -> int:
    counts = service.status.counts
    while (found := sum(n for name, n in counts.items() if name[0] == "consumed")) < consumed:
        service.step()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
