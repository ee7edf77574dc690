"""Numbers written into a YAML text in their places: comments, order and everything else stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from stream_monitor.config.errors import ConfigError, Problem
from stream_monitor.config.yaml_text import _Loader, parse_yaml

KeyPath = tuple[str, ...]
"""Keys from the top of a file down to a value."""


def with_numbers(text: str, numbers: Mapping[KeyPath, float], source: str) -> str:
    """The text with numbers set, each at its path; keys that are not there are added.

    A value that stands for a mapping (`distance: numeric`) becomes one (`{kind: numeric, floor: 0.05}`).
    Raises ConfigError where the text would not say just that and what it said before, as with anchors.
    """
    wanted: dict[str, Any] = parse_yaml(text, source)
    for path, number in numbers.items():
        text = _with_number(text, path, f"{number:.12g}")
        wanted = _set(wanted, path, float(f"{number:.12g}"))
    if parse_yaml(text, source) != wanted:
        paths = ", ".join(".".join(path) for path in numbers)
        message = f"is written in a way that cannot be edited in place: set {paths} by hand"
        raise ConfigError([Problem(source, "", message)])
    return text


def _with_number(text: str, path: KeyPath, number: str) -> str:
    node: Any = yaml.compose(text, Loader=_Loader)  # a SafeLoader
    for depth, key in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            return _instead(text, node, path[depth:], number)
        below = next((value for name, value in node.value if name.value == key), None)
        if below is None:
            return _added(text, node, path[depth:], number)
        node = below
    start, end = node.start_mark.index, node.end_mark.index
    space = " " if start and text[start - 1] == ":" else ""
    return text[:start] + space + number + text[end:]


def _instead(text: str, node: Any, path: KeyPath, number: str) -> str:
    """A mapping in the place of a value: a text is the short form of its kind."""
    if node is None:
        return text.rstrip("\n") + f"\n{_block(path, number, '')}\n".lstrip("\n")
    start, end = node.start_mark.index, node.end_mark.index
    is_text = isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str"
    kind = f"kind: {text[start:end]}, " if is_text else ""
    space = " " if start and text[start - 1] == ":" else ""
    return f"{text[:start]}{space}{{{kind}{_flow(path, number)}}}{text[end:]}"


def _added(text: str, node: yaml.MappingNode, path: KeyPath, number: str) -> str:
    """A key more in a mapping: in braces before the last one, else on a line after the first key's."""
    if node.flow_style:
        end = node.end_mark.index - 1
        comma = ", " if node.value else ""
        return f"{text[:end].rstrip()}{comma}{_flow(path, number)}{text[end:]}"
    name, value = node.value[0]
    indent = " " * name.start_mark.column
    if not indent:
        return text.rstrip("\n") + f"\n{_block(path, number, indent)}\n"
    is_short = isinstance(value, yaml.ScalarNode) and value.end_mark.line == name.start_mark.line
    if is_short:
        at = text.find("\n", value.end_mark.index)
        text, at = (text + "\n", len(text)) if at < 0 else (text, at)
        return f"{text[: at + 1]}{_block(path, number, indent)}\n{text[at + 1 :]}"
    at = name.start_mark.index - len(indent)
    return f"{text[:at]}{_block(path, number, indent)}\n{text[at:]}"


def _flow(path: Sequence[str], number: str) -> str:
    key, *rest = path
    return f"{key}: {{{_flow(rest, number)}}}" if rest else f"{key}: {number}"


def _block(path: Sequence[str], number: str, indent: str) -> str:
    key, *rest = path
    if not rest:
        return f"{indent}{key}: {number}"
    return f"{indent}{key}:\n{_block(rest, number, indent + '  ')}"


def _set(values: dict[str, Any], path: KeyPath, number: float) -> dict[str, Any]:
    key, *rest = path
    if not rest:
        return values | {key: number}
    below = values.get(key)
    if not isinstance(below, dict):
        below = {"kind": below} if isinstance(below, str) else {}
    return values | {key: _set(below, tuple(rest), number)}
