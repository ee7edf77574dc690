"""`python -m benchmarks`: profiler and judging, one table, results/latest.json and docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys

from benchmarks import judging, profiler
from benchmarks.results import LATEST, keep, show
from tests.brokers.provision import BrokerUnavailable


def main() -> int:
    """Exit code 2 where there is no real broker: nothing is written then."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--events", type=int, default=profiler.EVENTS)
    given = parser.parse_args()
    try:
        rows = profiler.run(given.events)
    except BrokerUnavailable as reason:
        print(f"no real Kafka: {reason}", file=sys.stderr)
        return 2
    rows += judging.run()
    keep(LATEST, rows)
    show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
