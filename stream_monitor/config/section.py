"""What all sections share: frozen, unknown keys refused, every field documented."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A mapping of the YAML file. A key without a value has its default, and so has a section."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return {} if value is None else value
        nullable = {key for key, info in cls.model_fields.items() if info.default is None}
        absent = cls.model_fields.keys() - nullable
        return {key: v for key, v in value.items() if v is not None or key not in absent}


def written(text: str) -> Any:
    """A default as it would be written in the file, such as `5m`."""
    return Field(text, validate_default=True)


def switch(section: type[Section]) -> BeforeValidator:
    """Of a section that is used unless it is false: true and nothing written are its defaults."""
    return BeforeValidator(_switched, json_schema_input_type=bool | section | None)


def _switched(value: Any) -> Any:
    if value is False:
        return None
    return {} if value is None or value is True else value


def wrong(problems: Iterable[tuple[str, str]]) -> PydanticCustomError:
    """An error about several keys: pairs of the key path below the section and a message."""
    found = list(problems)
    text = "; ".join(f"{path} {message}" for path, message in found)
    return PydanticCustomError("problems", "{text}", {"text": text, "problems": found})
