"""A model's configuration becomes the core's specification."""

from __future__ import annotations

from collections.abc import Iterator

from stream_monitor.config.errors import ConfigError, Problem
from stream_monitor.config.judgement import JudgementConfig
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.references import SeasonalReference, SlidingReference
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import JOINT, PERFORMANCE, VOLUME, AlarmBudget, ModelSpec
from stream_monitor.core.schema import (
    PREDICTED_LABEL,
    PREDICTED_SCORE,
    PREDICTED_VALUE,
    Feature,
    FeatureKind,
    Schema,
)
from stream_monitor.core.windows import WindowSize, check_pane, part_size


def model_spec(model: ModelConfig, monitor: MonitorConfig, source: str | None = None) -> ModelSpec:
    """The model as the core sees it, with the installation's alarm budget where it sets none.

    Raises ConfigError, which names `source` (a file; by default the model), for windows that are
    not runs of whole panes.
    """
    judged = [*_features(model), *_prediction(model)]
    joint = model.joint
    sliding = model.references.sliding or SlidingReference()
    seasonal = model.references.seasonal or SeasonalReference()
    return ModelSpec(
        name=model.name,
        schema=Schema(tuple(feature for feature, _ in judged)),
        outcomes=tuple(outcome.outcome(name) for name, outcome in model.outcomes.items()),
        segment_keys=model.segments,
        max_segments=model.max_segments,
        pane_s=model.pane,
        windows=_windows(model, source or f"model {model.name}"),
        references=model.references.kinds,
        sliding_s=sliding.length,
        seasonal_s=seasonal.length,
        skips_alarms=sliding.skip_alarms,
        max_age_s=model.references.max_age_s,
        policies={feature.name: judgement.policy() for feature, judgement in judged}
        | {VOLUME: model.volume.policy()}
        | ({} if joint is None else {JOINT: joint.policy()})
        | {PERFORMANCE + name: o.performance.policy() for name, o in model.outcomes.items()},
        judges_joint=joint is not None,
        joint_features=0 if joint is None else joint.features,
        joint_pairs=() if joint is None else tuple((a, b) for a, b in joint.pairs),
        min_maturity={name: o.performance.min_maturity for name, o in model.outcomes.items()},
        masks={
            name: feature.mask() for name, feature in model.features.items() if feature.is_masked
        },
        budget=_budget(model, monitor),
        allowed_lateness_s=model.allowed_lateness,
        correction_horizon_s=model.correction_horizon,
        max_hold_s=model.max_hold,
        owner=model.owner,
        tier=model.tier,
    )


_NEEDS_PARTS = (
    "needs a shorter size of windows that divides this one, with the same time zone: add one"
)


def _features(model: ModelConfig) -> Iterator[tuple[Feature, JudgementConfig]]:
    for name, feature in model.features.items():
        yield Feature(name, feature.kind, feature.mask().form), feature


def _prediction(model: ModelConfig) -> Iterator[tuple[Feature, JudgementConfig]]:
    prediction = model.prediction
    if prediction.kind == "class":
        yield Feature(PREDICTED_LABEL, FeatureKind.CATEGORICAL), prediction.label
        yield Feature(PREDICTED_SCORE, FeatureKind.NUMERIC), prediction.score
    elif prediction.kind == "number":
        yield Feature(PREDICTED_VALUE, FeatureKind.NUMERIC), prediction.value


def _windows(model: ModelConfig, source: str) -> tuple[WindowSize, ...]:
    problems = []
    sizes = tuple(window.window_size() for window in model.windows)
    for i, size in enumerate(sizes):
        try:
            check_pane(model.pane, (size,))
        except InvalidSpecification as error:
            problems.append(Problem(source, f"windows[{i}].size", f"does not fit: {error}"))
        if size.early and part_size(size, sizes) is None:
            problems.append(Problem(source, f"windows[{i}].early", _NEEDS_PARTS))
    if problems:
        raise ConfigError(problems)
    return sizes


def _budget(model: ModelConfig, monitor: MonitorConfig) -> AlarmBudget:
    own, common = model.alarm_budget, monitor.alarm_budget
    return AlarmBudget(
        common.alarms_per_week if own.alarms_per_week is None else own.alarms_per_week,
        common.max_alpha if own.max_alpha is None else own.max_alpha,
        common.segments_share if own.segments_share is None else own.segments_share,
    )
