"""Segments are bounded: a reference fixes the values that are counted apart, the others are `other`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from stream_monitor.core.binning import Binning, binning_from_json, binning_to_json
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.references import build_reference
from tests.unit.core.builders import events
from tests.unit.core.one_model import SPEC


def test_the_most_frequent_values_are_kept_and_the_rest_is_one_segment() -> None:
    found = events([60 * i for i in range(60)])
    origins = ["a"] * 30 + ["b"] * 20 + ["c"] * 6 + ["d"] * 4
    found = replace(found, segments=(pa.array(origins).dictionary_encode(),))
    spec = replace(SPEC, segment_keys=("origin",), max_segments=2)
    reference = build_reference(spec, [found], "1")
    binning = reference.layout.binning
    assert binning.segments == (("origin", ("a", "b")),)
    assert binning_from_json(binning_to_json(binning)) == binning
    counts = {name: held.total.profile.events for name, held in reference.segments.items()}
    assert counts == {"all": 60, "origin=a": 30, "origin=b": 20, "origin=other": 10}


def test_a_flood_of_values_takes_one_segment() -> None:
    n = 5_000
    found = events(list(range(n)))
    flood = pa.array([f"value-{i}" for i in range(n)]).dictionary_encode()
    found = replace(found, segments=(flood,))
    counter = ProfileCounter("flights", ("origin",), 100_000)
    counter.count(found, Layout(Binning(SPEC.schema)))
    segments = {delta.key.segment: delta.profile.events for delta in counter.drain()}
    assert segments == {"all": n, "origin=other": n}
    assert np.sum(list(segments.values())) == 2 * n
