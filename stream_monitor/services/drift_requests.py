"""What drift a person asks for becomes injections into a table's columns; refuses what does not fit."""

from __future__ import annotations

from dataclasses import dataclass

from stream_monitor.config.columns import ColumnsConfig
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.drift import DEFAULT_SIZES, DriftKind, Injection
from stream_monitor.core.policy import JOINT, PERFORMANCE, ModelSpec
from stream_monitor.core.schema import (
    PREDICTED_LABEL,
    PREDICTED_SCORE,
    PREDICTED_VALUE,
    PREDICTION,
    OutcomeKind,
)

_NUMBERS = (
    DriftKind.MEAN, DriftKind.SPREAD, DriftKind.UNIT, DriftKind.CORRELATION, DriftKind.COVARIATE,
)  # fmt: skip
_CATEGORIES = (DriftKind.SHARE, DriftKind.NEW_CATEGORY)
_LABELS = (DriftKind.LABEL, DriftKind.CONCEPT)


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """A kind of drift of one or several sizes; None and empty mean the usual ones (see DEFAULT_SIZES).

    `start` is a time, or a share from 0 to 1 of the time after the reference. `category` is the one whose
    share moves, or the class of `label`.
    """

    kind: DriftKind
    features: tuple[str, ...] = ()
    sizes: tuple[float, ...] = ()
    start: str = "0.5"
    ramp_s: int = 0
    category: str | None = None

    @property
    def chosen_sizes(self) -> tuple[float, ...]:
        """The sizes to try."""
        return self.sizes or (DEFAULT_SIZES[self.kind],)


def drifting_features(request: DriftRequest, spec: ModelSpec) -> tuple[str, ...]:
    """The features to drift: those asked for, else the first that suits, of `covariate` all numbers.

    Raises InvalidSpecification for one that the model does not have or that the kind does not suit.
    """
    if request.kind in _LABELS:
        if request.features:
            raise InvalidSpecification(f"{request.kind} drifts labels: leave out --feature")
        return ()
    suiting = _suiting(request.kind, spec)
    wrong = [name for name in request.features if name not in suiting]
    if wrong or not suiting:
        what = ", ".join(wrong) or f"model {spec.name}"
        raise InvalidSpecification(
            f"{request.kind} does not suit {what}: choose of {', '.join(suiting) or 'another kind'}"
        )
    if request.features:
        return request.features
    own = tuple(n for n in suiting if not n.startswith(PREDICTION)) or suiting
    return own if request.kind is DriftKind.COVARIATE else own[:1]


def touched_subjects(
    request: DriftRequest, features: tuple[str, ...], spec: ModelSpec
) -> tuple[str, ...]:
    """What is expected to alarm: `label` moves every feature that depends on the class."""
    outcome = tuple(PERFORMANCE + outcome.name for outcome in spec.outcomes[:1])
    if request.kind is DriftKind.CONCEPT:
        return outcome
    if request.kind is DriftKind.LABEL:
        return (*(feature.name for feature in spec.schema.features), *outcome)
    return (*features, JOINT) if request.kind is DriftKind.CORRELATION else features


def injection_of(
    request: DriftRequest, size: float, features: tuple[str, ...], start_us: int,
    spec: ModelSpec, columns: ColumnsConfig,
) -> Injection:  # fmt: skip
    """The injection into the table's columns."""
    ramp_us = request.ramp_s * 1_000_000
    if request.kind not in _LABELS:
        names = tuple(_column(name, columns) for name in features)
        return Injection(request.kind, size, names, start_us, ramp_us, request.category)
    if columns.label is None or not spec.outcomes:
        raise InvalidSpecification(
            f"{request.kind} needs labels: declare an outcome, and the label's column under `columns`"
        )
    outcome = spec.outcomes[0]
    if outcome.kind is not OutcomeKind.CLASS:
        raise InvalidSpecification(
            f"{request.kind} needs classes, and outcome {outcome.name} is a number: choose another kind"
        )
    own = (columns.id, columns.timestamp or "timestamp", columns.label_time, columns.model_version)
    kept = tuple(name for name in own if name is not None)
    category = request.category or outcome.positive
    return Injection(request.kind, size, (columns.label,), start_us, ramp_us, category, kept)


def _suiting(kind: DriftKind, spec: ModelSpec) -> tuple[str, ...]:
    if kind in _NUMBERS:
        return spec.schema.numeric
    if kind in _CATEGORIES:
        return spec.schema.categorical
    return tuple(feature.name for feature in spec.schema.features)


def _column(feature: str, columns: ColumnsConfig) -> str:
    predicted = {
        PREDICTED_LABEL: columns.prediction.label,
        PREDICTED_SCORE: columns.prediction.score,
        PREDICTED_VALUE: columns.prediction.value,
    }
    if feature not in predicted:
        return columns.of_feature(feature)
    column = predicted[feature]
    if column is None:
        raise InvalidSpecification(
            f"the table has no column of {feature}: name it under `columns.prediction`"
        )
    return column
