"""Incidents: verdicts over time become opened, ongoing, recovered, and retracted when a revision says so.

An incident is a fold over a feature's verdicts in the order of their windows, so a late correction of
one window folds again and only what differs is published.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import WindowSize


class Status(StrEnum):
    """What a drift event says of its incident."""

    OPENED = "opened"
    ONGOING = "ongoing"
    RECOVERED = "recovered"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class IncidentState:
    """Where the fold stands: whether an incident is open, since which window, and the recent windows."""

    opened_s: int | None = None
    recent: tuple[bool, ...] = ()
    quiet: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """A status to publish for one window: `revision` counts what was published for it before."""

    window_start_s: int
    status: Status
    opened_s: int
    revision: int


@dataclass(frozen=True, slots=True)
class IncidentTrack:
    """One feature against one reference: the state before the kept windows, their verdicts, and what was
    published for them as (status, opened_s, revision). Windows are named by their start, in seconds.
    """

    base: IncidentState = IncidentState()
    verdicts: tuple[tuple[int, VerdictState], ...] = ()
    published: tuple[tuple[int, Status, int, int], ...] = ()

    def state(self, size: WindowSize) -> IncidentState:
        """The state after every verdict."""
        return _fold(self, size)[0]

    def is_judged(self, window_start_s: int) -> bool:
        """Whether there is a verdict of this window."""
        return any(start == window_start_s for start, _ in self.verdicts)

    def is_blank(self, size: WindowSize) -> bool:
        """Whether it goes on as a new track would: no incident open and no recent drift."""
        state = self.state(size)
        return state.opened_s is None and not any(state.recent)

    def observe(
        self, window_start_s: int, verdict: VerdictState, size: WindowSize
    ) -> tuple[IncidentTrack, list[Transition]]:
        """The track with a new or revised verdict, and what there is to publish.

        What was published for a revised window is published again, with its new figures.
        """
        others = tuple(v for v in self.verdicts if v[0] != window_start_s)
        verdicts = tuple(sorted((*others, (window_start_s, verdict))))
        candidate = replace(self, verdicts=verdicts)
        wanted = _fold(candidate, size)[1]
        before = {start: (status, opened, n) for start, status, opened, n in self.published}
        transitions = []
        is_revised = len(others) < len(self.verdicts)
        for start in sorted(wanted.keys() | before.keys()):
            now, then = wanted.get(start), before.get(start)
            if now is None and then is not None and then[0] is not Status.RETRACTED:
                transitions.append(Transition(start, Status.RETRACTED, then[1], then[2] + 1))
            elif now is not None and (
                then is None or now != then[:2] or (is_revised and start == window_start_s)
            ):
                revision = 0 if then is None else then[2] + 1
                transitions.append(Transition(start, now[0], now[1], revision))
        for t in transitions:
            before[t.window_start_s] = (t.status, t.opened_s, t.revision)
        published = tuple((start, *figures) for start, figures in sorted(before.items()))
        return replace(candidate, published=published), transitions

    def settled(self, before_s: int, size: WindowSize) -> IncidentTrack:
        """The track with every verdict of windows starting before `before_s` folded for good.

        The last one stays: it tells when the track was last judged.
        """
        if self.verdicts:
            before_s = min(before_s, self.verdicts[-1][0])
        old = tuple(v for v in self.verdicts if v[0] < before_s)
        if not old:
            return self
        base = _fold(replace(self, verdicts=old), size)[0]
        return IncidentTrack(
            base,
            tuple(v for v in self.verdicts if v[0] >= before_s),
            tuple(p for p in self.published if p[0] >= before_s),
        )


def _fold(
    track: IncidentTrack, size: WindowSize
) -> tuple[IncidentState, dict[int, tuple[Status, int]]]:
    state = track.base
    statuses: dict[int, tuple[Status, int]] = {}
    for start, verdict in track.verdicts:
        if verdict in (VerdictState.INSUFFICIENT_DATA, VerdictState.NO_REFERENCE):
            continue
        is_drift = verdict is VerdictState.DRIFT
        recent = (*state.recent, is_drift)[-size.n :]
        opened_s = state.opened_s
        if opened_s is None:
            if is_drift and sum(recent) >= size.k:
                state = IncidentState(start, recent)
                statuses[start] = (Status.OPENED, start)
            else:
                state = IncidentState(None, recent)
        elif is_drift:
            statuses[start] = (Status.ONGOING, opened_s)
            state = IncidentState(opened_s, recent)
        elif state.quiet + 1 >= size.recover_after:
            statuses[start] = (Status.RECOVERED, opened_s)
            state = IncidentState(None, ())
        else:
            state = IncidentState(opened_s, recent, state.quiet + 1)
    return state, statuses


def identify(*parts: str) -> str:
    """A deterministic id of 32 hex digits from what makes a thing unique."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
