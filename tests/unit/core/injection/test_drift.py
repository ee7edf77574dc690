"""A drift in a table: the columns asked for change after the start, and nothing else does."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.injection.drift import DEFAULT_SIZES, DriftKind, Injection, inject

N = 2_000
TIMES = np.arange(N, dtype=np.int64)
START = N // 2
GROUPS = TIMES // 100
RNG = np.random.default_rng(1)
TABLE = pa.table(
    {
        "id": [f"p{i}" for i in range(N)],
        "amount": RNG.normal(5, 2, N),
        "count": pa.array(RNG.poisson(20, N), pa.int32(), mask=RNG.random(N) < 0.1),
        "carrier": pa.array(RNG.choice(["UA", "AA"], N)).dictionary_encode(),
        "label": RNG.choice(["late", "on_time"], N),
    }
)
COLUMNS = {
    DriftKind.SHARE: "carrier", DriftKind.NEW_CATEGORY: "carrier", DriftKind.LABEL: "label",
    DriftKind.CONCEPT: "label",
}  # fmt: skip


def injection(kind: DriftKind, column: str | None = None, **changed: Any) -> Injection:
    values = {"size": DEFAULT_SIZES[kind], "category": "late" if kind is DriftKind.LABEL else None}
    columns = (column or COLUMNS.get(kind, "amount"),)
    return Injection(kind, columns=columns, start_us=START, kept=("id",), **{**values, **changed})


@pytest.mark.parametrize("kind", list(DriftKind))
def test_only_the_asked_columns_change_and_only_after_the_start(kind: DriftKind) -> None:
    wanted = injection(kind)
    drifted = inject(TABLE, wanted, TIMES, GROUPS, seed=0)
    assert drifted.column_names == TABLE.column_names
    assert drifted.num_rows == N
    assert drifted["id"] == TABLE["id"]
    changed = [
        name for name in TABLE.column_names if drifted[name].to_pylist() != TABLE[name].to_pylist()
    ]
    rest = {"amount", "count", "carrier", "label"} if kind is DriftKind.LABEL else set()
    assert set(wanted.columns) <= set(changed) <= {*wanted.columns, *rest}
    for name in TABLE.column_names:
        assert drifted[name][:START].to_pylist() == TABLE[name][:START].to_pylist()


@pytest.mark.parametrize("kind", list(DriftKind))
def test_the_same_seed_gives_the_same_table(kind: DriftKind) -> None:
    wanted = injection(kind)
    one, other = (inject(TABLE, wanted, TIMES, GROUPS, seed=7) for _ in range(2))
    assert one == other


def test_whole_numbers_stay_whole_and_their_mean_is_right() -> None:
    drifted = inject(TABLE, injection(DriftKind.MEAN, "count", size=0.1), TIMES, GROUPS, seed=0)
    before, after = (np.array(t["count"][START:].drop_null()) for t in (TABLE, drifted))
    assert pa.types.is_integer(drifted["count"].type)
    sd = np.array(TABLE["count"][:START].drop_null()).std()
    assert (after - before).mean() == pytest.approx(0.1 * sd, abs=0.05)
    assert drifted["count"].is_null() == TABLE["count"].is_null()


def test_missing_drift_takes_any_column() -> None:
    for name in ("amount", "count", "carrier"):
        drifted = inject(TABLE, injection(DriftKind.MISSING, name), TIMES, GROUPS, seed=0)
        assert drifted[name].null_count > TABLE[name].null_count


def test_a_gradual_drift_grows() -> None:
    ramp = injection(DriftKind.MISSING, size=1.0, ramp_us=N // 2)
    lost = np.asarray(inject(TABLE, ramp, TIMES, GROUPS, seed=0)["amount"].is_null())
    thirds = [part.mean() for part in np.array_split(lost[START:], 3)]
    np.testing.assert_allclose(thirds, [1 / 6, 1 / 2, 5 / 6], atol=0.1)


def test_texts_have_no_mean() -> None:
    with pytest.raises(InvalidSpecification, match="column carrier holds none"):
        inject(TABLE, injection(DriftKind.MEAN, "carrier"), TIMES, GROUPS, seed=0)


@pytest.mark.parametrize(
    ("kind", "size"),
    [(DriftKind.MISSING, 1.5), (DriftKind.SPREAD, -1.0), (DriftKind.MEAN, float("nan"))],
)
def test_sizes_that_mean_nothing_are_refused(kind: DriftKind, size: float) -> None:
    with pytest.raises(InvalidSpecification, match="size"):
        injection(kind, size=size)


def test_label_drift_without_a_class_is_refused() -> None:
    wanted = injection(DriftKind.LABEL, category=None)
    with pytest.raises(InvalidSpecification, match="name one"):
        inject(TABLE, wanted, TIMES, GROUPS, seed=0)
