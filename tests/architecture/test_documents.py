"""The documents say what is so: links, commands, configuration, metrics, files and tests that they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor import ReferencePeriod, replay
from stream_monitor.config.errors import ConfigError
from stream_monitor.config.loading import load_config, load_model, load_monitor
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.published import EVENT_TYPES
from stream_monitor.core.published_schemas.records import RecordType, schema_of
from stream_monitor.telemetry.metrics import TABLE, full_name
from tests.architecture.documents import ROOT, Page, pages
from tests.architecture.shown_commands import refusal, shown_commands
from tests.schemas import mistakes

PAGES: Final = [pytest.param(page, id=page.name) for page in pages()]
EVENTS_PAGE: Final = Page(ROOT / "docs" / "events.md")
FOLDERS: Final = (ROOT, ROOT / "config")
ENVIRONMENT: Final = re.compile(r"\b(STREAM_MONITOR__[A-Z0-9_]+[A-Z0-9])(?:=([^\s`]+))?")
METRIC: Final = re.compile(r"\bstream_monitor_[a-z0-9_]+")
FILE: Final = re.compile(
    r"[\w./-]+/[\w.-]+\.(?:py|ya?ml|md|json|toml|parquet|properties)|[\w./-]+/"
)
REFERENCE: Final = re.compile(r"\$\{file:[^}]*\}")


def test_there_are_pages() -> None:
    assert {"README.md", "CHANGELOG.md", "docs/architecture.md"} <= {p.name for p in pages()}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    for link in page.links:
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in Page(target).anchors, link


@pytest.mark.parametrize("page", PAGES)
def test_every_shown_command_exists(page: Page) -> None:
    refused = {" ".join(words): refusal(words) for words in shown_commands(page)}
    assert {words: why for words, why in refused.items() if why} == {}


@pytest.mark.parametrize(
    "words",
    [["report"], ["run", "router"], ["check", "--fast"], ["topics", "create", "now"]],
    ids=" ".join,
)
def test_commands_that_do_not_exist_are_noticed(words: list[str]) -> None:
    assert refusal(words)


@pytest.mark.parametrize("page", PAGES)
def test_every_shown_make_target_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shells = page.of_language("sh", "console")
    code = [*page.inline, *(line for text in shells for line in text.splitlines())]
    named = {found[1] for text in code if (found := re.match(r"(?:\$ )?make ([a-z-]+)", text))}
    assert named <= targets


def accepted_as(text: str, folder: Path) -> MonitorConfig | ModelConfig:
    """The configuration that a YAML block is; its first comment may name the file."""
    named = re.match(r"# *(\S+\.ya?ml)\b", text)
    name = named[1] if named else ""
    (folder / "models").mkdir()
    file = folder / "block.yaml"
    file.write_text(REFERENCE.sub("secret", text), encoding="utf-8")
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", text), "some value")
    if name == "monitor.yaml":
        return load_config(file, environ).monitor
    if name.startswith("models/"):
        return load_model(file, MonitorConfig(), environ)
    try:
        return load_config(file, environ).monitor
    except ConfigError:
        return load_model(file, MonitorConfig(), environ)


def configuration_blocks() -> Iterator[Any]:
    """YAML blocks but those whose first comment names a file of another program."""
    for page in pages():
        if page.path.is_relative_to(ROOT / "helm"):
            continue
        for number, text in enumerate(page.of_language("yaml"), 1):
            named = re.match(r"# *(\S+\.ya?ml)\b", text)
            if named is None or named[1] == "monitor.yaml" or named[1].startswith("models/"):
                yield pytest.param(text, id=f"{page.name}-{number}")


@pytest.mark.parametrize("text", list(configuration_blocks()))
def test_every_shown_configuration_is_accepted(text: str, tmp_path: Path) -> None:
    assert accepted_as(text, tmp_path)


def test_keys_that_do_not_exist_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="strat"):
        accepted_as("# monitor.yaml\nprofiler:\n  strat: latest\n", tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_every_environment_variable_sets_a_key(page: Page) -> None:
    for name, value in ENVIRONMENT.findall(page.text):
        assert not mistake(name, value)


def test_variables_that_set_no_key_are_noticed() -> None:
    assert mistake("STREAM_MONITOR__PROFILER__STRAT", "")
    assert mistake("STREAM_MONITOR__PROFILER__START", "soon")
    assert not mistake("STREAM_MONITOR__PROFILER__START", "")


def mistake(name: str, value: str) -> str:
    """What is wrong with a variable, shown with or without a value."""
    try:
        load_monitor(None, {name: value or "1"})
    except ConfigError as error:
        is_unknown = any("is not known" in problem.message for problem in error.problems)
        return str(error) if value or is_unknown else ""
    return ""


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_is_in_the_table(page: Page) -> None:
    names = {full_name(name) for name in TABLE}
    for metric in METRIC.findall(page.text):
        plain = re.sub(r"_(count|sum)$", "", metric)
        is_prefix = metric.endswith("_") and any(name.startswith(metric) for name in names)
        assert plain in names or is_prefix, metric


@cache
def names_of_tests() -> frozenset[str]:
    """Names of all tests of the repository."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    return frozenset(
        name for text in sources for name in re.findall(r"^ *def (test_\w+)", text, re.MULTILINE)
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_named_file_and_test_exists(page: Page) -> None:
    package = ROOT / "stream_monitor"
    for code in page.inline:
        if re.fullmatch(r"test_\w+", code):
            assert code in names_of_tests(), code
        elif FILE.fullmatch(code) and not code.startswith(("/", "~", "..", "models/", "io.")):
            places = (*FOLDERS, package, page.path.parent)
            assert any((place / code).exists() for place in places), code


