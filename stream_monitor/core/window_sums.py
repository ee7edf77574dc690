"""Sums of many windows, again and again as they slide: whole days are added up once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from typing import Final

from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.windows import DAY_S, Window

_MOST: Final = 4_096


class WindowSums:
    """Remembers the sums of runs of windows by which objects they are; windows are values, never changed."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, ...], tuple[Sequence[WindowProfile], WindowProfile]]
        self._known = OrderedDict()

    def total(self, windows: Sequence[WindowProfile]) -> WindowProfile:
        """The sum of at least one window of one layout, in order of time."""
        days = [tuple(day) for _, day in groupby(windows, lambda w: w.window.start_s // DAY_S)]
        return self.merged([self.merged(day) for day in days])

    def merged(self, windows: Sequence[WindowProfile]) -> WindowProfile:
        """The same without the days between."""
        if len(windows) == 1:
            return windows[0]
        key = tuple(id(window) for window in windows)
        if key not in self._known:
            span = Window(windows[0].window.start_s, max(w.window.end_s for w in windows))
            profile = reduce(Profile.merge, (window.profile for window in windows))
            self._known[key] = (tuple(windows), WindowProfile(span, profile))
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return self._known[key][1]
