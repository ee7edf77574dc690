"""How much memory the members of a fault run hold, by the phase of the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.fault_member import Member


@dataclass
class Memory:
    """The largest resident set of each member in each phase, in bytes."""

    largest: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def look(self, members: Sequence[Member], phase: str) -> None:
        """Looks at all that run."""
        held = self.largest[phase]
        for member in members:
            if member.life is not None and member.life.code() is None:
                found = resident_bytes(member.life.pid)
                held[member.instance] = max(found, held.get(member.instance, 0))

    def growth(self, before: str, *then: str) -> dict[str, float]:
        """By member how many times as much it held in the later phases as in the first."""
        return {
            instance: max(self.largest[phase][instance] for phase in then) / held
            for instance, held in self.largest[before].items()
        }

    def __str__(self) -> str:
        return "; ".join(
            f"{phase}: " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in held.items())
            for phase, held in self.largest.items()
        )


def resident_bytes(pid: int) -> int:
    """The resident set of a process; 0 once it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1_024 for line in lines if line.startswith("VmRSS:")), 0)
