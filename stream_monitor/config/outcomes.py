"""The `outcomes` of a model file: what can come true for a prediction."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from stream_monitor.config.judgement import PerformanceConfig
from stream_monitor.config.section import Section, written, wrong
from stream_monitor.config.units import PositiveDuration
from stream_monitor.core.schema import Outcome, OutcomeKind


def _label_text(value: Any) -> Any:
    # Labels arrive as JSON, whose booleans read `true` and `false`.
    return str(value).lower() if isinstance(value, bool) else value


Label = Annotated[
    str, BeforeValidator(_label_text, json_schema_input_type=str | int | float | bool)
]


class OutcomeConfig(Section):
    """One kind of label."""

    kind: OutcomeKind = OutcomeKind.CLASS
    """class (confusion matrix) or number (errors)."""
    classes: tuple[Label, ...] = ()
    """Every class by its label; labels outside the list are counted together."""
    positive: Label | None = None
    """The class that precision, recall and F1 speak of."""
    horizon: PositiveDuration = written("7d")
    """A label may arrive this long after its prediction."""
    absent_means: Label | None = None
    """The class of a prediction that has no label when its horizon has passed; null: unknown."""
    resolution: float = Field(default=0.001, gt=0)
    """Step in which numbers are counted, in units of the label."""
    performance: PerformanceConfig = PerformanceConfig()
    """How the model's performance on this outcome is judged."""

    @model_validator(mode="after")
    def _fits_kind(self) -> OutcomeConfig:
        problems = self._of_number() if self.kind is OutcomeKind.NUMBER else self._of_class()
        if problems:
            raise wrong(problems)
        return self

    def _of_number(self) -> list[tuple[str, str]]:
        given = {
            "classes": self.classes,
            "positive": self.positive,
            "absent_means": self.absent_means,
        }
        return [(key, "is for kind class only") for key, value in given.items() if value]

    def _of_class(self) -> list[tuple[str, str]]:
        problems = []
        if len(set(self.classes)) < 2 or len(set(self.classes)) < len(self.classes):
            problems.append(("classes", "must list at least two different classes, each once"))
        for key, name in (("positive", self.positive), ("absent_means", self.absent_means)):
            if name is not None and name not in self.classes:
                problems.append((key, f"must be one of {', '.join(self.classes)}"))
        return problems

    def outcome(self, name: str) -> Outcome:
        """The core's value."""
        return Outcome(
            name, self.kind, self.classes, self.positive, self.horizon, self.resolution,
            self.absent_means,
        )  # fmt: skip
