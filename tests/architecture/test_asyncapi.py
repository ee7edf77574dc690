"""The AsyncAPI document says what the code publishes; its own parser reads it in tests/validators."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.published import EVENT_TYPES, event_headers
from stream_monitor.services.topics import owned_topics
from tests.architecture.documents import ROOT
from tests.schemas import mistakes

DOCUMENT: Final[dict[str, Any]] = yaml.safe_load((ROOT / "config" / "asyncapi.yaml").read_text())
MESSAGES: Final[dict[str, Any]] = DOCUMENT["components"]["messages"]
HEADERS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
EXAMPLES: Final = [
    pytest.param(message, example, id=f"{name}-{example['name']}")
    for name, message in MESSAGES.items()
    for example in message["examples"]
]


@pytest.mark.parametrize(("message", "example"), EXAMPLES)
def test_every_example_is_one_of_its_message(
    message: dict[str, Any], example: dict[str, Any]
) -> None:
    payload = example["payload"]
    assert mistakes(payload) == []
    assert payload["type"] == message["name"]
    assert message["payload"]["$ref"] == f"./schemas/{message['name']}.schema.json"
    if "headers" in message:
        sent = {name: value.decode() for name, value in event_headers(payload, "stream-monitor")}
        assert example["headers"] == sent
        schema = HEADERS[message["headers"]["$ref"].rpartition("/")[2]]
        assert list(Draft202012Validator(schema).iter_errors(sent)) == []
        assert schema["properties"].keys() == sent.keys()


def test_the_version_is_that_of_the_package() -> None:
    assert DOCUMENT["info"]["version"] == version("stream-monitor")


def test_every_event_type_is_declared_once() -> None:
    declared = [t for schema in HEADERS.values() for t in schema["properties"]["ce_type"]["enum"]]
    assert sorted(declared) == sorted(EVENT_TYPES.values())


def test_channels_are_the_topics_as_they_are_made() -> None:
    topics = MonitorConfig().topics
    made = {topic.name: topic.config for topic in owned_topics(topics)}
    channels = {channel["address"]: channel for channel in DOCUMENT["channels"].values()}
    assert channels.keys() == {topics.events, topics.results}
    for address, channel in channels.items():
        declared = dict(channel["bindings"]["kafka"]["topicConfiguration"])
        assert declared.pop("cleanup.policy") == ["delete"]
        assert {name: str(value) for name, value in declared.items()} == made[address]
