"""What services publish of random streams, segments and late events included, fits the schemas."""

from __future__ import annotations

import numpy as np
import pytest

from tests.schemas import accepted
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.published import events, read
from tests.unit.services.source_stream import Mixture, random_stream
from tests.unit.services.watched import watched


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_every_record_of_a_stream_fits_its_schema(seed: int) -> None:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.send(random_stream(np.random.default_rng(seed), list(watched()), Mixture(poison=0.2)))
    fleet.finish()
    found = accepted([*read(fleet, fleet.config.topics.results), *events(fleet)])
    assert found["window", None, None]
    assert found["performance", None, None]
    assert found["drift", "opened", "numeric"]
