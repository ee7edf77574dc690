"""Settings from the environment, laid over those of monitor.yaml.

`STREAM_MONITOR__PROFILER__START=latest` sets `profiler.start`: two underscores part the levels.
In the `kafka` section every underscore is a dot: `STREAM_MONITOR__KAFKA__BOOTSTRAP_SERVERS` sets
`bootstrap.servers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PREFIX: Final = "STREAM_MONITOR__"
_KAFKA: Final = "kafka"


def overrides(environ: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """The variable's name for each key path that the environment sets.

    >>> overrides({"STREAM_MONITOR__KAFKA__SASL_USERNAME": "me", "HOME": "/"})
    {('kafka', 'sasl.username'): 'STREAM_MONITOR__KAFKA__SASL_USERNAME'}
    """
    return {_path(name): name for name in sorted(environ) if name.startswith(PREFIX)}


def _path(name: str) -> tuple[str, ...]:
    parts = name.removeprefix(PREFIX).lower().split("__")
    if parts[0] == _KAFKA and len(parts) > 1:
        return (_KAFKA, ".".join(parts[1:]).replace("_", "."))
    return tuple(parts)


def overlay(values: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The values with the environment's in their place; an empty variable is a value too."""
    result = dict(values)
    for path, name in overrides(environ).items():
        _set(result, path, environ[name])
    return result


def _set(section: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    key, *rest = path
    if not rest:
        section[key] = value
        return
    inner = section.get(key)
    if inner is None or isinstance(inner, dict):
        section[key] = dict(inner or {})
        _set(section[key], tuple(rest), value)
