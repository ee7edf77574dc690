"""Plain values become a section; what pydantic finds wrong becomes problems to act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stream_monitor.config.errors import ConfigError, Problem, key_path, suggestion
from stream_monitor.config.section import Section

Path = tuple[str | int, ...]
T = TypeVar("T", bound=Section)

_MESSAGES: Final = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "date_type": "must be a date such as 1970-01-01",
    "date_parsing": "must be a date such as 1970-01-01",
    "date_from_datetime_parsing": "must be a date such as 1970-01-01",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
    "mapping_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
}
_SECRET_SECTION: Final = "kafka"


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values as written (shown in errors) and filled in (validated).

    `problems` are those of filling in; `variables` names the environment variable of each key path
    that the environment set.
    """

    source: str
    written: Mapping[str, Any] = field(repr=False)  # these two may hold secrets
    values: Mapping[str, Any] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    variables: Mapping[tuple[str, ...], str] = field(default_factory=dict)


def validated(section: type[T], document: Document) -> T:
    """The section; raises ConfigError with every problem of the document."""
    unfilled = {problem.path for problem in document.problems}
    found: list[Problem] = []
    try:
        result = section.model_validate(document.values, context={"source": document.source})
    except ValidationError as error:
        # The error holds the values, secrets too: only its details are used, and it is not chained.
        details = error.errors(include_url=False, include_input=False)
        found = [p for d in details for p in _problems(section, document, d)]
    else:
        if not document.problems:
            return result
    raise ConfigError([*document.problems, *(p for p in found if p.path not in unfilled)])


def _problems(section: type[Section], document: Document, error: ErrorDetails) -> Iterator[Problem]:
    path, context = error["loc"], error.get("ctx", {})
    if error["type"] == "problems":
        for relative, message in context["problems"]:
            yield _problem(document, (*path, *([relative] if relative else [])), message)
    elif error["type"] == "extra_forbidden":
        allowed = sorted(_section_at(section, path[:-1]).model_fields)
        hint = suggestion(str(path[-1]), allowed)
        message = f"is not known: {hint}Allowed: {', '.join(allowed)}"
        yield _problem(document, path, message)
    else:
        template = _MESSAGES.get(error["type"])
        message = template.format(**context) if template else error["msg"]
        yield _problem(document, path, message + _instead_of(document, path, error["type"]))


def _problem(document: Document, path: Path, message: str) -> Problem:
    for set_path, variable in document.variables.items():
        if path[: len(set_path)] == set_path:
            return Problem("environment", f"{variable} ({key_path(path)})", message)
    return Problem(document.source, key_path(path), message)


def _instead_of(document: Document, path: Path, error_type: str) -> str:
    """`, not 'x'` with the text as written, before anything was filled in."""
    if error_type == "missing" or path[:1] == (_SECRET_SECTION,):
        return ""
    value: Any = document.written
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
    return "" if isinstance(value, Mapping | list) else f", not {value!r}"


def _section_at(section: type[BaseModel], path: Path) -> type[BaseModel]:
    """The section that a path leads to; keys of mappings and list positions lead nowhere new."""
    for part in path:
        info = section.model_fields.get(str(part))
        inner = _section_in(info.annotation) if info else None
        section = inner or section
    return section


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _section_in(arg))), None)
