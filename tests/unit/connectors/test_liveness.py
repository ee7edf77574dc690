"""When a client that no broker answers is given up."""

from __future__ import annotations

from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException

from stream_monitor.connectors.kafka.liveness import ASK_EVERY_S, LOST_AFTER_S, Liveness


class Client:
    """Answers questions for metadata, or does not."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_answered = True

    def list_topics(self, _topic: str, timeout: float) -> None:
        self.asked += 1
        if not self.is_answered:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def lost_at(client: Client, times: list[float], heard: float | None = None) -> list[bool]:
    now = [0.0]
    liveness = Liveness("t", lambda: now[0])
    found = []
    for time_s in times:
        now[0] = time_s
        if time_s == heard:
            liveness.heard()
        found.append(liveness.is_lost(cast(Any, client)))
    return found


def test_nothing_is_asked_while_something_is_heard() -> None:
    client = Client()
    assert lost_at(client, [1.0, ASK_EVERY_S - 1]) == [False, False]
    assert client.asked == 0


def test_an_idle_client_that_is_answered_is_not_lost() -> None:
    client = Client()
    assert not any(lost_at(client, [float(at) for at in range(0, 200, 5)]))
    assert client.asked == 200 // ASK_EVERY_S - 1


def test_a_client_that_nobody_answers_is_lost_in_the_end_and_not_before() -> None:
    client = Client()
    client.is_answered = False
    assert lost_at(client, [ASK_EVERY_S, LOST_AFTER_S, LOST_AFTER_S + 1]) == [False, True, True]
    assert client.asked == 2, "between its questions it stays lost"


def test_a_record_brings_it_back() -> None:
    client = Client()
    client.is_answered = False
    times = [ASK_EVERY_S, LOST_AFTER_S, LOST_AFTER_S + 1]
    assert lost_at(client, times, heard=times[-1]) == [False, True, False]


def test_it_takes_a_client_of_librdkafka() -> None:
    client = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "g"})
    now = [0.0]
    liveness = Liveness("t", lambda: now[0])
    now[0] = LOST_AFTER_S
    assert liveness.is_lost(client)
    client.close()
