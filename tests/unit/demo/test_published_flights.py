"""What a replay of the demo's flights publishes fits the schemas."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from stream_monitor import ReferencePeriod, replay
from stream_monitor.core.fitting import fitted
from stream_monitor.demo.configuration import demo_model
from tests.schemas import accepted


def test_every_record_of_the_flights_fits_its_schema(predicted: pa.Table) -> None:
    until = datetime(2013, 5, 20, tzinfo=UTC)
    days = predicted.filter(pc.less(predicted["timestamp"], pa.scalar(until)))
    period = ReferencePeriod(since="2013-01-01", until="2013-02-05")
    records = replay(days, demo_model(), period).records
    found = accepted(records)
    for status in ("opened", "ongoing", "recovered"):
        assert found["drift", status, "numeric"]
    for kind in ("categorical", "joint", "outcome"):
        assert found["drift", "opened", kind]
    assert found["window", None, None] > 100
    assert found["performance", None, None] > found["window", None, None]

    windows = [record for record in records if record["type"] == "window"]
    for most in (20_000, 9_000, 4_000):
        cut = [fitted(record, most)[0] for record in windows[-10:]]
        assert all(record["truncated"] for record in cut)
        accepted(cut)
