"""A window beside the same hours of earlier weeks: every hour is compared with its own, then added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.comparison import Comparison, ReferenceView
from stream_monitor.core.drift.cmh import stratified_chi_square, stratified_rate_change
from stream_monitor.core.drift.score import Score
from stream_monitor.core.policy import Aspect, FeaturePolicy
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.schema import FeatureKind, Schema
from stream_monitor.core.verdicts import Measurement
from stream_monitor.core.window_tables import (
    CATEGORICAL_RATES,
    NUMERIC_RATES,
    CategoricalTable,
    NumericTable,
)
from stream_monitor.core.windows import hour_of_week

_HOURS_OF_WEEK: Final = 168
Counts = NDArray[np.int64]


class SeasonalView:
    """Earlier weeks prepared for comparing one window of more than an hour.

    `among` places the window among earlier ones of its size; `hours` are the reference's, `own` the
    window's. Distributions and rates are decided by tests stratified by hour of the week, so that neither a
    change of traffic over the day nor a day of the week is a drift.
    """

    def __init__(
        self, among: ReferenceView, hours: Sequence[WindowProfile], own: Sequence[WindowProfile],
        timezone: str,
    ) -> None:  # fmt: skip
        self._among = among
        self._reference = _Hours.of(hours, timezone)
        self._window = _Hours.of(own, timezone)

    @property
    def schema(self) -> Schema:
        """The schema of both sides."""
        return self._among.schema

    def compare(
        self, window: WindowProfile, policies: Mapping[str, FeaturePolicy]
    ) -> list[Comparison]:
        """Every feature of the window, in the schema's order, numeric first."""
        found = self._among.compare(window, policies)
        numeric = len(self.schema.numeric)
        places = [*range(numeric), *range(len(found) - numeric)]
        return [self._stratified(c, i) for c, i in zip(found, places, strict=True)]

    def _stratified(self, compared: Comparison, i: int) -> Comparison:
        is_numeric = compared.kind is FeatureKind.NUMERIC
        measured = []
        for before in compared.measurements:
            test, score = self._score(before.aspect, i, is_numeric)
            if score is not None and score.p is not None:
                measured.append(_measurement(before, test, score))
        return replace(compared, measurements=tuple(measured))

    def _score(self, aspect: Aspect, i: int, is_numeric: bool) -> tuple[str, Score | None]:
        sides = (self._reference, self._window)
        if aspect is Aspect.DISTRIBUTION:
            k, w = (side.cells(i, is_numeric) for side in sides)
            test = "cmh_ordered" if is_numeric else "cmh"
            return test, stratified_chi_square(k, w, ordered=is_numeric)
        (k, m), (x, n) = (side.rate(aspect, i, is_numeric) for side in sides)
        return "mantel_haenszel", stratified_rate_change(k, m, x, n)


def _measurement(before: Measurement, test: str, score: Score) -> Measurement:
    p = 1.0 if score.p is None else score.p
    return replace(before, test=test, statistic=score.statistic, p_iid=p, effect=score.effect)


@dataclass(frozen=True)
class _Hours:
    """Tables per hour of the week: those of a WindowTables with one more axis in front."""

    starts: Counts
    coarse: Counts
    counts: Counts
    numeric: tuple[Counts, Counts]
    categorical: tuple[Counts, Counts]

    @classmethod
    def of(cls, hours: Sequence[WindowProfile], timezone: str) -> Self:
        """Of at least one hour."""
        slots = [hour_of_week(hour.window.start_s, timezone) for hour in hours]
        numbers = [hour.tables.numeric for hour in hours]
        names = [hour.tables.categorical for hour in hours]
        return cls(
            names[0].layout.starts,
            _summed(slots, [table.coarse for table in numbers]),
            _summed(slots, [table.counts for table in names]),
            _rates(slots, numbers),
            _rates(slots, names),
        )

    def cells(self, i: int, is_numeric: bool) -> Counts:
        """(168, cells) of one feature."""
        if is_numeric:
            return self.coarse[:, i]
        return self.counts[:, self.starts[i] : self.starts[i + 1]]

    def rate(self, aspect: Aspect, i: int, is_numeric: bool) -> tuple[Counts, Counts]:
        """Marked rows and rows per hour, of one aspect of one feature."""
        marked, rows = self.numeric if is_numeric else self.categorical
        at = (NUMERIC_RATES if is_numeric else CATEGORICAL_RATES).index(aspect)
        return marked[:, at, i], rows[:, at, i]


def _rates(
    slots: Sequence[int], tables: Sequence[NumericTable] | Sequence[CategoricalTable]
) -> tuple[Counts, Counts]:
    marked = _summed(slots, [table.marked for table in tables])
    return marked, _summed(slots, [table.rows for table in tables])


def _summed(slots: Sequence[int], tables: Sequence[Counts]) -> Counts:
    total = np.zeros((_HOURS_OF_WEEK, *tables[0].shape), np.int64)
    for slot, table in zip(slots, tables, strict=True):
        total[slot] += table
    return total
