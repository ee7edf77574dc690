"""Comparisons of what is no feature: their figures are at hand, and there is no histogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stream_monitor.core.comparison import Comparison
from stream_monitor.core.details import Figures
from stream_monitor.core.evidence import Bins
from stream_monitor.core.policy import SubjectKind
from stream_monitor.core.verdicts import Measurement


@dataclass(frozen=True, slots=True)
class PlainDetails:
    """Scores and summary as they are."""

    figures: Figures
    own: Figures

    def scores(self, i: int) -> Figures:
        """Every score."""
        return self.figures

    def summary(self, i: int) -> Figures:
        """The window's own figures."""
        return self.own

    def bins(self, i: int) -> Bins:
        """None to show."""
        return Bins((), (), ())


def plain_comparison(
    name: str, kind: SubjectKind, rows: tuple[int, int], windows: int,
    measurements: tuple[Measurement, ...], scores: Mapping[str, float | None],
    summary: Mapping[str, float | None],
) -> Comparison:  # fmt: skip
    """A comparison; `rows` are those of the window and of the reference."""
    details = PlainDetails(scores, summary)
    return Comparison(name, kind, *rows, windows, measurements, details, 0)
