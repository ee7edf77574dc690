"""Random schedules with faults at every call: whatever happens, the end is that of one offline pass."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.decoding import remembered_queries
from tests.simulation.faults import PLACES
from tests.simulation.running import failures, replayed
from tests.simulation.scenarios import run

ROOT = Path(__file__).parents[2]
EACH, ALL = 10, 500
_HAPPENS = (
    "killed", "stopped", "superseded", "other disk", "waited", "late commit done",
    "late commit refused",
)  # fmt: skip


@pytest.mark.parametrize("first", range(0, ALL, EACH))
def test_every_schedule_ends_as_the_offline_pass(first: int) -> None:
    found = list(failures(range(first, first + EACH)))
    assert not found, "\n".join(map(str, found))


def test_schedules_pass_every_place_and_every_kind_of_trouble() -> None:
    seen: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    with remembered_queries():
        for seed in range(1_000, 1_030):
            world, _ = run(seed)
            happened += world.happened
            for process in world.processes:
                seen += process.points.seen
    assert set(PLACES) <= seen.keys(), "a place that is never passed tests nothing"
    assert set(_HAPPENS) <= happened.keys()


@pytest.mark.parametrize("seed", [3, 4, 7])
def test_a_seed_is_the_same_run_every_time(seed: int) -> None:
    first, digest = replayed(seed)
    again, digest_again = replayed(seed)
    assert first.trace == again.trace
    assert digest == digest_again


def test_a_seed_is_the_same_run_in_every_process() -> None:
    digests = set()
    for hash_seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--from", "14", "--seeds", "1", "--digest"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed}, cwd=ROOT, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        digests.add(told.stdout)
    assert len(digests) == 1
