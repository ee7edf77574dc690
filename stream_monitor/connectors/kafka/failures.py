"""What librdkafka's errors mean to us, and calls that are repeated until a deadline."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as Position

from stream_monitor.connectors.kafka.patience import Patience
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Condition, Unanswered, never

Result = TypeVar("Result")

_PASSING: Final = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._WAIT_COORD,
        KafkaError._RESOLVE,
        KafkaError._NOENT,
        KafkaError._DESTROY_BROKER,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
        KafkaError.CONCURRENT_TRANSACTIONS,
    }
)
_HANDSHAKE: Final = "the TLS handshake fails: has a certificate expired, is its authority trusted?"
_REFUSALS: Final = {
    KafkaError._AUTHENTICATION: "the brokers refuse the credentials",
    KafkaError.SASL_AUTHENTICATION_FAILED: "the brokers refuse the credentials",
    KafkaError._SSL: _HANDSHAKE,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "the right to this topic is missing",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "the right READ on the consumer group is missing",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "the rights WRITE and DESCRIBE on the transactional id are missing"
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "a right on the cluster is missing",
    KafkaError._BAD_COMPRESSION: (
        "a batch is damaged, or grows beyond receive.message.max.bytes: raise that in the kafka section"
    ),
}
_QUOTED: Final = re.compile(
    r"(?s)(Invalid value )\".*\"(?= for configuration property)|(beginning at: ).*"
)
_USER_IN_ADDRESS: Final = re.compile(r"//[^/@\s]*@")
# With TLS 1.3 the brokers look at our certificate when the handshake is done for us, and answer on what
# is a connection by then.
_ABOUT_CERTIFICATES: Final = re.compile(r"alert [a-z ]*certificate|certificate verify failed")
MISSING: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
_PAUSE_S: Final = 0.05
_SLICE_S: Final = 5.0


def error_of(exception: KafkaException) -> KafkaError:
    """The error that the exception carries."""
    error: KafkaError = exception.args[0]
    return error


def is_passing(error: KafkaError) -> bool:
    """Whether the same call may succeed later."""
    return bool(error.retriable()) or error.code() in _PASSING


def is_fatal(error: KafkaError) -> bool:
    """Whether the client can do no more; consumers tell it by a message that is not marked so."""
    return bool(error.fatal()) or error.code() == KafkaError._FATAL


def refusal(error: KafkaError) -> str | None:
    """What the user has to grant or correct; None when waiting may help."""
    if error.code() == KafkaError._TRANSPORT and _ABOUT_CERTIFICATES.search(error.str()):
        return _HANDSHAKE
    return _REFUSALS.get(error.code())


def told(error: KafkaError) -> str:
    """librdkafka's message without the values of settings that it may quote."""
    return _USER_IN_ADDRESS.sub("//…@", _QUOTED.sub(r"\1\2…", error.str()))


def made(make: Callable[[dict[str, Any]], Result], settings: dict[str, Any]) -> Result:
    """A client of librdkafka; raises StreamMonitorError for settings that it does not take."""
    try:
        return make(settings)
    except KafkaException as exception:
        message = told(error_of(exception))
    raise StreamMonitorError(f"the kafka section cannot be used: {message}")


def failed(action: str, error: KafkaError) -> str:
    """The error of an action in our words."""
    if error.code() in MISSING:
        return f"cannot {action}: the topic does not exist ({error.name()})"
    reason = refusal(error)
    return f"cannot {action}: {reason + ': ' if reason else ''}{told(error)} ({error.name()})"


def failure(action: str, error: KafkaError) -> StreamMonitorError:
    """The error of an action as `failed` tells it; Unanswered where the same may be answered later."""
    is_open = error.code() not in MISSING and refusal(error) is None and is_passing(error)
    return (Unanswered if is_open else StreamMonitorError)(failed(action, error))


def until_deadline(
    action: str,
    timeout_s: float,
    call: Callable[[float], Result],
    renew: Callable[[], None] = lambda: None,
    should_stop: Condition = never,
) -> Result:
    """Repeats a call that takes its timeout while the error passes; raises StreamMonitorError.

    `renew` prepares for whatever comes after a call that was not answered. Once `should_stop` says so,
    the call is given up after a few seconds.
    """
    patience = Patience(timeout_s, should_stop)
    while True:
        try:
            return call(min(_SLICE_S, timeout_s))
        except KafkaException as exception:
            error = error_of(exception)
            if is_passing(error):
                renew()
            if not is_passing(error) or patience.left_s() <= 0:
                raise failure(action, error) from exception
        time.sleep(_PAUSE_S)


def watermarks(client: Consumer, at: TopicPartition, timeout_s: float) -> tuple[int, int]:
    """The first offset that a partition still holds and the one after its last committed record."""
    known = client.get_watermark_offsets(Position(*at), timeout=timeout_s)
    if known is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
    return int(known[0]), int(known[1])
