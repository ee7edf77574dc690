"""Rules about incidents: what drifts, how well the model does, how much traffic it gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from stream_monitor.alerting.alert import Alert
from stream_monitor.core.policy import Family

HELD: Final = "stream_monitor:incident_severity:held"
"""The severity of every open incident, held at its last value while no detector judges the model."""

OWNERS: Final = "max by (model, owner, tier) (stream_monitor_model_info)"
_MISSING: Final = "missing|missing_burst|vanished_field"
_CATEGORIES: Final = "new_category|renamed_category|spelling|encoding"
_PLACE: Final = ("model", "segment", "window", "feature")
_WHERE: Final = (
    "{{ $labels.model }}{{ if ne $labels.segment `all` }}, segment {{ $labels.segment }}{{ end }}"
)
# A query inside an annotation: what the labels cannot say.
_SINCE: Final = (
    '{{ with printf "min(stream_monitor_incident_start_timestamp_seconds{model=%q, segment=%q, '
    'window=%q, feature=%q})" $labels.model $labels.segment $labels.window $labels.feature | query }}'
    " Since {{ . | first | value | humanizeTimestamp }}.{{ end }}"
)
_AGAINST: Final = (
    '{{ range printf "max by (reference) (stream_monitor_feature_drift_ratio{model=%q, segment=%q, '
    'window=%q, feature=%q}) >= 1" $labels.model $labels.segment $labels.window $labels.feature '
    "| query }} {{ . | value | printf `%.1f` }} times its threshold against {{ .Labels.reference }}."
    "{{ end }}"
)
_CAUSE: Final = " Probable cause: {{ reReplaceAll `_` ` ` $labels.cause }}."


def held_severity() -> dict[str, Any]:
    """The recording rule: it goes on with its own value where the model is judged by nobody."""
    now = (
        "max by (model, segment, window, feature, family, cause) (stream_monitor_incident_severity)"
    )
    return {
        "record": HELD,
        "expr": f"({now} * on (model) group_left (owner, tier) {OWNERS})\n"
        f"or\n({HELD} unless on (model) stream_monitor_model_info)",
    }


def incident_alerts() -> list[Alert]:
    """A warning for every open incident, and a critical alert beside it where the incident is critical."""
    other = f"{_MISSING}|{_CATEGORIES}"
    return [
        *_pair("FeatureDrift", Family.DATA, f'cause!~"{other}"', "{{ $labels.feature }} drifts"),
        *_pair(
            "MissingBurst", Family.DATA, f'cause=~"{_MISSING}"', "values of {{ $labels.feature }} are missing"
        ),
        *_pair(
            "CategoriesChanged", Family.DATA, f'cause=~"{_CATEGORIES}"',
            "the categories of {{ $labels.feature }} changed",
        ),
        *_pair(
            "PredictionDrift", Family.MODEL, 'feature=~"prediction[.].*"',
            "the model answers differently ({{ $labels.feature }})",
        ),
        *_pair(
            "PerformanceDrop", Family.MODEL, 'feature=~"performance[.].*"',
            "{{ $labels.feature }} fell", "stream-monitor-performance",
        ),
        *_pair(
            "VolumeChange", Family.SYSTEM, "", "the number of predictions is unusual",
            "stream-monitor-overview",
        ),
    ]  # fmt: skip


def _pair(
    name: str, family: Family, matcher: str, what: str,
    dashboard: str = "stream-monitor-feature",
) -> list[Alert]:  # fmt: skip
    matchers = ", ".join(part for part in (f'family="{family.value}"', matcher) if part)
    warning = Alert(
        name,
        "warning",
        family,
        f"{HELD}{{{matchers}}} >= 1",
        f"{_WHERE}: {what}",
        f"{what[0].upper()}{what[1:]} in the {{{{ $labels.window }}}} windows of {_WHERE}."
        f"{_AGAINST}{_SINCE}{_CAUSE}",
        hold="1m",
        dashboard=dashboard,
        variables=_PLACE,
    )
    critical = replace(warning, severity="critical", expr=f"{HELD}{{{matchers}}} >= 2")
    return [warning, critical]
