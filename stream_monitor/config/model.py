"""One monitored model's configuration: a file in the `models` folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pydantic import Field, model_validator

from stream_monitor.config.alerting import ServiceConfig
from stream_monitor.config.columns import ColumnsConfig
from stream_monitor.config.errors import suggestion
from stream_monitor.config.judgement import (
    FeatureEntry,
    JointConfig,
    JointEntry,
    PredictionConfig,
    PredictionEntry,
    SubjectConfig,
)
from stream_monitor.config.outcomes import OutcomeConfig
from stream_monitor.config.references import DEFAULT_REFERENCES, ReferencesConfig
from stream_monitor.config.section import Section, written, wrong
from stream_monitor.config.units import Duration, PositiveDuration
from stream_monitor.config.windows import DEFAULT_WINDOWS, WindowConfig
from stream_monitor.core.policy import JOINT, PERFORMANCE, VOLUME
from stream_monitor.core.schema import PREDICTION, FeatureKind

_RESERVED = {
    PREDICTION: "prediction.kind",
    PERFORMANCE: "outcomes",
    VOLUME: "volume",
    JOINT: "joint",
}
"""Names that are judged beside features, and the key that sets them."""


class ModelBudgetConfig(Section):
    """The model's own alarm budget; null: the installation's."""

    alarms_per_week: float | None = Field(default=None, gt=0)
    """Expected false alarms per week."""
    max_alpha: float | None = Field(default=None, gt=0, lt=1)
    """The largest α that any single test may use."""
    segments_share: float | None = Field(default=None, gt=0, lt=1)
    """The share of them that may be of segments."""


class ModelConfig(Section):
    """A model file. Durations are in seconds."""

    name: str = Field(default="", max_length=200)
    """The model as events name it; left out: the file's name without .yaml."""
    owner: str = ""
    """Team that alerts are routed to."""
    tier: str = ""
    """How much the model matters, in your words."""
    pane: PositiveDuration = written("5m")
    """Smallest bucket of event time; every window is a run of whole panes."""
    windows: tuple[WindowConfig, ...] = Field(
        default=DEFAULT_WINDOWS, json_schema_extra={"minItems": 1}
    )
    """Lengths of windows that are judged, each at once."""
    features: Mapping[str, FeatureEntry] = Field(default_factory=dict)
    """The inputs that are watched, by name."""
    prediction: PredictionEntry = PredictionConfig()
    """What the model answers."""
    segments: tuple[str, ...] = ()
    """Tags whose values are watched each by itself as well."""
    max_segments: int = Field(default=200, ge=1)
    """The most values of a tag that a reference keeps apart; all others are the segment `other`."""
    references: ReferencesConfig = DEFAULT_REFERENCES
    """What windows are compared with."""
    outcomes: Mapping[str, OutcomeConfig] = Field(default_factory=dict)
    """What can come true for a prediction, by the outcome that labels name (default `label`)."""
    joint: JointEntry = JointConfig()
    """How features are judged together; false: not at all."""
    volume: SubjectConfig = SubjectConfig()
    """How the number of events is judged: the floor is 0.5, half more or a third fewer than usual."""
    allowed_lateness: Duration = written("5m")
    """A window closes this long after its end has passed in event time."""
    correction_horizon: Duration = written("1h")
    """A closed window still takes in late events for this long, and is judged again."""
    max_hold: PositiveDuration | None = None
    """A source partition holds windows open for at most this much event time behind the furthest one;
    null: until it comes."""
    alarm_budget: ModelBudgetConfig = ModelBudgetConfig()
    """The model's own alarm budget."""
    service: ServiceConfig = ServiceConfig()
    """The service that answers with the model: what alert rules watch of it."""
    columns: ColumnsConfig = ColumnsConfig()
    """Where tables keep what events carry, for replay and reference build."""

    @model_validator(mode="after")
    def _names_agree(self) -> ModelConfig:
        problems = [
            *self._window_problems(),
            *self._feature_problems(),
            *self._column_problems(),
            *self._pair_problems(),
            *self._twice(),
        ]
        if problems:
            raise wrong(problems)
        return self

    def _window_problems(self) -> list[tuple[str, str]]:
        if not self.windows:
            return [("windows", "must not be empty")]
        if any(kind.is_frozen for kind in self.references.kinds):
            return []
        needs = "needs the reference validation or training"
        return [(f"windows.{i}.early", needs) for i, w in enumerate(self.windows) if w.early]

    def _feature_problems(self) -> list[tuple[str, str]]:
        if not self.features and self.prediction.kind == "none":
            return [("features", "must name at least one feature (or set prediction.kind)")]
        return [
            (f"features.{name}", f"cannot begin with {reserved}: set {key} instead")
            for name in self.features
            for reserved, key in _RESERVED.items()
            if name.startswith(reserved)
        ]

    def _column_problems(self) -> list[tuple[str, str]]:
        columns = self.columns
        known = {
            "features": (columns.features, tuple(self.features)),
            "segments": (columns.segments, self.segments),
        }
        return [
            (
                f"columns.{section}.{name}",
                f"is none of the model's {section}: {suggestion(name, names)}"
                f"Allowed: {', '.join(names) or 'none'}",
            )
            for section, (given, names) in known.items()
            for name in given
            if name not in names
        ]

    def _pair_problems(self) -> list[tuple[str, str]]:
        names = [n for n, f in self.features.items() if f.kind is FeatureKind.CATEGORICAL]
        pairs = () if self.joint is None else self.joint.pairs
        return [
            ("joint.pairs", f"{name} is no categorical feature: {suggestion(name, names)}".rstrip())
            for name in {name for pair in pairs for name in pair}
            if name not in names
        ]

    def _twice(self) -> list[tuple[str, str]]:
        named = {"windows": (w.window_size().name for w in self.windows), "segments": self.segments}
        return [
            (key, f"must differ from one another; {name} is there twice")
            for key, names in named.items()
            for name, count in Counter(names).items()
            if count > 1
        ]
