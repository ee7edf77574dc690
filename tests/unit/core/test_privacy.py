"""Hashed and dropped categories: no value is left, and every way in counts alike."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.binning import binning_from_json, binning_to_json
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.evidence import NAMED_FROM, category_bins
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.privacy import PRESENT_VALUE, Mask, Privacy, digest, masked
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.reference_records import encode_reference
from stream_monitor.core.references import build_reference
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.tables import ColumnMapping, read_rows
from stream_monitor.core.windows import WindowSize
from stream_monitor.core.wire import encode_delta
from tests.unit.core.builders import records

SALT = "a salt of some length"
HASH, DROP = Mask(Privacy.HASH, SALT), Mask(Privacy.DROP)
NAMES = ["ada.canary@example.org", "bob.canary@example.org", "ada.canary@example.org"]


def model(mask: Mask) -> ModelSpec:
    feature = Feature("customer", FeatureKind.CATEGORICAL, mask.form)
    return ModelSpec(
        "shop", Schema((feature,)), pane_s=3600, windows=(WindowSize(86_400),),
        masks={"customer": mask},
    )  # fmt: skip


def events(values: list[Any], mask: Mask) -> InferenceColumns:
    raw: list[bytes | None] = [
        json.dumps(
            {"prediction_id": str(i), "model": "shop", "timestamp": 1_700_000_000 + 60 * i,
             "features": {"customer": value}}
        ).encode()
        for i, value in enumerate(values)
    ]  # fmt: skip
    decoded = InferenceDecoder({"shop": model(mask)}, 10_000, 300_000).decode(records(raw))
    (columns,) = decoded.columns
    return columns


def test_a_digest_is_stable_and_depends_on_the_salt() -> None:
    assert digest("ada", SALT) == digest("ada", SALT) == "582cbd5d4c017865"
    assert digest("ada", SALT) != digest("ada", SALT + "!") != digest("bob", SALT + "!")
    assert len(digest("", "")) == 16


def test_values_are_hashed_before_anything_counts_them() -> None:
    columns = events([*NAMES, None, {"a": 1}], HASH)
    expected = [*(digest(name, SALT) for name in NAMES), None, None]
    assert columns.categorical[0].to_pylist() == expected
    assert columns.categorical_state[0].tolist() == [0, 0, 0, 1, 2]


def test_of_a_dropped_feature_only_presence_is_left() -> None:
    columns = events([*NAMES, None, [1]], DROP)
    assert columns.categorical[0].to_pylist() == [PRESENT_VALUE] * 3 + [None, None]
    assert columns.categorical_state[0].tolist() == [0, 0, 0, 1, 2]


@pytest.mark.parametrize("mask", [HASH, DROP])
@pytest.mark.parametrize("values", [[], [None, None], ["x"] * 3 + [None]])
def test_masks_take_empty_and_null_columns(mask: Mask, values: list[str | None]) -> None:
    column = pa.array(values, pa.string()).dictionary_encode()
    (found,) = masked([column], ["customer"], {"customer": mask})
    assert found.is_valid().to_pylist() == column.is_valid().to_pylist()
    assert found.type == column.type


def test_what_is_kept_is_the_very_same_column() -> None:
    column = pa.array(NAMES).dictionary_encode()
    assert masked([column], ["a"], {"b": HASH})[0] is column
    assert Mask(Privacy.KEEP).apply(column) is column


@pytest.mark.parametrize("mask", [HASH, DROP])
def test_tables_and_events_count_alike(mask: Mask) -> None:
    table = pa.table(
        {
            "timestamp": [1_700_000_000 + 60 * i for i in range(4)],
            "customer": [*NAMES, None],
        }
    )
    rows = read_rows(table, ColumnMapping(), model(mask)).events
    assert (
        rows.categorical[0].to_pylist() == events([*NAMES, None], mask).categorical[0].to_pylist()
    )


@pytest.mark.parametrize("mask", [HASH, DROP])
def test_no_value_is_in_a_reference_or_a_delta(mask: Mask) -> None:
    spec = model(mask)
    columns = events(NAMES * 20, mask)
    reference = build_reference(spec, [columns], "1")
    written = b"".join(value for _, value in encode_reference(reference))
    new = events(["eve.canary@example.org"] * 30, mask)
    counter = ProfileCounter(spec.name, spec.segment_keys, spec.pane_s)
    counter.count(new, reference.layout)
    for delta in counter.drain():
        written += b"".join(encode_delta(delta, "e", 1))
    assert b"canary" not in written
    assert SALT.encode() not in written
    assert (digest("eve.canary@example.org", SALT).encode() in written) is (mask is HASH)


def test_another_form_or_salt_is_another_schema() -> None:
    forms = [Mask(Privacy.KEEP), DROP, HASH, Mask(Privacy.HASH, SALT + "!")]
    assert len({model(mask).schema.schema_id for mask in forms}) == 4
    plain = Schema((Feature("customer", FeatureKind.CATEGORICAL),))
    assert plain.schema_id == model(Mask(Privacy.KEEP)).schema.schema_id


def test_the_form_survives_in_a_binning() -> None:
    reference = build_reference(model(HASH), [events(NAMES * 20, HASH)], "1")
    binning = reference.layout.binning
    assert binning_from_json(binning_to_json(binning)) == binning
    plain = replace(model(HASH), masks={}, schema=model(Mask(Privacy.KEEP)).schema)
    kept = build_reference(plain, [events(NAMES * 20, Mask(Privacy.KEEP))], "1").layout.binning
    assert binning_to_json(kept)["features"] == [["customer", "categorical"]]
    assert Layout(binning).profile_id != Layout(kept).profile_id


def test_salts_are_not_shown() -> None:
    assert SALT not in repr(HASH)
    assert SALT not in repr(model(HASH))
    assert SALT not in HASH.form


def test_rare_and_unknown_categories_are_not_named() -> None:
    few, enough = NAMED_FROM - 1, NAMED_FROM
    counts = [few, enough, few, 500], [few, 0, enough, 900]
    bins = category_bins(("ada", "bob", "eve", "other"), *(np.array(c) for c in counts))
    assert bins.labels == ("bob", "eve", "other")
    total = few + enough + few + 500
    assert bins.reference == pytest.approx((enough / total, few / total, 500 / total))
