"""`privacy` and `salt` of a feature, and `oauth.callback`: what is taken, what is refused, what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.kafka_settings import KafkaSettings
from stream_monitor.config.loading import load_config
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.privacy import Mask, Privacy
from tests.unit.config.conftest import Write

SALT = "canary-salt-2b9e"
FEATURES = """
features:
  amount: numeric
  carrier: categorical
  customer: {kind: categorical, privacy: hash, salt: "${SALT}"}
  city: {kind: categorical, privacy: drop}
"""


def spec(path: Path, salt: str = SALT) -> ModelSpec:
    return load_config(path, {"SALT": salt}).specifications()["shop"]


def test_masks_reach_the_core_and_are_part_of_the_schema(write: Write) -> None:
    found = spec(write(shop=FEATURES))
    assert found.masks == {"customer": Mask(Privacy.HASH, SALT), "city": Mask(Privacy.DROP)}
    forms = {feature.name: feature.form for feature in found.schema.features}
    assert forms["carrier"] == forms["amount"] == ""
    assert forms["city"] == "drop"
    assert forms["customer"] == Mask(Privacy.HASH, SALT).form
    assert spec(write(shop=FEATURES), SALT + "!").schema.schema_id != found.schema.schema_id


def test_no_text_shows_a_salt(write: Write) -> None:
    installation = load_config(write(shop=FEATURES), {"SALT": SALT})
    (model,) = installation.models
    shown = [repr(installation), str(model), model.model_dump_json(), str(model.model_dump())]
    shown.append(repr(installation.specifications()))
    assert not [text for text in shown if SALT in text]


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("{kind: numeric, privacy: drop}", "features.x.privacy must be keep: only categories"),
        ("{kind: categorical, privacy: hash}", "features.x.salt must be a text of at least 8"),
        ("{kind: categorical, privacy: hash, salt: canary}", "features.x.salt must be a text of"),
        ("{kind: categorical, privacy: hash, salt: [canary]}", "features.x.salt must be a text of"),
        ("{kind: categorical, privacy: hash, salt: {a: canary}}", "features.x.salt must be a text"),
        ("{kind: categorical, privacy: hash, salt: true}", "features.x.salt must be a text of at"),
        ("{kind: categorical, salt: canary-canary}", "features.x.salt is used only where privacy"),
        (
            "{kind: categorical, privacy: hide}",
            "features.x.privacy must be 'keep', 'hash' or 'drop'",
        ),
    ],
)
def test_what_cannot_be_is_named_without_the_salt(write: Write, feature: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(shop=f"features: {{x: {feature}}}"), {})
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)


def test_numbers_are_salts_too(write: Write) -> None:
    text = "features: {x: {kind: categorical, privacy: hash, salt: 12345678}}"
    assert spec(write(shop=text)).masks["x"] == Mask(Privacy.HASH, "12345678")


def test_a_token_function_is_named_as_module_and_function(write: Write) -> None:
    path = write("kafka: {oauth.callback: 'pay.tokens:fetch'}")
    kafka = load_config(path, {}).monitor.kafka
    assert kafka.reveal()["oauth.callback"] == "pay.tokens:fetch"
    assert "pay.tokens:fetch" in repr(kafka)
    variable = {"STREAM_MONITOR__KAFKA__OAUTH_CALLBACK": "other:f"}
    assert load_config(path, variable).monitor.kafka.reveal()["oauth.callback"] == "other:f"
    assert "oauth.callback" not in KafkaSettings().reveal()


@pytest.mark.parametrize("name", ["fetch", "pay.tokens", "pay:", ":f", "a:b:c", "a b:c", "a:b.c"])
def test_other_names_of_functions_are_refused(write: Write, name: str) -> None:
    with pytest.raises(ConfigError, match=r"kafka.oauth\.callback must name a function as module:"):
        load_config(write(f"kafka: {{oauth.callback: '{name}'}}"), {})
