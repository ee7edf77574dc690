"""What the profiler is measured against: consume and parse, nothing else. Run as a process of its own.

`duckdb` joins the bytes of a batch and runs one json_transform into the structure that the profiler reads;
`orjson` parses each event into a dict and throws it away. Neither counts, joins or commits anything.
"""

from __future__ import annotations

import argparse
import gc
import json
from typing import Any

import confluent_kafka
import numpy as np

BATCH = 25_000


def main() -> None:
    """Reads topics from the beginning to their present end."""
    parser = argparse.ArgumentParser()
    for name in ("settings", "topic", "structure", "parse"):
        parser.add_argument(name)
    given = parser.parse_args()
    gc.collect()
    gc.freeze()
    gc.disable()
    parse = _duckdb(given.structure) if given.parse == "duckdb" else _orjson()
    print(_read(json.loads(given.settings), given.topic, parse))


def _read(settings: dict[str, Any], topic: str, parse: Any) -> int:
    consumer = confluent_kafka.Consumer(settings)
    partitions = consumer.list_topics(topic, 30).topics[topic].partitions
    starts = []
    for partition in partitions:
        place = confluent_kafka.TopicPartition(topic, partition)
        place.offset, _ = consumer.get_watermark_offsets(place, 30)
        starts.append(place)
    consumer.assign(starts)
    left, total = set(partitions), 0
    while left:
        values = []
        for message in consumer.consume(BATCH, 0.5):
            error = message.error()
            if error is None:
                values.append(message.value())
            elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                left.discard(message.partition())
        if values:
            parse(values)
            total += len(values)
    consumer.close()
    return total


def _duckdb(structure: str) -> Any:
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect(":memory:", config={"threads": 1})

    def parse(values: list[bytes]) -> None:
        offsets = np.zeros(len(values) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=offsets[1:])
        column = pa.StringArray.from_buffers(
            len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(values))
        )
        connection.register("batch", pa.table({"text": column}))
        connection.sql(f"SELECT json_transform(text, '{structure}') FROM batch").to_arrow_table()

    return parse


def _orjson() -> Any:
    import orjson

    def parse(values: list[bytes]) -> None:
        for value in values:
            orjson.loads(value)

    return parse


if __name__ == "__main__":
    main()
