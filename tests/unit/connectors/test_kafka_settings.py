"""What librdkafka is told, and what nobody is told."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError

from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import (
    Cluster,
    Group,
    admin_settings,
    member_settings,
    producer_settings,
    reader_settings,
)
from stream_monitor.core.errors import StreamMonitorError

CLUSTER = Cluster(
    {
        "bootstrap.servers": "broker:9092",
        "sasl.password": "canary",
        "auto.offset.reset": "latest",
        "isolation.level": "read_uncommitted",
        "acks": "0",
        "linger.ms": "100",
        "group.instance.id": "someone",
    }
)


def test_the_users_settings_go_to_every_client() -> None:
    for settings in (
        member_settings(CLUSTER, Group("g", "one")),
        reader_settings(CLUSTER, "g"),
        producer_settings(CLUSTER, "t"),
        admin_settings(CLUSTER),
    ):
        assert settings["bootstrap.servers"] == "broker:9092"
        assert settings["sasl.password"] == "canary"


def test_what_delivery_rests_on_wins_over_the_user() -> None:
    member = member_settings(CLUSTER, Group("g", "one"))
    assert member["isolation.level"] == "read_committed"
    assert member["auto.offset.reset"] == "error"
    assert member["enable.auto.commit"] is False
    producer = producer_settings(CLUSTER, "t")
    assert (producer["acks"], producer["transactional.id"]) == ("all", "t")
    assert producer["partitioner"] == "murmur2_random"


def test_what_is_only_faster_gives_way_to_the_user() -> None:
    producer = producer_settings(CLUSTER, "t")
    assert (producer["linger.ms"], producer["compression.type"]) == ("100", "zstd")


def test_only_a_static_member_has_an_instance_name() -> None:
    assert member_settings(CLUSTER, Group("g", "one"))["group.instance.id"] == "one"
    assert "group.instance.id" not in member_settings(CLUSTER, Group("g", "one", is_static=False))
    assert "group.instance.id" not in reader_settings(CLUSTER, "g")


def test_a_secret_is_not_shown() -> None:
    assert "canary" not in f"{CLUSTER!r} {CLUSTER!s}"


def test_refused_credentials_are_raised_until_the_brokers_have_answered() -> None:
    refusals = Refusals(logging.getLogger("test"))
    refusals.note(KafkaError(KafkaError._TRANSPORT))
    refusals.check("consume")
    refusals.note(KafkaError(KafkaError._AUTHENTICATION))
    with pytest.raises(StreamMonitorError, match="cannot consume: the brokers refuse"):
        refusals.check("consume")
    refusals.answered()
    refusals.check("consume")
