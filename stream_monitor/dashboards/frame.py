"""What all dashboards share: identity, links from one to the next, and rows of panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, Row
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

TAG: Final = "stream-monitor"

Panel = Builder[model.Panel]
Variable = Builder[model.VariableModel]


def uid(name: str) -> str:
    """The dashboard's stable identity, which links and alerts name."""
    return f"{TAG}-{name}"


def dashboard(
    name: str,
    description: str,
    variables: Sequence[Variable],
    rows: Sequence[tuple[str, Sequence[Panel]]],
    since: str = "now-7d",
) -> model.Dashboard:
    """Rows of titled panels; panels are numbered in their order, so a link to one stays valid."""
    builder = (
        Dashboard(f"stream_monitor: {name}")
        .uid(uid(name))
        .description(description)
        .tags([TAG])
        .time(since, "now")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(_to_the_others())
    )
    for variable in variables:
        builder = builder.with_variable(variable)
    for title, panels in rows:
        builder = builder.with_row(Row(title))
        for panel in panels:
            builder = builder.with_panel(panel)
    built = builder.build()
    for number, shown in enumerate(built.panels or [], 1):
        shown.id_val = number
    return built


def _to_the_others() -> DashboardLink:
    return (
        DashboardLink("stream_monitor")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
    )


def link_to(name: str, title: str, **variables: str) -> DashboardLink:
    """A link from a panel to the dashboard `name`, with the time range and these variables.

    Variables are given as the values that Grafana fills in, such as `${__data.fields.model}`.
    """
    values = "".join(f"&var-{key}={value}" for key, value in variables.items())
    url = f"/d/{uid(name)}?${{datasource:queryparam}}{values}&${{__url_time_range}}"
    return DashboardLink(title).url(url)
