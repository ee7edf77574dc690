"""The `windows` of a model file."""

from __future__ import annotations

import difflib
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from stream_monitor.config.section import Section, wrong
from stream_monitor.config.units import PositiveDuration
from stream_monitor.core.windows import WindowSize


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
    """A length of windows that is judged; whole days are calendar days of the time zone."""

    size: PositiveDuration
    """Length, in seconds here and a duration in YAML."""
    timezone: Timezone = "UTC"
    """Time zone of the windows' borders."""
    origin: date = date(1970, 1, 1)
    """A day at whose midnight a window starts."""
    k: int = Field(default=1, ge=1)
    """An incident opens when k of the last n windows drift."""
    n: int = Field(default=1, ge=1)
    """See k."""
    recover_after: int = Field(default=7, ge=1)
    """An incident recovers after this many windows without drift."""

    early: bool = False
    """Also look at a window that is open, whenever a window of the next shorter size has closed."""

    @model_validator(mode="after")
    def _k_of_n(self) -> WindowConfig:
        if self.k > self.n:
            raise wrong([("k", f"must be at most n, which is {self.n}")])
        return self

    def window_size(self) -> WindowSize:
        """The core's value."""
        return WindowSize(
            self.size, self.timezone, self.origin, self.k, self.n, self.recover_after, self.early
        )


DEFAULT_WINDOWS = (
    WindowConfig(size=3_600, k=2, n=3, recover_after=6),
    WindowConfig(size=86_400),
)
