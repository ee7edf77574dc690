from __future__ import annotations

import pyarrow as pa
import pytest
from river import compose

from stream_monitor.demo import model
from stream_monitor.demo.flights import load


@pytest.fixture(scope="session")
def flights() -> pa.Table:
    return load()


@pytest.fixture(scope="session")
def learned(flights: pa.Table) -> compose.Pipeline:
    return model.learn(model.january(flights))


@pytest.fixture(scope="session")
def predicted(flights: pa.Table, learned: compose.Pipeline) -> pa.Table:
    return model.with_predictions(flights, learned)
