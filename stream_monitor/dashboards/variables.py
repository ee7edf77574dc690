"""Template variables of the dashboards; each one narrows the next."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The data source that the first variable picks."""

MODEL: Final = 'model="$model"'
VERSION: Final = f'{MODEL}, version="$version"'
WINDOW: Final = f'{VERSION}, segment="$segment", window="$window"'
FEATURE: Final = f'{WINDOW}, feature="$feature"'
ANY_SEGMENT: Final = f'{VERSION}, window="$window"'
OUTCOME: Final = f'{WINDOW}, outcome="$outcome"'

_WINDOW_END: Final = "stream_monitor_window_end_timestamp_seconds"
_VERDICT: Final = "stream_monitor_feature_verdict"


def datasource() -> DatasourceVariable:
    """Which Prometheus is asked."""
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def labels_of(name: str, selector: str) -> QueryVariable:
    """The values that the label `name` has in the series of the selector, one of them at a time."""
    query = {
        "qryType": 1,
        "query": f"label_values({selector}, {name})",
        "refId": "PrometheusVariableQueryEditor-VariableQuery",
    }
    return (
        QueryVariable(name)
        .label(name.capitalize())
        .datasource(PROMETHEUS)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


def any_of(name: str, selector: str) -> QueryVariable:
    """As `labels_of`, but any number of values at once, all of them at first."""
    everything = VariableOption(selected=True, text="All", value="$__all")
    return (
        labels_of(name, selector).multi(True).include_all(True).all_value(".*").current(everything)
    )


def window_variables() -> list[QueryVariable]:
    """Model, version, segment and window size: what one window's series have in common."""
    newest_first = VariableSort.NATURAL_DESC
    everyone = VariableOption(selected=True, text="all", value="all")
    return [
        labels_of("model", "stream_monitor_model_info"),
        labels_of("version", f"{_WINDOW_END}{{{MODEL}}}").sort(newest_first),
        labels_of("segment", f"{_WINDOW_END}{{{VERSION}}}").current(everyone),
        labels_of("window", f'{_WINDOW_END}{{{VERSION}, segment="$segment"}}'),
    ]


def feature() -> QueryVariable:
    """One feature of the window."""
    return labels_of("feature", f"{_VERDICT}{{{WINDOW}}}")


def reference() -> QueryVariable:
    """One reference of the feature."""
    return labels_of("reference", f"{_VERDICT}{{{FEATURE}}}")


def outcome() -> QueryVariable:
    """One outcome of the window."""
    return labels_of("outcome", f"stream_monitor_model_performance_maturity_ratio{{{WINDOW}}}")
