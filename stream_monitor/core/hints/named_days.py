"""The calendar as a hint: a holiday, an event or a deployment in the window."""

from __future__ import annotations

from collections.abc import Sequence

from stream_monitor.core.calendar import CalendarEntry
from stream_monitor.core.hints.hint import Hint, HintKind


def calendar_hint(entries: Sequence[CalendarEntry]) -> Hint | None:
    """The names of the entries that cover a window, as Calendar.covering gives them; None for none.

    >>> from stream_monitor.core.calendar import EntryKind
    >>> hint = calendar_hint([CalendarEntry("Black Friday", EntryKind.EVENT, 0, 86_400)])
    >>> hint.text
    'calendar: Black Friday'
    """
    if not entries:
        return None
    names = list(dict.fromkeys(entry.name for entry in entries))
    kinds = sorted({entry.kind.value for entry in entries})
    detail = {"names": ", ".join(names), "kinds": ", ".join(kinds)}
    return Hint(HintKind.CALENDAR, f"calendar: {', '.join(names)}", 0.82, detail)
