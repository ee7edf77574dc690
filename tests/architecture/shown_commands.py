"""The command lines that a page shows, and whether the installed command would take them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any, Final

import typer

from stream_monitor.cli.commands import app
from tests.architecture.documents import Page

COMMAND: Final = "stream-monitor"
_SHELLS: Final = ("sh", "bash", "shell", "console")
_OTHER_PROGRAMS: Final = {"helm", "kubectl"}


def shown_commands(page: Page) -> Iterator[list[str]]:
    """The words after `stream-monitor`, of inline code and of shell blocks."""
    for code in page.inline:
        if code.startswith(COMMAND + " "):
            yield _words(code)[1:]
    for text in page.of_language(*_SHELLS):
        for line in text.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|\||[|;]", line):
                yield from _in_shell(_words(part))


def _in_shell(words: list[str]) -> Iterator[list[str]]:
    if words[:1] and words[0] in _OTHER_PROGRAMS:
        words = words[words.index("--") + 1 :] if "--" in words else []
    for i, word in enumerate(words):
        if word == COMMAND or word.endswith("/" + COMMAND):
            yield words[i + 1 :]
            return


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def refusal(words: list[str]) -> str | None:
    """Why the command line does not take the words; None if every command and option is known."""
    command: Any = typer.main.get_command(app)
    path = COMMAND
    for word in words:
        if word.startswith("-"):
            known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
            if word.partition("=")[0] not in known | {"--help"}:
                return f"`{path}` has no option {word}"
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return f"`{path}` has no command {word}"
            command, path = command.commands[word], f"{path} {word}"
        elif not any(p.param_type_name == "argument" for p in command.params) and not _has_value(
            command, words, word
        ):
            return f"`{path}` takes no argument {word}"
    return None


def _has_value(command: Any, words: list[str], word: str) -> bool:
    """Whether a word is the value of the option before it."""
    before = words[words.index(word) - 1]
    options = {name: p for p in command.params for name in p.opts}
    return before in options and not getattr(options[before], "is_flag", False)
