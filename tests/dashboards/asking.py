"""Asks a real Prometheus what Grafana would ask for a dashboard."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stream_monitor.dashboards.catalogue import as_json, dashboards

BOARDS: Final = {name: json.loads(as_json(built)) for name, built in dashboards().items()}

Json = dict[str, Any]


@dataclass(frozen=True)
class Asking:
    """A Prometheus by the address of its API, and the time that is looked at, in seconds."""

    address: str
    now_s: float
    range_s: int = 600
    rate_interval: str = "4m"

    def unanswered(self, board: Json) -> dict[tuple[str, str], str]:
        """By panel and query, what has no answer for any choice of the variables."""
        waiting = {
            (panel["title"], target["refId"]): target["expr"]
            for panel in board["panels"]
            for target in panel.get("targets", [])
        }
        for values in self._assignments(board):
            for place, expr in list(waiting.items()):
                asked = self._filled(expr, values)
                if self._answer("query", query=asked, time=str(self.now_s)):
                    del waiting[place]
        return waiting

    def _assignments(self, board: Json) -> list[dict[str, str]]:
        """Every choice that the variables offer, one by one as Grafana asks for them."""
        chosen: list[dict[str, str]] = [{}]
        for variable in board["templating"]["list"]:
            if variable["type"] == "datasource":
                continue
            name, widened = variable["name"], []
            for values in chosen:
                asked = self._filled(variable["query"]["query"], values)
                selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", asked).groups()  # type: ignore[union-attr]
                start, end = str(self.now_s - self.range_s), str(self.now_s)
                question = {"match[]": selector, "start": start, "end": end}
                offered = self._answer(f"label/{label}/values", **question)
                picked = [variable["allValue"]] if variable["includeAll"] else offered
                widened += [{**values, name: value} for value in picked]
            chosen = widened
        return chosen

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        built_in = {"__rate_interval": self.rate_interval, "__range": f"{self.range_s}s"}
        return re.sub(r"\$(\w+)", lambda found: {**built_in, **values}[found[1]], text)

    def _answer(self, path: str, **question: str) -> list[Any]:
        asked = f"{self.address}/{path}?{urllib.parse.urlencode(question)}"
        with urllib.request.urlopen(asked, timeout=10) as got:
            data = json.load(got)["data"]
        return list(data["result"] if isinstance(data, dict) else data)
