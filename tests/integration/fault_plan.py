"""The faults of a run: which process meets what, and in which state its store comes back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from tests.integration.doomed import DETECTOR_PLACES, PROFILER_PLACES

Action = Literal["kill", "stop", "replace", "random", "terminate"]
Store = Literal["keep", "delete", "older"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What a process meets in one life.

    `kill`, `stop` and `replace` happen at the `visit`-th visit of `place`: SIGKILL; SIGSTOP for `hold_s`;
    the same while another process takes its name. `random` is SIGKILL and `terminate` SIGTERM from outside,
    `hold_s` after the process was ready. `store` is how a profiler's store is found before that life.
    """

    action: Action
    place: str = ""
    visit: int = 1
    hold_s: float = 0.0
    store: Store = "keep"


Plan = dict[str, list[Fault]]
"""By instance, in order. Names begin with the service's name."""


def plan(seed: int, rounds: int, zombie_s: tuple[float, ...], profilers: int = 3) -> Plan:
    """Every named place `rounds` times, a quarter as many random kills, zombies, SIGTERMs.

    Two detectors; each `zombie_s` freezes one process of both services, the first is replaced too.
    """
    chance = random.Random(seed)
    faults: dict[str, list[Fault]] = {"profiler": [], "detector": []}
    for places, found in zip((PROFILER_PLACES, DETECTOR_PLACES), faults.values(), strict=True):
        for _ in range(rounds):
            found += [_at(place, chance) for place in places]
            found += [Fault("random", hold_s=chance.uniform(0.2, 3.0)) for _ in places[::4]]
    for hold_s in zombie_s:
        faults["profiler"].append(Fault("stop", "mid-deltas", 2, hold_s))
        faults["detector"].append(Fault("stop", "mid-state", 1, hold_s))
    faults["profiler"].append(Fault("replace", "offsets sent", 2, zombie_s[0]))
    faults["profiler"].append(Fault("terminate", hold_s=1.0))
    faults["detector"].append(Fault("terminate", hold_s=1.0))
    names = {"profiler": [f"profiler-{i}" for i in range(profilers)],
             "detector": ["detector-0", "detector-1"]}  # fmt: skip
    found: Plan = {}
    for role, instances in names.items():
        chance.shuffle(faults[role])
        for i, instance in enumerate(instances):
            found[instance] = faults[role][i :: len(instances)]
    return found


def _at(place: str, chance: random.Random) -> Fault:
    if place == "replaying":
        return Fault("kill", place, 1, store=chance.choice(("delete", "older")))
    visit = 1 if place in ("restoring", "mid-results") else chance.randint(1, 2)
    store: Store = chance.choice(("keep", "keep", "keep", "delete", "older"))
    return Fault("kill", place, visit, store=store)


def kills(found: Plan) -> int:
    """SIGKILLs in a plan."""
    return sum(fault.action in ("kill", "random") for own in found.values() for fault in own)


def members(profilers: int, detectors: int) -> Plan:
    """So many of each, without faults of their own."""
    names = [f"profiler-{i}" for i in range(profilers)]
    return {name: [] for name in [*names, *(f"detector-{i}" for i in range(detectors))]}
