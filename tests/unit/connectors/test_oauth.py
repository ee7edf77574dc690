"""Tokens from a function of the user's: asked at start, kept through failures, told to nobody."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from stream_monitor.connectors.kafka.oauth import RETRY_S, OauthCallback, token_function
from stream_monitor.connectors.kafka.settings import (
    Cluster,
    Group,
    admin_settings,
    member_settings,
    producer_settings,
    reader_settings,
)
from stream_monitor.core.errors import StreamMonitorError

CANARY = "canary-3f7a"
CONFIG = f"secret={CANARY}"
LOGGER = logging.getLogger("test.oauth")
SIGNER = "aws_msk_iam_sasl_signer"
MSK = "stream_monitor.connectors.kafka.msk"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `shop_tokens:token` answers, one after the other; exceptions are raised. The last one stays."""
    found: list[Any] = []

    def token(config: str) -> Any:
        assert config == CONFIG
        answer = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = ModuleType("shop_tokens")
    vars(module).update(token=token, number=7)
    monkeypatch.setitem(sys.modules, "shop_tokens", module)
    return found


def callback() -> OauthCallback:
    return OauthCallback("shop_tokens:token", CONFIG, LOGGER)


def test_every_client_asks_the_function_and_no_client_sees_our_key(answers: list[Any]) -> None:
    answers.append((CANARY, time.time() + 60))
    cluster = Cluster({"oauth.callback": "shop_tokens:token", "sasl.oauthbearer.config": CONFIG})
    for settings in (
        member_settings(cluster, Group("g", "one")),
        reader_settings(cluster, "g"),
        producer_settings(cluster, "t"),
        admin_settings(cluster),
    ):
        assert "oauth.callback" not in settings
        assert settings["oauth_cb"](CONFIG)[0] == CANARY


def test_without_a_function_librdkafka_is_told_of_none() -> None:
    assert "oauth_cb" not in admin_settings(Cluster({}))


@pytest.mark.parametrize(
    "more", [(), ("me",), ("me", {"traceId": "1"})], ids=["token", "principal", "extensions"]
)
def test_the_first_token_is_fetched_once_and_handed_over(
    answers: list[Any], more: tuple[Any, ...]
) -> None:
    expiry_s = int(time.time()) + 60
    answers += [(CANARY, expiry_s, *more), ("second", expiry_s + 60)]
    fetch = callback()
    assert fetch(CONFIG) == (CANARY, float(expiry_s), *more)
    assert fetch(CONFIG) == ("second", expiry_s + 60.0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (RuntimeError(f"no {CANARY}"), "it raised RuntimeError"),
        (StreamMonitorError("the region is missing"), "the region is missing"),
        (CANARY, "it must return"),
        ((CANARY,), "it must return"),
        ((b"canary", 1.0), "the token must be a text"),
        (("", 1.0), "the token must be a text"),
        ((CANARY, CANARY), "the expiry must be a number"),
        ((CANARY, True), "the expiry must be a number"),
        ((CANARY, 1.0), "the token has expired already"),
        ((CANARY, float("nan")), "the expiry must be a number"),
        ((CANARY, 1e12, 5), "the principal must be a text"),
        ((CANARY, 1e12, "me", {"a": 1}), "the extensions must be a dict of texts"),
        ((CANARY, 1e12, "me", [CANARY]), "the extensions must be a dict of texts"),
    ],
)
def test_no_first_token_is_an_error_that_tells_no_secret(
    answers: list[Any], answer: Any, reason: str
) -> None:
    answers.append(answer)
    with pytest.raises(StreamMonitorError, match=f"shop_tokens:token gave no token: {reason}") as e:
        callback()
    assert CANARY not in str(e.value)
    assert e.value.__cause__ is None
    assert e.value.__context__ is None


def test_a_later_failure_is_logged_and_the_old_token_kept_until_it_is_asked_for_again(
    answers: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    expiry_s = time.time() + 5
    answers += [(CANARY, expiry_s, "me"), RuntimeError(CANARY), ("new", expiry_s + 600)]
    fetch = callback()
    assert fetch(CONFIG) == (CANARY, expiry_s, "me")
    token, until_s, principal = fetch(CONFIG)
    assert (token, principal) == (CANARY, "me")
    assert 0 < until_s - time.time() <= RETRY_S
    assert "shop_tokens:token gave no token: it raised RuntimeError" in caplog.text
    assert CANARY not in caplog.text
    assert fetch(CONFIG) == ("new", expiry_s + 600)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "no_such_module:token",
            "names the module no_such_module, which cannot be imported: there ",
        ),
        ("shop_tokens:gone", "module shop_tokens has no gone"),
        ("shop_tokens:number", "holds no function under the name number"),
    ],
)
def test_function_that_is_not_there_is_named(answers: list[Any], name: str, message: str) -> None:
    with pytest.raises(StreamMonitorError, match=message):
        token_function(name)


@pytest.fixture
def _no_msk() -> Iterator[None]:
    sys.modules.pop(MSK, None)
    yield
    sys.modules.pop(MSK, None)


@pytest.mark.usefixtures("_no_msk")
def test_msk_gives_tokens_for_the_configured_region(monkeypatch: pytest.MonkeyPatch) -> None:
    expiry_ms = round(time.time() * 1000) + 900_000
    asked: list[str] = []

    def generate_auth_token(region: str) -> tuple[str, int]:
        if region == "nowhere-1":
            raise AttributeError(CANARY)
        asked.append(region)
        return "signed", expiry_ms

    provider = ModuleType(f"{SIGNER}.MSKAuthTokenProvider")
    vars(provider).update(generate_auth_token=generate_auth_token)
    monkeypatch.setitem(sys.modules, SIGNER, ModuleType(SIGNER))
    monkeypatch.setitem(sys.modules, provider.__name__, provider)
    for config in ("region=eu-central-1", "a=b, region=eu-central-1", "region=eu-central-1,x=y"):
        fetch = OauthCallback(f"{MSK}:token", config, LOGGER)
        assert fetch(config) == ("signed", expiry_ms / 1000)
    assert set(asked) == {"eu-central-1"}
    with pytest.raises(StreamMonitorError, match="raised AttributeError: does AWS find") as caught:
        OauthCallback(f"{MSK}:token", "region=nowhere-1", LOGGER)
    assert CANARY not in str(caught.value)
    for config in ("", "regions=eu", f"password={CANARY}"):
        with pytest.raises(StreamMonitorError, match="must name the region") as error:
            OauthCallback(f"{MSK}:token", config, LOGGER)
        assert CANARY not in str(error.value)


@pytest.mark.usefixtures("_no_msk")
def test_msk_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, SIGNER, None)
    with pytest.raises(StreamMonitorError, match=r"pip install 'stream-monitor\[msk\]'"):
        OauthCallback(f"{MSK}:token", "region=eu-central-1", LOGGER)
