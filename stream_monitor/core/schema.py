"""What a model's records hold: features, kinds and outcomes. How they are judged is in policy.py."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from stream_monitor.core.errors import InvalidSpecification

PREDICTION = "prediction."
"""Before a part of the prediction: its name among the features."""
PREDICTED_LABEL = PREDICTION + "label"
PREDICTED_SCORE = PREDICTION + "score"
PREDICTED_VALUE = PREDICTION + "value"


class FeatureKind(StrEnum):
    """How a feature is counted."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


class OutcomeKind(StrEnum):
    """What a label is: a class (with a confusion matrix) or a number (with error sums)."""

    CLASS = "class"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a model. Names under `prediction.` are read from the prediction.

    `form` tells what its values are replaced by before they are counted (see privacy.py); "" for
    values as they are.
    """

    name: str
    kind: FeatureKind
    form: str = ""


PREDICTION_FEATURES = (
    Feature(PREDICTED_LABEL, FeatureKind.CATEGORICAL),
    Feature(PREDICTED_SCORE, FeatureKind.NUMERIC),
    Feature(PREDICTED_VALUE, FeatureKind.NUMERIC),
)
"""What of a prediction can be monitored like a feature."""


@dataclass(frozen=True)
class Schema:
    """The features of a model, ordered by name; two versions with equal features share it.

    Raises InvalidSpecification for a name that is empty, given twice (upper and lower case are one
    name: JSON is read into a structure that cannot tell them apart), or none of the prediction's.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        folded = [name.lower() for name in names]
        if len(set(folded)) != len(names):
            twice = sorted({name for name in names if folded.count(name.lower()) > 1})
            raise InvalidSpecification(
                f"feature {', '.join(twice)} is declared twice: name it once"
            )
        for feature in self.features:
            is_prediction = feature.name.startswith(PREDICTION)
            if not feature.name or (is_prediction and feature not in PREDICTION_FEATURES):
                raise InvalidSpecification(
                    f"{feature.kind} feature {feature.name!r} cannot be read: of the prediction, "
                    "label is categorical, score and value are numeric"
                )
        object.__setattr__(self, "features", tuple(sorted(self.features, key=lambda f: f.name)))

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Names of the numeric features, in order."""
        return tuple(f.name for f in self.features if f.kind is FeatureKind.NUMERIC)

    @cached_property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical features, in order."""
        return tuple(f.name for f in self.features if f.kind is FeatureKind.CATEGORICAL)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the numeric features, then of the categorical ones."""
        return (*self.numeric, *self.categorical)

    @cached_property
    def schema_id(self) -> str:
        """16 hex digits, equal for equal names, kinds and forms."""
        lines = (f"{f.name}\t{f.kind}" + (f"\t{f.form}" if f.form else "") for f in self.features)
        text = "\n".join(lines)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that can come true for a prediction, and how long it may take (`horizon_s`, seconds).

    `classes` lists the labels of a class outcome; the last slot of every count is for all others.
    `positive` is the class that precision, recall and F1 speak of. Numbers are counted in steps of
    `resolution`, in units of the label. `absent_means` is the class of a prediction that has no label
    when its horizon has passed (None: unknown); class outcomes only.
    """

    name: str = "label"
    kind: OutcomeKind = OutcomeKind.CLASS
    classes: tuple[str, ...] = ()
    positive: str | None = None
    horizon_s: int = 7 * 86_400
    resolution: float = 1e-3
    absent_means: str | None = None

    def __post_init__(self) -> None:
        if self.kind is OutcomeKind.CLASS and len(self.classes) < 2:
            raise InvalidSpecification(f"outcome {self.name} needs at least two classes")
        for role, name in (("positive", self.positive), ("absent", self.absent_means)):
            if name is not None and name not in self.classes:
                allowed = ", ".join(self.classes) or "none: it has no classes"
                raise InvalidSpecification(
                    f"outcome {self.name}: {role} class {name!r} is none of {allowed}"
                )
