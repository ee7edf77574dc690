"""Tables: queries at the end of the time range, joined on the labels that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models import dashboard as model

from stream_monitor.dashboards.panels import Query, States, Steps, coloured, targets, worded
from stream_monitor.dashboards.variables import PROMETHEUS


@dataclass(frozen=True, slots=True)
class Label:
    """A column with a label's values, which may lead somewhere."""

    name: str
    link: DashboardLink | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A column with the values of a query."""

    title: str
    expr: str
    unit: str = "none"
    decimals: int = 0
    steps: Steps = ()
    states: States | None = None


Column = Label | Value


def table_of(
    title: str, description: str, columns: Sequence[Column], *, span: int, height: int = 8
) -> table.Panel:
    """Columns in their order; rows with the largest first value come first, then by the second value."""
    values = [column for column in columns if isinstance(column, Value)]
    fields = _field_names(values)
    panel = (
        table.Panel()
        .title(title).description(description).unit("none").span(span).height(height)
        .datasource(PROMETHEUS)
        .targets(list(targets([Query(value.expr) for value in values], is_table=True)))
        .transformations([model.DataTransformerConfig("merge", options={}), _order(columns, fields)])
        .sort_by([common.TableSortByFieldState().display_name(v.title).desc(True) for v in values[:2]])
        .thresholds(coloured([(None, "text")]))
        .filterable(True)
    )  # fmt: skip
    for column in columns:
        if isinstance(column, Value):
            panel = panel.override_by_name(column.title, _look(column))
        elif column.link is not None:
            links = [column.link.build()]
            panel = panel.override_by_name(column.name, [model.DynamicConfigValue("links", links)])
    return panel


def _field_names(values: Sequence[Value]) -> dict[str, str]:
    """Title → what Grafana calls the values of that query."""
    if len(values) == 1:
        return {values[0].title: "Value"}
    return {
        value.title: f"Value #{letter}" for letter, value in zip("ABCDEFGH", values, strict=False)
    }


def _order(columns: Sequence[Column], fields: dict[str, str]) -> model.DataTransformerConfig:
    names = [c.name if isinstance(c, Label) else fields[c.title] for c in columns]
    return model.DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": {"Time": True},
            "indexByName": {name: i for i, name in enumerate(names)},
            "renameByName": {field: title for title, field in fields.items()},
        },
    )


def _look(column: Value) -> list[model.DynamicConfigValue]:
    look = [
        model.DynamicConfigValue("unit", column.unit),
        model.DynamicConfigValue("decimals", column.decimals),
    ]
    if column.steps:
        look.append(model.DynamicConfigValue("thresholds", coloured(column.steps).build()))
    if column.states is not None:
        look.append(model.DynamicConfigValue("mappings", worded(column.states)))
    if column.steps or column.states is not None:
        cell = {"type": "color-text"}
        look.append(model.DynamicConfigValue("custom.cellOptions", cell))
    return look
