import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.incidents import IncidentTrack, Moved, Status, Transition, identify
from stream_monitor.core.state_json import track_from_json, track_to_json
from stream_monitor.core.windows import WindowSize

OK: Moved = ()
DRIFT: Moved = ("sliding", "validation")
ONE = WindowSize(60, recover_after=2)
TWO_OF_THREE = WindowSize(60, k=2, n=3, recover_after=1)
LETTERS: dict[str, Moved] = {
    "o": OK, "d": DRIFT, "n": None, "v": ("validation",), "s": ("sliding",), "y": ("year_ago",),
}  # fmt: skip


def follow(
    windows: str, size: WindowSize, track: IncidentTrack | None = None
) -> tuple[IncidentTrack, list[Transition]]:
    """What moved in the windows 0, 60, 120 … as letters."""
    track, found = track or IncidentTrack(), []
    for i, letter in enumerate(windows):
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
    assert said(follow("dnnnno", ONE)[1]) == [(0, "opened", 0)]
    assert said(follow("dnnnoo", ONE)[1])[-1] == (5, "recovered", 0)


def test_a_false_alarm_is_retracted_and_the_next_window_opens_in_its_place() -> None:
    track, _ = follow("odd", ONE)
    track, found = track.observe(60, OK, ONE)
    assert said(found) == [(1, "retracted", 1), (2, "retracted", 1), (2, "opened", 0)]
    track, found = track.observe(60, DRIFT, ONE)
    assert said(found) == [(1, "opened", 2), (2, "ongoing", 2), (2, "retracted", 1)]


def test_a_revised_window_is_said_again_with_its_new_figures() -> None:
    track, _ = follow("odd", ONE)
    again, found = track.observe(120, DRIFT, ONE)
    assert said(found) == [(2, "ongoing", 1)]
    assert again.windows == track.windows


def test_a_late_window_that_drifts_moves_the_opening() -> None:
    track, _ = follow("oodd", ONE)
    _, found = track.observe(60, DRIFT, ONE)
    assert [(*event, t.opened_s // 60) for event, t in zip(said(found), found, strict=True)] == [
        (1, "opened", 0, 1), (2, "ongoing", 0, 1), (2, "retracted", 1, 2),
        (3, "ongoing", 0, 1), (3, "retracted", 1, 2),
    ]  # fmt: skip


def test_references_that_move_together_or_soon_after_are_one_incident() -> None:
    assert {t.references for t in follow("odd", ONE)[1]} == {("sliding", "validation")}
    _, found = follow("vds", ONE)
    assert said(found) == [(0, "opened", 0), (1, "ongoing", 0), (2, "ongoing", 0)]
    assert [t.references for t in found] == [("validation",), *2 * [("sliding", "validation")]]


def test_a_sudden_change_on_top_of_a_lasting_one_is_an_incident_of_its_own() -> None:
    _, found = follow("vvvvdvvv", ONE)
    sudden = [t for t in found if t.references == ("sliding",)]
    assert said(sudden) == [(4, "opened", 0), (6, "recovered", 0)]
    assert {t.opened_s for t in sudden} == {240}
    lasting = [t for t in found if t.references == ("validation",)]
    assert said(lasting) == [(0, "opened", 0), *((i, "ongoing", 0) for i in range(1, 8))]


def test_k_of_n_counts_each_reference_by_itself() -> None:
    assert said(follow("vsvs", TWO_OF_THREE)[1]) == [
        (2, "opened", 0), (3, "recovered", 0), (3, "opened", 0)
    ]  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("odnvsy")), max_size=25),
    st.sampled_from([ONE, TWO_OF_THREE, WindowSize(60, k=2, n=2, recover_after=3)]),
)
@settings(max_examples=80, deadline=None)
def test_what_was_published_last_is_the_fold_of_the_final_verdicts_in_any_order(
    observed: list[tuple[int, str]], size: WindowSize
) -> None:
    track = IncidentTrack()
    published: dict[tuple[int, int], Transition] = {}
    for window, letter in observed:
        track, found = track.observe(60 * window, LETTERS[letter], size)
        for t in found:
            before = published.get((t.window_start_s, t.opened_s))
            assert t.revision == (0 if before is None else before.revision + 1)
            published[t.window_start_s, t.opened_s] = t
    final = dict(observed)
    fresh = IncidentTrack()
    expected: dict[tuple[int, int], tuple[Status, tuple[str, ...]]] = {}
    for window in sorted(final):
        fresh, found = fresh.observe(60 * window, LETTERS[final[window]], size)
        expected |= {(t.window_start_s, t.opened_s): (t.status, t.references) for t in found}
    standing = {
        where: (t.status, t.references)
        for where, t in published.items()
        if t.status is not Status.RETRACTED
    }
    assert standing == expected
    assert track.state(size) == fresh.state(size)


@given(
    st.text(alphabet="odnvsy", max_size=12),
    st.text(alphabet="odnvsy", max_size=12),
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


def test_settling_forgets_all_but_the_last_window() -> None:
    track, _ = follow("ododo", ONE)
    assert len(track.settled(10**9, ONE).windows) == 1
    assert track.settled(0, ONE) is track


def test_ids_tell_their_parts_apart() -> None:
    assert identify("a", "b") == identify("a", "b")
    assert (
        len({identify("a", "b"), identify("ab"), identify("a", "b", ""), identify("b", "a")}) == 4
    )


def test_an_open_incident_keeps_its_first_cause_and_worst_severity() -> None:
    track, _ = IncidentTrack().observe(0, DRIFT, ONE, False, "missing_burst")
    track, _ = track.observe(60, DRIFT, ONE, True, "distribution")
    track, _ = track.observe(120, OK, ONE)
    (incident,) = track.state(ONE).open
    assert (incident.cause, incident.is_critical, incident.quiet) == ("missing_burst", True, 1)
    revised, _ = track.observe(60, DRIFT, ONE, False, "distribution")
    assert not revised.state(ONE).open[0].is_critical
    settled = track.settled(120, ONE)
    assert track_from_json(orjson.loads(orjson.dumps(track_to_json(settled)))) == settled
    assert settled.state(ONE) == track.state(ONE)
