"""Replays seeds: `python -m tests.simulation --from 1234 --seeds 1`; one alone shows what happened in it."""

from __future__ import annotations

import argparse
import sys
import traceback

from tests.simulation.decoding import remembered_queries
from tests.simulation.oracle import assert_exact, fingerprint
from tests.simulation.running import failures, silence
from tests.simulation.scenarios import run
from tests.simulation.switches import Switch


def main() -> int:
    """Runs what the arguments ask for; 1 if a seed fails."""
    parser = argparse.ArgumentParser(description="Simulates the services under faults.")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--without", choices=[s.name for s in Switch], default="NONE")
    parser.add_argument("--digest", action="store_true", help="print one seed's digest only")
    asked = parser.parse_args()
    with silence():
        if asked.seeds == 1:
            return _one(asked.first, Switch[asked.without], asked.digest)
        found = 0
        for failure in failures(
            range(asked.first, asked.first + asked.seeds), Switch[asked.without]
        ):
            print(failure, flush=True)
            found += 1
    print(f"{asked.seeds} seeds from {asked.first}: {found} failed")
    return int(found > 0)


def _one(seed: int, switch: Switch, is_digest: bool) -> int:
    with remembered_queries():
        world, scenario = run(seed, switch)
        if is_digest:
            print(fingerprint(world))
            return 0
        print(*world.trace, scenario, dict(world.happened), sep="\n")
        try:
            assert_exact(world, scenario)
        except AssertionError:
            traceback.print_exc()
            return 1
    print(f"seed {seed} is exact")
    return 0


if __name__ == "__main__":
    sys.exit(main())
