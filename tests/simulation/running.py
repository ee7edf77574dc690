"""Runs of single seeds, each held against the oracle."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from tests.simulation.decoding import remembered_queries
from tests.simulation.oracle import assert_exact, fingerprint
from tests.simulation.scenarios import run
from tests.simulation.switches import Switch
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Failure:
    """What was wrong in a seed."""

    seed: int
    error: Exception

    def __str__(self) -> str:
        told = " ".join(str(self.error).split())[:300]
        replay = f"make simulate FROM={self.seed} SEEDS=1"
        return f"seed {self.seed}: {type(self.error).__name__} {told} (again: {replay})"


def failures(seeds: range, switch: Switch = Switch.NONE) -> Iterator[Failure]:
    """The seeds that end otherwise than PROTOCOL promises."""
    with remembered_queries():
        for seed in seeds:
            try:
                world, scenario = run(seed, switch)
                assert_exact(world, scenario)
            except Exception as error:
                yield Failure(seed, error)


def replayed(seed: int) -> tuple[World, str]:
    """One run and the digest of all it wrote and did."""
    with remembered_queries():
        world, _ = run(seed)
    return world, fingerprint(world)


@contextmanager
def silence() -> Iterator[None]:
    """Services say nothing."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)
