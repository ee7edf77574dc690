"""Durations, lengths of windows and sizes: written with a unit in YAML, whole seconds and bytes in Python."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.windows import (
    format_duration,
    format_window_size,
    parse_duration,
    parse_window_size,
)

_SIZE: Final = re.compile(r"(\d+)\s*([a-z]*)", re.IGNORECASE)
_SIZE_UNITS: Final = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def parse_size(text: str) -> int:
    """Bytes of `500kB`, `16MB`, `1GiB` or a bare number; raises InvalidSpecification.

    >>> parse_size("16MB"), parse_size("1 KiB")
    (16000000, 1024)
    """
    match = _SIZE.fullmatch(text.strip())
    unit = match and _SIZE_UNITS.get(match[2].lower())
    if match is None or unit is None:
        raise InvalidSpecification(f"{text!r} is not a size: write e.g. 500kB, 16MB or 1GiB")
    return int(match[1]) * unit


def _seconds(value: object, info: ValidationInfo) -> object:
    # Files are validated with a context: there nobody could tell the unit of a bare number.
    if info.context is None and isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except InvalidSpecification:
            pass
    raise PydanticCustomError("unit", "must be a duration such as 30s, 5m, 1h, 1d or 2w")


def _window_size(value: object, info: ValidationInfo) -> object:
    try:
        return parse_window_size(value) if isinstance(value, str) else _seconds(value, info)
    except (InvalidSpecification, PydanticCustomError):
        raise PydanticCustomError("unit", "must be a length such as 1h, 1d, 1w or 1mo") from None


def _bytes(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return parse_size(value)
        except InvalidSpecification:
            pass
    raise PydanticCustomError("unit", "must be a size such as 500kB, 16MB or 1GiB")


_AS_TEXT: Final = PlainSerializer(format_duration, return_type=str, when_used="json")
_DURATION_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^( *\d+ *[smhdw] *)+$|\$\{",
    "examples": ["30s", "5m", "1h", "1d", "2w"],
}
_WINDOW_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^( *\d+ *[smhdw] *)+$|^ *\d+ *mo *$|\$\{",
    "examples": ["5m", "1h", "1d", "1w", "1mo"],
}
_SIZE_SCHEMA: Final[dict[str, Any]] = {
    "type": ["string", "integer"],
    "pattern": r"^ *\d+ *([kKmMgGtT]?[iI]?[bB])? *$|\$\{",
    "minimum": 1,
    "examples": ["500kB", "16MB", "1GiB"],
}

_FROM_TEXT: Final = BeforeValidator(_seconds)
Duration = Annotated[int, _FROM_TEXT, Field(ge=0), _AS_TEXT, WithJsonSchema(_DURATION_SCHEMA)]
"""Whole seconds, 0 allowed."""
PositiveDuration = Annotated[
    int, _FROM_TEXT, Field(gt=0), _AS_TEXT, WithJsonSchema(_DURATION_SCHEMA)
]
"""Whole seconds, at least one."""
WindowLength = Annotated[
    int,
    BeforeValidator(_window_size),
    Field(gt=0),
    PlainSerializer(format_window_size, return_type=str, when_used="json"),
    WithJsonSchema(_WINDOW_SCHEMA),
]
"""Whole seconds, at least one; of months as core.windows counts them."""
Size = Annotated[int, BeforeValidator(_bytes), Field(gt=0), WithJsonSchema(_SIZE_SCHEMA)]
"""Bytes, at least one."""
