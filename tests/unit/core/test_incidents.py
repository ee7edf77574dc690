from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.incidents import IncidentTrack, Status, Transition, identify
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import WindowSize

OK, DRIFT = VerdictState.OK, VerdictState.DRIFT
NONE, FEW = VerdictState.NO_REFERENCE, VerdictState.INSUFFICIENT_DATA
ONE = WindowSize(60, recover_after=2)
TWO_OF_THREE = WindowSize(60, k=2, n=3, recover_after=1)
LETTERS = {"o": OK, "d": DRIFT, "n": NONE, "i": FEW}


def follow(
    verdicts: str, size: WindowSize, track: IncidentTrack | None = None
) -> tuple[IncidentTrack, list[Transition]]:
    """Verdicts of the windows 0, 60, 120 … as letters."""
    track, found = track or IncidentTrack(), []
    for i, letter in enumerate(verdicts):
        track, more = track.observe(60 * i, LETTERS[letter], size)
        found += more
    return track, found


def said(transitions: list[Transition]) -> list[tuple[int, str, int]]:
    return [(t.window_start_s // 60, t.status.value, t.revision) for t in transitions]


def test_an_incident_opens_goes_on_and_recovers_after_quiet_windows() -> None:
    _, found = follow("oddodooo", ONE)
    assert said(found) == [
        (1, "opened", 0), (2, "ongoing", 0), (4, "ongoing", 0), (6, "recovered", 0)
    ]  # fmt: skip
    assert {t.opened_s for t in found} == {60}


def test_k_of_n_windows_must_drift() -> None:
    assert said(follow("doodo", TWO_OF_THREE)[1]) == []
    assert said(follow("dod", TWO_OF_THREE)[1]) == [(2, "opened", 0)]
    assert said(follow("ddo", TWO_OF_THREE)[1]) == [(1, "opened", 0), (2, "recovered", 0)]


def test_after_recovery_the_count_begins_anew() -> None:
    assert said(follow("ddod", TWO_OF_THREE)[1])[-1] == (2, "recovered", 0)


def test_windows_that_say_nothing_neither_open_nor_recover() -> None:
    assert said(follow("dinino", ONE)[1]) == [(0, "opened", 0)]
    assert said(follow("dinioo", ONE)[1])[-1] == (5, "recovered", 0)


def test_a_false_alarm_is_retracted_and_the_next_window_opens_in_its_place() -> None:
    track, _ = follow("odd", ONE)
    track, found = track.observe(60, OK, ONE)
    assert said(found) == [(1, "retracted", 1), (2, "opened", 1)]
    track, found = track.observe(60, DRIFT, ONE)
    assert said(found) == [(1, "opened", 2), (2, "ongoing", 2)]


def test_a_revised_window_is_said_again_with_its_new_figures() -> None:
    track, _ = follow("odd", ONE)
    again, found = track.observe(120, DRIFT, ONE)
    assert said(found) == [(2, "ongoing", 1)]
    assert again.verdicts == track.verdicts


def test_a_late_window_that_drifts_moves_the_opening() -> None:
    track, _ = follow("oodd", ONE)
    _, found = track.observe(60, DRIFT, ONE)
    assert said(found) == [(1, "opened", 0), (2, "ongoing", 1), (3, "ongoing", 1)]
    assert {t.opened_s for t in found} == {60}


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("odni")), max_size=25),
    st.sampled_from([ONE, TWO_OF_THREE, WindowSize(60, k=2, n=2, recover_after=3)]),
)
@settings(max_examples=80, deadline=None)
def test_what_was_published_last_is_the_fold_of_the_final_verdicts_in_any_order(
    observed: list[tuple[int, str]], size: WindowSize
) -> None:
    track = IncidentTrack()
    published: dict[int, Transition] = {}
    for window, letter in observed:
        track, found = track.observe(60 * window, LETTERS[letter], size)
        for t in found:
            before = published.get(t.window_start_s)
            assert t.revision == (0 if before is None else before.revision + 1)
            published[t.window_start_s] = t
    final = dict(observed)
    fresh = IncidentTrack()
    expected: dict[int, tuple[Status, int]] = {}
    for window in sorted(final):
        fresh, found = fresh.observe(60 * window, LETTERS[final[window]], size)
        expected |= {t.window_start_s: (t.status, t.opened_s) for t in found}
    standing = {
        start: (t.status, t.opened_s)
        for start, t in published.items()
        if t.status is not Status.RETRACTED
    }
    assert standing == expected
    assert track.state(size) == fresh.state(size)


@given(
    st.text(alphabet="odni", max_size=12),
    st.text(alphabet="odni", max_size=12),
    st.integers(0, 12),
    st.sampled_from([ONE, TWO_OF_THREE]),
)
@settings(max_examples=80, deadline=None)
def test_settling_changes_nothing_that_follows(
    before: str, after: str, settled: int, size: WindowSize
) -> None:
    track, _ = follow(before, size)
    short = track.settled(60 * settled, size)
    assert short.state(size) == track.state(size)
    for i, letter in enumerate(after, len(before)):
        track, found = track.observe(60 * i, LETTERS[letter], size)
        short, same = short.observe(60 * i, LETTERS[letter], size)
        assert found == same
        short = short.settled(60 * min(i - 1, settled + i), size)


def test_settling_forgets_all_but_the_last_verdict() -> None:
    track, _ = follow("ododo", ONE)
    assert len(track.settled(10**9, ONE).verdicts) == 1
    assert track.settled(0, ONE) is track


def test_ids_tell_their_parts_apart() -> None:
    assert identify("a", "b") == identify("a", "b")
    assert (
        len({identify("a", "b"), identify("ab"), identify("a", "b", ""), identify("b", "a")}) == 4
    )
