"""Keeps secrets out of log lines: by the name of a field, and in text that sets one."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

HIDDEN: Final = "[redacted]"

_NOT_SECRET: Final = frozenset(
    {
        "prediction_key",
        "record_key",
        "message_key",
        "segment_key",
        "segment_keys",
        "window_key",
        "config_key",
    }
)
"""Names with the word key that name a thing of ours."""
_SECRET_PART: Final = re.compile(r"password|passwd|secret|token|sasl|credential|apikey")
_KEY: Final = re.compile(r"(?:^|[^a-z])keys?(?:[^a-z]|$)")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD: Final = re.compile(r"[^a-z0-9]+")

_ASSIGNED: Final = re.compile(
    r"""(?ix) ( (?:password|passwd|secret|token|apikey|api[._-]key) [\w.-]{0,40} ["']?
    \s{0,4} [=:] \s{0,4} ) ( "[^"]*" | '[^']*' | [^\s,;&]+ )"""
)
_IN_ADDRESS: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,15}://)[^\s/@]{1,200}@")


def is_secret(name: str) -> bool:
    """Whether a field's name speaks of a secret.

    >>> is_secret("ssl.key.password"), is_secret("apiKey"), is_secret("prediction key")
    (True, True, False)
    """
    words = _CAMEL.sub("_", name).lower()
    if _WORD.sub("_", words) in _NOT_SECRET:
        return False
    return bool(_SECRET_PART.search(words) or _KEY.search(words))


def redact(
    logger: object, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The structlog processor: hides the values of secret fields at any depth."""
    for name, value in event_dict.items():
        event_dict[name] = HIDDEN if is_secret(name) else _cleaned(value)
    return event_dict


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if is_secret(str(name)) else _cleaned(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(inner) for inner in value]
    return value


def clean_text(text: str) -> str:
    """The text with assigned secrets and credentials in addresses hidden.

    >>> clean_text("sasl.password=abc to https://user:abc@host/x")
    'sasl.password=[redacted] to https://[redacted]@host/x'
    """
    return _IN_ADDRESS.sub(rf"\1{HIDDEN}@", _ASSIGNED.sub(rf"\1{HIDDEN}", text))
