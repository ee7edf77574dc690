"""YAML to plain values: `no` and dates are text, a key given twice is an error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from stream_monitor.config.errors import ConfigError, Problem

_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")


class _Loader(yaml.SafeLoader):
    """SafeLoader that resolves null, true, false, decimal numbers and `<<` only, as YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in seen:
                raise _Twice(key.value, key.start_mark.line + 1)
            seen.add((key.tag, key.value))
        return node


class _Twice(Exception):
    """A key of a mapping is given twice."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(key)
        self.key = key
        self.line = line


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolve("null", r"^(?:~|null)$", "~n")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])
_resolve("merge", r"^<<$", "<")
_resolve("bool", r"^(?:true|false)$", "tf")
_resolve("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
_resolve(
    "float",
    r"^[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$",
    "-+.0123456789",
)


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """The mapping that a file holds, empty for an empty file; raises ConfigError.

    The error tells the line, but nothing of the text: it may hold a password.
    """
    problem: Problem | None = None
    value: Any = None
    try:
        value = yaml.load(text, Loader=_Loader)  # a SafeLoader
    except _Twice as twice:
        message = f"is given twice, again on line {twice.line}: keep one"
        problem = Problem(source, twice.key, message)
    except (yaml.YAMLError, ValueError) as error:
        problem = Problem(source, "", _syntax(error))
    if problem:  # raised here, so that it is not chained to an error that quotes the text
        raise ConfigError([problem])
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError([Problem(source, "", "must hold a mapping of keys to values")])
    return {str(key): content for key, content in value.items()}


def _syntax(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = _QUOTED.sub("…", str(getattr(error, "problem", None) or "it cannot be read"))
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"is not YAML{place} ({problem}): put texts with special characters in quotes"


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping of a YAML file; raises ConfigError naming the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), "", message)]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), "", "is not UTF-8 text")]) from None
    return parse_yaml(text, str(path))
