"""The references of all models: which binning a version counts by, and what its windows are compared with."""

from __future__ import annotations

from stream_monitor.core.binning import Binning
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.performance.absent import with_absent
from stream_monitor.core.performance.tally import Tally, tally_of
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.outcome import OutcomePart
from stream_monitor.core.profile.profile import ALL, Layout
from stream_monitor.core.references import Reference, WindowProfile
from stream_monitor.core.schema import Schema
from stream_monitor.core.window_sums import WindowSums


class ReferenceCatalogue:
    """References by model; the latest of a (model, version, kind) counts.

    A version without its own inherits the latest of the same schema; one whose schema has none gets the
    layout without bins, under which traffic and outcomes are counted and every verdict is no_reference.
    `sums` remembers sums of windows, for the references that move.
    """

    def __init__(self) -> None:
        self._references: dict[tuple[str, str, str], Reference] = {}
        self._by_profile: dict[tuple[str, str, ReferenceKind], Reference] = {}
        self._views: dict[tuple[str, str, str, ReferenceKind], ReferenceView] = {}
        self._tallies: dict[tuple[str, ...], tuple[Tally, ...]] = {}
        self.sums = WindowSums()

    def add(self, reference: Reference) -> None:
        """Adds or replaces a reference."""
        key = (reference.model, reference.version, reference.kind.value)
        self._references.pop(key, None)
        self._references[key] = reference
        where = (reference.model, reference.layout.profile_id, reference.kind)
        self._by_profile[where] = reference
        self._views.clear()
        self._tallies.clear()

    def all(self) -> list[Reference]:
        """Every reference, oldest first."""
        return list(self._references.values())

    def of_model(self, model: str) -> list[Reference]:
        """The model's references, oldest first."""
        return [r for r in self.all() if r.model == model]

    def layout_for(self, spec: ModelSpec, version: str) -> Layout:
        """The layout that a version's events are counted under."""
        fitting = [
            r
            for r in self.of_model(spec.name)
            if r.layout.binning.schema.schema_id == spec.schema.schema_id
        ]
        fitting.sort(key=lambda r: r.kind is ReferenceKind.VALIDATION)  # which goes before training
        own = [r for r in fitting if r.version == version]
        chosen = (own or fitting)[-1:]
        if not chosen:
            return _unlearned(spec)
        return _layout(chosen[0], spec)

    def layout(self, spec: ModelSpec, profile_id: str) -> Layout | None:
        """The layout behind a profile id; None for one that no reference has."""
        unlearned = _unlearned(spec)
        if profile_id == unlearned.profile_id:
            return unlearned
        reference = self._by_profile_id(spec.name, profile_id)
        return _layout(reference, spec) if reference else None

    def view(
        self, spec: ModelSpec, profile_id: str, segment: str, size: str,
        kind: ReferenceKind = ReferenceKind.VALIDATION,
    ) -> ReferenceView | None:  # fmt: skip
        """A frozen reference of a segment, prepared; None without one."""
        reference = self._by_profile.get((spec.name, profile_id, kind))
        if reference is None or segment not in reference.segments:
            return None
        key = (profile_id, segment, size, kind)
        if key not in self._views:
            self._views[key] = ReferenceView(reference.segments[segment], size)
        return self._views[key]

    def windows(
        self, spec: ModelSpec, profile_id: str, segment: str, size: str
    ) -> tuple[WindowProfile, ...]:
        """The windows of the frozen reference of one segment and size."""
        reference = self._by_profile_id(spec.name, profile_id)
        if reference is None or segment not in reference.segments:
            return ()
        return reference.segments[segment].windows.get(size, ())

    def tallies(
        self, spec: ModelSpec, profile_id: str, segment: str, size: str, outcome: str
    ) -> tuple[Tally, ...]:
        """What the labels of the reference's own windows say of an outcome; nothing without labels."""
        key = (spec.name, profile_id, segment, size, outcome)
        if key not in self._tallies:
            self._tallies[key] = self._tally(spec, *key[1:])
        return self._tallies[key]

    def _tally(
        self, spec: ModelSpec, profile_id: str, segment: str, size: str, outcome: str
    ) -> tuple[Tally, ...]:
        if outcome not in {o.name for o in spec.outcomes}:
            return ()
        found = (w.profile for w in self.windows(spec, profile_id, segment, size))
        labelled = (p.parts.get(f"outcome:{outcome}") for p in found)
        return tuple(
            tally_of(with_absent(part, part)[0])
            for part in labelled
            if isinstance(part, OutcomePart) and part.summarise()
        )

    def segments(self, spec: ModelSpec, profile_id: str) -> int:
        """Number of segments that the reference knows beside `all`; 0 without one."""
        reference = self._by_profile_id(spec.name, profile_id)
        return len(reference.segments.keys() - {ALL}) if reference else 0

    def obsolete(self, spec: ModelSpec, profile_id: str, at_s: int) -> tuple[ReferenceKind, ...]:
        """The frozen references in use that end longer than the model's `max_age_s` before an instant."""
        if spec.max_age_s is None:
            return ()
        used = [kind for kind in spec.references if kind.is_frozen]
        found = ((kind, self._by_profile.get((spec.name, profile_id, kind))) for kind in used)
        return tuple(kind for kind, r in found if r and at_s - r.end_s > spec.max_age_s)

    def is_inherited(self, model: str, version: str, profile_id: str) -> bool:
        """Whether a version uses another version's reference."""
        reference = self._by_profile_id(model, profile_id)
        if reference is None:
            return False
        return not any(r.version == version for r in self.of_model(model))

    def _by_profile_id(self, model: str, profile_id: str) -> Reference | None:
        """Validation, else training; also one that was replaced: windows counted by it are still open."""
        kinds = (kind for kind in ReferenceKind if kind.is_frozen)
        found = (self._by_profile.get((model, profile_id, kind)) for kind in kinds)
        return next((reference for reference in found if reference), None)


def _layout(reference: Reference, spec: ModelSpec) -> Layout:
    """The layout of a reference with the model's outcomes, and its pairs if the model judges pairs."""
    joint = reference.layout.joint if spec.judges_joint else None
    return Layout(reference.layout.binning, spec.outcomes, joint=joint)


def _unlearned(spec: ModelSpec) -> Layout:
    """Without a reference nothing of a feature is counted, so that a changed schema changes nothing."""
    return Layout(Binning(Schema(())), spec.outcomes)
