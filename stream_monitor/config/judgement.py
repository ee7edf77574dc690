"""How features and predictions are judged, as a model file says it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from stream_monitor.config.section import Section, switch, wrong
from stream_monitor.core.policy import FeaturePolicy, Severity, Test
from stream_monitor.core.privacy import Mask, Privacy
from stream_monitor.core.schema import FeatureKind

Floor = Annotated[float | None, Field(ge=0)]


class JudgementConfig(Section):
    """How one distribution is judged; a floor that is null is the test's own."""

    test: Test | None = None
    """ks (numeric; its default), chi_square (categorical's default), none: measured, not judged."""
    floor: Floor = None
    """Smallest change that counts: KS distance, or the largest change of a category's share."""
    critical_floor: Floor = None
    """From this change on the drift is critical."""
    rate_floor: Floor = None
    """Smallest change of a rate (missing, out of range, …) that counts, as a share."""
    critical_rate_floor: Floor = None
    """From this change of a rate on the drift is critical."""
    importance: float = Field(default=1.0, ge=0)
    """Weight when features drift together."""
    severity: Severity | None = None
    """Severity of every drift; null: by the critical floors."""
    mute: bool = False
    """Judged and reported, but opens no incident."""

    @model_validator(mode="after")
    def _critical_is_not_below(self) -> JudgementConfig:
        problems = []
        for key in ("floor", "rate_floor"):
            floor, critical = getattr(self, key), getattr(self, f"critical_{key}")
            if floor is not None and critical is not None and critical < floor:
                problems.append((f"critical_{key}", f"must be at least {key}, which is {floor}"))
        if problems:
            raise wrong(problems)
        return self

    def policy(self) -> FeaturePolicy:
        """The core's value."""
        return FeaturePolicy(
            test=self.test,
            floor=self.floor,
            critical_floor=self.critical_floor,
            rate_floor=self.rate_floor,
            critical_rate_floor=self.critical_rate_floor,
            importance=self.importance,
            severity=self.severity,
            mute=self.mute,
        )


class SubjectConfig(Section):
    """How something is judged that is no feature; a floor that is null is the test's own."""

    floor: Floor = None
    """Smallest change that counts."""
    critical_floor: Floor = None
    """From this change on the drift is critical."""
    severity: Severity | None = None
    """Severity of every drift; null: by the critical floor."""
    mute: bool = False
    """Judged and reported, but opens no incident."""

    @model_validator(mode="after")
    def _critical_is_not_below(self) -> Self:
        floor, critical = self.floor, self.critical_floor
        if floor is not None and critical is not None and critical < floor:
            raise wrong([("critical_floor", f"must be at least floor, which is {floor}")])
        return self

    def policy(self) -> FeaturePolicy:
        """The core's value."""
        return FeaturePolicy(
            floor=self.floor, critical_floor=self.critical_floor, severity=self.severity,
            mute=self.mute,
        )  # fmt: skip


class PerformanceConfig(SubjectConfig):
    """How an outcome's performance is judged: floors in points of accuracy, precision and recall, or the
    relative increase of the mean absolute error."""

    min_maturity: float = Field(default=0.8, ge=0, le=1)
    """Share of a window's predictions whose label must be known; beyond the horizon it is judged anyway."""


class JointConfig(SubjectConfig):
    """How features are judged together, where each by itself is quiet: floors are changes of a correlation
    or association."""

    features: int = Field(default=50, ge=2, le=50)
    """The most important numeric features of which all pairs are counted."""
    pairs: tuple[Annotated[tuple[str, ...], Field(min_length=2, max_length=2)], ...] = Field(
        default=(), max_length=20
    )
    """Pairs of categorical features that are counted."""


JointEntry = Annotated[JointConfig | None, switch(JointConfig)]
"""Joint judging, or false."""


def _as_secret(value: Any) -> Any:
    """Before pydantic sees it: its errors about a value show the value."""
    if value is None or isinstance(value, SecretStr):
        return value
    return SecretStr("" if isinstance(value, bool | list | dict) else str(value))


SHORTEST_SALT: Final = 8
_NOT_FOR_CATEGORIES = "must be chi_square or none: ks orders values, categories have no order"


class FeatureConfig(JudgementConfig):
    """One input of the model."""

    kind: FeatureKind
    """numeric or categorical."""
    privacy: Privacy = Privacy.KEEP
    """What becomes of a category's values: keep; hash: a keyed digest; drop: only present or missing."""
    salt: Annotated[
        SecretStr | None, BeforeValidator(_as_secret, json_schema_input_type=str | None)
    ] = None
    """Key of the digests where privacy is hash: at least 8 characters, secret, the same for ever."""

    @model_validator(mode="after")
    def _fits_kind(self) -> FeatureConfig:
        problems = []
        if self.kind is FeatureKind.CATEGORICAL and self.test is Test.KS:
            problems.append(("test", _NOT_FOR_CATEGORIES))
        if self.kind is FeatureKind.NUMERIC and self.is_masked:
            problems.append(("privacy", "must be keep: only categories are hashed or dropped"))
        if self.privacy is Privacy.HASH and self._salt_length < SHORTEST_SALT:
            problems.append(
                ("salt", f"must be a text of at least {SHORTEST_SALT} characters: write ${{NAME}}")
            )
        if self.privacy is not Privacy.HASH and self.salt is not None:
            problems.append(("salt", "is used only where privacy is hash"))
        if problems:
            raise wrong(problems)
        return self

    @property
    def is_masked(self) -> bool:
        """Whether values are hashed or dropped."""
        return self.privacy is not Privacy.KEEP

    @property
    def _salt_length(self) -> int:
        return 0 if self.salt is None else len(self.salt.get_secret_value())

    def mask(self) -> Mask:
        """The core's value."""
        return Mask(self.privacy, "" if self.salt is None else self.salt.get_secret_value())


class PredictionConfig(Section):
    """What the model answers; label, score and value are judged as features are."""

    kind: Literal["class", "number", "none"] = "none"
    """class: prediction.label and prediction.score; number: prediction.value; none: nothing."""
    label: JudgementConfig = JudgementConfig()
    """Judgement of the predicted class."""
    score: JudgementConfig = JudgementConfig()
    """Judgement of the score."""
    value: JudgementConfig = JudgementConfig()
    """Judgement of the predicted number."""

    @model_validator(mode="after")
    def _parts_fit_kind(self) -> PredictionConfig:
        of_kind = {"class": {"label", "score"}, "number": {"value"}, "none": set[str]()}[self.kind]
        problems = [
            (part, f"is judged only where prediction.kind is {kind}")
            for part, kind in (("label", "class"), ("score", "class"), ("value", "number"))
            if part not in of_kind and getattr(self, part) != JudgementConfig()
        ]
        if self.label.test is Test.KS:
            problems.append(("label.test", _NOT_FOR_CATEGORIES))
        if problems:
            raise wrong(problems)
        return self


def _kind_alone(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


FeatureEntry = Annotated[
    FeatureConfig, BeforeValidator(_kind_alone, json_schema_input_type=FeatureKind | FeatureConfig)
]
"""A feature, or its kind alone: `distance: numeric`."""
PredictionEntry = Annotated[
    PredictionConfig,
    BeforeValidator(
        _kind_alone,
        json_schema_input_type=Literal["class", "number", "none"] | PredictionConfig,
    ),
]
"""A prediction, or its kind alone: `prediction: class`."""
