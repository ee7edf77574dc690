"""What is wrong with a configuration, as values; validation.py finds it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stream_monitor.core.errors import StreamMonitorError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it was written (file or `environment`), the key path, what is allowed.

    An empty `path` speaks of the whole source. The message never holds a secret.
    """

    source: str
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.source}: {self.path}" if self.path else self.source
        return f"{place} {self.message}"


class ConfigError(StreamMonitorError):
    """The configuration cannot be used; `problems` holds every mistake that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        if len(lines) > 1:
            lines.insert(0, f"{len(lines)} problems in the configuration")
        super().__init__("\n  ".join(lines))


def key_path(parts: Iterable[str | int]) -> str:
    """The path of a key as people write it.

    >>> key_path(("windows", 1, "size"))
    'windows[1].size'
    """
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """`did you mean …? ` where an allowed word is close, otherwise nothing.

    >>> suggestion("strat", ["instance", "start"])
    'did you mean start? '
    """
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f"did you mean {close[0]}? " if close else ""
