"""What drifts, explained: the segments that carry it, and hints at probable causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING

from stream_monitor.core.drill_down import Carrier, Sides, carriers_of
from stream_monitor.core.hints.causes import MOST_HINTS, hints_of, window_hints
from stream_monitor.core.hints.concentrated import concentrated_hint
from stream_monitor.core.hints.feature_evidence import (
    CategoricalEvidence,
    FeatureEvidence,
    FieldSides,
    NumericEvidence,
)
from stream_monitor.core.hints.hint import Hint
from stream_monitor.core.hints.movement import movement_hint
from stream_monitor.core.hints.named_days import calendar_hint
from stream_monitor.core.hints.pattern import season_hint
from stream_monitor.core.history_references import Past, chosen_windows, one_history
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.profile import ALL, Profile
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.results import FeatureResult, WindowKey, by_feature
from stream_monitor.core.schema import FeatureKind
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import Window

if TYPE_CHECKING:
    from stream_monitor.core.model_state import ModelState


@dataclass
class Explainer:
    """Explains the results of one judged window.

    `past` is by segment, of this size and profile id; `segments` holds the same window of each segment that
    a drift of `all` can be traced to. `totals` are references as sums, by segment: by default of the whole.
    """

    window: WindowProfile
    key: WindowKey
    spec: ModelSpec
    catalogue: ReferenceCatalogue
    past: Mapping[str, Past]
    segments: Mapping[str, WindowProfile]
    totals: dict[tuple[ReferenceKind, str], WindowProfile | None] = field(default_factory=dict)

    def explained(self, results: Sequence[FeatureResult]) -> tuple[FeatureResult, ...]:
        """The results; those of features that drift with carriers and hints."""
        drifting = [r for r in results if r.state is VerdictState.DRIFT]
        if not drifting:
            return tuple(results)
        by_reference: dict[ReferenceKind, list[FeatureEvidence]] = {}
        evidence = {(r.reference, r.feature): self._evidence(r) for r in drifting}
        for (kind, _), found in evidence.items():
            if found:
                by_reference.setdefault(kind, []).append(found)
        together = {kind: window_hints(found) for kind, found in by_reference.items()}
        own = by_feature(results)
        return tuple(
            self._explain(
                r, own[r.feature], evidence[r.reference, r.feature], together.get(r.reference, ())
            )
            if r.state is VerdictState.DRIFT
            else r
            for r in results
        )

    def _explain(
        self, result: FeatureResult, own: Sequence[FeatureResult], evidence: FeatureEvidence | None,
        together: Sequence[Hint],
    ) -> FeatureResult:  # fmt: skip
        """`own` are the results of the same feature, `together` the hints beside the same reference."""
        days = calendar_hint(self.spec.calendar.covering(self.window.window, self.spec.name))
        more = [hint for hint in (days, _season(own)) if hint]
        if evidence is None:
            return replace(result, hints=(*result.hints, *more)[:MOST_HINTS])
        more += [h for h in together if result.feature in (h.detail["first"], h.detail["second"])]
        hints = hints_of(evidence, more) or tuple(h for h in (movement_hint(evidence),) if h)
        carriers = self._carriers(result)
        where = concentrated_hint(carriers, self._traffic)
        shown = (*hints, where)[:MOST_HINTS] if where else hints
        return replace(result, carriers=carriers, hints=shown)

    @property
    def _traffic(self) -> dict[str, float]:
        """Each segment's share of the events."""
        events = max(1, self.window.events)
        return {name: segment.events / events for name, segment in self.segments.items()}

    def _evidence(self, result: FeatureResult) -> FeatureEvidence | None:
        total = self._total(result.reference, self.key.segment)
        if total is None or not isinstance(result.kind, FeatureKind):
            return None
        layout, schema = self.window.profile.layout.bins, self.spec.schema
        drifted = (v for v in result.verdicts if v.state is VerdictState.DRIFT)
        aspects = frozenset(v.measurement.aspect.value for v in drifted)
        may_name = result.feature not in self.spec.masks
        if result.kind is FeatureKind.NUMERIC:
            i = schema.numeric.index(result.feature)
            return NumericEvidence(
                result.feature, layout.numeric[i], total.numeric[i], self.window.numeric[i],
                aspects, may_name, self._coerced(total, i), self._fields(total),
            )  # fmt: skip
        i = schema.categorical.index(result.feature)
        coerced = self._coerced(total, i + len(schema.numeric))
        return CategoricalEvidence(
            result.feature, layout.categorical[i], total.categorical[i],
            self.window.categorical[i], aspects, may_name, coerced, self._fields(total),
        )  # fmt: skip

    def _coerced(self, total: WindowProfile, i: int) -> tuple[float, float]:
        return total.traffic.coerced[i], self.window.traffic.coerced[i]

    def _fields(self, total: WindowProfile) -> FieldSides:
        return total.unknown_fields, self.window.unknown_fields

    def _carriers(self, result: FeatureResult) -> tuple[Carrier, ...]:
        """The segments that carry a drift of all."""
        whole, deciding = self._total(result.reference, ALL), result.deciding
        is_feature = isinstance(result.kind, FeatureKind)
        if self.key.segment != ALL or not is_feature or whole is None or deciding is None:
            return ()
        sides = {}
        for name, window in self.segments.items():
            total = self._total(result.reference, name)
            if total is not None:
                sides[name] = Sides(total.tables, window.tables)
        return carriers_of(
            result.feature, FeatureKind(result.kind), deciding.measurement.aspect,
            self.spec.schema, Sides(whole.tables, self.window.tables), sides,
        )  # fmt: skip

    def _total(self, kind: ReferenceKind, segment: str) -> WindowProfile | None:
        """A reference of one segment, as a sum."""
        if (kind, segment) not in self.totals:
            self.totals[kind, segment] = self._sum(kind, segment)
        return self.totals[kind, segment]

    def _sum(self, kind: ReferenceKind, segment: str) -> WindowProfile | None:
        where = (self.spec, self.key.profile_id, segment, self.key.size)
        if kind.is_frozen:
            view = self.catalogue.view(*where, kind)
            return None if view is None else view.total
        seeds = self.catalogue.windows(*where)
        history = one_history(self.past.get(segment, ()), seeds, self.catalogue.sums)
        size = next(size for size in self.spec.windows if size.name == self.key.size)
        windows = chosen_windows(kind, history, self.window.window, size, self.spec)
        if kind is ReferenceKind.PREVIOUS:
            windows = windows[-1:]
        return self.catalogue.sums.total(windows) if windows else None


def segments_of(state: ModelState, window: Window, key: WindowKey) -> dict[str, WindowProfile]:
    """A window of `all` in each of its segments, by name; empty for the window of a segment."""
    if key.segment != ALL or not state.spec.segment_keys:
        return {}
    found: dict[str, WindowProfile] = {}
    for name in sorted({p.segment for p in state.panes if p.version == key.version} - {ALL}):
        panes = state.panes_of(replace(key, segment=name), window)
        if panes:
            counted = reduce(Profile.merge, panes.values()).without_outcomes()
            found[name] = WindowProfile(window, counted)
    return found


def _season(own: Sequence[FeatureResult]) -> Hint | None:
    moved = {r.reference.value for r in own if r.state is VerdictState.DRIFT}
    quiet = {r.reference.value for r in own if r.state is VerdictState.OK}
    return season_hint(moved, quiet)
