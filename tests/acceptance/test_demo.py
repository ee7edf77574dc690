"""The demo as a visitor runs it: everything in one process, a table on the screen and a page on disk."""

import re
import signal
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.acceptance.installed_command import COMMAND, environment

STORM_DAY = "2013-02-08"
LONGEST_S = 60
LONGEST_GOODBYE_S = 15


class Links(HTMLParser):
    """Whatever a page would load or run from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loaded += [
            value for name, value in attrs
            if name in ("src", "srcset", "href", "data", "xlink:href")
            and value is not None
            and not value.startswith(("#", "data:"))
        ]  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [COMMAND, "demo", "--days", "10", "--report", "picture.html"], cwd=folder,
        env=environment(), capture_output=True, text=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip
    return done, folder / "picture.html"


def test_demo_tells_of_the_storm_within_a_minute(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = demo
    assert done.returncode == 0, done.stderr
    assert re.search(rf"{STORM_DAY}\s+opened\s+dep_delay\s+missing\s+critical", done.stdout)
    assert "Traceback" not in done.stderr


def test_demo_judges_every_feature_on_each_of_its_days(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    rows = re.findall(r"^│ (\S+) +│ (\d+) +│ (\d+) +│", demo[0].stdout, re.MULTILINE)
    assert len(rows) == 15
    assert {windows for _, windows, _ in rows} == {"10"}
    drifting = {feature: int(days) for feature, _, days in rows if days != "0"}
    assert drifting["dep_delay"] == 2
    assert len(drifting) <= 4


def test_demo_says_how_well_the_model_did(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    found = re.search(r"accuracy (0\.\d+) over ([\d,]+) labels", demo[0].stdout)
    assert found is not None
    assert 0.8 < float(found[1]) < 0.95
    assert found[2] == "7,826"


def test_picture_tells_of_the_storm_and_needs_nothing_else(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    page = demo[1].read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert "8 Feb 2013 · blizzard Nemo" in page
    assert (links.loaded, links.scripts) == ([], 0)
    assert "@import" not in page
    assert "url(http" not in page
    assert "05:00–05:00" not in page  # days are New York's


def test_interrupted_demo_ends_soon_and_without_a_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "demo", "--report", "picture.html"], cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "opened" in line:
            break
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=LONGEST_S)
    assert time.monotonic() - began < LONGEST_GOODBYE_S
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert not (tmp_path / "picture.html").exists()
