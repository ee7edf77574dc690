"""The `columns` of a model file: where a table (Parquet, CSV) keeps what events carry."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from stream_monitor.config.section import Section


class PredictionColumns(Section):
    """Columns of the prediction; null: not in the table."""

    label: str | None = None
    """Column of the predicted class."""
    score: str | None = None
    """Column of the score."""
    value: str | None = None
    """Column of the predicted number."""


class ColumnsConfig(Section):
    """Columns of a table; null: not in the table."""

    id: str | None = None
    """Column of the prediction id."""
    timestamp: str | None = None
    """Column of the event time."""
    model_version: str | None = None
    """Column of the model version."""
    features: Mapping[str, str] = Field(default_factory=dict)
    """Column of each feature; one that is not listed is in the column of its own name."""
    prediction: PredictionColumns = PredictionColumns()
    """Columns of the prediction."""
    segments: Mapping[str, str] = Field(default_factory=dict)
    """Column of each segment key; one that is not listed is in the column of its own name."""
    label: str | None = None
    """Column of the label."""
    label_time: str | None = None
    """Column of the label's time."""
    latency: str | None = None
    """Column of the latency in milliseconds."""
    status: str | None = None
    """Column of the HTTP status."""

    def of_feature(self, feature: str) -> str:
        """The column of a feature."""
        return self.features.get(feature, feature)

    def of_segment(self, key: str) -> str:
        """The column of a segment key."""
        return self.segments.get(key, key)
