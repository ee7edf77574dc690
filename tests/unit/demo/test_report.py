from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from stream_monitor.demo.report import render
from stream_monitor.demo.report_incidents import MOST_LISTED
from tests.unit.demo.report_input import Record, events_of, year

NOTES = {"2013-02-08": "blizzard Nemo"}
EVIL = "<script>alert('x')</script>\"&"


@pytest.fixture(scope="module")
def records() -> tuple[list[Record], list[Record]]:
    return year()


@pytest.fixture(scope="module")
def page(records: tuple[list[Record], list[Record]]) -> str:
    return render(*records, "Flights of 2013", NOTES)


class _Page(HTMLParser):
    """Checks that tags close in order; collects tags, attributes and text."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += f" {data} "


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", _Page(page).text)


def _rows_of_incidents(page: str) -> list[str]:
    return re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL)


def test_is_well_formed_and_starts_with_the_doctype(page: str) -> None:
    assert page.startswith("<!DOCTYPE html>")
    assert _Page(page).open == []


def test_is_self_contained_and_small(page: str) -> None:
    parsed = _Page(page)
    assert not {"script", "link", "img", "iframe", "object", "image"} & set(parsed.tags)
    assert not {"src", "href", "xlink:href"} & {name for name, _ in parsed.attributes}
    assert not re.search(r"https?:|//|@import|url\((?!#)", page)
    assert len(page.encode()) < 1_000_000


def test_headline_counts_what_the_records_hold(
    page: str, records: tuple[list[Record], list[Record]]
) -> None:
    windows = [r for r in records[0] if r["type"] == "window"]
    opened = {event["incident"] for event in records[1]}
    text = _text(page)
    assert f"{sum(w['n'] for w in windows):,}" in text
    assert re.search(rf"incidents, \d+ critical {len(opened)}\b", text)
    assert "windows judged 365" in text
    assert "1 Jan 2013 – 31 Dec 2013" in text


def test_every_graphic_says_in_words_what_it_shows(page: str) -> None:
    graphics = re.findall(r'<svg [^>]*role="img"[^>]*>', page)
    assert len(graphics) >= 4
    assert all(re.search(r'aria-label="[^"]{10,}', graphic) for graphic in graphics)


def test_timeline_has_a_row_per_feature_and_runs_of_verdicts(page: str) -> None:
    assert "8 Feb 2013 – 9 Feb 2013: critical against validation (missing)" in page
    assert "no reference against sliding" in page
    assert page.count('<text class="name"') == 14


def test_missing_chart_points_at_the_storm(page: str) -> None:
    assert "51 % · 8 Feb 2013 · blizzard Nemo" in page
    assert "22 % · 23 May 2013" in page


def test_performance_takes_the_last_revision(page: str) -> None:
    text = _text(page)
    assert re.search(r"Accuracy 8\d % F1 7\d %", text)
    assert "Accuracy was lowest on" in text


def test_incidents_say_what_moved_and_until_when(page: str) -> None:
    storm = next(row for row in _rows_of_incidents(page) if "dep_delay" in row)
    assert "8 Feb 2013" in storm
    assert "missing 57 %, moved 56.3 points" in storm
    assert "critical" in storm
    assert "9 Feb 2013" in storm
    assert "open" not in storm


def test_stated_sides_of_a_change_are_shown(
    records: tuple[list[Record], list[Record]],
) -> None:
    results = copy.deepcopy(records[0])
    for feature in (f for r in results for f in r.get("features", ())):
        for aspect in feature["aspects"]:
            if aspect["aspect"] == "missing":
                aspect.update(before=0.012, after=feature["summary"]["missing_share"])
    assert "missing 1.2 % → 57 %" in render(results, events_of(results), "Sides")


@pytest.mark.parametrize("where", ["title", "feature", "model", "label", "note"])
def test_names_are_escaped(records: tuple[list[Record], list[Record]], where: str) -> None:
    results = copy.deepcopy(records[0])
    for record in results:
        record["model"] = EVIL if where == "model" else record["model"]
        for feature in record.get("features", ()):
            if feature["feature"] in ("dep_delay", "temp"):
                feature["feature"] += EVIL if where == "feature" else ""
            if where == "label":
                feature["bins"]["labels"][0] = EVIL
    title = EVIL if where == "title" else "Names"
    notes = {"2013-02-08": EVIL} if where == "note" else {}
    page = render(results, events_of(results), title, notes)
    parsed = _Page(page)
    assert "script" not in parsed.tags
    assert "<script" not in page
    assert parsed.open == []
    assert "&lt;script" in page


def test_nothing_to_report_is_said() -> None:
    page = render([], [], "Nothing yet")
    assert _Page(page).open == []
    assert "No window has been judged yet" in page
    assert "<svg viewBox" not in page


@pytest.mark.parametrize("days", [1, 2, 20, 60])
def test_short_periods_are_drawn(days: int) -> None:
    results, events = year(days=days)
    page = render(results, events, "Short", NOTES)
    assert _Page(page).open == []
    assert "NaN" not in page
    assert page.count('class="tick"') >= 2


def test_windows_without_any_feature_or_label_are_drawn() -> None:
    results, _ = year(days=3)
    for record in results:
        if record["type"] == "window":
            record.update(features=[], n=0)
        else:
            record.update(labels=0, predictions=0, maturity=0.0, metrics={"accuracy": None})
    page = render(results, [], "Quiet")
    assert _Page(page).open == []
    assert "None: no feature moved far enough" in page


def test_a_later_revision_replaces_an_earlier_one() -> None:
    results, _ = year(days=2)
    first = next(r for r in results if r["type"] == "window")
    revised = {**first, "revision": 1, "n": 123_456}
    assert "123,456" not in render(results[:1], [], "Before")
    for order in ([first, revised], [revised, first]):
        assert "123,456" in render(order, [], "After")


def test_a_retracted_incident_is_not_listed(
    records: tuple[list[Record], list[Record]],
) -> None:
    results, events = records
    alone = next(e for e in events if e["feature"] == "dep_delay")
    retracted = {**alone, "status": "retracted", "revision": 1}
    assert len(_rows_of_incidents(render(results, [alone], "Opened"))) == 1
    assert _rows_of_incidents(render(results, [alone, retracted], "Retracted")) == []


def test_an_incident_that_has_not_recovered_is_open(
    records: tuple[list[Record], list[Record]],
) -> None:
    results, events = records
    opened = next(e for e in events if e["status"] == "opened")
    assert "same window, open" in _rows_of_incidents(render(results, [opened], "Open"))[0]


def test_days_are_drawn_where_hours_were_judged_too() -> None:
    results, _ = year(days=3)
    hour = copy.deepcopy(next(r for r in results if r["type"] == "window"))
    hour["window"].update(size="1h", end=hour["window"]["start"].replace("T05", "T06"))
    text = _text(render([hour, *results], [], "Sizes"))
    assert "windows judged 3" in text
    assert "windows of 1d in America/New_York time" in text
    assert "00:00–01:00" in _text(render([hour], [], "Hours"))


def test_models_are_reported_apart() -> None:
    results, events = year(days=60)
    others: list[Record] = [{**r, "model": "fares"} for r in results]
    page = render([*results, *others], events, "Two models")
    assert _text(page).count("When did which feature move?") == 2
    assert "models 2" in _text(page)


def test_many_incidents_are_cut_to_the_most_severe(
    records: tuple[list[Record], list[Record]],
) -> None:
    results, events = records
    many: list[dict[str, Any]] = [
        {**event, "id": f"{event['id']}/{copied}", "incident": f"{event['incident']}/{copied}"}
        for copied in range(5)
        for event in events
    ]
    page = render(results, many, "Many")
    assert len(_rows_of_incidents(page)) == MOST_LISTED
    assert "shorter ones are not listed" in page
    criticals = ["badge critical" in row for row in _rows_of_incidents(page)]
    all_once = [
        "badge critical" in row for row in _rows_of_incidents(render(results, events, "All"))
    ]
    assert sum(criticals) == 5 * sum(all_once) > 0
