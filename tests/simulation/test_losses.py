"""Source records that retention deletes before they are read: what is left is exact, the rest is told."""

from __future__ import annotations

import pytest

from tests.simulation.decoding import remembered_queries
from tests.simulation.losses import assert_told, run_with_loss

EACH, ALL = 10, 20


@pytest.mark.parametrize("first", range(0, ALL, EACH))
def test_lost_offsets_are_named_and_skipped_and_their_windows_are_not_exact(first: int) -> None:
    with remembered_queries():
        for seed in range(first, first + EACH):
            assert_told(*run_with_loss(seed))
