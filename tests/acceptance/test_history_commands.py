"""`calibrate` and `simulate` as a person runs them: over a file, to tables, pages and floors."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from stream_monitor.cli.commands import app
from stream_monitor.config.loading import load_config
from tests.unit.services.histories import DAYS, MODEL_YAML, PER_DAY, REFERENCE_DAYS, made

LOUD = (32, 41, 50, 59)
REFERENCE = ("--reference-rows", str(REFERENCE_DAYS * PER_DAY))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and four days that are out of line."""
    (tmp_path / "models").mkdir()
    text = MODEL_YAML.replace("alarms_per_week: 1.0", "alarms_per_week: 0.4")
    (tmp_path / "models" / "orders.yaml").write_text(text)
    (tmp_path / "monitor.yaml").write_text("models: models\n")
    pq.write_table(made(LOUD, 7.0).table, tmp_path / "orders.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False, env={"COLUMNS": "200"})


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


class Page(HTMLParser):
    """The tags of a page, which must be closed in order; nothing may be loaded from elsewhere."""

    VOID = ("meta", "br", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []
        assert not {"script", "link", "img", "iframe"} & set(self.tags)
        assert "http" not in text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes.append(dict(attrs).get("class") or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes.append(dict(attrs).get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_calibrate_writes_floors_with_which_the_next_run_keeps_the_budget(shop: Path) -> None:
    words = ("calibrate", "orders", "orders.parquet", *REFERENCE, "--sizes", "")
    first = run(*words, "--write", "--picture", "floors.html")
    assert first.exit_code == 0
    assert "floors to raise" in first.stdout
    assert "floors written to" in first.stderr
    assert (shop / "models" / "orders.yaml.bak").read_text() == MODEL_YAML.replace("1.0", "0.4")
    page = Page((shop / "floors.html").read_text())
    assert "line before" in page.classes
    assert "line after" in page.classes
    amount = load_config(Path("monitor.yaml"), {}).models[0].features["amount"]
    assert amount.floor is not None
    again = run(*words)
    assert "the budget is kept" in again.stderr


def test_json_of_calibrate_has_a_summary_and_a_line_per_aspect_floor_and_size(shop: Path) -> None:
    done = run("calibrate", "orders", "orders.parquet", *REFERENCE, "--sizes", "1d,1w", "--json")
    found = lines(done)
    summary = found[0]
    assert summary["type"] == "summary"
    assert summary["incidents_per_week"] > summary["alarms_per_week"] == 0.4
    assert summary["with_recommended_floors_per_week"] <= 0.4
    assert summary["weeks"] == pytest.approx((DAYS - REFERENCE_DAYS) / 7)
    assert {row["type"] for row in found} == {"summary", "aspect", "floor", "size"}
    aspects = [row for row in found if row["type"] == "aspect" and row["feature"] == "amount"]
    assert len({(row["reference"], row["aspect"]) for row in aspects}) == len(aspects) == 2 * 6
    assert [row["window"] for row in found if row["type"] == "size"] == ["1d", "7d"]


def test_simulate_compares_sizes_and_draws_the_drift(shop: Path) -> None:
    words = ("simulate", "orders", "orders.parquet", *REFERENCE, "--start", "2024-04-25")
    drift = ("--drift", "mean", "--feature", "amount")
    done = run(*words, *drift, "--size", "0.1,2", "--picture", "drift.html", "--json")
    found = lines(done)
    assert found[0]["start"] == "2024-04-25T00:00:00Z"
    rows = [r for r in found[1:] if (r["feature"], r["reference"]) == ("amount", "validation")]
    assert [row["size"] for row in rows] == [0.1, 2.0]
    assert (rows[1]["delay_windows"], rows[1]["rows"]) == (1, PER_DAY)
    assert rows[1]["first_seen"] == "2024-04-25T00:00:00Z"
    assert "the smallest of these sizes that is seen" in done.stderr
    text = (shop / "drift.html").read_text()
    page = Page(text)
    assert page.classes.count("mark") >= 2
    assert "found" in page.classes
    assert len(re.findall("Shares of amount, on 2[45] Apr 2024", text)) == 4


def test_the_altered_table_can_be_replayed(shop: Path) -> None:
    words = ("simulate", "orders", "orders.parquet", *REFERENCE, "--start", "2024-04-25")
    done = run(*words, "--drift", "missing", "--size", "0.5", "--output", "altered.parquet")
    assert done.exit_code == 0
    altered, before = (pq.read_table(name) for name in ("altered.parquet", "orders.parquet"))
    assert altered.schema.names == before.schema.names
    assert altered.num_rows == before.num_rows
    assert altered["amount"].null_count > 0
    replayed = run("replay", "altered.parquet", *REFERENCE, "--json")
    drifting = [row for row in lines(replayed) if row["deciding"] == "missing"]
    assert min(row["start"] for row in drifting if row["verdict"] == "drift") >= "2024-04-25"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("calibrate", "flights", "orders.parquet"), "model flights is not configured"),
        (("calibrate", "orders", "none.parquet"), "there is no file"),
        (("calibrate", "orders", "orders.parquet", "--since", "2024-01-01"), "of the topics"),
        (("calibrate", "orders", "orders.parquet", "--sizes", "soon"), "is not a duration"),
        (("simulate", "orders", "orders.parquet", "-d", "mean", "--size", "much"), "is no size"),
        (
            (
                "simulate",
                "orders",
                "orders.parquet",
                "-d",
                "mean",
                "--size",
                "1,2",
                "--output",
                "x",
            ),
            "give one --size",
        ),
    ],
)
def test_errors_say_what_to_do(shop: Path, words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code != 0
    assert said in str(done.exception)
    assert sorted(p.name for p in shop.iterdir()) == ["models", "monitor.yaml", "orders.parquet"]
