"""Settings and certificates that cannot work: named, and without the values of the settings."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError

from stream_monitor.connectors.kafka.consumer import KafkaConsumer
from stream_monitor.connectors.kafka.failures import failure, refusal, told
from stream_monitor.connectors.kafka.producer import KafkaProducer
from stream_monitor.connectors.kafka.ranges import KafkaRangeReader
from stream_monitor.connectors.kafka.settings import (
    Cluster,
    Group,
    member_settings,
    producer_settings,
    reader_settings,
)
from stream_monitor.connectors.kafka.topics import KafkaTopics
from stream_monitor.core.errors import StreamMonitorError
from tests.brokers.certificates import Certificates, make_certificates

CANARY = "canary-91c0"
QUIET = logging.getLogger("test.refused")


def clients(settings: dict[str, Any]) -> list[Any]:
    cluster = Cluster({"bootstrap.servers": "127.0.0.1:1", **settings}, logger=QUIET)
    return [
        lambda: KafkaConsumer(cluster, Group("g", "one")),
        lambda: KafkaProducer(cluster, "t"),
        lambda: KafkaTopics(cluster),
        lambda: KafkaRangeReader(cluster),
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"no.such.setting": CANARY}, 'No such configuration property: "no.such.setting"'),
        ({"security.protocol": CANARY}, "Invalid value … for configuration property"),
        ({"security.protocol": "ssl", "ssl.key.pem": CANARY}, "ssl.key.pem failed"),
        ({"security.protocol": "ssl", "ssl.key.location": "/nowhere"}, "ssl.key.location failed"),
        ({"debug": f'{CANARY}" for\n{CANARY}'}, "Invalid value … for configuration property"),
    ],
)
def test_settings_that_librdkafka_does_not_take(settings: dict[str, str], message: str) -> None:
    for make in clients(settings):
        with pytest.raises(StreamMonitorError) as caught:
            make()
        assert str(caught.value).startswith("the kafka section cannot be used: ")
        assert message in str(caught.value)
        assert CANARY not in str(caught.value)
        assert caught.value.__context__ is None


def test_what_librdkafka_quotes_of_a_setting_is_not_told() -> None:
    error = KafkaError(
        KafkaError._AUTHENTICATION, f"Unrecognized sasl.oauthbearer.config beginning at: {CANARY} x"
    )
    assert told(error) == "Unrecognized sasl.oauthbearer.config beginning at: …"
    assert CANARY not in str(failure("consume", error))


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("Receive failed: SSL routines::ssl/tls alert certificate unknown: number 46", True),
        ("SSL routines::sslv3 alert certificate expired", True),
        ("SSL routines::tlsv13 alert certificate required", True),
        ("Connect to ipv4#127.0.0.1:1 failed: Connection refused", False),
    ],
)
def test_a_certificate_that_brokers_refuse_is_no_passing_trouble(
    text: str, is_refused: bool
) -> None:
    found = refusal(KafkaError(KafkaError._TRANSPORT, text))
    assert (found is not None) is is_refused


def test_a_batch_that_grows_too_large_is_named_with_what_to_do() -> None:
    error = KafkaError(KafkaError._BAD_COMPRESSION)
    assert "receive.message.max.bytes" in str(failure("consume inference", error))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls") / "made")


@pytest.fixture
def expired_server(certificates: Certificates) -> Iterator[str]:
    """A server that shows an expired certificate to all who come."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        certificates.certificate("expired-server"), certificates.key("expired-server")
    )
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_an_expired_certificate_of_the_brokers_is_named(
    certificates: Certificates, expired_server: str
) -> None:
    settings = {
        "bootstrap.servers": expired_server,
        "security.protocol": "ssl",
        **certificates.client_settings(),
    }
    with pytest.raises(
        StreamMonitorError, match="the TLS handshake fails: has a certificate expired"
    ):
        KafkaTopics(Cluster(settings, logger=QUIET), timeout_s=20).partition_counts(["inference"])


def test_what_clients_hold_is_bounded_and_the_user_may_bound_it_otherwise() -> None:
    plain, own = Cluster({}), Cluster({"queued.max.messages.kbytes": "1000"})
    for settings in (member_settings(plain, Group("g", "one")), reader_settings(plain, "g")):
        assert settings["queued.max.messages.kbytes"] * 1024 <= 64 * 2**20
        assert settings["fetch.max.bytes"] < settings["receive.message.max.bytes"] <= 10**8
    assert reader_settings(own, "g")["queued.max.messages.kbytes"] == "1000"
    producer = producer_settings(plain, "t")
    assert producer["queue.buffering.max.kbytes"] * 1024 <= 128 * 2**20
    assert producer["queue.buffering.max.kbytes"] * 1024 > producer["message.max.bytes"]
