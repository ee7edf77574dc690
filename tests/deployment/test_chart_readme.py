"""The chart's README names every value with its default, and what it packages is up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from stream_monitor.alerting.rules import rules_yaml
from stream_monitor.config.loading import load_config
from tests.deployment.rendered import CHART, ROOT

OPEN: Final = ("config", "profiler.resources", "detector.resources", "dashboards.labels")
"""Values that are one row, though their default is a mapping."""
DESCRIBED: Final = OPEN[:-1]
"""Defaults too long for a cell."""
DASHBOARDS: Final = ROOT / "config" / "grafana" / "dashboards"


def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value and path not in OPEN:
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def test_readme_has_a_row_with_the_default_of_every_value_and_no_other_rows() -> None:
    defaults = dict(leaves(yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))))
    table = (CHART / "README.md").read_text("utf-8").partition("## Values")[2]
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \| .*\|$", table, re.MULTILINE))
    assert list(rows) == list(defaults)
    for path, default in defaults.items():
        if path not in DESCRIBED:
            assert yaml.safe_load(rows[path].strip("`")) == default, path


def test_packaged_files_are_what_make_chart_writes() -> None:
    installation = load_config(None, {})
    assert not installation.models
    expected = {f"dashboards/{path.name}": path.read_text("utf-8") for path in DASHBOARDS.glob("*")}
    expected["alerting_rules.yml"] = rules_yaml(installation)
    folder = CHART / "files"
    assert {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    } == expected
