"""Tokens for SASL/OAUTHBEARER from a function of the user's, named in the `kafka` section."""

from __future__ import annotations

import importlib
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final

from stream_monitor.core.errors import StreamMonitorError

CALLBACK: Final = "oauth.callback"
"""The one setting of the `kafka` section that is ours and not librdkafka's."""

RETRY_S: Final = 30.0
"""After a failure librdkafka is told that the token lasts so long, and asks when 80 % have passed."""

Token = tuple[str, float] | tuple[str, float, str] | tuple[str, float, str, dict[str, str]]
"""A token, its expiry in seconds since the epoch, and optionally the principal and SASL extensions."""
TokenFunction = Callable[[str], Token]
"""Gets the text of `sasl.oauthbearer.config`, "" if there is none."""


def token_function(name: str) -> TokenFunction:
    """The function that `module:function` names; raises StreamMonitorError if there is none."""
    module_name, _, function_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except StreamMonitorError:
        raise
    except Exception as error:
        why = f"there is no module {error.name}" if isinstance(error, ModuleNotFoundError) else ""
        raise StreamMonitorError(
            f"kafka.{CALLBACK} names the module {module_name}, which cannot be imported: "
            f"{why or type(error).__name__}; set PYTHONPATH to the folder that holds it"
        ) from None
    function = getattr(module, function_name, None)
    if not callable(function):
        state = "has no" if function is None else "holds no function under the name"
        raise StreamMonitorError(f"kafka.{CALLBACK}: module {module_name} {state} {function_name}")
    found: TokenFunction = function
    return found


class OauthCallback:
    """librdkafka's `oauth_cb`: the first token is fetched at once, further ones when it asks.

    Making one raises StreamMonitorError when there is no first token. Later failures are logged, and
    librdkafka keeps the old token until it asks again soon: brokers refuse it once it has expired. An
    exception's text may hold the token or the configuration, so only its type is told; the text of a
    StreamMonitorError is ours and is told too.
    """

    def __init__(self, name: str, config: str, logger: logging.Logger) -> None:
        self._name = name
        self._config = config
        self._log = logger
        self._function = token_function(name)
        self._latest = self._fetch()
        self._is_first = True

    def __call__(self, _: str | None) -> Token:
        """A token for librdkafka, which knows the configuration that it passes from us."""
        if self._is_first:
            self._is_first = False
            return self._latest
        try:
            self._latest = self._fetch()
        except StreamMonitorError as error:
            # An exception in here would break the call of librdkafka's that happens to run us.
            self._log.warning(str(error))
            _, expiry_s, *more = self._latest
            self._latest = _token(self._latest[0], max(expiry_s, time.time() + RETRY_S), *more)
        return self._latest

    def _fetch(self) -> Token:
        try:
            return _checked(self._function(self._config))
        except StreamMonitorError as error:
            reason = str(error)
        except Exception as error:
            reason = f"it raised {type(error).__name__}"
        raise StreamMonitorError(f"{self._name} gave no token: {reason}")


def _checked(answer: Any) -> Token:
    """The answer, if librdkafka can use it; the errors name types and times, never values."""
    if not isinstance(answer, tuple) or not 2 <= len(answer) <= 4:
        raise StreamMonitorError("it must return (token, expiry[, principal[, extensions]])")
    token, expiry_s, *more = answer
    if not isinstance(token, str) or not token:
        raise StreamMonitorError("the token must be a text that is not empty")
    is_number = isinstance(expiry_s, int | float) and not isinstance(expiry_s, bool)
    if not is_number or not math.isfinite(expiry_s):
        raise StreamMonitorError("the expiry must be a number of seconds since the epoch")
    if expiry_s <= time.time():
        raise StreamMonitorError("the token has expired already: expiry is in s since the epoch")
    if more and not isinstance(more[0], str):
        raise StreamMonitorError("the principal must be a text")
    if len(more) == 2 and not _is_extensions(more[1]):
        raise StreamMonitorError("the extensions must be a dict of texts")
    return _token(token, float(expiry_s), *more)


def _token(*parts: Any) -> Token:
    return parts


def _is_extensions(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(item, str) for pair in value.items() for item in pair
    )
