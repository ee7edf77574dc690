"""JSON Schemas of monitor.yaml and of model files, for editors and pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.section import Section

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def monitor_schema() -> dict[str, Any]:
    """The schema of monitor.yaml."""
    return _schema(MonitorConfig, "stream_monitor: monitor.yaml")


def model_schema() -> dict[str, Any]:
    """The schema of a model file."""
    return _schema(ModelConfig, "stream_monitor: a model")


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Writes monitor.schema.json and models.schema.json into a folder; returns their paths."""
    schemas = {"monitor.schema.json": monitor_schema(), "models.schema.json": model_schema()}
    for name, schema in schemas.items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(folder / name for name in schemas)


def _schema(section: type[Section], title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, **section.model_json_schema(), "title": title}
