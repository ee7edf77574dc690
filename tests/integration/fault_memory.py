"""How much memory the members of a fault run hold, by the phase of the run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.fault_member import Member


@dataclass
class Memory:
    """The largest resident set of each group in each phase, in bytes.

    Of groups, as a member holds the partitions of another that is away.
    """

    largest: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def look(self, members: Sequence[Member], phase: str) -> None:
        """Looks at all that run."""
        held: Counter[str] = Counter()
        for member in members:
            if member.life is not None and member.life.code() is None:
                held[member.role] += resident_bytes(member.life.pid)
        seen = self.largest[phase]
        for role, size in held.items():
            seen[role] = max(size, seen.get(role, 0))

    def growth(self, before: str, *then: str) -> dict[str, float]:
        """By group how many times as much it held in the later phases as in the first."""
        return {
            role: max(self.largest[phase][role] for phase in then) / held
            for role, held in self.largest[before].items()
        }

    def __str__(self) -> str:
        return "; ".join(
            f"{phase}: " + ", ".join(f"{name}s {size / 1e6:.0f} MB" for name, size in held.items())
            for phase, held in self.largest.items()
        )


def resident_bytes(pid: int) -> int:
    """The resident set of a process; 0 once it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1_024 for line in lines if line.startswith("VmRSS:")), 0)
