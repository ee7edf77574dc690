"""What a check found: the shape that all probes share."""

from __future__ import annotations

from collections.abc import Callable

from stream_monitor.core.errors import StreamMonitorError

Finding = dict[str, str]
"""`state` (ok, warning, error) and a `message` that says what to do."""


def found(state: str, message: str) -> Finding:
    """One finding."""
    return {"state": state, "message": message}


def guarded(what: str, probe: Callable[[], list[Finding]]) -> list[Finding]:
    """The findings of a probe; what it could not do is a finding too."""
    try:
        return probe()
    except StreamMonitorError as error:
        return [found("error", f"{what}: {error}")]
