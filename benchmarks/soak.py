"""`python -m benchmarks.soak`: kills, zombies and broker restarts, then live traffic, on a real broker.

Prints one table, keeps it with its date, and writes it into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import fault_soak, live_soak
from benchmarks.results import SOAK, Row, keep, show
from tests.brokers.provision import BrokerUnavailable


def main() -> int:
    """Exit codes: 0 all held, 1 something did not (nothing is kept then), 2 no real broker."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the fault part; 0: none")
    parser.add_argument("--minutes", type=float, default=23.0, help="of the live part; 0: none")
    parser.add_argument("--rate", type=int, default=1_000, help="live events per second")
    given = parser.parse_args()
    rows: list[Row] = []
    held = True
    try:
        if given.events:
            found, is_exact = fault_soak.measure(given.events)
            rows, held = found, is_exact
        if given.minutes:
            found, has_held = live_soak.run(given.minutes, given.rate)
            rows, held = [*rows, *found], held and has_held
    except BrokerUnavailable as reason:
        print(f"no real Kafka: {reason}", file=sys.stderr)
        return 2
    show(rows)
    print("everything held" if held else "something did not hold")
    if held:
        keep(SOAK, rows)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
