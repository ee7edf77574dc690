"""The note beside a committed offset: how it moves, and that it survives as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_monitor.core.source_notes import SourceNote, decode_note

times = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)


@given(times, st.integers(1, 500))
def test_a_note_reads_back_and_its_points_rise(found: list[int], every_us: int) -> None:
    note = SourceNote(3, topic_id="a-topic")
    for i, time_us in enumerate(found):
        note = note.advanced(3 + i, time_us, every_us)
        assert note.newest_us == max(found[: i + 1])
    assert note.points == tuple(sorted(note.points))
    assert len(note.points) <= 16
    assert decode_note(note.encode(), 3 + len(found)) == note
    assert len(note.encode()) < 1_000


@given(times, st.integers(0, 12_000))
def test_begin_moves_only_past_what_has_expired(found: list[int], kept_from_us: int) -> None:
    note = SourceNote(0)
    for i, time_us in enumerate(found):
        note = note.advanced(i + 1, time_us, 100)
    cleared = note.expired(kept_from_us + 50, kept_from_us)
    assert all(time_us < kept_from_us for time_us in found[: cleared.begin])
    assert cleared.expired_us == kept_from_us + 50
    assert all(newest >= kept_from_us for _, newest in cleared.points)


@pytest.mark.parametrize(
    "text", ["", "{", "7", "[1]", '[9,null,null,[],""]', '["x",null,null,[],""]']
)
def test_anything_else_is_no_note(text: str) -> None:
    assert decode_note(text, 5) is None
