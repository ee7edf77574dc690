"""What a run over a history said, window by window, kept as small as comparing two runs needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stream_monitor.core.incidents import Status
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.results import (
    DriftEvent,
    FeatureResult,
    Output,
    WindowKey,
    WindowResult,
    by_feature,
)
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import Window

SubjectKey = tuple[str, str, str]
"""Window size, subject, reference."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A subject beside one reference in one window."""

    drifts: bool
    ratio: float


@dataclass(frozen=True, slots=True)
class Shares:
    """A feature's histogram in one window beside its reference's."""

    feature: str
    window: Window
    n: int
    reference: str
    labels: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(slots=True)
class Watch:
    """A run over all segments together: the last revision of each window, versions side by side as one.

    `opened` are the windows in which incidents opened and were not retracted, by the event's id; `early`
    says by when (seconds) a subject was first said to drift in a window that was still open.
    """

    features: tuple[str, ...]
    drawn: frozenset[Window]
    last_s: int
    verdicts: dict[SubjectKey, dict[Window, Seen]] = field(default_factory=dict)
    opened: dict[str, Window] = field(default_factory=dict)
    early: dict[SubjectKey, dict[Window, int]] = field(default_factory=dict)
    shares: dict[tuple[str, Window], Shares] = field(default_factory=dict)
    _versions: dict[tuple[SubjectKey, Window], dict[str, Seen]] = field(default_factory=dict)

    def collect(self, outputs: Iterable[Output]) -> None:
        """Takes in what is published; windows that end after `last_s` have not been seen whole."""
        for output in outputs:
            if output.key.segment != ALL or output.window.end_s > self.last_s:
                continue
            if isinstance(output, DriftEvent):
                self._hear(output)
                continue
            for name, found in by_feature(output.features).items():
                self._see(output.key, name, output.window, found)
            if isinstance(output, WindowResult) and output.window in self.drawn:
                self._draw(output)

    def windows(self, key: SubjectKey) -> Mapping[Window, Seen]:
        """What was said of a subject; nothing where it was not judged."""
        return self.verdicts.get(key, {})

    def seen_s(self, key: SubjectKey, window: Window) -> int:
        """When the verdict of a window was first known, in seconds: at its end, or by an early look."""
        return self.early.get(key, {}).get(window, window.end_s)

    def _hear(self, event: DriftEvent) -> None:
        self.opened.pop(event.event_id, None)
        if event.status is Status.OPENED:
            self.opened[event.event_id] = event.window
        for reference in event.references if event.is_early else ():
            key = (event.key.size, event.feature, reference)
            self.early.setdefault(key, {}).setdefault(event.window, event.until_s)

    def _see(
        self, of: WindowKey, name: str, window: Window, found: Iterable[FeatureResult]
    ) -> None:
        for result in found:
            if result.state is VerdictState.NO_REFERENCE:
                continue
            seen = Seen(result.state is VerdictState.DRIFT, result.ratio)
            key = (of.size, name, result.reference.value)
            versions = self._versions.setdefault((key, window), {})
            versions[of.version] = seen
            self.verdicts.setdefault(key, {})[window] = Seen(
                any(v.drifts for v in versions.values()), max(v.ratio for v in versions.values())
            )

    def _draw(self, output: WindowResult) -> None:
        for result in output.features:
            compared, where = result.comparison, (result.feature, output.window)
            if result.feature not in self.features or compared is None or where in self.shares:
                continue
            bins = compared.bins
            self.shares[where] = Shares(
                result.feature, output.window, compared.n_window, result.reference.value, bins.labels,
                bins.reference, bins.window,
            )  # fmt: skip
