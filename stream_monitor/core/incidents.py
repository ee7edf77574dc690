"""Incidents: what moved, over time, becomes opened, ongoing, recovered, and retracted by a revision.

Incidents are a fold over a feature's windows in their order, so a late correction of one window folds
again and only what differs is published.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from stream_monitor.core.windows import WindowSize

Moved = tuple[str, ...] | None
"""The references against which a feature drifts in one window, sorted; None where none could judge it."""


class Status(StrEnum):
    """What a drift event says of its incident."""

    OPENED = "opened"
    ONGOING = "ongoing"
    RECOVERED = "recovered"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is open: since which window, against which references, and windows judged since.

    `quiet` counts the last of them in which none of its references moved. `is_critical` once one of its
    windows was; `cause` is the probable one of the window that opened it, empty if unknown.
    """

    opened_s: int
    references: tuple[str, ...]
    age: int = 0
    quiet: int = 0
    is_critical: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class IncidentState:
    """Where the fold stands: the incidents that are open, and what moved in the recent windows."""

    open: tuple[OpenIncident, ...] = ()
    recent: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """A status to publish for one window of one incident.

    `revision` counts what was published for the two before. `references` are the incident's.
    """

    window_start_s: int
    status: Status
    opened_s: int
    references: tuple[str, ...]
    revision: int


Observed = tuple[int, Moved, bool, str]
"""Window start, what moved, whether that is critical, the probable cause."""

Published = tuple[int, int, Status, tuple[str, ...], int]
"""Window start, opening, status, references, revision: the last that was published of the first two."""


@dataclass(frozen=True, slots=True)
class IncidentTrack:
    """One feature: the state before the kept windows, what moved in these, and what was published of them.

    Windows are named by their start, in seconds.
    """

    base: IncidentState = IncidentState()
    windows: tuple[Observed, ...] = ()
    published: tuple[Published, ...] = ()

    def state(self, size: WindowSize) -> IncidentState:
        """The state after every window."""
        return _fold(self, size)[0]

    def is_judged(self, window_start_s: int) -> bool:
        """Whether this window was observed."""
        return any(start == window_start_s for start, *_ in self.windows)

    def is_blank(self, size: WindowSize) -> bool:
        """Whether it goes on as a new track would: no incident open and no recent drift."""
        state = self.state(size)
        return not state.open and not any(state.recent)

    def observe(
        self, window_start_s: int, moved: Moved, size: WindowSize, is_critical: bool = False,
        cause: str = "",
    ) -> tuple[IncidentTrack, list[Transition]]:  # fmt: skip
        """The track with a new or revised window, and what there is to publish.

        What was published for a revised window is published again, with its new figures.
        """
        others = tuple(w for w in self.windows if w[0] != window_start_s)
        observed = (window_start_s, moved, is_critical, cause)
        candidate = replace(self, windows=_sorted((*others, observed)))
        wanted = _fold(candidate, size)[1]
        before = {(p[0], p[1]): (p[2], p[3], p[4]) for p in self.published}
        is_revised = len(others) < len(self.windows)
        transitions = []
        for start, opened_s in sorted(wanted.keys() | before.keys()):
            now, then = wanted.get((start, opened_s)), before.get((start, opened_s))
            revision = 0 if then is None else then[2] + 1
            if now is None and then is not None and then[0] is not Status.RETRACTED:
                retracted = Transition(start, Status.RETRACTED, opened_s, then[1], revision)
                transitions.append(retracted)
            elif now is not None and (
                then is None or now != then[:2] or (is_revised and start == window_start_s)
            ):
                transitions.append(Transition(start, now[0], opened_s, now[1], revision))
        for t in transitions:
            before[t.window_start_s, t.opened_s] = (t.status, t.references, t.revision)
        published = tuple((*where, *before[where]) for where in sorted(before))
        return replace(candidate, published=published), transitions

    def settled(self, before_s: int, size: WindowSize) -> IncidentTrack:
        """The track with every window starting before `before_s` folded for good.

        The last one stays: it tells when the track was last judged.
        """
        if self.windows:
            before_s = min(before_s, self.windows[-1][0])
        old = tuple(w for w in self.windows if w[0] < before_s)
        if not old:
            return self
        base = _fold(replace(self, windows=old), size)[0]
        return IncidentTrack(
            base,
            tuple(w for w in self.windows if w[0] >= before_s),
            tuple(p for p in self.published if p[0] >= before_s),
        )


Said = dict[tuple[int, int], tuple[Status, tuple[str, ...]]]
"""By window and opening: the status and the incident's references."""


def _fold(track: IncidentTrack, size: WindowSize) -> tuple[IncidentState, Said]:
    state = track.base
    said: Said = {}
    for observed in track.windows:
        if observed[1] is not None:
            state = _next(state, observed, observed[1], size, said)
    return state, said


def _next(
    state: IncidentState, observed: Observed, moved: tuple[str, ...], size: WindowSize, said: Said
) -> IncidentState:
    """The state one window on; what it says of each incident goes into `said`."""
    start, _, is_critical, cause = observed
    recent = (*state.recent, moved)[-size.n :]
    held = {name for incident in state.open for name in incident.references}
    new = {r for r in moved if r not in held and sum(r in past for past in recent) >= size.k}
    going_on, over = [], set()
    for incident in _newest_first(state.open):
        joining = new if incident.age < size.recover_after else set()
        new = new - joining
        after = replace(
            incident,
            references=tuple(sorted({*incident.references, *joining})),
            age=incident.age + 1,
        )
        where = (start, incident.opened_s)
        if set(moved) & set(after.references):
            said[where] = (Status.ONGOING, after.references)
            is_worst = incident.is_critical or is_critical
            going_on.append(replace(after, quiet=0, is_critical=is_worst))
        elif incident.quiet + 1 >= size.recover_after:
            said[where] = (Status.RECOVERED, after.references)
            over |= set(after.references)
        else:
            going_on.append(replace(after, quiet=incident.quiet + 1))
    if new:
        opened = OpenIncident(start, tuple(sorted(new)), 1, 0, is_critical, cause)
        said[start, start] = (Status.OPENED, opened.references)
        going_on.append(opened)
    if over:  # after a recovery the count begins anew
        recent = tuple(tuple(r for r in past if r not in over) for past in recent)
    return IncidentState(tuple(sorted(going_on, key=lambda i: i.opened_s)), recent)


def _newest_first(incidents: tuple[OpenIncident, ...]) -> list[OpenIncident]:
    return sorted(incidents, key=lambda i: -i.opened_s)


def _sorted(windows: tuple[Observed, ...]) -> tuple[Observed, ...]:
    return tuple(sorted(windows, key=lambda w: w[0]))


def identify(*parts: str) -> str:
    """A deterministic id of 32 hex digits from what makes a thing unique."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
