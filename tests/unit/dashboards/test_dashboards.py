from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from stream_monitor.dashboards.catalogue import as_json, dashboards
from tests.unit.dashboards.promql import SCRAPED, labels, metric_of, parsed, selectors

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = ROOT / "config" / "grafana" / "dashboards"
TEXTS: Final = {name: as_json(built) for name, built in dashboards().items()}
BOARDS: Final = {name: json.loads(text) for name, text in TEXTS.items()}
BUILT_IN: Final = {"__all", "__data", "__field", "__range", "__rate_interval", "__url_time_range"}
GRID_WIDTH: Final = 24

Json = dict[str, Any]

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())


def panels(board: Json) -> list[Json]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def variables(board: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def links(board: Json) -> list[str]:
    return [text for text in texts(board["panels"]) if text.startswith("/d/")]


def used_variables(value: object) -> set[str]:
    found = re.findall(r"\$(?:\{(\w+)|(\w+))", " ".join(texts(value)))
    return {braced or plain for braced, plain in found}


QUERIES: Final = [
    pytest.param(panel, target, id=f"{name}: {panel['title']} {target['refId']}")
    for name, board in BOARDS.items()
    for panel in panels(board)
    for target in panel["targets"]
]
every_query = pytest.mark.parametrize(("panel", "target"), QUERIES)


def test_committed_files_are_what_the_code_makes() -> None:
    committed = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert committed == TEXTS, "run make dashboards"


def test_every_dashboard_has_its_own_stable_uid() -> None:
    uids = {name: board["uid"] for name, board in BOARDS.items()}
    assert uids == {name: f"stream-monitor-{name}" for name in BOARDS}


@each_board
def test_every_panel_says_what_it_shows_and_in_which_unit(board: Json) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]


@each_board
def test_panels_are_numbered_and_none_covers_another(board: Json) -> None:
    assert [panel["id"] for panel in board["panels"]] == [*range(1, len(board["panels"]) + 1)]
    areas = [panel["gridPos"] for panel in board["panels"]]
    assert all(area["x"] + area["w"] <= GRID_WIDTH for area in areas)
    for a, b in combinations(areas, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, (a, b)


@each_board
def test_every_row_of_the_grid_is_filled(board: Json) -> None:
    width: dict[int, int] = {}
    for panel in board["panels"]:
        area = panel["gridPos"]
        width[area["y"]] = width.get(area["y"], 0) + area["w"]
    assert set(width.values()) == {GRID_WIDTH}


@every_query
def test_every_expression_asks_for_metrics_and_labels_that_exist(panel: Json, target: Json) -> None:
    found = [*selectors(parsed(target["expr"]))]
    assert found
    for selector in found:
        named = {matcher.name for matcher in selector.matchers.matchers}
        assert named <= set(metric_of(selector.name).labels), selector


@every_query
def test_no_panel_tells_processes_apart(panel: Json, target: Json) -> None:
    found = labels(parsed(target["expr"]))
    assert found is not None
    assert not found & SCRAPED


@every_query
def test_legends_name_labels_of_the_result(panel: Json, target: Json) -> None:
    found = labels(parsed(target["expr"]))
    assert found is not None
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= found


@pytest.mark.parametrize(
    "panel",
    [pytest.param(p, id=p["title"]) for b in BOARDS.values() for p in panels(b) if p["type"] == "table"],
)  # fmt: skip
def test_columns_of_a_table_are_labels_and_values_of_its_queries(panel: Json) -> None:
    order = next(t["options"] for t in panel["transformations"] if t["id"] == "organize")
    refs = [target["refId"] for target in panel["targets"]]
    fields = {f"Value #{ref}" for ref in refs} if len(refs) > 1 else {"Value"}
    shown = {label for target in panel["targets"] for label in labels(parsed(target["expr"])) or ()}
    assert set(order["renameByName"]) == fields
    assert set(order["indexByName"]) == fields | shown
    columns = {*order["renameByName"].values(), *shown}
    assert {
        override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]
    } <= columns
    assert {sort["displayName"] for sort in panel["options"]["sortBy"]} <= columns


def test_bars_are_grouped_by_labels_of_their_query() -> None:
    (chart,) = (panel for panel in panels(BOARDS["feature"]) if panel["type"] == "barchart")
    matrix, order = (transformation["options"] for transformation in chart["transformations"])
    found = labels(parsed(chart["targets"][0]["expr"]))
    assert found == {matrix["columnField"], matrix["rowField"]}
    first = f"{matrix['rowField']}\\{matrix['columnField']}"
    assert [order["sort"][0]["field"], chart["options"]["xField"]] == [first, first]


@each_board
def test_every_variable_is_defined_and_used(board: Json) -> None:
    used = used_variables(board["panels"]) | used_variables(board["templating"])
    assert used - BUILT_IN == set(variables(board))


@each_board
def test_variables_ask_only_for_what_exists_and_what_was_picked_before(board: Json) -> None:
    before: set[str] = set()
    for name, variable in variables(board).items():
        if variable["type"] == "query":
            text = variable["query"]["query"]
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", text).groups()  # type: ignore[union-attr]
            (found,) = selectors(parsed(selector))
            assert label in metric_of(found.name).labels
            assert {m.name for m in found.matchers.matchers} <= set(metric_of(found.name).labels)
            assert used_variables(text) <= before
        before.add(name)


@each_board
def test_links_lead_to_dashboards_that_have_their_variables(board: Json) -> None:
    targets = {found["uid"]: set(variables(found)) for found in BOARDS.values()}
    for link in links(board):
        uid = re.match(r"/d/([\w-]+)\?", link).group(1)  # type: ignore[union-attr]
        assert set(re.findall(r"var-(\w+)=", link)) <= targets[uid], link


def test_links_of_alerts_lead_to_dashboards_that_have_their_variables() -> None:
    rules = (ROOT / "config" / "prometheus" / "alerting_rules.yml").read_text("utf-8")
    annotations = [
        rule["annotations"]
        for group in yaml.safe_load(rules)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    pages = {found["uid"]: set(variables(found)) for found in BOARDS.values()}
    assert annotations
    for annotation in annotations:
        uid, _, query = annotation["dashboard_url"].rpartition("/d/")[2].partition("?")
        # An incident's alert names its feature, whichever dashboard it leads to.
        assert set(re.findall(r"var-(\w+)=", query)) - {"feature"} <= pages[uid], annotation


def test_the_fleet_leads_to_a_model_and_a_model_to_its_features() -> None:
    assert {"stream-monitor-overview", "stream-monitor-feature"} <= {
        link.split("?")[0].removeprefix("/d/") for link in links(BOARDS["fleet"])
    }
    assert any("stream-monitor-feature?" in link for link in links(BOARDS["overview"]))


@each_board
def test_every_dashboard_leads_to_the_others_with_time_and_variables(board: Json) -> None:
    (link,) = board["links"]
    assert link["type"] == "dashboards"
    assert link["tags"] == board["tags"] == ["stream-monitor"]
    assert link["includeVars"] is link["keepTime"] is True


@each_board
def test_every_query_asks_the_data_source_that_is_picked(board: Json) -> None:
    picked = {"type": "prometheus", "uid": "${datasource}"}
    assert variables(board)["datasource"]["query"] == "prometheus"
    for panel in panels(board):
        assert [target["datasource"] for target in panel["targets"]] == [picked] * len(
            panel["targets"]
        )
