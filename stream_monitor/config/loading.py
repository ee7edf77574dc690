"""Files and environment become an installation: monitor.yaml and one file per model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from stream_monitor.config.calendar import load_calendar
from stream_monitor.config.environment import PREFIX, overlay, overrides
from stream_monitor.config.errors import ConfigError, Problem
from stream_monitor.config.interpolation import Interpolation
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.specification import model_spec
from stream_monitor.config.validation import Document, validated
from stream_monitor.config.yaml_text import read_yaml
from stream_monitor.core.calendar import Calendar
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import ModelSpec

_INSTANCE: Final = "${HOSTNAME:-local}"


@dataclass(frozen=True, slots=True)
class Installation:
    """A checked configuration: the monitor's, the models' in the order of their names, the calendar.

    `files` are the models by the files that describe them, where there are such.
    """

    monitor: MonitorConfig
    models: tuple[ModelConfig, ...]
    calendar: Calendar = field(default_factory=Calendar)
    files: Mapping[Path, ModelConfig] = field(default_factory=dict, compare=False)

    def model(self, name: str) -> ModelConfig:
        """A model by its name; raises InvalidSpecification, naming those there are, without it."""
        found = next((model for model in self.models if model.name == name), None)
        if found is None:
            raise InvalidSpecification(f"model {name} is not configured; configured: {self.names}")
        return found

    @property
    def names(self) -> str:
        """The models' names as a text."""
        return ", ".join(model.name for model in self.models) or "none"

    def specifications(self) -> dict[str, ModelSpec]:
        """Each model as the core sees it, by name."""
        specs = (model_spec(model, self.monitor) for model in self.models)
        return {spec.name: replace(spec, calendar=self.calendar) for spec in specs}


def load_config(path: Path | None, environ: Mapping[str, str]) -> Installation:
    """The installation that monitor.yaml at `path` describes; None: defaults only.

    The environment wins over both. Models are the .yaml and .yml files of the `models` folder,
    which is relative to monitor.yaml; with None to the working directory, where it may be missing.
    Raises ConfigError with every problem of monitor.yaml, or else of all model files.
    """
    monitor = load_monitor(path, environ)
    root = path.parent if path else Path()
    folder = root / monitor.models
    calendar = load_calendar(root / monitor.calendar) if monitor.calendar else Calendar()
    if not folder.is_dir():
        if path is None and "models" not in monitor.model_fields_set:
            return Installation(monitor, (), calendar)
        is_from_file = path is not None and f"{PREFIX}MODELS" not in environ
        source = str(path) if is_from_file else "environment"
        message = f"names {folder}, which is not a folder: create it, with one file per model"
        raise ConfigError([Problem(source, "models", message)])
    files, problems = load_models(folder, monitor, environ)
    if problems:
        raise ConfigError(problems)
    return Installation(monitor, by_name(files.values()), calendar, files)


def load_monitor(path: Path | None, environ: Mapping[str, str]) -> MonitorConfig:
    """monitor.yaml alone, the environment's settings over it; raises ConfigError."""
    written = {} if path is None else read_yaml(path)
    source = "defaults" if path is None else str(path)
    fill = Interpolation(source, path.parent if path else Path(), environ)
    variables = overrides(environ)
    values = overlay(fill.fill(_with_instances(written)), environ)
    problems = tuple(p for p in fill.problems if p.path not in map(".".join, variables))
    document = Document(source, overlay(written, environ), values, problems, variables)
    return validated(MonitorConfig, document)


def load_model(path: Path, monitor: MonitorConfig, environ: Mapping[str, str]) -> ModelConfig:
    """One model's file; raises ConfigError. The environment only fills in references to it."""
    written = read_yaml(path)
    fill = Interpolation(str(path), path.parent, environ)
    values = fill.fill(written)
    values["name"] = values.get("name") or path.stem
    document = Document(str(path), written, values, tuple(fill.problems))
    model = validated(ModelConfig, document)
    model_spec(model, monitor, str(path))
    return model


def load_models(
    folder: Path, monitor: MonitorConfig, environ: Mapping[str, str],
    before: Mapping[Path, ModelConfig] | None = None,
) -> tuple[dict[Path, ModelConfig], list[Problem]]:  # fmt: skip
    """The models of a folder by their files, and what is wrong with the files.

    A broken file is left out, or says what it said `before`.
    """
    models: dict[Path, ModelConfig] = {}
    problems: list[Problem] = []
    for path in model_files(folder):
        try:
            model = load_model(path, monitor, environ)
        except ConfigError as error:
            problems += error.problems
            if before is None or path not in before:
                continue
            model = before[path]
        other = next((file for file, held in models.items() if held.name == model.name), None)
        if other is None:
            models[path] = model
        else:
            message = f"must be another one: {other} describes {model.name} already"
            problems.append(Problem(str(path), "name", message))
    return models, problems


def by_name(models: Iterable[ModelConfig]) -> tuple[ModelConfig, ...]:
    """In the order of their names."""
    return tuple(sorted(models, key=lambda model: model.name))


def model_files(folder: Path) -> Iterator[Path]:
    """The files of a folder that each describe a model, in the order of their names; none without it."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        is_hidden = path.name.startswith(".")
        if path.suffix in (".yaml", ".yml") and not is_hidden and path.is_file():
            yield path


def _with_instances(written: Mapping[str, Any]) -> dict[str, Any]:
    """The file's values, each service named after the host where no name is given."""
    values = dict(written)
    for service in ("profiler", "detector"):
        section = values.get(service)
        if section is None or isinstance(section, dict):
            values[service] = {"instance": _INSTANCE, **(section or {})}
    return values
