"""The `windows` of a model file."""

from __future__ import annotations

import difflib
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from stream_monitor.config.section import Section, wrong
from stream_monitor.config.units import WindowLength
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.windows import WEEK_S, WindowSize


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        close = difflib.get_close_matches(name, available_timezones(), n=1)
        raise PydanticCustomError(
            "timezone",
            "must be a time zone such as {example}",
            {"example": close[0] if close else "UTC or America/New_York"},
        ) from None
    return name


Timezone = Annotated[str, AfterValidator(_timezone)]
"""A time zone by its name."""


class WindowConfig(Section):
    """A length of windows that is judged; days, weeks and months are calendar ones of the time zone."""

    size: WindowLength
    """Length, in seconds here; in YAML a duration, or calendar months such as 1mo."""
    timezone: Timezone = "UTC"
    """Time zone of the windows' borders."""
    origin: date | None = None
    """A day at whose midnight a window starts; null: a Monday for weeks, the first for months."""
    k: int = Field(default=1, ge=1)
    """An incident opens when k of the last n windows drift."""
    n: int = Field(default=1, ge=1)
    """See k."""
    recover_after: int | None = Field(default=None, ge=1)
    """An incident recovers after this many windows without drift. null: 7, from a week on 1."""
    early: bool = False
    """Also look at a window that is open, whenever a window of the next shorter size has closed."""

    @model_validator(mode="after")
    def _can_run(self) -> WindowConfig:
        if self.k > self.n:
            raise wrong([("k", f"must be at most n, which is {self.n}")])
        try:
            self.window_size()
        except InvalidSpecification as error:
            raise wrong([("origin", f"does not fit: {error}")]) from None
        return self

    def window_size(self) -> WindowSize:
        """The core's value."""
        quiet = self.recover_after or (7 if self.size < WEEK_S else 1)
        return WindowSize(self.size, self.timezone, self.origin, self.k, self.n, quiet, self.early)


DEFAULT_WINDOWS = (
    WindowConfig(size=3_600, k=2, n=3, recover_after=6),
    WindowConfig(size=86_400),
)
