from dataclasses import replace

import numpy as np
import pytest

from stream_monitor.core.hints.hint import HintKind
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.published import to_json
from stream_monitor.core.results import DriftEvent, FeatureResult
from tests.unit.core.builders import HOUR_S, deltas, events
from tests.unit.core.one_model import ONE_HOUR, close, windows
from tests.unit.core.streams import ORIGINS, SPEC, T0, catalogue

SEGMENTED = replace(
    ONE_HOUR, segment_keys=SPEC.segment_keys, references=(ReferenceKind.VALIDATION,)
)
LAYOUT = catalogue().layout_for(SEGMENTED, "1")
N = 600


def judged(amount: np.ndarray, carrier: list[str | None], origin: list[str]) -> list[FeatureResult]:
    """The results of `all` of one hour."""
    model = ModelState(SEGMENTED, "app", catalogue())
    for delta in deltas(SEGMENTED, LAYOUT, events([T0] * N, amount, carrier, segment=origin)):
        model.add(delta)
    outputs = close(model, 0)
    for event in outputs:
        if isinstance(event, DriftEvent) and event.key.segment == "all":
            shown = to_json(event, "flights")["carried_by"]
            assert [c["segment"] for c in shown] == [c.segment for c in event.result.carriers]
    return [r for w in windows(outputs) if w.key.segment == "all" for r in w.features]


def carriers(results: list[FeatureResult], feature: str) -> list[str]:
    return [c.segment for r in results if r.feature == feature for c in r.carriers]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def test_the_segment_that_drifts_is_named(rng: np.random.Generator) -> None:
    origin = rng.choice(ORIGINS, N)
    amount = rng.normal(0, 1, N) + 3.0 * (origin == "JFK")
    carrier = rng.choice(["UA", "AA", "B6"], N)
    carrier[origin == "LGA"] = np.where(rng.random((origin == "LGA").sum()) < 0.5, "new", "UA")
    found = judged(amount, carrier.tolist(), origin.tolist())
    assert carriers(found, "amount") == ["origin=JFK"]
    assert carriers(found, "carrier") == ["origin=LGA"]


def test_missing_values_of_one_segment_are_its(rng: np.random.Generator) -> None:
    origin = rng.choice(ORIGINS, N)
    amount = np.where((origin == "JFK") & (rng.random(N) < 0.3), np.nan, rng.normal(0, 1, N))
    found = judged(amount, rng.choice(["UA", "AA", "B6"], N).tolist(), origin.tolist())
    assert carriers(found, "amount") == ["origin=JFK"]


def test_a_segment_of_little_traffic_is_put_into_words_below_the_cause(
    rng: np.random.Generator,
) -> None:
    origin = np.where(np.arange(N) % 5 == 0, "JFK", "LGA")
    amount = np.where(origin == "JFK", np.nan, rng.normal(0, 1, N))
    found = judged(amount, rng.choice(["UA", "AA", "B6"], N).tolist(), origin.tolist())
    (result,) = (r for r in found if r.feature == "amount")
    assert [hint.kind for hint in result.hints] == [HintKind.MISSING_BURST, HintKind.CONCENTRATED]
    assert result.cause == "missing_burst"
    assert result.hints[1].text == (
        "100 % of the change goes away without origin=JFK, which sends 20 % of the events"
    )


def test_a_drift_that_is_everywhere_is_no_segment_s(rng: np.random.Generator) -> None:
    for share in (0.5, 0.95):
        origin = np.where(rng.random(N) < share, "JFK", "LGA")
        amount, carrier = rng.normal(2, 1, N), rng.choice(["UA", "AA", "B6"], N)
        found = judged(amount, carrier.tolist(), origin.tolist())
        assert found[0].state == "drift"
        assert carriers(found, "amount") == []


def test_what_is_quiet_is_not_drilled_into(rng: np.random.Generator) -> None:
    origin = rng.choice(ORIGINS, N).tolist()
    found = judged(rng.normal(0, 1, N), rng.choice(["UA", "AA", "B6"], N).tolist(), origin)
    assert [r.carriers for r in found] == [()] * len(found)
    assert HOUR_S == 3_600
