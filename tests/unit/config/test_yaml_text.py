from __future__ import annotations

from typing import Any

import pytest

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.units import parse_size
from stream_monitor.config.yaml_text import parse_yaml
from stream_monitor.core.errors import InvalidSpecification


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("y", "y"), ("true", True), ("false", False),
        ("null", None), ("~", None), ("", None), ("2013-01-01", "2013-01-01"), ("1:30", "1:30"),
        ("0", 0), ("-7", -7), ("010", "010"), ("0x10", "0x10"), ("1_000", "1_000"), ("1.5", 1.5),
        ("1e-3", 1e-3), (".5", 0.5), (".nan", ".nan"), ("'5'", "5"), ("1.2.3", "1.2.3"),
        ("[a, no]", ["a", "no"]), ("{no: 1}", {"no": 1}),
    ],
)  # fmt: skip
def test_plain_values_are_what_they_look_like(text: str, value: Any) -> None:
    assert parse_yaml(f"key: {text}", "f") == {"key": value}


def test_empty_file_is_an_empty_mapping() -> None:
    assert parse_yaml("# nothing\n", "f") == {}


def test_nested_key_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="f: b is given twice, again on line 3"):
        parse_yaml("a:\n  b: 1\n  b: 2\n", "f")


def test_merge_keys_may_be_overridden() -> None:
    parsed = parse_yaml("a: &a {k: 1, n: 2}\nb:\n  <<: *a\n  n: 3\n", "f")
    assert parsed["b"] == {"k": 1, "n": 3}


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("0", 0), ("1024", 1024), ("500kB", 500_000), ("16 MB", 16_000_000), ("1GiB", 2**30),
     ("2mib", 2**21), ("3b", 3), ("1TB", 10**12)],
)  # fmt: skip
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "MB", "1.5MB", "-1MB", "1 XB", "1MBs"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidSpecification, match=r"is not a size: write e\.g\. 500kB"):
        parse_size(text)
