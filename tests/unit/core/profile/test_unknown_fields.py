"""Unknown fields are counted per name, a bounded number of them, whatever the order."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.columns import UnknownFields
from stream_monitor.core.profile.unknown_fields import KEPT_NAMES, UnknownFieldsPart


def counted(rows: Sequence[Sequence[str]]) -> UnknownFieldsPart:
    pairs = [(i, name) for i, names in enumerate(rows) for name in names]
    names = pa.array([name for _, name in pairs], pa.string()).dictionary_encode()
    row = np.array([i for i, _ in pairs], np.int64)
    part = UnknownFieldsPart.empty(None)
    part.update(UnknownFields(np.arange(len(rows)), row, names), np.zeros(len(rows), np.int64))
    return part


def test_rows_and_fields_are_counted_once_each() -> None:
    found = counted([["tax", "tax"], [], ["vat", "tax"]]).summarise()
    assert (found.looked, found.rows, found.carried) == (3, 2, 3)
    assert found.names == {"tax": 2, "vat": 1}
    assert (found.share("tax"), found.share("fee")) == (2 / 3, 0.0)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_what_is_kept_is_counted_exactly_in_any_order(data: st.DataObject) -> None:
    word = st.integers(0, 60).map("field {}".format)
    rows = data.draw(st.lists(st.lists(word, max_size=30, unique=True), min_size=1, max_size=12))
    parts = data.draw(st.permutations([counted([row]) for row in rows]))
    found = reduce(UnknownFieldsPart.merge, parts).summarise()
    assert found.names == {name: sum(name in row for row in rows) for name in found.names}
    distinct = {name for row in rows for name in row}
    assert len(found.names) == min(KEPT_NAMES, len(distinct))
    assert found == counted(rows).summarise()


def test_a_name_that_may_have_been_dropped_has_no_share() -> None:
    found = counted([[f"field {i}" for i in range(100)]]).summarise()
    shares = [found.share(f"field {i}") for i in range(100)]
    assert shares.count(1.0) == KEPT_NAMES
    assert shares.count(None) == 100 - KEPT_NAMES
    assert 0.0 in [found.share(f"another {i}") for i in range(100)]


def test_without_rows_that_were_looked_at_nothing_is_known() -> None:
    assert counted([]).summarise().share("tax") is None
