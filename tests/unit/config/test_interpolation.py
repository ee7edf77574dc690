from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream_monitor.config.interpolation import Interpolation

ENVIRON = {"HOST": "kafka", "EMPTY": "", "ZERO": "0", "NESTED": "${HOST}"}


def filled(value: Any, folder: Path = Path()) -> tuple[Any, list[str]]:
    fill = Interpolation("f.yaml", folder, ENVIRON)
    return fill.fill(value), [str(problem) for problem in fill.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain $HOST {HOST}", "plain $HOST {HOST}"),
        ("${HOST}:9092,${HOST}:9093", "kafka:9092,kafka:9093"),
        ("${UNSET:-local}", "local"),
        ("${EMPTY:-local}", "local"),
        ("${EMPTY}", ""),
        ("${UNSET:-}", ""),
        ("${ZERO:-7}", "0"),
        ("${UNSET:-a:-b}", "a:-b"),
        ("$${HOST}", "${HOST}"),
        ("${NESTED}", "${HOST}"),
    ],
)
def test_references_are_filled_in(text: str, expected: str) -> None:
    assert filled(text) == (expected, [])


def test_texts_are_filled_in_at_any_depth_and_other_values_kept() -> None:
    value = {"a": [{"b": "${HOST}"}, 1, None, True], "${HOST}": 2.5}
    assert filled(value)[0] == {"a": [{"b": "kafka"}, 1, None, True], "${HOST}": 2.5}


def test_file_gives_its_text_without_the_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3 cret\n")
    assert filled(f"${{file:{tmp_path}/secret}}") == ("s3 cret", [])
    assert filled("${file:secret}!", tmp_path) == ("s3 cret!", [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${UNSET}", "needs the environment variable UNSET, which is not set: set it, or write"),
        ("${file:/nowhere}", "needs the file /nowhere, which cannot be read: No such file"),
        ("${}", "has a ${ that names nothing: write ${NAME}, ${NAME:-default}, ${file:/path}"),
        ("${HOST", "has a ${ that names nothing"),
        ("${a b}", "has a ${ that names nothing"),
    ],
)
def test_what_cannot_be_filled_in_is_named_by_file_and_key(text: str, message: str) -> None:
    value, problems = filled({"topics": [{"inference": text}]})
    assert value == {"topics": [{"inference": None}]}
    assert problems[0].startswith(f"f.yaml: topics[0].inference {message}")


def test_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert filled("${file:binary}", tmp_path)[1] == [
        "f.yaml needs the file binary, which is not UTF-8 text"
    ]
