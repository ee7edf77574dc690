"""librdkafka's messages as columns, without a Python object per record."""

from __future__ import annotations

from itertools import compress
from operator import itemgetter

import numpy as np
from confluent_kafka import Message

from stream_monitor.core.records import Records, TopicPartition


def records_by_topic(messages: list[Message[bytes, bytes]]) -> list[Records]:
    """One Records per topic, in the order of first appearance; messages carry no errors."""
    topics = list(map(Message.topic, messages))
    names = dict.fromkeys(topics)
    if len(names) == 1:
        return [_records(str(topics[0]), messages)]
    return [
        _records(str(name), list(compress(messages, [topic == name for topic in topics])))
        for name in names
    ]


def last_offsets(records: Records) -> dict[TopicPartition, int]:
    """The last offset of each partition."""
    ends = np.flatnonzero(np.diff(records.partition, append=-1))
    runs = zip(records.partition[ends].tolist(), records.offset[ends].tolist(), strict=True)
    return {TopicPartition(records.topic, partition): offset for partition, offset in runs}


def _records(topic: str, messages: list[Message[bytes, bytes]]) -> Records:
    count = len(messages)
    timestamps = map(Message.timestamp, messages)
    return Records(
        topic,
        np.fromiter(map(Message.partition, messages), np.int32, count),
        np.fromiter(map(Message.offset, messages), np.int64, count),
        np.fromiter(map(itemgetter(1), timestamps), np.int64, count),
        list(map(Message.key, messages)),
        list(map(Message.value, messages)),
    )
