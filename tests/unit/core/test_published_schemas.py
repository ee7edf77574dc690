"""The schemas are valid, closed and described throughout, and say what the code's types say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from stream_monitor.core.hints.hint import HintKind
from stream_monitor.core.hints.pattern import Pattern
from stream_monitor.core.incidents import Status
from stream_monitor.core.input_schema import Bucket, InputSchemaChange
from stream_monitor.core.policy import Aspect, ReferenceKind, Severity
from stream_monitor.core.published import EVENT_TYPES, to_json
from stream_monitor.core.published_schemas.records import RecordType, schema_of
from stream_monitor.core.results import Output
from stream_monitor.core.system_events import input_schema_event, integrity_event
from stream_monitor.core.verdicts import VerdictState
from tests.schemas import accepted, mistakes
from tests.unit.core.builders import HOUR_S, marker, progress
from tests.unit.core.one_model import close, put, state
from tests.unit.core.streams import T0

ROOT = Path(__file__).parents[3]
KINDS = pytest.mark.parametrize("kind", RecordType)


def shapes(schema: dict[str, Any], path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property, item and name of a schema, with where it is."""
    yield path, schema
    for name, shape in schema.get("properties", {}).items():
        yield from shapes(shape, f"{path}.{name}")
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from shapes(schema[key], f"{path}.{key}")
    for number, shape in enumerate(schema.get("prefixItems", ())):
        yield from shapes(shape, f"{path}[{number}]")


@KINDS
def test_schema_is_valid_closed_and_described_throughout(kind: RecordType) -> None:
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    found = dict(shapes(schema))
    assert [at for at, shape in found.items() if not shape.get("description")] == []
    objects = {at: shape for at, shape in found.items() if "object" in shape.get("type", ())}
    assert [at for at, shape in objects.items() if "additionalProperties" not in shape] == []


@KINDS
def test_published_files_are_those_of_the_code(kind: RecordType) -> None:
    file = ROOT / "config" / "schemas" / f"{kind.value}.schema.json"
    again = f"stream-monitor events schema {kind.value} > {file.relative_to(ROOT)}"
    assert json.loads(file.read_text()) == schema_of(kind), again


def words(kind: RecordType, *path: str) -> set[str]:
    """The values that a schema allows at a path."""
    shape = schema_of(kind)
    for key in path:
        shape = shape[key] if key in shape else shape["properties"][key]
    return {value for value in shape["enum"] if value is not None}


@pytest.mark.parametrize(
    ("kind", "path", "enum"),
    [
        (RecordType.DRIFT, "status", Status),
        (RecordType.DRIFT, "severity", Severity),
        (RecordType.DRIFT, "verdict", VerdictState),
        (RecordType.DRIFT, "pattern", Pattern),
        (RecordType.DRIFT, "reference", ReferenceKind),
        (RecordType.DRIFT, "references.items", ReferenceKind),
        (RecordType.DRIFT, "deciding", Aspect),
        (RecordType.DRIFT, "hints.items.kind", HintKind),
        (RecordType.WINDOW, "features.items.aspects.items.aspect", Aspect),
        (RecordType.WINDOW, "obsolete_references.items", ReferenceKind),
    ],
)
def test_allowed_words_are_those_of_the_code(
    kind: RecordType, path: str, enum: type[StrEnum]
) -> None:
    assert words(kind, *path.split(".")) == {member.value for member in enum}


def test_a_cause_is_a_hint_or_an_aspect() -> None:
    named = {member.value for member in (*HintKind, *Aspect)} - {HintKind.MOVEMENT.value}
    assert words(RecordType.DRIFT, "cause") == named


def test_every_status_has_an_event_type() -> None:
    events = (RecordType.DRIFT, RecordType.INTEGRITY, RecordType.INPUT_SCHEMA)
    assert set.union(*(words(kind, "status") for kind in events)) == EVENT_TYPES.keys()


def test_events_of_every_status_are_accepted_with_figures_and_without() -> None:
    model = state(correction_horizon_s=6 * HOUR_S)
    outputs: list[Output] = []
    for hour, shift in enumerate((0, 4, 4, 0)):
        put(model, T0 + hour * HOUR_S, shift=shift, labels=20)
        outputs += close(model, hour)
        if hour == 2:
            put(model, T0 + HOUR_S, n=60_000)  # what came late takes back the first drift
            outputs += close(model, hour)
    found = accepted([to_json(output, "flights") for output in outputs])
    statuses = {status for kind, status, _ in found if kind == "drift"}
    assert statuses == set(Status)
    assert {kind for _, status, kind in found if status == "retracted"} == {"numeric", None}
    assert found["performance", None, None]


def test_events_of_the_input_itself_are_accepted() -> None:
    found = accepted(
        [
            integrity(),
            input_schema_event(InputSchemaChange(True, 1, 300, Bucket(300, 50, 100)), "m", "app"),
            input_schema_event(InputSchemaChange(False, 1, 300, Bucket(600, 0, 100)), "m", "app"),
            input_schema_event(InputSchemaChange(True, 1, None, Bucket(None, 9, 9)), "", "app"),
        ]
    )
    assert found["integrity", "integrity_violation", None] == 1
    assert found["input_schema", "input_schema_broken", None] == 2
    assert found["input_schema", "input_schema_resolved", None] == 1


def integrity() -> dict[str, Any]:
    return integrity_event(marker(progress(10, 20), progress(5, 9, topic="labels")), "app", 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"surprise": 1}, "surprise"),
        ({"id": "no digest"}, ".id"),
        ({"status": "odd"}, "odd"),
        ({"revision": 1}, "revision"),
        ({"offsets": [["t", 0, 1, 2, 3]]}, "offsets"),
    ],
)
def test_another_record_is_refused(change: dict[str, Any], told: str) -> None:
    assert mistakes(integrity()) == []
    assert told in " ".join(mistakes(integrity() | change))


def test_a_record_without_a_property_is_refused() -> None:
    event = integrity()
    event.pop("instance")
    assert "'instance' is a required property" in mistakes(event)[0]
