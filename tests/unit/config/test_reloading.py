from __future__ import annotations

from pathlib import Path

import pytest

from stream_monitor.config.loading import load_config
from stream_monitor.config.reloading import LOOK_S, ModelFiles

T0 = 36_000.0 + 600.0
"""Ten minutes into an hour."""


class Clock:
    now_s = T0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "monitor.yaml").write_text("calendar: calendar.yaml\n")
    (tmp_path / "calendar.yaml").write_text("{}\n")
    (tmp_path / "models" / "loans.yaml").write_text("pane: 1h\nfeatures: {amount: numeric}\n")
    return tmp_path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(folder: Path, clock: Clock) -> ModelFiles:
    path = folder / "monitor.yaml"
    return ModelFiles(load_config(path, {}), path, {}, clock)


def later(files: ModelFiles, clock: Clock, seconds: float = LOOK_S) -> list[str] | None:
    """The models that take effect after a time; None if nothing changes."""
    clock.now_s += seconds
    files.look()
    found = files.due()
    return None if found is None else [model.name for model in found.models]


def write(folder: Path, name: str, text: str) -> None:
    (folder / "models" / f"{name}.yaml").write_text(text)


def test_a_new_model_takes_effect_when_the_pane_under_way_ends(
    files: ModelFiles, folder: Path, clock: Clock
) -> None:
    write(folder, "fraud", "pane: 30m\nfeatures: {amount: numeric}\n")
    assert later(files, clock) is None
    assert later(files, clock, T0 + 1_195 - clock.now_s) is None
    assert later(files, clock, 5.0) == ["fraud", "loans"]
    assert later(files, clock) is None, "it takes effect once"


def test_the_longer_pane_of_a_changed_model_counts(
    files: ModelFiles, folder: Path, clock: Clock
) -> None:
    write(folder, "loans", "pane: 5m\nfeatures: {amount: numeric, age: numeric}\n")
    assert later(files, clock) is None
    assert later(files, clock, 300.0) == ["loans"]


def test_in_history_a_change_takes_effect_at_once(folder: Path, clock: Clock) -> None:
    path = folder / "monitor.yaml"
    path.write_text("time: history\n")
    files = ModelFiles(load_config(path, {}), path, {}, clock)
    write(folder, "fraud", "features: {amount: numeric}\n")
    assert later(files, clock, LOOK_S - 1) is None, "files are not looked at all the time"
    assert later(files, clock, 1.0) == ["fraud", "loans"]


def test_a_broken_file_is_refused_and_what_it_said_before_stays(
    files: ModelFiles, folder: Path, clock: Clock
) -> None:
    write(folder, "loans", "features: {amount: numerical}\n")
    write(folder, "fraud", "features: {amount: numeric}\n")
    write(folder, "prices", "[1, 2")
    clock.now_s += LOOK_S
    files.look()
    assert {Path(p.source).stem for p in files.refused} == {"loans", "prices"}
    assert later(files, clock, 3_600.0) == ["fraud", "loans"]
    assert list(files.installation.model("loans").features) == ["amount"]
    write(folder, "loans", "features: {age: numeric}\n")
    (folder / "models" / "prices.yaml").unlink()
    later(files, clock)
    assert files.refused == ()
    assert later(files, clock, 3_600.0) == ["fraud", "loans"]
    assert list(files.installation.model("loans").features) == ["age"]


def test_a_model_without_a_file_is_gone(files: ModelFiles, folder: Path, clock: Clock) -> None:
    (folder / "models" / "loans.yaml").unlink()
    later(files, clock)
    assert later(files, clock, 3_600.0) == []


def test_two_files_cannot_describe_one_model(files: ModelFiles, folder: Path, clock: Clock) -> None:
    write(folder, "other", "name: loans\nfeatures: {age: numeric}\n")
    assert later(files, clock, 7_200.0) is None
    assert "describes loans already" in str(files.refused[0])


def test_what_says_the_same_changes_nothing(files: ModelFiles, folder: Path, clock: Clock) -> None:
    write(folder, "loans", "# a comment\npane: 1h\nfeatures: {amount: numeric}\n")
    assert later(files, clock, 7_200.0) is None


def test_a_changed_calendar_takes_effect(files: ModelFiles, folder: Path, clock: Clock) -> None:
    (folder / "calendar.yaml").write_text("holidays: [{country: US}]\n")
    assert later(files, clock) == ["loans"]
    (folder / "calendar.yaml").write_text("holidays: [{country: Atlantis}]\n")
    assert later(files, clock) is None
    assert files.refused
