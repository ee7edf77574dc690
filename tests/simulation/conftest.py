"""Services that say nothing while they are simulated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.running import silence


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    with silence():
        yield
