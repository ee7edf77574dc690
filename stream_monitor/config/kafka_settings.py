"""The `kafka` section: librdkafka's settings as written; no text of ours shows their secrets.

One key is ours: `oauth.callback`, the `module:function` that gives tokens for SASL/OAUTHBEARER.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from stream_monitor.config.section import wrong

BOOTSTRAP: Final = "bootstrap.servers"
CALLBACK: Final = "oauth.callback"
REDACTED: Final = "**********"

_SECRET_KEY: Final = re.compile(
    r"pass|secret|token|key|jaas|credential|assertion|oauthbearer\.config", re.IGNORECASE
)
_FUNCTION: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_USER_IN_URL: Final = re.compile(r"//[^/@\s]*@")


def is_secret(key: str) -> bool:
    """Whether a setting of this name may hold a secret.

    >>> is_secret("sasl.password"), is_secret("bootstrap.servers")
    (True, False)
    """
    return _SECRET_KEY.search(key) is not None


class KafkaSettings:
    """librdkafka settings. Only `reveal` gives secrets away; str, repr and dumps do not.

    `bootstrap.servers` is localhost:9092 if none is given.
    """

    __slots__ = ("_settings",)

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        given = dict(settings or {})
        if "metadata.broker.list" not in given:  # librdkafka's other name for it
            given.setdefault(BOOTSTRAP, "localhost:9092")
        self._settings = given

    def reveal(self) -> dict[str, str]:
        """The settings for a Kafka client, secrets included: log nothing of it."""
        return dict(self._settings)

    def redacted(self) -> dict[str, str]:
        """The settings for people: secrets replaced by asterisks."""
        return {
            key: REDACTED if is_secret(key) else _USER_IN_URL.sub(f"//{REDACTED}@", value)
            for key, value in self._settings.items()
        }

    def __repr__(self) -> str:
        return f"KafkaSettings({self.redacted()!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KafkaSettings) and self._settings == other._settings

    def __hash__(self) -> int:
        return hash(frozenset(self._settings.items()))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._from_mapping,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.redacted),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": ["object", "null"],
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        }

    @classmethod
    def _from_mapping(cls, value: object) -> KafkaSettings:
        if isinstance(value, KafkaSettings):
            return value
        if value is None:
            return cls()
        if not isinstance(value, Mapping):
            raise wrong([("", "must be a mapping of librdkafka settings")])
        bad = [k for k, v in value.items() if not isinstance(v, str | int | float)]
        if bad:
            raise wrong((str(key), "must be text, a number, true or false") for key in bad)
        settings = {str(key): setting_text(v) for key, v in value.items()}
        if _FUNCTION.fullmatch(settings.get(CALLBACK, "a:b")) is None:
            raise wrong([(CALLBACK, "must name a function as module:function")])
        return cls(settings)


def setting_text(value: str | int | float) -> str:
    """A value as librdkafka spells it.

    >>> setting_text(True), setting_text(30000)
    ('true', '30000')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)
