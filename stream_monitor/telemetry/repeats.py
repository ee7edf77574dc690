"""Lines that a client repeats without end, as while no broker can be reached."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable
from typing import Final

_NUMBER: Final = re.compile(r"\d+")
_MOST_LINES: Final = 1_000


class RepeatFilter(logging.Filter):
    """Lets a logger say the same once in `every_s` seconds, and adds how often it would have.

    Lines are the same if they differ in numbers only: clients, ports and times are numbers. Others'
    lines, and those of the loggers below, all pass.
    """

    def __init__(
        self, logger: str, every_s: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._logger = logger
        self._every_s = every_s
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """As logging.Filter.filter."""
        if record.name != self._logger:
            return True
        message = record.getMessage()
        line = _NUMBER.sub("#", message)
        now_s = self._clock()
        said_s, unsaid = self._said.get(line, (-math.inf, 0))
        if now_s - said_s < self._every_s:
            self._said[line] = said_s, unsaid + 1
            return False
        if len(self._said) >= _MOST_LINES:
            self._said.clear()
        self._said[line] = now_s, 0
        if unsaid:
            record.msg = f"{message} ({unsaid} more like this)"
            record.args = ()
        return True
