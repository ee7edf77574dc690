"""A transactional producer over librdkafka."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from stream_monitor.connectors.kafka.consumer import KafkaConsumer
from stream_monitor.connectors.kafka.failures import error_of, failed, is_passing, made, refusal
from stream_monitor.connectors.kafka.offsets import position
from stream_monitor.connectors.kafka.patience import Patience
from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import Cluster, producer_settings
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import (
    Committed,
    Condition,
    Consumer,
    Outgoing,
    ProducerFenced,
    TransactionAborted,
    never,
)

_FENCED: Final = (KafkaError._FENCED, KafkaError._FATAL, KafkaError.PRODUCER_FENCED)
_HOPELESS: Final = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.MSG_SIZE_TOO_LARGE,
)
_SLICE_S: Final = 2.0
_PAUSE_S: Final = 0.05
_CLOSING_S: Final = 5.0
_GRACE_S: Final = 2.0
"""How much longer than its time-out a call is waited for."""


class KafkaProducer:
    """The Producer of a real or embedded cluster.

    A call is repeated for `timeout_s` while its error passes. It must not exceed librdkafka's
    `socket.timeout.ms`: what became of a slower commit cannot be known, which counts as fenced.
    Once `should_stop` says so, a call is given up after a few seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        transactional_id: str,
        should_stop: Condition = never,
        *,
        timeout_s: float = 30.0,
    ) -> None:
        self.epoch = str(uuid.uuid4())
        self._should_stop = should_stop
        self._timeout_s = timeout_s
        self._is_embedded = cluster.is_embedded
        self._refusals = Refusals(cluster.logger)
        settings = producer_settings(cluster, transactional_id)
        self._client = made(Client, settings | {"error_cb": self._refusals.note})
        self._is_open = self._is_kept = False
        self._append_ms: int | None = None
        self._undeliverable: StreamMonitorError | None = None
        self._plain: tuple[KafkaConsumer, Mapping[TopicPartition, Committed]] | None = None

    def init_transactions(self) -> None:
        """As Producer.init_transactions; raises StreamMonitorError for missing rights."""
        self._call("init transactions", self._client.init_transactions)
        self._refusals.answered()

    def begin(self) -> None:
        """As Producer.begin."""
        self._call("begin a transaction", lambda _: self._client.begin_transaction())
        self._is_open = True
        self._append_ms = self._undeliverable = self._plain = None

    def produce(self, record: Outgoing) -> None:
        """As Producer.produce; waits while librdkafka's queue is full."""
        patience = self._patience()
        while True:
            try:
                self._client.produce(
                    record.topic,
                    record.value,
                    record.key,
                    -1 if record.partition is None else record.partition,
                    headers=list(record.headers),
                    on_delivery=self._delivered,
                )
                return
            except BufferError as error:
                if patience.left_s() <= 0:
                    raise TransactionAborted("the brokers take no more records") from error
                self._serve(f"write to {record.topic}")
            except KafkaException as exception:
                raise self._meaning(f"write to {record.topic}", error_of(exception)) from exception

    def send_offsets(self, offsets: Mapping[TopicPartition, Committed], consumer: Consumer) -> None:
        """As Producer.send_offsets, for a KafkaConsumer."""
        if not isinstance(consumer, KafkaConsumer):
            raise StreamMonitorError("a Kafka transaction takes the offsets of a Kafka consumer")
        positions = [position(at, to) for at, to in offsets.items()]
        metadata = consumer.group_metadata()
        patience = self._patience()
        self._call(
            "send offsets",
            lambda timeout_s: self._answered(
                lambda: self._client.send_offsets_to_transaction(positions, metadata, timeout_s),
                patience,
            ),
            patience,
        )
        if self._is_embedded:
            self._plain = consumer, offsets

    def commit(self) -> int | None:
        """As Producer.commit; a commit that stays unanswered is ProducerFenced."""
        self._call("commit", self._client.commit_transaction)
        self._is_open = False
        if self._plain is not None:
            consumer, offsets = self._plain
            consumer.commit_plainly(offsets)
        return None if self._is_embedded else self._append_ms  # The mock's append time is invented.

    def abort(self) -> None:
        """As Producer.abort."""
        self.flush()
        self._call("abort", self._client.abort_transaction)
        self._is_open = False

    def flush(self) -> None:
        """Waits until everything produced has reached the brokers, or cannot."""
        with suppress(KafkaException):
            self._client.flush(self._timeout_s)

    def close(self) -> None:
        """As Producer.close; tries to abort an open transaction, so that readers need not wait."""
        if self._is_kept:
            return
        if self._is_open:
            with suppress(KafkaException):
                self._client.abort_transaction(_CLOSING_S)
        self._is_open = False
        self._client.purge()

    def _answered(self, call: Callable[[], None], patience: Patience) -> None:
        """Waits for a call in a thread of its own: librdkafka may keep it for long, whatever its time-out.

        A producer that is kept can only be left behind, which costs a restored state: while the service
        goes on, nearly every call is answered in the end.
        """
        answers: SimpleQueue[Exception | None] = SimpleQueue()

        def work() -> None:
            try:
                call()
                answers.put(None)
            except Exception as error:
                answers.put(error)

        threading.Thread(target=work, name="send-offsets", daemon=True).start()
        while True:
            try:
                error = answers.get(timeout=_PAUSE_S)
                break
            except Empty:
                if patience.left_s() <= -_GRACE_S:
                    self._is_kept = True
                    raise ProducerFenced("cannot send offsets: the call does not return") from None
        if error is not None:
            raise error

    def _call(
        self, action: str, call: Callable[[float], object], patience: Patience | None = None
    ) -> None:
        patience = patience or self._patience()
        while True:
            try:
                call(max(_PAUSE_S, min(_SLICE_S, patience.left_s())))
                return
            except KafkaException as exception:
                error = error_of(exception)
                if not is_passing(error) or patience.left_s() <= 0:
                    raise self._meaning(action, error) from exception
            self._serve(action)

    def _patience(self) -> Patience:
        return Patience(self._timeout_s, self._should_stop)

    def _serve(self, action: str) -> None:
        """Lets librdkafka deliver its reports for a moment."""
        try:
            self._client.poll(_PAUSE_S)
        except KafkaException as exception:
            raise self._meaning(action, error_of(exception)) from exception
        self._refusals.check(action)

    def _meaning(self, action: str, error: KafkaError) -> StreamMonitorError:
        """What the caller has to do about an error that will not pass."""
        named = failed(action, error)
        if self._undeliverable is not None:
            return self._undeliverable
        if refusal(error) or error.code() in _HOPELESS:
            return StreamMonitorError(named)
        if error.fatal() or error.code() in _FENCED or is_passing(error):
            return ProducerFenced(named)
        if error.txn_requires_abort() or error.code() == KafkaError._STATE:
            return TransactionAborted(named)
        return StreamMonitorError(named)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            kind, time_ms = message.timestamp()
            if kind == TIMESTAMP_LOG_APPEND_TIME:
                self._append_ms = max(time_ms, self._append_ms or 0)
        elif refusal(error) or error.code() in _HOPELESS:
            self._undeliverable = StreamMonitorError(failed(f"write to {message.topic()}", error))
