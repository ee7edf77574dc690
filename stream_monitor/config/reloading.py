"""Model files that change while services run: good ones take effect at the next pane, broken ones never."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from stream_monitor.config.calendar import load_calendar
from stream_monitor.config.errors import ConfigError, Problem
from stream_monitor.config.loading import Installation, by_name, load_models, model_files
from stream_monitor.config.model import ModelConfig
from stream_monitor.core.calendar import Calendar

log = structlog.get_logger()

LOOK_S: Final = 10.0
"""The files are looked at this often."""


class ModelFiles:
    """The model files and the calendar behind a running installation.

    `refused` are problems of files that are broken now: what they said before stays in force. The first
    look always reads: files may have changed since the installation was loaded.
    """

    def __init__(
        self, installation: Installation, path: Path | None, environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        root = path.parent if path else Path()
        monitor = installation.monitor
        self.installation = installation
        self.refused: tuple[Problem, ...] = ()
        self._folder = root / monitor.models
        self._calendar = root / monitor.calendar if monitor.calendar else None
        self._environ = environ
        self._clock = clock
        self._looked_s = clock()
        self._digest = b""
        self._models = installation.files
        self._next: tuple[float, Installation] | None = None

    def look(self) -> None:
        """Reads the files again if they changed, at most every LOOK_S."""
        now_s = self._clock()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        try:
            digest = self._read()
            if digest != self._digest:
                self._digest = digest
                self._change(now_s)
        except OSError as error:
            log.warning("model files cannot be read, the old ones stay", error=str(error))

    def due(self) -> Installation | None:
        """The installation that is to take effect now; from then on it is the one in force."""
        if self._next is None or self._clock() < self._next[0]:
            return None
        _, self.installation = self._next
        self._next = None
        return self.installation

    def _change(self, now_s: float) -> None:
        monitor = self.installation.monitor
        self._models, problems = load_models(self._folder, monitor, self._environ, self._models)
        calendar = self.installation.calendar
        if self._calendar:
            try:
                calendar = load_calendar(self._calendar)
            except ConfigError as error:
                problems += error.problems
        self.refused = tuple(problems)
        for problem in problems:
            log.error("a changed file is refused, what it said before stays", problem=str(problem))
        self._plan(by_name(self._models.values()), calendar, now_s)

    def _plan(self, models: tuple[ModelConfig, ...], calendar: Calendar, now_s: float) -> None:
        """Changed models wait for the end of the pane that is under way, unless events are history."""
        changed = replace(self.installation, models=models, calendar=calendar, files=self._models)
        if changed == self.installation:
            self._next = None
            return
        before = {m.name: m for m in self.installation.models}
        moved = [m for m in models if before.pop(m.name, None) != m] + list(before.values())
        is_live = self.installation.monitor.time == "live"
        pane_s = max((m.pane for m in moved), default=1) if is_live else 1
        at_s = -(-now_s // pane_s) * pane_s if is_live else now_s
        self._next = (at_s, changed)
        log.info("models change", models=[m.name for m in moved], in_s=round(at_s - now_s))

    def _read(self) -> bytes:
        """A digest of every file's name and content."""
        found = hashlib.blake2b()
        for file in [*model_files(self._folder), *([self._calendar] if self._calendar else [])]:
            found.update(str(file).encode() + b"\0" + file.read_bytes() + b"\0")
        return found.digest()
