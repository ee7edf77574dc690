"""A profile: everything counted for one (model, version, segment, pane, profile id)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from stream_monitor.core.binning import Binning
from stream_monitor.core.errors import IncompatibleProfiles
from stream_monitor.core.profile.categorical import CategoricalPart
from stream_monitor.core.profile.joint import JointPart
from stream_monitor.core.profile.joint_params import JointParams
from stream_monitor.core.profile.numeric import NumericPart
from stream_monitor.core.profile.outcome import OutcomePart
from stream_monitor.core.profile.part import Part
from stream_monitor.core.profile.score import ScorePart
from stream_monitor.core.profile.source import SourcePart, SourceRange
from stream_monitor.core.profile.traffic import TrafficPart
from stream_monitor.core.profile.unknown_fields import FieldsSummary, UnknownFieldsPart
from stream_monitor.core.schema import Outcome

ALL = "all"
"""The segment that holds every event."""
JOINT = "joint:"
"""What the name of a joint part begins with; the rest tells its parameters."""


@dataclass(frozen=True, slots=True, order=True)
class ProfileKey:
    """What a profile counts; `pane_s` is the pane's start in seconds since the epoch."""

    model: str
    version: str
    segment: str
    pane_s: int
    profile_id: str


@dataclass(frozen=True)
class Layout:
    """What the profiles of a model hold: its binning and outcomes; equal layouts merge.

    The profile id is the binning's, so a model version that inherits a binning inherits its profiles.
    `joint` may change under one profile id: its part goes by its parameters' digest. Segments have none.
    """

    binning: Binning
    outcomes: tuple[Outcome, ...] = ()
    is_coarse: bool = False
    joint: JointParams | None = None

    @property
    def profile_id(self) -> str:
        """The binning's id, also for the coarse profiles of segments."""
        return self.binning.profile_id

    @cached_property
    def coarse(self) -> Layout:
        """The layout of segments, which has no joint part and no unknown fields."""
        return Layout(self.binning, self.outcomes, is_coarse=True)

    def of(self, segment: str) -> Layout:
        """Fine bins for the segment `all`, coarse bins for every other."""
        return self if segment == ALL or self.is_coarse else self.coarse

    @cached_property
    def bins(self) -> Binning:
        """The binning that counts."""
        return self.binning.coarse if self.is_coarse else self.binning

    @property
    def joint_name(self) -> str | None:
        """The name of the joint part; None without one."""
        return None if self.joint is None or self.is_coarse else JOINT + self.joint.digest

    def is_foreign_joint(self, name: str) -> bool:
        """Whether a part is a joint part of other parameters, which this layout does not read."""
        return name.startswith(JOINT) and name != self.joint_name

    def empty_parts(self, slots: int = 1) -> dict[str, Part]:
        """One empty part per kind, outcomes under `outcome:<name>`."""
        return {name: self.empty_part(name, slots) for name in self._kinds}

    def empty_part(self, name: str, slots: int = 1) -> Part:
        """One empty part; raises KeyError for a name that the layout does not have."""
        kind, params = self._kinds[name]
        return kind.empty(params, slots)

    @cached_property
    def _kinds(self) -> dict[str, tuple[type[Part], Any]]:
        joint = {} if self.joint_name is None else {self.joint_name: (JointPart, self.joint)}
        whole = {} if self.is_coarse else {UnknownFieldsPart.name: (UnknownFieldsPart, None)}
        return (
            {
                "traffic": (TrafficPart, len(self.binning.schema.features)),
                SourcePart.name: (SourcePart, None),
                "score": (ScorePart, None),
                "numeric": (NumericPart, self.bins.numeric),
                "categorical": (CategoricalPart, self.bins.categorical),
            }
            | {f"outcome:{outcome.name}": (OutcomePart, outcome) for outcome in self.outcomes}
            | whole
            | joint
        )


