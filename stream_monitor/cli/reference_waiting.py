"""`reference build --windows`: what is asked for, and what is shown until the windows are there."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self

from rich.progress import TaskID

from stream_monitor.cli.output import note, progress_bar
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.published import rfc3339
from stream_monitor.services.first_windows import Standing, Wanted

_LOOK_S: Final = 10.0
"""How often the topic is looked at."""


def first_of(
    windows: int | None, size: str | None, since: str | None, *, is_waiting: bool
) -> Wanted | None:
    """The windows that the options ask for; None without --windows."""
    if windows is not None:
        return Wanted(windows, size, since)
    if size is not None or is_waiting:
        raise InvalidSpecification("--size and --wait are of --windows: say how many")
    return None


class Waiting:
    """A bar of whole windows on a terminal; elsewhere a line for every change."""

    def __init__(self, model: str) -> None:
        self._progress = progress_bar()
        self._task: TaskID = self._progress.add_task(f"reading the windows of {model}", total=None)
        self._told = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._progress.stop()

    def pause(self, standing: Standing) -> None:
        """Shows how far it is, and waits."""
        due = "" if standing.due_s is None else f", due {rfc3339(standing.due_s)}"
        self._progress.update(
            self._task, description=f"windows of {standing.size}{due}",
            completed=standing.complete, total=standing.wanted,
        )  # fmt: skip
        if self._progress.disable and str(standing) != self._told:
            self._told = str(standing)
            note(self._told)
        time.sleep(_LOOK_S)
