"""Numbers in YAML texts: in place, with everything else as it was."""

from pathlib import Path

import pytest

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.yaml_edits import with_numbers
from stream_monitor.config.yaml_text import parse_yaml

FLIGHTS = Path(__file__).parents[3] / "config" / "models" / "flights.yaml"


@pytest.mark.parametrize(
    ("text", "path", "wanted"),
    [
        ("a:\n  floor: null  # none\n", "a.floor", "a:\n  floor: 0.05  # none\n"),
        ("a:\n  floor:\n  b: 1\n", "a.floor", "a:\n  floor: 0.05\n  b: 1\n"),
        ("a:\n  floor: 0.5 # x\n", "a.floor", "a:\n  floor: 0.05 # x\n"),
        ("a: numeric # x\n", "a.floor", "a: {kind: numeric, floor: 0.05} # x\n"),
        ("a: {kind: numeric}\n", "a.floor", "a: {kind: numeric, floor: 0.05}\n"),
        ("a: {}\n", "a.floor", "a: {floor: 0.05}\n"),
        ("a: true\n", "a.floor", "a: {floor: 0.05}\n"),
        ("a:\nb: 1\n", "a.floor", "a: {floor: 0.05}\nb: 1\n"),
        (
            "a:\n    kind: x # k\n    # y\n",
            "a.floor",
            "a:\n    kind: x # k\n    floor: 0.05\n    # y\n",
        ),
        ("a:\n  kind: x", "a.floor", "a:\n  kind: x\n  floor: 0.05\n"),
        ("a:\n  b:\n    c: 1\n", "a.floor", "a:\n  floor: 0.05\n  b:\n    c: 1\n"),
        ("b: 1\n", "a.floor", "b: 1\na:\n  floor: 0.05\n"),
        ("b: 1", "a.floor", "b: 1\na:\n  floor: 0.05\n"),
        ("a: class\n", "a.score.floor", "a: {kind: class, score: {floor: 0.05}}\n"),
        ("", "a.floor", "a:\n  floor: 0.05\n"),
        ("a:\r\n  floor: 1\r\n", "a.floor", "a:\r\n  floor: 0.05\r\n"),
    ],
)
def test_number_is_written_in_its_place(text: str, path: str, wanted: str) -> None:
    assert with_numbers(text, {tuple(path.split(".")): 0.05}, "m.yaml") == wanted


def test_every_kind_of_floor_of_the_shipped_model_and_no_other_line() -> None:
    text = FLIGHTS.read_text()
    numbers = {
        ("features", "carrier", "floor"): 0.02,
        ("features", "dep_delay", "rate_floor"): 0.011,
        ("prediction", "score", "floor"): 0.2,
        ("outcomes", "label", "performance", "floor"): 0.03,
        ("joint", "floor"): 0.2,
        ("volume", "floor"): 1.5,
    }
    edited = with_numbers(text, numbers, "m.yaml")
    lines = zip(text.splitlines(), edited.splitlines(), strict=True)
    assert sum(before != after for before, after in lines) == len(numbers)
    found = parse_yaml(edited, "m.yaml")
    for path, number in numbers.items():
        value = found
        for key in path:
            value = value[key]
        assert value == number


def test_a_value_that_others_share_is_left_to_people() -> None:
    text = "base: &b {kind: numeric}\na: *b\n"
    with pytest.raises(ConfigError, match=r"set a\.floor by hand"):
        with_numbers(text, {("a", "floor"): 0.05}, "m.yaml")


def test_a_merged_mapping_gets_a_key_of_its_own() -> None:
    text = "base: &b\n  kind: numeric\na:\n  <<: *b\n"
    edited = with_numbers(text, {("a", "floor"): 0.05}, "m.yaml")
    found = parse_yaml(edited, "m.yaml")
    assert found == {"base": {"kind": "numeric"}, "a": {"kind": "numeric", "floor": 0.05}}
