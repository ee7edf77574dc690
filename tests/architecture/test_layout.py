"""Rules of the code that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "stream_monitor"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 300
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_modules() -> None:
    assert len(MODULES) > 50


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_is_in_it(path: Path) -> None:
    text = path.read_text().strip()
    docstring = ast.get_docstring(ast.parse(text))
    is_empty = path.name == "__init__.py" and not text
    assert docstring or is_empty, (
        "begin the module with one to four lines: what is here, where the neighbour is"
    )


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_outgrows_its_reader(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines < MAX_LINES, f"{lines} lines: split it by idea"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_are_named_by_exact_nouns(path: Path) -> None:
    assert path.stem not in VAGUE


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nothing_is_asserted_at_run_time_and_only_commands_print(path: Path) -> None:
    tree = ast.walk(ast.parse(path.read_text()))
    is_command = path.is_relative_to(PACKAGE / "cli")
    for node in tree:
        assert not isinstance(node, ast.Assert), f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not is_command:
            assert node.func.id != "print", f"line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nothing_is_left_to_do(path: Path) -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [i for i, line in enumerate(path.read_text().splitlines(), 1) if marks.search(line)]
    assert found == []


def test_every_error_of_ours_has_the_one_base() -> None:
    own = re.compile(r"^class ([A-Z]\w*)\((\w*(?:Exception|Error))\)", re.MULTILINE)
    bases = {
        (name(path), error, base)
        for path in MODULES
        for error, base in own.findall(path.read_text())
        if base in {"Exception", "RuntimeError", "ValueError", "KeyError", "OSError"}
    }
    assert bases == {("stream_monitor/core/errors.py", "StreamMonitorError", "Exception")}
