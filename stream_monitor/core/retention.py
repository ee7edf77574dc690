"""How long the join keeps predictions and labels, in event time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from stream_monitor.core.policy import ModelSpec

_MICRO = 1_000_000
_LEAST_S = 3_600
"""Duplicates of a prediction are recognised at least this long."""


@dataclass(frozen=True)
class JoinRetention:
    """Bounds of expiry for a watermark.

    A prediction stays for its model's longest horizon and an eighth more, since a label that came true in
    time may arrive late; a label stays for the longest horizon of all, and is then a dead letter.
    """

    models: Mapping[str, ModelSpec]

    @cached_property
    def longest_us(self) -> int:
        """The longest horizon of all outcomes."""
        horizons = [o.horizon_s for spec in self.models.values() for o in spec.outcomes]
        return max([_LEAST_S, *horizons]) * _MICRO

    @cached_property
    def step_us(self) -> int:
        """Time that passes between two expiries: 1/32 of the longest horizon."""
        return self.longest_us // 32

    @cached_property
    def _kept_us(self) -> dict[str, int]:
        kept = {}
        for name, spec in self.models.items():
            horizon = max([_LEAST_S, *(o.horizon_s for o in spec.outcomes)])
            kept[name] = (horizon + max(_LEAST_S, horizon // 8)) * _MICRO
        return kept

    @property
    def kept_us(self) -> int:
        """How far back in event time a restored join reaches."""
        return -self.kept_from_us(0)

    def predictions_before_us(self, watermark_us: int) -> dict[str, int]:
        """Per model, the event time before which predictions expire."""
        return {name: watermark_us - kept for name, kept in self._kept_us.items()}

    def labels_before_us(self, watermark_us: int) -> int:
        """The event time before which labels that wait expire."""
        return watermark_us - self.longest_us

    def kept_from_us(self, watermark_us: int) -> int:
        """The event time before which nothing is needed to restore the join.

        An hour is left for labels that bear an earlier time than their predictions.
        """
        oldest = min([*self.predictions_before_us(watermark_us).values(), watermark_us])
        return min(oldest, self.labels_before_us(watermark_us)) - _LEAST_S * _MICRO
