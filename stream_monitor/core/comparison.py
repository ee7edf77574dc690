"""A window beside a reference: per feature the scores, the deciding tests' figures, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stream_monitor.core.details import CategoricalDetails, Details, Figures, NumericDetails
from stream_monitor.core.drift.window_null import WindowNull
from stream_monitor.core.evidence import Bins
from stream_monitor.core.joint_comparison import JointReference
from stream_monitor.core.measured_features import measure_categorical, measure_numeric
from stream_monitor.core.placing import Placing
from stream_monitor.core.policy import FeaturePolicy, SubjectKind
from stream_monitor.core.references import SegmentReference, WindowProfile
from stream_monitor.core.schema import FeatureKind, Schema
from stream_monitor.core.summaries import CategoricalWindows, NumericWindows
from stream_monitor.core.verdicts import Measurement
from stream_monitor.core.window_tables import Counts, Kept, WindowTables, sum_tables


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One feature of a window beside one reference.

    `windows` counts the reference windows of the judged size. Scores, summary and bins are worked out
    when they are asked for; scores hold None where nothing can be measured.
    """

    feature: str
    kind: FeatureKind | SubjectKind
    n_window: int
    n_reference: int
    windows: int
    measurements: tuple[Measurement, ...]
    details: Details
    index: int

    @property
    def scores(self) -> Figures:
        """Every score by name."""
        return self.details.scores(self.index)

    @property
    def summary(self) -> Figures:
        """The window's own figures."""
        return self.details.summary(self.index)

    @property
    def bins(self) -> Bins:
        """Both histograms."""
        return self.details.bins(self.index)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Comparison):
            return NotImplemented
        return self._shown() == other._shown()

    __hash__ = None  # type: ignore[assignment]  # holds mappings

    def _shown(self) -> tuple[object, ...]:
        return (
            self.feature, self.kind, self.n_window, self.n_reference, self.windows,
            self.measurements, self.scores, self.summary, self.bins,
        )  # fmt: skip


class ReferenceView:
    """A reference segment prepared for comparing windows of one size.

    `null` chooses how a window is placed among the reference's, which are in order of time. For
    DIFFERENCES the reference's total is its last window alone. For SLOTS `slots` names the slot of each
    window and `slot` that of the windows to compare.

    With `needs_windows` no test but one that found nothing decides where too few windows are there: its
    smallest p is 1. `kept` (K, F), numeric features first, leaves windows out feature by feature where it
    is False; the total is then that of the windows that are kept, for SLOTS of those in the slot.
    """

    def __init__(
        self, reference: SegmentReference, size: str, *, null: WindowNull = WindowNull.AMONG,
        slots: Sequence[int] = (), slot: int = 0, needs_windows: bool = False,
        kept: Kept | None = None,
    ) -> None:  # fmt: skip
        self.total = reference.total
        self.windows = reference.windows.get(size, ())
        self._placing = Placing(null, np.array(slots, np.int64), slot)
        self._needs_windows = needs_windows
        self._kept = kept

    @cached_property
    def joint(self) -> JointReference | None:
        """The pairs of features, with those of the windows; None where pairs were not counted."""
        total = self.total.joint
        if total is None:
            return None
        same = (w for w in self.windows if w.joint is not None and w.joint.params == total.params)
        return JointReference(total, [s for w in same if (s := w.joint_summary) is not None])

    @cached_property
    def schema(self) -> Schema:
        """The schema of both sides."""
        return self.total.profile.layout.binning.schema

    def compare(
        self, window: WindowProfile, policies: Mapping[str, FeaturePolicy]
    ) -> list[Comparison]:
        """Every feature of a window, in the schema's order, numeric first."""
        default = FeaturePolicy()
        numeric, categorical = (
            [policies.get(name, default) for name in self._names(kind)]
            for kind in (FeatureKind.NUMERIC, FeatureKind.CATEGORICAL)
        )
        return [
            *self._compare_numeric(window, numeric),
            *self._compare_categorical(window, categorical),
        ]

    def _compare_numeric(
        self, window: WindowProfile, policies: Sequence[FeaturePolicy]
    ) -> list[Comparison]:
        total, w = self._tables.numeric, window.tables.numeric
        scores, found = measure_numeric(total, w, self._numeric, policies, self._needs_windows)
        details = NumericDetails(total, window, scores)
        return self._listed(FeatureKind.NUMERIC, w.n, total.n, found, details)

    def _compare_categorical(
        self, window: WindowProfile, policies: Sequence[FeaturePolicy]
    ) -> list[Comparison]:
        total, w = self._tables.categorical, window.tables.categorical
        scores, found = measure_categorical(
            total, w, self._categorical, policies, self._needs_windows
        )
        details = CategoricalDetails(total, window, scores)
        return self._listed(FeatureKind.CATEGORICAL, w.n, total.n, found, details)

    def _listed(
        self, kind: FeatureKind, n: Counts, m: Counts, found: Sequence[tuple[Measurement, ...]],
        details: Details,
    ) -> list[Comparison]:  # fmt: skip
        rows = zip(
            self._names(kind), n.tolist(), m.tolist(), self._counted(kind), found, strict=True
        )
        return [Comparison(row[0], kind, *row[1:], details, i) for i, row in enumerate(rows)]

    def _names(self, kind: FeatureKind) -> tuple[str, ...]:
        return self.schema.numeric if kind is FeatureKind.NUMERIC else self.schema.categorical

    @cached_property
    def _tables(self) -> WindowTables:
        """The total's, or those of the kept windows."""
        if self._kept is None or self._placing.null is WindowNull.DIFFERENCES or not self.windows:
            return self.total.tables
        use = np.ones(len(self.windows), np.bool_)
        if self._placing.null is WindowNull.SLOTS:
            use = self._placing.slots_of_windows == self._placing.slot
        return sum_tables([w.tables for w in self.windows], self._kept & use[:, None])

    @cached_property
    def _numeric(self) -> NumericWindows:
        tables = [window.tables.numeric for window in self.windows]
        kept = self._kept_of(FeatureKind.NUMERIC)
        return NumericWindows.of(tables, self._tables.numeric, self._placing, kept)

    @cached_property
    def _categorical(self) -> CategoricalWindows:
        tables = [window.tables.categorical for window in self.windows]
        kept = self._kept_of(FeatureKind.CATEGORICAL)
        return CategoricalWindows.of(tables, self._tables.categorical, self._placing, kept)

    def _kept_of(self, kind: FeatureKind) -> Kept | None:
        if self._kept is None:
            return None
        numeric, categorical = np.hsplit(self._kept, [len(self.schema.numeric)])
        return np.ascontiguousarray(numeric if kind is FeatureKind.NUMERIC else categorical)

    def _counted(self, kind: FeatureKind) -> list[int]:
        """How many windows each feature of a kind has."""
        kept = self._kept_of(kind)
        if kept is None:
            return [len(self.windows)] * len(self._names(kind))
        return [int(count) for count in kept.sum(axis=0)]