@dataclass(frozen=True)
class Profile:
    """One slot of every part that has counted something; absent parts are empty. Merging adds."""

    layout: Layout
    parts: Mapping[str, Part] = field(default_factory=dict)

    def merge(self, other: Profile) -> Profile:
        """The sum; raises IncompatibleProfiles unless both have one profile id and one kind of bins.

        Joint parts of different parameters stay beside each other, each true of what it counted; the
        profile's own layout says which one is read.
        """
        mine, its = self.layout, other.layout
        if (mine.profile_id, mine.is_coarse) != (its.profile_id, its.is_coarse):
            raise IncompatibleProfiles(
                f"profiles {mine.profile_id} and {its.profile_id} cannot be merged: "
                "profiles merge only under one profile id"
            )
        parts = dict(self.parts)
        for name, part in other.parts.items():
            parts[name] = parts[name].merge(part) if name in parts else part
        return Profile(self.layout, parts)

    @property
    def numeric(self) -> NumericPart:
        """The numeric features' part."""
        return cast(NumericPart, self._part("numeric"))

    @property
    def categorical(self) -> CategoricalPart:
        """The categorical features' part."""
        return cast(CategoricalPart, self._part("categorical"))

    @property
    def traffic(self) -> TrafficPart:
        """The traffic part."""
        return cast(TrafficPart, self._part("traffic"))

    @property
    def score(self) -> ScorePart:
        """The score part."""
        return cast(ScorePart, self._part("score"))

    @property
    def joint(self) -> JointPart | None:
        """The pairs' part; None where the layout has none."""
        name = self.layout.joint_name
        return None if name is None else cast(JointPart, self._part(name))

    @property
    def unknown_fields(self) -> FieldsSummary | None:
        """The fields that the schema does not know; None where none were looked for."""
        part = self.parts.get(UnknownFieldsPart.name)
        return part.summarise() if isinstance(part, UnknownFieldsPart) else None

    @property
    def source(self) -> tuple[SourceRange, ...]:
        """Where its events lie in the inference topic, by partition; empty where they are not from it."""
        part = self.parts.get(SourcePart.name)
        return part.summarise() if isinstance(part, SourcePart) else ()

    def outcome(self, name: str) -> OutcomePart:
        """The part of one outcome; raises KeyError if the model has no such outcome."""
        return cast(OutcomePart, self._part(f"outcome:{name}"))

    def _part(self, name: str) -> Part:
        return self.parts[name] if name in self.parts else self.layout.empty_part(name)

    @property
    def events(self) -> int:
        """Number of events counted."""
        return int(self.traffic.arrays["events"][0])

    def without(self, *names: str) -> Profile:
        """The same without some parts."""
        kept = {name: part for name, part in self.parts.items() if name not in names}
        return Profile(self.layout, kept)

    def without_outcomes(self) -> Profile:
        """What windows are compared by: everything but labels and places in the source."""
        kept = {n: p for n, p in self.parts.items() if not n.startswith("outcome:")}
        return Profile(self.layout, kept).without(SourcePart.name)

    def outcomes_only(self) -> Profile:
        """The same without features and scores, for windows that only wait for labels."""
        wanted = ("traffic", SourcePart.name)
        kept = {n: p for n, p in self.parts.items() if n in wanted or n.startswith("outcome:")}
        return Profile(self.layout, kept)

    def labels_only(self) -> Profile:
        """The outcomes alone."""
        kept = {n: p for n, p in self.parts.items() if n.startswith("outcome:")}
        return Profile(self.layout, kept)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        names = set(self.parts) | set(other.parts)
        return self.layout == other.layout and all(self._has_equal(other, name) for name in names)

    def _has_equal(self, other: Profile, name: str) -> bool:
        mine, its = self.parts.get(name), other.parts.get(name)
        if mine is None or its is None:
            return all(part is None or part.is_empty() for part in (mine, its))
        return mine == its

    __hash__ = None  # type: ignore[assignment]  # holds arrays
