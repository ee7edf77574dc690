"""The files in config/ document every key, so they are held to the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel

from stream_monitor.config.calendar import load_calendar
from stream_monitor.config.json_schema import model_schema, monitor_schema, write_schemas
from stream_monitor.config.loading import load_config, load_model
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.windows import WindowConfig
from stream_monitor.config.yaml_text import parse_yaml
from stream_monitor.core.windows import Window

CONFIG = Path(__file__).parents[3] / "config"
MONITOR = CONFIG / "monitor.yaml"
FLIGHTS = CONFIG / "models" / "flights.yaml"


def raw(path: Path) -> dict[str, Any]:
    return parse_yaml(path.read_text(), path.name)


def sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for arg in get_args(annotation) for found in sections(arg)]


def keys(section: type[BaseModel]) -> set[str]:
    """Key paths of a section; below mappings and lists, those of their entries."""
    found = set()
    for name, info in section.model_fields.items():
        found.add(name)
        found |= {f"{name}.{key}" for inner in sections(info.annotation) for key in keys(inner)}
    return found


def written_keys(values: dict[str, Any], section: type[BaseModel]) -> set[str]:
    found = set()
    for name, value in values.items():
        found.add(name)
        inner = sections(section.model_fields[name].annotation)
        if not inner:
            continue
        is_mapping = isinstance(value, dict) and not set(value) & set(inner[0].model_fields)
        entries = (
            list(value.values()) if is_mapping else value if isinstance(value, list) else [value]
        )
        for entry in (entry for entry in entries if isinstance(entry, dict)):
            found |= {f"{name}.{key}" for key in written_keys(entry, inner[0])}
    return found


def test_monitor_file_holds_every_key_with_its_default() -> None:
    assert load_config(MONITOR, {}).monitor == MonitorConfig()
    assert written_keys(raw(MONITOR), MonitorConfig) == keys(MonitorConfig)


def test_model_file_holds_every_key() -> None:
    judgement = {f"prediction.{part}." for part in ("label", "score", "value")}
    expected = {k for k in keys(ModelConfig) if not any(k.startswith(p) for p in judgement)}
    assert written_keys(raw(FLIGHTS), ModelConfig) == expected


def test_model_file_shows_the_defaults_of_what_is_not_about_flights() -> None:
    flights = load_model(FLIGHTS, MonitorConfig(), {})
    plain = ModelConfig.model_validate({"features": {"x": "numeric"}})
    for key in ("volume", "allowed_lateness", "correction_horizon", "alarm_budget"):
        assert getattr(flights, key) == getattr(plain, key)
    shown, used = flights.references, plain.references
    assert (shown.validation, shown.sliding) == (used.validation, used.sliding)
    assert flights.features["dep_delay"] == plain.features["x"]
    day = WindowConfig(size=86_400, timezone="America/New_York")
    assert flights.windows == (day,)
    assert flights.outcomes["label"].resolution == 0.001
    assert flights.columns.features == {}


def test_flights_is_specified_by_the_installation() -> None:
    spec = load_config(MONITOR, {}).specifications()["flights"]
    assert spec.schema.categorical == ("carrier", "dest", "origin", "prediction.label")
    assert len(spec.schema.numeric) == 10
    assert (spec.owner, spec.tier, spec.segment_keys) == ("flights-team", "2", ("origin",))


@pytest.mark.parametrize("path", [MONITOR, FLIGHTS], ids=lambda path: path.name)
def test_every_key_of_a_reference_file_is_commented(path: Path) -> None:
    comments = sum(line.strip().startswith("#") for line in path.read_text().splitlines())
    assert comments > 30


def test_exported_schemas_are_those_of_the_code(tmp_path: Path) -> None:
    for written in write_schemas(tmp_path):
        exported = CONFIG / written.name
        assert exported.read_text() == written.read_text(), "run write_schemas on config/"


@pytest.mark.parametrize(
    ("schema", "values"),
    [(monitor_schema(), raw(MONITOR)), (model_schema(), raw(FLIGHTS)), (monitor_schema(), {})],
)
def test_schemas_are_valid_and_accept_the_reference_files(
    schema: dict[str, Any], values: dict[str, Any]
) -> None:
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    validator(schema).validate(values)
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        (monitor_schema(), {"profiler": {"strat": "latest"}}),
        (monitor_schema(), {"profiler": {"commit_interval": 5}}),
        (monitor_schema(), {"profiler": {"max_bytes": "big"}}),
        (monitor_schema(), {"topics": {"partitions": 0}}),
        (monitor_schema(), {"kafka": {"a": {"b": 1}}}),
        (model_schema(), {"features": {"x": "number"}}),
        (model_schema(), {"windows": [{"timezone": "UTC"}]}),
        (model_schema(), {"windows": []}),
    ],
)
def test_schemas_refuse_mistakes(schema: dict[str, Any], values: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, schema)


@pytest.mark.parametrize(
    "values",
    [
        {"features": {"x": "numeric", "y": {"kind": "categorical"}}, "prediction": "class"},
        {"references": {"validation": False, "sliding": True}},
        {"outcomes": {"label": {"classes": [True, 1, "a"]}}},
    ],
)
def test_schema_accepts_short_forms(values: dict[str, Any]) -> None:
    jsonschema.validate(values, model_schema())


def test_the_example_of_a_calendar_names_what_it_says() -> None:
    calendar = load_calendar(CONFIG / "calendar.yaml")
    friday = Window(1_795_755_600, 1_795_842_000)  # 2026-11-27 in New York
    names = {entry.name for entry in calendar.covering(friday, "flights")}
    assert names == {"pricing campaign", "Black Friday"}
    assert not calendar.mutes(friday, "flights")