def published_event() -> dict[str, Any]:
    """A drift event of a replay: the last of 30 days moves."""
    n, days = 200, 30
    start = datetime(2025, 1, 1, tzinfo=UTC)
    times = [start + timedelta(days=d, seconds=400 * i) for d in range(days) for i in range(n)]
    values = np.random.default_rng(3).normal(size=n * days)
    values[-n:] += 3
    table = pa.table({"timestamp": times, "x": values})
    model = ModelConfig.model_validate(
        {
            "name": "m",
            "pane": "1h",
            "windows": [{"size": "1d"}],
            "features": {"x": "numeric"},
            "references": {"validation": True},
            "columns": {"timestamp": "timestamp"},
        }
    )
    found = replay(table, model, ReferencePeriod(rows=25 * n)).records
    return next(record for record in found if record["type"] == "drift")


def shape(value: Any) -> Any:
    """Keys at every depth, of lists those of the first item, and of what goes by names of the first name."""
    if isinstance(value, dict):
        named = {key: [*item.values()] for key, item in value.items() if key == "against"}
        plain = {key: item for key, item in value.items() if key not in ("against", "detail")}
        return {key: shape(item) for key, item in (plain | named).items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_the_documented_drift_event_has_the_fields_of_a_published_one() -> None:
    documented = json.loads(next(EVENTS_PAGE.of_language("json")))
    assert shape(documented) == shape(published_event())


@pytest.mark.parametrize("number", range(3))
def test_every_shown_record_fits_its_schema(number: int) -> None:
    text = list(EVENTS_PAGE.of_language("json"))[number]
    records = [text] if text.startswith("{\n") else text.splitlines()
    assert records
    assert [mistakes(json.loads(record)) for record in records] == [[]] * len(records)


def test_every_property_of_a_record_is_documented() -> None:
    words = set(re.findall(r"`(\w+)`", EVENTS_PAGE.prose))
    shown = set(re.findall(r'"(\w+)":', EVENTS_PAGE.text))
    for kind in RecordType:
        assert schema_of(kind)["properties"].keys() <= words | shown


def test_every_event_type_is_documented() -> None:
    documented = set(re.findall(r"`(io\.stream-monitor\.[\w.-]+)`", EVENTS_PAGE.prose))
    assert documented == set(EVENT_TYPES.values())
