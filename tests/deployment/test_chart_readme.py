"""The chart's README names every value with its default, and its copied files are their sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deployment.rendered import CHART, ROOT

OPEN: Final = ("config", "profiler.resources", "detector.resources", "dashboards.labels")
"""Values that are one row, though their default is a mapping."""
DESCRIBED: Final = OPEN[:-1]
"""Defaults too long for a cell."""
SOURCES: Final = {
    "files/alerting_rules.yml": "config/prometheus/alerting_rules.yml",
    **{
        f"files/dashboards/{path.name}": f"config/grafana/dashboards/{path.name}"
        for path in sorted((ROOT / "config" / "grafana" / "dashboards").glob("*.json"))
    },
}


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


@pytest.mark.parametrize("copy", sorted(SOURCES))
def test_packaged_file_is_its_source(copy: str) -> None:
    source = ROOT / SOURCES[copy]
    assert source.exists() == (CHART / copy).exists(), "run `make chart`"
    if source.exists():
        assert (CHART / copy).read_bytes() == source.read_bytes(), "run `make chart`"


def test_nothing_else_is_packaged() -> None:
    packaged = {
        str(Path(path).relative_to(CHART))
        for path in (CHART / "files").rglob("*")
        if path.is_file()
    }
    assert packaged <= set(SOURCES)
