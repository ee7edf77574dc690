"""The references of all models: which binning a version counts by, and what its windows are compared with."""

from __future__ import annotations

from stream_monitor.core.binning import Binning
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.references import Reference, WindowProfile


class ReferenceCatalogue:
    """References by model; the latest of a (model, version, kind) counts.

    A version without its own inherits the latest of the same schema; one whose schema has none gets the
    layout without bins, under which traffic and outcomes are counted and every verdict is no_reference.
    """

    def __init__(self) -> None:
        self._references: dict[tuple[str, str, str], Reference] = {}
        self._by_profile: dict[tuple[str, str], Reference] = {}
        self._views: dict[tuple[str, str, str], ReferenceView] = {}

    def add(self, reference: Reference) -> None:
        """Adds or replaces a reference."""
        key = (reference.model, reference.version, reference.kind.value)
        self._references.pop(key, None)
        self._references[key] = reference
        self._by_profile[reference.model, reference.layout.profile_id] = reference
        self._views.clear()

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
        own = [r for r in fitting if r.version == version]
        chosen = (own or fitting)[-1:]
        return Layout(chosen[0].layout.binning if chosen else Binning(spec.schema), spec.outcomes)

    def layout(self, spec: ModelSpec, profile_id: str) -> Layout | None:
        """The layout behind a profile id; None for one that no reference has."""
        unlearned = Layout(Binning(spec.schema), spec.outcomes)
        if profile_id == unlearned.profile_id:
            return unlearned
        reference = self._by_profile_id(spec.name, profile_id)
        return Layout(reference.layout.binning, spec.outcomes) if reference else None

    def view(
        self, spec: ModelSpec, profile_id: str, segment: str, size: str
    ) -> ReferenceView | None:
        """The validation reference of a segment, prepared; None without one."""
        reference = self._by_profile_id(spec.name, profile_id)
        if reference is None or segment not in reference.segments:
            return None
        key = (profile_id, segment, size)
        if key not in self._views:
            self._views[key] = ReferenceView(reference.segments[segment], size)
        return self._views[key]

    def windows(
        self, spec: ModelSpec, profile_id: str, segment: str, size: str
    ) -> tuple[WindowProfile, ...]:
        """The reference's own windows of one segment and size."""
        reference = self._by_profile_id(spec.name, profile_id)
        if reference is None or segment not in reference.segments:
            return ()
        return reference.segments[segment].windows.get(size, ())

    def segments(self, spec: ModelSpec, profile_id: str) -> int:
        """Number of segments that the reference knows; 1 without one."""
        reference = self._by_profile_id(spec.name, profile_id)
        return len(reference.segments) if reference else 1

    def is_inherited(self, model: str, version: str, profile_id: str) -> bool:
        """Whether a version uses another version's reference."""
        reference = self._by_profile_id(model, profile_id)
        if reference is None:
            return False
        return not any(r.version == version for r in self.of_model(model))

    def _by_profile_id(self, model: str, profile_id: str) -> Reference | None:
        """Also a reference that was replaced: windows counted by it are still open."""
        return self._by_profile.get((model, profile_id))
