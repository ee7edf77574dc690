"""The AsyncAPI document before its own parser: valid, complete, and mistakes are seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_monitor.core.published_schemas.records import RecordType, schema_of
from tests.validators.node import run_script

CONFIG = Path(__file__).parents[2] / "config"
Document = dict[str, Any]


def parsed(file: Path) -> Document:
    found: Document = json.loads(run_script("asyncapi.cjs", file))
    return found


def test_the_document_is_valid_and_its_messages_have_the_fields_of_the_schemas() -> None:
    found = parsed(CONFIG / "asyncapi.yaml")
    codes = {(told["severity"], told["code"]) for told in found["diagnostics"]}
    assert codes <= {("information", "asyncapi-latest-version")}
    assert [channel["address"] for channel in found["channels"]] == [
        "drift-events",
        "stream-monitor.results",
    ]
    messages = [message for channel in found["channels"] for message in channel["messages"]]
    assert {message["name"]: message["fields"] for message in messages} == {
        kind.value: list(schema_of(kind)["properties"]) for kind in RecordType
    }
    assert all(message["examples"] for message in messages)


def _wrong_example(document: Document) -> None:
    message = document["components"]["messages"]["driftEvent"]
    message["examples"][0]["headers"] = "none"


def _misspelt_binding(document: Document) -> None:
    message = document["components"]["messages"]["driftEvent"]
    message["bindings"]["kafka"]["kye"] = {"type": "string"}


def _no_such_message(document: Document) -> None:
    messages = document["channels"]["results"]["messages"]
    messages["windowResult"]["$ref"] = "#/components/messages/nothing"


def _unknown_action(document: Document) -> None:
    document["operations"]["publishResults"]["action"] = "shout"


@pytest.mark.parametrize(
    "spoil", [_wrong_example, _misspelt_binding, _no_such_message, _unknown_action]
)
def test_mistakes_are_seen(spoil: Callable[[Document], None], tmp_path: Path) -> None:
    shutil.copytree(CONFIG / "schemas", tmp_path / "schemas")
    document = yaml.safe_load((CONFIG / "asyncapi.yaml").read_text())
    spoil(document)
    file = tmp_path / "asyncapi.yaml"
    file.write_text(yaml.safe_dump(document))
    assert "error" in {told["severity"] for told in parsed(file)["diagnostics"]}
