"""The `references` of a model file: what its windows are compared with."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from stream_monitor.config.section import Section, switch, written, wrong
from stream_monitor.config.units import PositiveDuration
from stream_monitor.core.policy import ReferenceKind


class FrozenReference(Section):
    """A reference that `reference build` made from a table or topic range."""

    max_age: PositiveDuration | None = written("365d")
    """Obsolete when its end is older than this: said by `check`, on /metrics and in the log. null: never."""


class PreviousReference(Section):
    """The last window, or calendar period, before: each size is compared with its own."""


class SlidingReference(Section):
    """The model's own recent windows."""

    length: PositiveDuration = written("30d")
    """How far back it reaches."""
    skip_alarms: bool = False
    """A window in which a feature drifted does not teach the moving references of that feature."""


class SeasonalReference(Section):
    """The same hours of the week, of the model's own recent windows."""

    length: PositiveDuration = written("35d")
    """How far back it reaches: whole weeks, five or more."""


class YearAgoReference(Section):
    """The windows around the same time a year before, for windows of a day or longer."""


def _unused() -> Any:
    return Field(default=None, json_schema_extra={"default": False})


Frozen = Annotated[FrozenReference | None, switch(FrozenReference)]
Sliding = Annotated[SlidingReference | None, switch(SlidingReference)]
Previous = Annotated[PreviousReference | None, switch(PreviousReference)]
Seasonal = Annotated[SeasonalReference | None, switch(SeasonalReference)]
YearAgo = Annotated[YearAgoReference | None, switch(YearAgoReference)]


class ReferencesConfig(Section):
    """What windows are compared with; a kind that is left out is not used."""

    validation: Frozen = _unused()
    """What was normal when the model was validated."""
    training: Frozen = _unused()
    """What the model was trained on, counted by the bins of validation."""
    sliding: Sliding = _unused()
    """What was normal lately."""
    previous: Previous = _unused()
    """The window before."""
    seasonal: Seasonal = _unused()
    """What was normal at these hours of the week."""
    year_ago: YearAgo = _unused()
    """What was normal a year before."""

    @model_validator(mode="after")
    def _at_least_one(self) -> ReferencesConfig:
        if not self.kinds:
            names = ", ".join(kind.value for kind in ReferenceKind)
            raise wrong([("", f"must use at least one of {names}")])
        return self

    @property
    def kinds(self) -> tuple[ReferenceKind, ...]:
        """The kinds in use."""
        return tuple(kind for kind in ReferenceKind if getattr(self, kind.value) is not None)

    @property
    def max_age_s(self) -> int | None:
        """The age from which on a frozen reference is obsolete: the shorter of the two."""
        used = [reference for reference in (self.validation, self.training) if reference]
        return min((r.max_age for r in used if r.max_age is not None), default=None)


DEFAULT_REFERENCES = ReferencesConfig(validation=FrozenReference(), sliding=SlidingReference())
