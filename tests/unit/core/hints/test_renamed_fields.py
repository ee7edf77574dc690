"""A missing feature and a new field: renamed, if the shares are alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from stream_monitor.core.columns import MISSING
from stream_monitor.core.hints.causes import hints_of
from stream_monitor.core.hints.feature_evidence import NumericEvidence
from stream_monitor.core.hints.hint import HintKind
from stream_monitor.core.hints.renamed_field import renamed_field_hint
from stream_monitor.core.profile.unknown_fields import FieldsSummary
from tests.unit.core.hints.faults import NUMERIC, Rows, numeric

RNG = np.random.default_rng(5)
REFERENCE, WINDOW = NUMERIC["normal"](RNG, 5_000), NUMERIC["normal"](RNG, 1_000)
NOTHING = FieldsSummary(300, 0, 0, {})


def fields(names: Mapping[str, int], looked: int = 60) -> FieldsSummary:
    rows = max(names.values(), default=0)
    return FieldsSummary(looked, rows, sum(names.values()), names)


def lacking(
    share: float, after: FieldsSummary | None, before: FieldsSummary | None = NOTHING
) -> NumericEvidence:
    gone = np.arange(len(WINDOW)) < share * len(WINDOW)
    evidence = numeric(REFERENCE, Rows.of(WINDOW).with_state(gone, MISSING), "dep_delay")
    return replace(evidence, fields=(before, after))


def test_a_field_that_all_rows_carry_since_the_feature_is_gone() -> None:
    hints = hints_of(lacking(1.0, fields({"dep_delay_min": 60})))
    assert [hint.kind for hint in hints] == [HintKind.RENAMED_FIELD]
    assert hints[0].text == (
        "the field is absent from 100 % of the rows and they carry a new field 'dep_delay_min'; "
        "probably renamed"
    )


def test_some_producers_renamed_it() -> None:
    hint = renamed_field_hint(lacking(0.3, fields({"delay": 20})))
    assert hint is not None
    assert hint.text == (
        "the field is absent from 30 % of the rows and 33 % carry a new field 'delay'; "
        "probably renamed by some of those who send it"
    )


def test_of_several_new_fields_the_likest_is_named_and_less_sure() -> None:
    evidence = lacking(1.0, fields({"gate": 60, "departure_delay": 60, "crew": 60}))
    kinds = [hint.kind for hint in hints_of(evidence)]
    assert kinds == [HintKind.VANISHED_FIELD, HintKind.RENAMED_FIELD]
    assert "'departure_delay' (or 2 more that would do)" in hints_of(evidence)[1].text


def test_a_reference_that_was_not_looked_at_makes_it_unknown_rather_than_new() -> None:
    hint = renamed_field_hint(lacking(1.0, fields({"delay": 60}), None))
    assert hint is not None
    assert "they carry an unknown field 'delay'" in hint.text
    assert hint.confidence < 0.9
    assert renamed_field_hint(lacking(1.0, fields({"delay": 60, "gate": 60}), None)) is None


@pytest.mark.parametrize(
    "evidence",
    [
        lacking(1.0, None),
        lacking(1.0, fields({})),
        lacking(1.0, fields({"delay": 2}, looked=2)),
        lacking(1.0, fields({"delay": 30})),
        lacking(0.3, fields({"delay": 60})),
        lacking(1.0, fields({"delay": 60}), fields({"delay": 200}, looked=200)),
        lacking(0.0, fields({"delay": 60})),
    ],
)
def test_fields_of_other_shares_or_that_were_always_there_are_no_hint(
    evidence: NumericEvidence,
) -> None:
    assert renamed_field_hint(evidence) is None
