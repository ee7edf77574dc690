from __future__ import annotations

import time

import pytest

from stream_monitor.telemetry.redaction import HIDDEN, clean_text, is_secret, redact


@pytest.mark.parametrize(
    "name",
    ["password", "sasl.password", "ssl.key.password", "sasl_username", "client_secret", "authToken",
     "key", "api_key", "apiKey", "API-KEY", "APIKEY", "ssl.key.pem", "keys", "SSL_KEY_LOCATION"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["prediction_key", "prediction key", "predictionKey", "record_key", "segment_keys", "monkey",
     "keyboard", "event", "topic", "partitions", "model"],
)  # fmt: skip
def test_names_that_are_no_secrets(name: str) -> None:
    assert not is_secret(name)


def test_secrets_are_hidden_at_any_depth_and_all_else_is_kept() -> None:
    settings = {
        "bootstrap.servers": "b:9092",
        "sasl.password": "x",
        "list": [{"token": "y", "n": 1}],
    }
    event = redact(None, "info", {"event": "started", "settings": settings, "count": 3})
    assert event == {
        "event": "started",
        "count": 3,
        "settings": {
            "bootstrap.servers": "b:9092",
            "sasl.password": HIDDEN,
            "list": [{"token": HIDDEN, "n": 1}],
        },
    }
    assert settings["sasl.password"] == "x"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("sasl.password=hunter2 failed", f"sasl.password={HIDDEN} failed"),
        ('{"client_secret": "a b", "n": 1}', '{"client_secret": [redacted], "n": 1}'),
        ("https://user:hunter2@host/path", f"https://{HIDDEN}@host/path"),
        ("api_key: abc, topic: t", f"api_key: {HIDDEN}, topic: t"),
        ("mail a@b.c about https://host/a@b", "mail a@b.c about https://host/a@b"),
        ("partition 3 of topic inference", "partition 3 of topic inference"),
    ],
)
def test_text_that_sets_a_secret_is_cleaned(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@pytest.mark.parametrize("piece", ["a", "password", "a.", "x://", "password="])
def test_long_text_is_cleaned_in_linear_time(piece: str) -> None:
    began = time.process_time()
    clean_text(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 5, "a quadratic pattern takes minutes"
