"""What hints look at: the counts of one feature in the reference and in the window."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from stream_monitor.core.binning import CategoricalBinning, NumericBinning
from stream_monitor.core.evidence import NAMED_FROM
from stream_monitor.core.profile.categorical import KEPT_UNSEEN, CategoricalSummary
from stream_monitor.core.profile.numeric import NumericSummary
from stream_monitor.core.profile.unknown_fields import FieldsSummary
from stream_monitor.core.schema import FeatureKind

FieldSides = tuple[FieldsSummary | None, FieldsSummary | None]
"""The unknown fields of a reference's records and of a window's, each None where none were looked for."""


@dataclass(frozen=True, slots=True)
class NumericEvidence:
    """A numeric feature: counts of both sides under one binning, and the aspects that drifted.

    `coerced` holds the shares of the reference's and the window's sampled events whose number came in
    another JSON type; None where no sample was taken. `may_name` allows values of the feature in texts.
    `fields` are the unknown fields of both sides' records; None where none were looked for.
    """

    name: str
    binning: NumericBinning
    reference: NumericSummary
    window: NumericSummary
    aspects: frozenset[str]
    may_name: bool = True
    coerced: tuple[float, float] | None = None
    fields: FieldSides | None = None

    @property
    def kind(self) -> FeatureKind:
        """The kind of the feature."""
        return FeatureKind.NUMERIC


@dataclass(frozen=True, slots=True)
class CategoricalEvidence:
    """A categorical feature; fields as in NumericEvidence. Masked features have `may_name` False."""

    name: str
    binning: CategoricalBinning
    reference: CategoricalSummary
    window: CategoricalSummary
    aspects: frozenset[str]
    may_name: bool = True
    coerced: tuple[float, float] | None = None
    fields: FieldSides | None = None

    @property
    def kind(self) -> FeatureKind:
        """The kind of the feature."""
        return FeatureKind.CATEGORICAL

    def can_name(self, rows: int) -> bool:
        """Whether a category that so many rows of one side hold may be shown."""
        return self.may_name and rows >= NAMED_FROM

    @property
    def at_least(self) -> str:
        """What goes before a share that is counted over unseen values, of which at most 64 are kept."""
        return "at least " if len(self.window.unseen_values) >= KEPT_UNSEEN else ""


FeatureEvidence = NumericEvidence | CategoricalEvidence


def share(part: int, whole: int) -> float:
    """part/whole, 0 for nothing."""
    return part / whole if whole else 0.0


_LEAST_UNSEEN_ROWS: Final = 5
_LEAST_UNSEEN_SHARE: Final = 0.002


def unseen_rows(evidence: CategoricalEvidence, names: Container[str]) -> dict[str, int]:
    """Kept unseen values of the window among `names` with their rows; none where too few rows hold them."""
    rows = {value: n for value, n in evidence.window.unseen_values if value in names}
    total = sum(rows.values())
    is_enough = share(total, evidence.window.n) >= _LEAST_UNSEEN_SHARE
    return rows if total >= _LEAST_UNSEEN_ROWS and is_enough else {}
