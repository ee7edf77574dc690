"""Pieces of a JSON Schema. Each says what it describes; objects know no other properties than theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Shape = dict[str, Any]


def text(meaning: str) -> Shape:
    """A string."""
    return {"type": "string", "description": meaning}


def word(values: Iterable[str], meaning: str) -> Shape:
    """One of some strings."""
    return {"type": "string", "enum": [str(value) for value in values], "description": meaning}


def instant(meaning: str) -> Shape:
    """A time in RFC 3339, UTC."""
    return {"type": "string", "format": "date-time", "pattern": "Z$", "description": meaning}


def digest(meaning: str, length: int) -> Shape:
    """Hex digits."""
    return {"type": "string", "pattern": f"^[0-9a-f]{{{length}}}$", "description": meaning}


def count(meaning: str) -> Shape:
    """An integer from 0 on."""
    return {"type": "integer", "minimum": 0, "description": meaning}


def number(meaning: str) -> Shape:
    """A finite number."""
    return {"type": "number", "description": meaning}


def share(meaning: str) -> Shape:
    """A number from 0 to 1."""
    return {"type": "number", "minimum": 0, "maximum": 1, "description": meaning}


def flag(meaning: str) -> Shape:
    """True or false."""
    return {"type": "boolean", "description": meaning}


def nullable(shape: Shape) -> Shape:
    """The shape, or null.

    >>> nullable(word(["a"], "…"))
    {'type': ['string', 'null'], 'enum': ['a', None], 'description': '…'}
    """
    wider = {**shape, "type": [shape["type"], "null"]}
    return {**wider, "enum": [*shape["enum"], None]} if "enum" in shape else wider


def listed(items: Shape, meaning: str) -> Shape:
    """An array."""
    return {"type": "array", "items": items, "description": meaning}


def named(values: Shape, names: Shape, meaning: str) -> Shape:
    """An object whose property names are data."""
    return {
        "type": "object", "propertyNames": names, "additionalProperties": values,
        "description": meaning,
    }  # fmt: skip


def closed(
    meaning: str, properties: Mapping[str, Shape], optional: Iterable[str] = ()
) -> Shape:  # fmt: skip
    """An object with these properties and no others; all but the optional ones are always there."""
    spare = set(optional)
    return {
        "type": "object", "description": meaning, "properties": dict(properties),
        "required": [name for name in properties if name not in spare],
        "additionalProperties": False,
    }  # fmt: skip
