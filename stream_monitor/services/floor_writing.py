"""Recommended floors written into a model's file: in place, checked before, with the old text beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.loading import load_model, model_files
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.yaml_edits import KeyPath, with_numbers
from stream_monitor.core.calibrating import FLOOR, FloorAdvice
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.policy import ModelSpec
from stream_monitor.services.calibration import key_path


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model's file as it was read."""

    path: Path
    text: str


def model_file(
    root: Path, monitor: MonitorConfig, model: str, environ: Mapping[str, str]
) -> ModelFile:
    """The file of a model in the `models` folder below `root`; raises StreamMonitorError without one."""
    folder = root / monitor.models
    for path in model_files(folder) if folder.is_dir() else ():
        if load_model(path, monitor, environ).name == model:
            return ModelFile(path, path.read_text(encoding="utf-8"))
    raise StreamMonitorError(
        f"{folder} has no file of model {model}: set the floors by hand where it is configured"
    )


def write_floors(
    file: ModelFile, advice: Sequence[FloorAdvice], spec: ModelSpec, monitor: MonitorConfig,
    environ: Mapping[str, str],
) -> Path:  # fmt: skip
    """Writes the floors and returns the backup, the old text under the same name with `.bak` added.

    Everything else in the file stays, comments too. Where the file has changed since it was read, or would
    not be a valid model after it, nothing is written and StreamMonitorError says so.
    """
    text = with_numbers(file.text, _numbers(advice, spec), str(file.path))
    new = file.path.with_name(f".{file.path.name}.new")
    backup = file.path.with_name(f"{file.path.name}.bak")
    try:
        new.write_text(text, encoding="utf-8")
        load_model(new, monitor, environ)
        if file.path.read_text(encoding="utf-8") != file.text:
            raise StreamMonitorError(
                f"{file.path} has changed while the history ran: nothing is written; calibrate again"
            )
        backup.write_text(file.text, encoding="utf-8")
        os.replace(new, file.path)
    except ConfigError as error:
        raise StreamMonitorError(
            f"{file.path} would not be valid with the floors in it; nothing is written: {error}"
        ) from error
    finally:
        new.unlink(missing_ok=True)
    return backup


def _numbers(advice: Sequence[FloorAdvice], spec: ModelSpec) -> dict[KeyPath, float]:
    """The floors by their place; a critical floor that is set and would be below is raised with it."""
    found = {}
    for a in advice:
        found[key_path(spec, a.subject, a.key)] = a.recommended
        policy = spec.policy(a.subject)
        critical = policy.critical_floor if a.key == FLOOR else policy.critical_rate_floor
        if critical is not None and critical < a.recommended:
            found[key_path(spec, a.subject, f"critical_{a.key}")] = a.recommended
    return found
