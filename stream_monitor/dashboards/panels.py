"""Panels as the dashboards use them: one function per kind, all with title, description and unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from stream_monitor.dashboards.variables import PROMETHEUS

Steps = Sequence[tuple[float | None, str]]
"""Thresholds: from which value on which colour; the first is None, for everything below."""

PLAIN: Final[Steps] = ((None, "blue"),)
DRIFTS: Final[Steps] = ((None, "green"), (1, "red"))
ANY_IS_BAD: Final[Steps] = ((None, "green"), (1, "red"))
MATURE: Final[Steps] = ((None, "orange"), (0.8, "green"))
OVER_HALF_A_SECOND: Final[Steps] = ((None, "green"), (0.5, "red"))
OVER_A_THOUSANDTH: Final[Steps] = ((None, "green"), (0.001, "red"))

SEVERITIES: Final = {0: ("ok", "green"), 1: ("warning", "orange"), 2: ("critical", "red")}
VERDICTS: Final = {
    **SEVERITIES, 3: ("insufficient data", "text"), 4: ("no reference", "purple"),
}  # fmt: skip

States = Mapping[int, tuple[str, str]]
"""Value → the word and the colour that are shown for it."""


class Query(NamedTuple):
    """PromQL and how its series are called."""

    expr: str
    legend: str = ""


def targets(
    queries: Sequence[Query], *, is_now: bool = False, is_table: bool = False
) -> list[prometheus.Dataquery]:
    """Queries over the time range or, with `is_now` or `is_table`, at its end."""
    built = []
    for letter, query in zip(ascii_uppercase[: len(queries)], queries, strict=True):
        target = prometheus.Dataquery().ref_id(letter).datasource(PROMETHEUS).expr(query.expr)
        target = target.instant() if is_now or is_table else target.range()
        if is_table:
            target = target.format(PromQueryFormat.TABLE)
        built.append(target.legend_format(query.legend))
    return built


def coloured(steps: Steps) -> dashboard.ThresholdsConfig:
    """Thresholds in the unit of the value."""
    return (
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value, colour) for value, colour in steps])
    )


def worded(states: States) -> list[model.ValueMapping]:
    """Words in the place of numbers."""
    options = {
        str(value): model.ValueMappingResult(text=text, color=colour, index=value)
        for value, (text, colour) in states.items()
    }
    return [model.ValueMap(options=options)]


def _coloured_as(colour: str) -> list[model.DynamicConfigValue]:
    return [model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})]


def time_series(
    title: str, description: str, unit: str, *queries: Query,
    span: int = 8, steps: Steps = (), top: float | None = None, is_stacked: bool = False,
    link: dashboard.DashboardLink | None = None, colours: Mapping[str, str] | None = None,
) -> timeseries.Panel:  # fmt: skip
    """Lines over time; stacked, areas that add up. Thresholds are lines, `top` is the least upper end.

    `colours` are those of single series by name.
    """
    mode = common_model.GraphThresholdsStyleMode
    stacking = common_model.StackingMode.NORMAL if is_stacked else common_model.StackingMode.NONE
    panel = (
        timeseries.Panel()
        .title(title).description(description).unit(unit).span(span).height(8)
        .datasource(PROMETHEUS).targets(list(targets(queries)))
        .thresholds(coloured(steps or PLAIN))
        .thresholds_style(
            common.GraphThresholdsStyleConfig().mode(mode.DASHED if steps else mode.OFF)
        )
        .fill_opacity(70 if is_stacked else 0)
        .line_interpolation(common_model.LineInterpolation.STEP_AFTER)
        .stacking(common.StackingConfig().mode(stacking).group("A"))
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
    )  # fmt: skip
    if top is not None:
        panel = panel.axis_soft_min(0).axis_soft_max(top)
    for name, colour in (colours or {}).items():
        panel = panel.override_by_name(name, _coloured_as(colour))
    return panel if link is None else panel.data_links([link])


def figure(
    title: str, description: str, unit: str, query: Query, *,
    span: int = 3, steps: Steps = PLAIN, states: States | None = None, decimals: int | None = None,
) -> stat.Panel:  # fmt: skip
    """The value at the end of the time range, or its legend where the query has one, in large."""
    mode = common_model.BigValueTextMode
    panel = (
        stat.Panel()
        .title(title).description(description).unit(unit).span(span).height(3)
        .datasource(PROMETHEUS).targets(list(targets([query], is_now=True)))
        .thresholds(coloured(steps))
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(mode.NAME if query.legend else mode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )  # fmt: skip
    if states is not None:
        panel = panel.mappings(worded(states))
    return panel if decimals is None else panel.decimals(decimals)


def state_timeline(
    title: str, description: str, states: States, *queries: Query, span: int = 12
) -> statetimeline.Panel:
    """One band per series, coloured by its state."""
    return (
        statetimeline.Panel()
        .title(title).description(description).unit("none").span(span).height(8)
        .datasource(PROMETHEUS).targets(list(targets(queries)))
        .mappings(worded(states))
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .thresholds(coloured(PLAIN))
        .show_value(common_model.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.85)
    )  # fmt: skip


def side_by_side(
    title: str, description: str, unit: str, query: Query, *,
    bars: str, colours: Mapping[str, str], along: str, span: int = 24,
) -> barchart.Panel:  # fmt: skip
    """One group of bars per value of the label `along`, in it one bar per value of `bars`."""
    matrix = model.DataTransformerConfig(
        id_val="groupingToMatrix",
        options={
            "columnField": bars, "rowField": along, "valueField": "Value", "emptyValue": "zero",
        },
    )  # fmt: skip
    order = model.DataTransformerConfig(
        id_val="sortBy", options={"sort": [{"field": f"{along}\\{bars}"}]}
    )
    panel = (
        barchart.Panel()
        .title(title).description(description).unit(unit).span(span).height(9).min(0)
        .datasource(PROMETHEUS).targets(list(targets([query], is_table=True)))
        .transformations([matrix, order])
        .x_field(f"{along}\\{bars}")
        .x_tick_label_rotation(-45)
        .show_value(common_model.VisibilityMode.NEVER)
        .stacking(common_model.StackingMode.NONE)
        .group_width(0.8)
        .fill_opacity(80)
    )  # fmt: skip
    for name, colour in colours.items():
        panel = panel.override_by_name(name, _coloured_as(colour))
    return panel
